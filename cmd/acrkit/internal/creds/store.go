package creds

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/pattern"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// Stores are the files in which programs keep credentials of registries.
type Stores struct {
	Docker string   // docker's configuration file, which login writes; "" without a home folder
	Files  []string // all of them, in the order in which they are asked
}

// FindStores lists docker's configuration file and the auth.json of podman and
// its relatives. The file that REGISTRY_AUTH_FILE names is asked first.
func FindStores(getenv func(string) string) Stores {
	home := getenv("HOME")
	if home == "" {
		home = getenv("USERPROFILE")
	}
	stores := Stores{Docker: DockerConfig(getenv)}
	add := func(path string) {
		if path != "" {
			stores.Files = append(stores.Files, path)
		}
	}
	add(getenv("REGISTRY_AUTH_FILE"))
	add(stores.Docker)
	if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
		add(filepath.Join(dir, "containers", "auth.json"))
	}
	if dir := getenv("XDG_CONFIG_HOME"); dir != "" {
		add(filepath.Join(dir, "containers", "auth.json"))
	} else if home != "" {
		add(filepath.Join(home, ".config", "containers", "auth.json"))
	}
	return stores
}

// DockerConfig finds docker's configuration file; "" without a home folder.
func DockerConfig(getenv func(string) string) string {
	if dir := getenv("DOCKER_CONFIG"); dir != "" {
		return filepath.Join(dir, "config.json")
	}
	home := getenv("HOME")
	if home == "" {
		home = getenv("USERPROFILE")
	}
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".docker", "config.json")
}

// regional is a registry's endpoint in one region (ACR protocol §1.1).
var regional = pattern.New(`^([a-z0-9-]+)\.[a-z0-9-]+\.geo(\.azurecr\.(?:io|cn|us))$`)

// loginServers are the names under which a credential for host may be kept: a
// regional endpoint is the registry, too, and Docker Hub has three names.
func loginServers(host string) []string {
	host = strings.ToLower(host)
	if host == "docker.io" || host == "registry-1.docker.io" || host == "index.docker.io" {
		return []string{"index.docker.io", "docker.io", "registry-1.docker.io"}
	}
	if match := regional.FindStringSubmatch(host); match != nil {
		return []string{host, match[1] + match[2]}
	}
	return []string{host}
}

// Link is the link of the stores: files, and the credential helpers that they
// name. A helper that is missing or broken is passed over, and said: the file's
// own entries and the links behind this one are asked.
func (s Stores) Link() Link {
	return Link{Name: DockerStore, Find: func(ctx context.Context, place Place) (Credential, string, error) {
		if len(s.Files) == 0 {
			return Credential{}, "", nothing("no home folder")
		}
		var broken *HelperError
		for _, path := range s.Files {
			config, err := readConfig(path)
			if err != nil {
				return Credential{}, "", err
			}
			for _, host := range loginServers(place.Host) {
				credential, detail, err := config.find(ctx, host, place.Repository)
				var failed *HelperError
				switch {
				case err == nil && detail != "":
					return credential, detail, nil
				case errors.As(err, &failed):
					broken = failed
					if detail != "" {
						return credential, detail + " (" + failed.Error() + ")", nil
					}
				case err != nil:
					return Credential{}, "", fmt.Errorf("%s: %w", path, err)
				}
			}
		}
		if broken != nil {
			return Credential{}, "", &SkippedError{Err: broken}
		}
		return Credential{}, "", nothing("%s holds nothing for %s", s.Files[0], place)
	}}
}

// find looks for the credential of a place in one file: by the helper that the
// file names, then in the file. Without a detail nothing was found; a detail
// with a *HelperError is an entry of the file that was found all the same.
func (c configFile) find(ctx context.Context, host, repository string) (Credential, string, error) {
	var broken error
	if h, ok := c.helperFor(host); ok {
		credential, found, err := h.get(ctx, addressesOf(host)...)
		var failed *HelperError
		switch {
		case err == nil && found:
			return credential, fmt.Sprintf("%s, %s of docker-credential-%s", c.path, credential, h), nil
		case errors.As(err, &failed):
			broken = err
		case err != nil:
			return Credential{}, "", err
		}
	}
	key, found := keyFor(c.auths, host, repository)
	if !found || c.auths[key].empty() {
		return Credential{}, "", broken
	}
	credential, err := c.auths[key].credential()
	if err != nil {
		return Credential{}, "", fmt.Errorf("the entry of %s: %w", key, err)
	}
	what := credential.String()
	if credential.Kind == RefreshToken {
		what = "an identity token"
	}
	detail := fmt.Sprintf("%s, %s", c.path, what)
	if path := parseKey(key).path; path != "" {
		detail += " for " + key
	}
	return credential, detail, broken
}

// helperFor is the helper that a file names for a host.
func (c configFile) helperFor(host string) (helper, bool) {
	h, named := c.namedHelper(host)
	return h, named && h != OwnHelper
}

