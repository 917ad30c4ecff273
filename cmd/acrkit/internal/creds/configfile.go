package creds

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/acrkit/azcontainerregistry/internal/filelock"
)

// configFile is a file of docker's format: docker's config.json, or the
// auth.json of podman, buildah and skopeo.
type configFile struct {
	path        string
	auths       map[string]authEntry
	credsStore  string
	credHelpers map[string]string
}

// authEntry is what such a file holds for a key.
type authEntry struct {
	Auth          string `json:"auth"`
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
}

// readConfig reads a file of docker's format. A file that is empty, or isn't
// there, holds nothing. No error shows what the file holds.
func readConfig(path string) (configFile, error) {
	c := configFile{path: path}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || path == "" {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	return c, c.parse(data)
}

func (c *configFile) parse(data []byte) error {
	text, err := plainText(data)
	if err != nil {
		return fmt.Errorf("%s: %w", c.path, err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	var known struct {
		Auths       map[string]authEntry `json:"auths"`
		CredsStore  string               `json:"credsStore"`
		CredHelpers map[string]string    `json:"credHelpers"`
	}
	if err := json.Unmarshal(text, &known); err != nil {
		return fmt.Errorf("%s: %w", c.path, &DamagedError{position(text, err), err})
	}
	c.auths, c.credsStore, c.credHelpers = known.Auths, known.CredsStore, known.CredHelpers
	return nil
}

// DamagedError is a configuration file that isn't JSON. Its text shows nothing of the file.
type DamagedError struct {
	position string
	err      error
}

// DiagnosisCode names the error in the catalogue of package diagnose.
func (e *DamagedError) DiagnosisCode() string { return "DOCKER_CONFIG_DAMAGED" }

func (e *DamagedError) Error() string { return "not the JSON of docker's configuration" + e.position }
func (e *DamagedError) Unwrap() error { return e.err }

// position says where JSON breaks off, without showing any of it.
func position(text []byte, err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	offset := int64(0)
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	default:
		return ""
	}
	before := text[:min(max(offset, 0), int64(len(text)))]
	return fmt.Sprintf(": line %d, column %d", bytes.Count(before, []byte("\n"))+1, len(before)-bytes.LastIndexByte(before, '\n'))
}

// plainText is data in UTF-8: editors and shells of Windows put a byte order
// mark before it, or write UTF-16.
func plainText(data []byte) ([]byte, error) {
	var order func(b []byte) uint16
	switch {
	case bytes.HasPrefix(data, []byte{0xEF, 0xBB, 0xBF}):
		return data[3:], nil
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}), len(data) > 1 && data[0] != 0 && data[1] == 0:
		order = func(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}), len(data) > 1 && data[0] == 0 && data[1] != 0:
		order = func(b []byte) uint16 { return uint16(b[1]) | uint16(b[0])<<8 }
	default:
		return data, nil
	}
	if len(data)%2 != 0 {
		return nil, errors.New("text in UTF-16 that is cut in the middle of a character")
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 0; i < len(data); i += 2 {
		units = append(units, order(data[i:]))
	}
	if len(units) > 0 && units[0] == 0xFEFF {
		units = units[1:]
	}
	return []byte(string(utf16.Decode(units))), nil
}

// storeKey is a key of such a file, as far as it means something: programs
// write hosts with a scheme, with docker's old path, in capitals, and podman
// adds a repository's path, or the beginning of one.
type storeKey struct{ host, path string }

func parseKey(key string) storeKey {
	rest := strings.TrimSpace(key)
	scheme, after, found := strings.Cut(rest, "://")
	if found {
		rest = after
	}
	rest, _, _ = strings.Cut(rest, "?")
	host, path, _ := strings.Cut(rest, "/")
	host = strings.ToLower(host)
	if scheme != "http" || !found {
		host = strings.TrimSuffix(host, ":443")
	}
	path = strings.Trim(path, "/")
	if path == "v1" || path == "v2" {
		path = ""
	}
	return storeKey{host, path}
}

// serves reports whether an entry under this key is for a repository of host;
// without a repository, for the registry itself.
func (k storeKey) serves(host, repository string) bool {
	return k.host == strings.TrimSuffix(strings.ToLower(host), ":443") &&
		(k.path == "" || k.path == repository || strings.HasPrefix(repository, k.path+"/"))
}

