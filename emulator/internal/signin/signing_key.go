package signin

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base32"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/acrkit/azcontainerregistry/emulator/internal/privatefile"
)

// signingKeyFile holds the key in a data folder, so that tokens and signed
// URLs outlive a restart of the server.
const signingKeyFile = "signing-key.pem"

// signingKeyBits is the smallest size that RS256 allows today; a bigger key
// would only slow down the tests that sign with it.
const SigningKeyBits = 2048

// processKey makes the one key that emulators without a data folder of their
// own share. Making a key takes some hundred milliseconds, too long for each
// test to have its own; what tells their tokens apart is audience and
// registry id.
var processKey = sync.OnceValues(func() (*rsa.PrivateKey, error) {
	return rsa.GenerateKey(rand.Reader, SigningKeyBits)
})

// signingKey is the RSA key behind the tokens, made or read when the first
// token is signed or checked.
type signingKey struct {
	dir  string // "" for a temporary folder
	once sync.Once
	key  *rsa.PrivateKey
	id   string
	err  error
}

// private returns the key and its id.
func (k *signingKey) private() (*rsa.PrivateKey, string, error) {
	k.once.Do(func() {
		k.key, k.err = k.load()
		if k.err == nil {
			k.id, k.err = fingerprint(&k.key.PublicKey)
		}
	})
	return k.key, k.id, k.err
}

// fingerprint is the id of a key as ACR writes it: twelve groups of four (ACR
// protocol §13).
func fingerprint(key *rsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(der)
	text := strings.TrimRight(base32.StdEncoding.EncodeToString(sum[:30]), "=")
	groups := make([]string, 0, len(text)/4)
	for i := 0; i+4 <= len(text); i += 4 {
		groups = append(groups, text[i:i+4])
	}
	return strings.Join(groups, ":"), nil
}

func (k *signingKey) load() (*rsa.PrivateKey, error) {
	if k.dir == "" {
		return processKey()
	}
	path := filepath.Join(k.dir, signingKeyFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return k.create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read signing key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("read signing key %s: not a PEM file; remove it to have a new one made", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read signing key %s: %w; remove it to have a new one made", path, err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("read signing key %s: not an RSA key; remove it to have a new one made", path)
	}
	return key, nil
}

func (k *signingKey) create(path string) (*rsa.PrivateKey, error) {
	key, err := processKey()
	if err != nil {
		return nil, fmt.Errorf("make signing key: %w", err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make signing key: %w", err)
	}
	if err := privatefile.Write(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})); err != nil {
		return nil, fmt.Errorf("keep signing key: %w", err)
	}
	return key, nil
}
