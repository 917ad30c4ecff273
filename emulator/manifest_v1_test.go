package emulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// schema1Manifest is an unsigned manifest of one layer.
func schema1Manifest(repository, tag, layer string) string {
	return fmt.Sprintf(`{
   "schemaVersion": 1,
   "name": %q,
   "tag": %q,
   "architecture": "amd64",
   "fsLayers": [
      {
         "blobSum": %q
      }
   ],
   "history": [
      {
         "v1Compatibility": "{\"id\":\"1\"}"
      }
   ]
}`, repository, tag, layer)
}

// signSchema1 signs a manifest the way Docker's libtrust did: the signatures
// take the place of the last brace, which formatTail gives back.
func signSchema1(t testing.TB, unsigned string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	length := strings.LastIndex(unsigned, "\n}")
	protected := encode(fmt.Appendf(nil, `{"formatLength":%d,"formatTail":%q,"time":"2026-01-13T17:34:21Z"}`, length, encode([]byte(unsigned[length:]))))
	signature, err := jwt.SigningMethodES256.Sign(protected+"."+encode([]byte(unsigned)), key)
	if err != nil {
		t.Fatal(err)
	}
	return unsigned[:length] + fmt.Sprintf(`,"signatures":[{"header":{"jwk":{"crv":"P-256","kid":"K","kty":"EC","x":%q,"y":%q},"alg":"ES256"},"signature":%q,"protected":%q}]}`,
		encode(point[1:33]), encode(point[33:]), encode(signature), protected)
}

func TestManifestsOfSchema1AreTaken(t *testing.T) {
	r := startRegistry(t, nil)
	layer := r.pushBlob("app", []byte("a layer"))
	unsigned := schema1Manifest("app", "v1", layer)
	signed := signSchema1(t, unsigned)
	put := func(reference, mediaType, body string) answer {
		t.Helper()
		return r.do("PUT", "/v2/app/manifests/"+reference, strings.NewReader(body), "Content-Type", mediaType)
	}
	a := put("v1", typeDockerSigned, signed)
	digest := sha256Of([]byte(unsigned))
	if a.StatusCode != 201 || a.Header.Get(headerContentDigest) != digest {
		t.Fatalf("%s %s, want the digest of what is signed, %s", seen(a), a.Header.Get(headerContentDigest), digest)
	}
	got := r.want(200, "GET", "/v2/app/manifests/v1", nil)
	if got.body != signed || got.Header.Get("Content-Type") != typeDockerSigned || got.Header.Get(headerContentDigest) != digest {
		t.Errorf("%v %s", got.Header, got.body)
	}
	info := r.want(200, "GET", "/acr/v1/app/_manifests/"+digest, nil).body
	if !strings.Contains(info, fmt.Sprintf(`"imageSize":%d,`, len(signed)+len("a layer"))) || !strings.Contains(info, `"architecture":"amd64","os":"linux"`) {
		t.Error(info)
	}
	if a := put("v1", typeDockerSchema1, unsigned); a.StatusCode != 201 {
		t.Error(seen(a))
	}
	for name, test := range map[string]struct{ reference, mediaType, body, code string }{
		"changed":          {"v1", typeDockerSigned, strings.Replace(signed, "amd64", "arm64", 1), "MANIFEST_UNVERIFIED"},
		"other tag":        {"v2", typeDockerSigned, signed, "TAG_INVALID"},
		"other repository": {"v1", typeDockerSchema1, schema1Manifest("other", "v1", layer), "NAME_INVALID"},
		"missing layer":    {"v1", typeDockerSchema1, schema1Manifest("app", "v1", absentDigest), "MANIFEST_BLOB_UNKNOWN"},
		"unsigned":         {"v1", typeDockerSigned, unsigned, "MANIFEST_INVALID"},
		"key of no kind":   {"v1", typeDockerSigned, strings.Replace(signed, "P-256", "P-521", 1), "MANIFEST_UNVERIFIED"},
		"point off curve":  {"v1", typeDockerSigned, strings.Replace(signed, `"x":"`, `"x":"AA`, 1), "MANIFEST_UNVERIFIED"},
		"none":             {"v1", typeDockerSigned, strings.Replace(signed, "ES256", "none", 1), "MANIFEST_UNVERIFIED"},
		"other digest":     {absentDigest, typeDockerSigned, signed, "DIGEST_INVALID"},
	} {
		if a := put(test.reference, test.mediaType, test.body); a.StatusCode != 400 || !strings.Contains(a.body, `"code":"`+test.code+`"`) {
			t.Errorf("%s: %s, want %s", name, seen(a), test.code)
		}
	}
	if a := put(digest, typeDockerSigned, signed); a.StatusCode != 201 {
		t.Error(seen(a))
	}
}
