package wire

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
	"github.com/golang-jwt/jwt/v5"
)

// schema1 is Docker's first form of a manifest, which the registry still
// takes (ACR protocol §4.3). It names its repository and its tag, and in its
// signed form carries JSON web signatures over everything else.
type schema1 struct {
	schema1Image
	Signatures []schema1Signature `json:"signatures"`

	signed  bool
	Payload []byte // what is signed, and what the digest is of
}

// schema1Image is what is signed, the newest layer first.
type schema1Image struct {
	SchemaVersion int              `json:"schemaVersion"`
	Name          string           `json:"name"`
	Tag           string           `json:"tag"`
	Architecture  string           `json:"architecture"`
	FSLayers      []schema1Layer   `json:"fsLayers"`
	History       []schema1History `json:"history"`
}

type schema1Layer struct {
	BlobSum string `json:"blobSum"`
}

type schema1History struct {
	V1Compatibility string `json:"v1Compatibility"`
}

// schema1Signature is one signature of a manifest. Protected says, in base64,
// how the signed bytes come out of the manifest's.
type schema1Signature struct {
	Header struct {
		Algorithm string     `json:"alg"`
		Key       schema1Key `json:"jwk"`
	} `json:"header"`
	Signature string `json:"signature"`
	Protected string `json:"protected"`
}

// schema1Key is a public key that comes with its signature: whoever holds it
// can only show that the manifest is whole.
type schema1Key struct {
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	X     string `json:"x"`
	Y     string `json:"y"`
	N     string `json:"n"`
	E     string `json:"e"`
}

// maxSignatures bounds the signatures of a manifest that are checked.
const maxSignatures = 16

// parseSchema1 reads a manifest of schema 1. The second result says what is
// wrong.
func parseSchema1(mediaType string, raw []byte) (*schema1, string) {
	s := &schema1{signed: mediaType == TypeDockerSigned, Payload: raw}
	if err := strictOne(raw, s); err != nil {
		return nil, err.Error()
	}
	switch {
	case s.SchemaVersion != 1:
		return nil, "schemaVersion is not 1"
	case len(s.FSLayers) == 0 || len(s.FSLayers) != len(s.History):
		return nil, "fsLayers and history do not match"
	}
	for _, layer := range s.FSLayers {
		if !protocol.ValidDigest(layer.BlobSum) {
			return nil, "a digest is malformed"
		}
	}
	if !s.signed {
		return s, ""
	}
	if len(s.Signatures) == 0 || len(s.Signatures) > maxSignatures {
		return nil, fmt.Sprintf("%d signatures", len(s.Signatures))
	}
	payload, err := s.Signatures[0].cut(raw)
	if err != nil {
		return nil, err.Error()
	}
	s.Payload = payload
	return s, ""
}

// strictOne decodes exactly one JSON value. Members that are not known are
// left to those who know them.
func strictOne(raw []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if err := decoder.Decode(v); err != nil {
		return err
	}
	if decoder.More() {
		return errors.New("more follows after the manifest")
	}
	return nil
}

// cut returns the signed bytes of a manifest: its beginning up to a length,
// and a tail that the signature brings along.
func (s *schema1Signature) cut(raw []byte) ([]byte, error) {
	protected, err := base64.RawURLEncoding.DecodeString(s.Protected)
	if err != nil {
		return nil, fmt.Errorf("protected: %w", err)
	}
	var form struct {
		Length int    `json:"formatLength"`
		Tail   string `json:"formatTail"`
	}
	if err := json.Unmarshal(protected, &form); err != nil {
		return nil, fmt.Errorf("protected: %w", err)
	}
	tail, err := base64.RawURLEncoding.DecodeString(form.Tail)
	if err != nil {
		return nil, fmt.Errorf("formatTail: %w", err)
	}
	if form.Length < 0 || form.Length > len(raw) {
		return nil, fmt.Errorf("formatLength %d of %d bytes", form.Length, len(raw))
	}
	return slices.Concat(raw[:form.Length], tail), nil
}

// Verify checks every signature against the bytes of the first.
func (s *schema1) Verify(raw []byte) error {
	for i := range s.Signatures {
		signature := &s.Signatures[i]
		payload, err := signature.cut(raw)
		if err != nil {
			return err
		}
		if !bytes.Equal(payload, s.Payload) {
			return errors.New("signatures of different bytes")
		}
		if err := signature.verify(payload); err != nil {
			return err
		}
	}
	return nil
}

func (s *schema1Signature) verify(payload []byte) error {
	key, err := s.Header.Key.public()
	if err != nil {
		return err
	}
	var method jwt.SigningMethod
	switch key.(type) {
	case *ecdsa.PublicKey:
		method = jwt.SigningMethodES256
	default:
		method = jwt.SigningMethodRS256
	}
	if s.Header.Algorithm != method.Alg() {
		return fmt.Errorf("algorithm %q is not that of the key", s.Header.Algorithm)
	}
	signature, err := base64.RawURLEncoding.DecodeString(s.Signature)
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	return method.Verify(s.Protected+"."+base64.RawURLEncoding.EncodeToString(payload), signature, key)
}

// coordinateSize is that of a coordinate on P-256, the curve of ES256.
const coordinateSize = 32

// public returns the key that a signature brings along.
func (k *schema1Key) public() (any, error) {
	numbers := map[string]*big.Int{}
	for name, text := range map[string]string{"x": k.X, "y": k.Y, "n": k.N, "e": k.E} {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || len(b) > signin.SigningKeyBits {
			return nil, fmt.Errorf("key: %s is malformed", name)
		}
		numbers[name] = new(big.Int).SetBytes(b)
	}
	switch {
	case k.Type == "EC" && k.Curve == "P-256" && numbers["x"].BitLen() <= 8*coordinateSize && numbers["y"].BitLen() <= 8*coordinateSize:
		point := make([]byte, 1+2*coordinateSize)
		point[0] = 4 // uncompressed
		numbers["x"].FillBytes(point[1 : 1+coordinateSize])
		numbers["y"].FillBytes(point[1+coordinateSize:])
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	case k.Type == "RSA" && numbers["e"].IsInt64() && numbers["e"].Int64() < 1<<31:
		return &rsa.PublicKey{N: numbers["n"], E: int(numbers["e"].Int64())}, nil
	}
	return nil, fmt.Errorf("key: kind %q on curve %q is not known", k.Type, k.Curve)
}