// keyFor chooses, of the keys that serve, the one with the longest path. Of
// those that mean the same the one spelled as the host wins, then the first in
// order, so that the result is the same every time.
func keyFor[V any](entries map[string]V, host, repository string) (string, bool) {
	best, found := "", false
	for _, key := range sortedKeys(entries) {
		parsed := parseKey(key)
		if !parsed.serves(host, repository) {
			continue
		}
		if !found || len(parsed.path) > len(parseKey(best).path) || len(parsed.path) == len(parseKey(best).path) && key == host {
			best, found = key, true
		}
	}
	return best, found
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// credential reads an entry. Its error never shows what the entry holds.
func (e authEntry) credential() (Credential, error) {
	if token := withoutLineBreak(e.IdentityToken); token != "" {
		return Credential{Kind: RefreshToken, RefreshToken: token}, nil
	}
	username, password := e.Username, e.Password
	if e.Auth != "" {
		decoded, err := decodeBase64(e.Auth)
		if err != nil {
			return Credential{}, errors.New(`"auth" is not base64`)
		}
		user, secret, found := strings.Cut(decoded, ":")
		if !found {
			return Credential{}, errors.New(`"auth" has no colon between a user and a password`)
		}
		username, password = user, secret
	}
	password = withoutLineBreak(strings.Trim(password, "\x00"))
	if username == "" || password == "" {
		return Credential{}, errors.New("the entry has neither a user with a password nor an identity token")
	}
	return fromPassword(username, password), nil
}

// empty reports whether an entry says only that a helper has the credential.
func (e authEntry) empty() bool { return e == authEntry{} }

func decodeBase64(text string) (string, error) {
	text = strings.TrimRight(strings.TrimSpace(text), "=")
	decoded, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		decoded, err = base64.RawURLEncoding.DecodeString(text)
	}
	return string(decoded), err
}

// withoutLineBreak drops the line break that echo and editors leave at the end
// of a secret. No password of ACR ends in one.
func withoutLineBreak(secret string) string { return strings.TrimRight(secret, "\r\n") }

// change rewrites the file: edit gets the "auths" and the other members, as they
// are. What it doesn't touch stays, unknown members too. A symbolic link stays
// one, and a file that can't be replaced (a bind mount) is written in place.
// Only the user can read the file afterwards.
func (c *configFile) change(edit func(auths, members map[string]json.RawMessage) error) error {
	path := resolve(c.path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	defer lockFolder(filepath.Dir(path))()
	members, auths := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	data, err := os.ReadFile(c.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := plainText(data)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(text)) > 0 {
		if err := json.Unmarshal(text, &members); err != nil {
			return &DamagedError{position(text, err), err}
		}
	}
	if raw, ok := members["auths"]; ok {
		if err := json.Unmarshal(raw, &auths); err != nil {
			return errors.New(`"auths" is not an object`)
		}
	}
	if auths == nil {
		auths = map[string]json.RawMessage{}
	}
	if err := edit(auths, members); err != nil {
		return err
	}
	if members["auths"], err = json.Marshal(auths); err != nil {
		return err
	}
	out, err := json.MarshalIndent(members, "", "\t")
	if err != nil {
		return err
	}
	return replaceFile(path, append(out, '\n'))
}

// lockWait is how long a change waits for another one's, which is a small write.
const lockWait = 5 * time.Second

// lockFolder keeps other changes of this program away: each reads the file and
// writes it whole. The folder is locked, so that no file is left beside docker's;
// where folders can't be, two changes at once are the user's to keep apart.
func lockFolder(path string) (unlock func()) {
	dir, err := os.Open(path)
	if err != nil {
		return func() {}
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	_ = filelock.Lock(ctx, dir)
	return func() { _ = dir.Close() }
}

// resolve is the file that a path means through symbolic links, whether it is
// there yet or not.
func resolve(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	target, err := os.Readlink(path)
	if err != nil {
		return path
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(path), target)
	}
	return target
}

// replaceFile writes a file that only its user can read, whole or not at all
// where the file system allows it. path is no symbolic link, and its folder is there.
func replaceFile(path string, data []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".config-*.json")
	if err != nil {
		return writeInPlace(path, data)
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(data)
	if err == nil {
		err = temporary.Sync()
	}
	if closed := temporary.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return writeInPlace(path, data)
	}
	return nil
}

func writeInPlace(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_ = file.Chmod(0o600) // a file of another owner keeps its mode
	_, err = file.Write(data)
	if err == nil {
		err = file.Truncate(int64(len(data)))
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}
