package diagnosetest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"
)

// Certificate describes a server's certificate.
type Certificate struct {
	Organization string // of its issuer
	Names        []string
	From, Until  time.Duration // from now; both zero: an hour around it
	OtherUse     bool          // for clients, not servers
}

// Issue makes the certificate and the authority that issued it.
func (c Certificate) Issue(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	if c.From == 0 && c.Until == 0 {
		c.From, c.Until = -time.Hour, time.Hour
	}
	if c.Names == nil {
		c.Names = []string{"myreg.azurecr.io"}
	}
	if c.Organization == "" {
		c.Organization = "Contoso"
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{c.Organization}, CommonName: c.Organization + " Root"},
		NotBefore: time.Now().Add(-72 * time.Hour), NotAfter: time.Now().Add(72 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		t.Fatal(err)
	}
	if authority, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	use := x509.ExtKeyUsageServerAuth
	if c.OtherUse {
		use = x509.ExtKeyUsageClientAuth
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: c.Names[0]}, DNSNames: c.Names,
		NotBefore: time.Now().Add(c.From), NotAfter: time.Now().Add(c.Until),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{use},
	}
	if der, err = x509.CreateCertificate(rand.Reader, leaf, authority, key.Public(), authorityKey); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(authority)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// DialTo dials one address, whatever is asked for.
func DialTo(address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
}