// OwnHelper is the name of this program as a credential helper: it must not
// start itself, and it looks into its own store anyway.
const OwnHelper = "acrkit"

// Users are the names in a store of one file, by registry.
func (s Stores) Users() (map[string]string, error) {
	config, err := readConfig(s.Docker)
	if err != nil {
		return nil, err
	}
	users := map[string]string{}
	for key, entry := range config.auths {
		c, err := entry.credential()
		if err != nil {
			return nil, fmt.Errorf("the entry of %s: %w", key, err)
		}
		users[key] = c.Username
		if c.Kind == RefreshToken {
			users[key] = NullUser
		}
	}
	return users, nil
}

func (c configFile) namedHelper(host string) (helper, bool) {
	if key, ok := keyFor(c.credHelpers, host, ""); ok && c.credHelpers[key] != "" {
		return helper(c.credHelpers[key]), true
	}
	return helper(c.credsStore), c.credsStore != ""
}

// Scope is the path of the entry that serves a repository, "" when that is the
// registry's own: two repositories with one scope share a credential.
func (s Stores) Scope(place Place) string {
	for _, path := range s.Files {
		config, err := readConfig(path)
		if err != nil {
			return ""
		}
		for _, host := range loginServers(place.Host) {
			if key, ok := keyFor(config.auths, host, place.Repository); ok {
				return parseKey(key).path
			}
		}
	}
	return ""
}

// Put writes a credential for host into docker's store, and tells where it
// went. docker's configuration decides whether that is a helper or the file, as
// docker login does. Other spellings of the host are removed, since they would
// still be found.
func (s Stores) Put(ctx context.Context, host, username, password string) (string, error) {
	if s.Docker == "" {
		return "", errors.New("docker's store: no home folder, set DOCKER_CONFIG")
	}
	config, err := readConfig(s.Docker)
	if err != nil {
		return "", err
	}
	h, named := config.helperFor(host)
	if !named && len(config.auths) == 0 {
		if _, ok := credentials.NewDefaultNativeStore(); ok {
			// The system's own store: docker chooses the same, and notes it.
			store, err := credentials.NewStore(s.Docker, credentials.StoreOptions{DetectDefaultNativeStore: true})
			if err != nil {
				return "", fmt.Errorf("docker's store %s: can't be opened", s.Docker)
			}
			if err := store.Put(ctx, host, auth.Credential{Username: username, Password: password}); err == nil {
				return s.Docker, nil
			}
			// It can't be used on this machine: the file can.
		}
	}
	if named {
		err := h.in(ctx, func(ctx context.Context, store credentials.Store) error {
			return store.Put(ctx, host, auth.Credential{Username: username, Password: password})
		})
		if err != nil {
			return "", fmt.Errorf("docker's store %s: %w", s.Docker, err)
		}
	}
	entry := []byte("{}")
	if !named {
		encoded := base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
		if entry, err = json.Marshal(map[string]string{"auth": encoded}); err != nil {
			return "", err
		}
	}
	err = config.change(func(auths, _ map[string]json.RawMessage) error {
		for key := range auths {
			if parseKey(key) == (storeKey{host: parseKey(host).host}) {
				delete(auths, key)
			}
		}
		auths[host] = entry
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("docker's store %s: %w", s.Docker, err)
	}
	return s.Docker, nil
}

// Forget removes every entry for host, in every spelling and below every path,
// from the files and their helpers, so that nothing is left that Link would
// find. It returns the files from which something went.
func (s Stores) Forget(ctx context.Context, host string) ([]string, error) {
	var changed []string
	for _, path := range s.Files {
		config, err := readConfig(path)
		if err != nil {
			return changed, err
		}
		gone := false
		if h, ok := config.helperFor(host); ok {
			for _, address := range addressesOf(host) {
				_, found, err := h.get(ctx, address)
				if err != nil {
					return changed, fmt.Errorf("docker's store %s: %w", path, err)
				}
				if !found {
					continue
				}
				err = h.in(ctx, func(ctx context.Context, store credentials.Store) error { return store.Delete(ctx, address) })
				if err != nil {
					return changed, fmt.Errorf("docker's store %s: %w", path, err)
				}
				gone = true
			}
		}
		var keys []string
		for _, key := range sortedKeys(config.auths) {
			if parseKey(key).host == parseKey(host).host {
				keys = append(keys, key)
			}
		}
		if len(keys) > 0 {
			err := config.change(func(auths, _ map[string]json.RawMessage) error {
				for _, key := range keys {
					delete(auths, key)
				}
				return nil
			})
			if err != nil {
				return changed, fmt.Errorf("docker's store %s: %w", path, err)
			}
			gone = true
		}
		if gone {
			changed = append(changed, path)
		}
	}
	return changed, nil
}
