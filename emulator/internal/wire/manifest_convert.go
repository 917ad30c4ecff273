package wire

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/golang-jwt/jwt/v5"
)

// emptyLayer is the digest of the compressed layer without files that schema 1
// names where an image's history has a step without a layer.
const emptyLayer = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"

// wantsSchema1 reports whether a pull is to be served in schema 1: one by
// tag of a Docker image whose type Accept lacks (ACR protocol §4.3).
func (c manifestHandler) wantsSchema1(mediaType string) bool {
	return mediaType == TypeDockerManifest && !isDigest(c.op.reference) &&
		c.Quirks.Is(quirk.ImageFallback, "schema1") && !accepts(c.r.Header.Values("Accept"), mediaType)
}

// asSchema1 writes a Docker image in schema 1, and returns the digest of what
// is signed. An image whose config cannot be read stays as it is.
func (c manifestHandler) asSchema1(raw []byte) (signed []byte, digest string, err error) {
	var image manifest
	if err := json.Unmarshal(raw, &image); err != nil {
		return nil, "", err
	}
	blob, err := c.Store.OpenBlob(image.Config.Digest)
	if err != nil {
		return nil, "", err
	}
	defer blob.Close()
	config, err := io.ReadAll(io.LimitReader(blob, maxConfigSize))
	if err != nil {
		return nil, "", err
	}
	old, err := newSchema1Image(c.op.repository, c.op.reference, image.Layers, config)
	if err != nil {
		return nil, "", err
	}
	unsigned, err := json.MarshalIndent(old, "", "   ")
	if err != nil {
		return nil, "", err
	}
	signed, err = signPretty(unsigned)
	return signed, DigestOf("sha256", unsigned), err
}

// imageHistory is one step of an image's config.
type imageHistory struct {
	Created    json.RawMessage `json:"created"`
	Author     string          `json:"author"`
	CreatedBy  string          `json:"created_by"`
	Comment    string          `json:"comment"`
	EmptyLayer bool            `json:"empty_layer"`
}

// oldStep is a step as schema 1 describes it, but for the newest.
type oldStep struct {
	ID        string          `json:"id"`
	Parent    string          `json:"parent,omitempty"`
	Comment   string          `json:"comment,omitempty"`
	Created   json.RawMessage `json:"created,omitempty"`
	Container struct {
		Cmd []string
	} `json:"container_config"`
	Author    string `json:"author,omitempty"`
	ThrowAway bool   `json:"throwaway,omitempty"`
}

// newSchema1Image gives each step of an image's history its layer. The newest
// step carries the config.
func newSchema1Image(name, tag string, layers []descriptor, config []byte) (*schema1Image, error) {
	var about struct {
		Architecture string         `json:"architecture"`
		History      []imageHistory `json:"history"`
	}
	if err := json.Unmarshal(config, &about); err != nil {
		return nil, err
	}
	image := &schema1Image{SchemaVersion: 1, Name: name, Tag: tag, Architecture: about.Architecture}
	steps := about.History
	if len(steps) == 0 {
		// A config may leave its history out.
		steps = make([]imageHistory, len(layers))
	}
	parent, next := "", 0
	for i, step := range steps {
		sum := emptyLayer
		if !step.EmptyLayer {
			if next == len(layers) {
				return nil, fmt.Errorf("%d layers for more steps", len(layers))
			}
			sum, next = layers[next].Digest, next+1
		}
		newest := i == len(steps)-1
		id := stepID(sum, parent, nil)
		text, err := []byte(nil), error(nil)
		if newest {
			id = stepID(sum, parent, config)
			text, err = newestStep(config, id, parent, step.EmptyLayer)
		} else {
			old := oldStep{ID: id, Parent: parent, Comment: step.Comment, Created: step.Created, Author: step.Author, ThrowAway: step.EmptyLayer}
			old.Container.Cmd = []string{step.CreatedBy}
			text, err = json.Marshal(old)
		}
		if err != nil {
			return nil, err
		}
		image.FSLayers = append(image.FSLayers, schema1Layer{sum})
		image.History = append(image.History, schema1History{string(text)})
		parent = id
	}
	if next != len(layers) {
		return nil, fmt.Errorf("%d steps for %d layers", next, len(layers))
	}
	slices.Reverse(image.FSLayers)
	slices.Reverse(image.History)
	return image, nil
}

// stepID names a step by its layer and all that came before it.
func stepID(layer, parent string, config []byte) string {
	text := strings.TrimPrefix(layer, "sha256:") + " " + parent
	if config != nil {
		text += " " + string(config)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// newestStep is a config without what schema 1 keeps elsewhere.
func newestStep(config []byte, id, parent string, throwAway bool) ([]byte, error) {
	members := map[string]any{}
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal(config, &raw); err != nil {
		return nil, err
	}
	for name, value := range raw {
		members[name] = value
	}
	delete(members, "rootfs")
	delete(members, "history")
	members["id"] = id
	if parent != "" {
		members["parent"] = parent
	}
	if throwAway {
		members["throwaway"] = true
	}
	return json.Marshal(members)
}

// conversionKey signs converted manifests. Nobody trusts it: the signature
// only shows that the text is whole.
var conversionKey = sync.OnceValues(func() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
})

// signPretty puts a signature into an indented manifest, in the place of its
// last brace, which the signature gives back.
func signPretty(unsigned []byte) ([]byte, error) {
	key, err := conversionKey()
	if err != nil {
		return nil, err
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	id, err := keyID(key)
	if err != nil {
		return nil, err
	}
	encode := base64.RawURLEncoding.EncodeToString
	length := bytes.LastIndexByte(unsigned, '\n')
	protected := encode(fmt.Appendf(nil, `{"formatLength":%d,"formatTail":%q}`, length, encode(unsigned[length:])))
	signature, err := jwt.SigningMethodES256.Sign(protected+"."+encode(unsigned), key)
	if err != nil {
		return nil, err
	}
	signatures, err := json.MarshalIndent([]any{map[string]any{
		"header": map[string]any{
			"alg": "ES256",
			"jwk": map[string]string{
				"crv": "P-256", "kid": id, "kty": "EC",
				"x": encode(point[1 : 1+coordinateSize]), "y": encode(point[1+coordinateSize:]),
			},
		},
		"signature": encode(signature), "protected": protected,
	}}, "   ", "   ")
	if err != nil {
		return nil, err
	}
	return slices.Concat(unsigned[:length], []byte(",\n   \"signatures\": "), signatures, unsigned[length:]), nil
}

// keyIDSize is how many bytes of a key's hash its name has, keyIDGroup how
// many characters stand between two colons.
const (
	keyIDSize  = 30
	keyIDGroup = 4
)

// keyID names a key the way Docker does.
func keyID(key *ecdsa.PrivateKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(der)
	text := base32.StdEncoding.EncodeToString(sum[:keyIDSize])
	var groups []string
	for group := range slices.Chunk([]byte(text), keyIDGroup) {
		groups = append(groups, string(group))
	}
	return strings.Join(groups, ":"), nil
}
