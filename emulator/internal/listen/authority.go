package listen

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/privatefile"
)

// The files of the local certificate authority, in the data folder.
const (
	authorityCertFile = "ca.pem"
	authorityKeyFile  = "ca-key.pem"
)

// The authority outlives many servers, a server's certificate is made anew at
// each start. 825 days is the longest that Apple's systems accept.
const (
	authorityLifetime   = 10 * 365 * 24 * time.Hour
	certificateLifetime = 825 * 24 * time.Hour
	certificateBackdate = time.Hour
)

// authority signs the certificates of the servers of one data folder.
type authority struct {
	CertFile string
	cert     *x509.Certificate
	key      *ecdsa.PrivateKey
}

// OpenAuthority reads the authority of a folder, or makes one. Its key is
// readable by its owner only.
func OpenAuthority(dir string, now time.Time) (*authority, error) {
	a := &authority{CertFile: filepath.Join(dir, authorityCertFile)}
	keyFile := filepath.Join(dir, authorityKeyFile)
	certPEM, err := os.ReadFile(a.CertFile)
	if errors.Is(err, fs.ErrNotExist) {
		return a, a.create(keyFile, now)
	}
	if err != nil {
		return nil, fmt.Errorf("read certificate authority: %w", err)
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("read certificate authority: %w", err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("read certificate authority %s: %w; remove it to have a new one made", a.CertFile, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("read certificate authority %s: not an ECDSA key; remove it to have a new one made", keyFile)
	}
	a.key, a.cert = key, pair.Leaf
	if now.After(a.cert.NotAfter) {
		return nil, fmt.Errorf("read certificate authority %s: expired on %s; remove it to have a new one made", a.CertFile, a.cert.NotAfter.Format(time.DateOnly))
	}
	return a, nil
}

func (a *authority) create(keyFile string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make certificate authority: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          serialNumber(),
		Subject:               pkix.Name{CommonName: "acrkit emulator, this machine only", Organization: []string{"acrkit"}},
		NotBefore:             now.Add(-certificateBackdate),
		NotAfter:              now.Add(authorityLifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return fmt.Errorf("make certificate authority: %w", err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("make certificate authority: %w", err)
	}
	// The key first: a certificate without one would look like an authority.
	if err := privatefile.Write(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})); err != nil {
		return fmt.Errorf("keep certificate authority: %w", err)
	}
	if err := privatefile.Write(a.CertFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})); err != nil {
		return fmt.Errorf("keep certificate authority: %w", err)
	}
	a.key = key
	a.cert, err = x509.ParseCertificate(der)
	return err
}

// Issue makes a certificate for names and addresses.
func (a *authority) Issue(names []string, now time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serialNumber(),
		Subject:      pkix.Name{CommonName: "acrkit emulator"},
		NotBefore:    now.Add(-certificateBackdate),
		NotAfter:     now.Add(certificateLifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}, nil
}

// serialNumber is random, as two authorities of the same name must not issue
// the same one.
func serialNumber() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b[:])
}
