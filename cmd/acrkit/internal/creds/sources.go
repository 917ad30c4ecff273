package creds

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
)

// NullUser is the user name under which ACR takes a refresh token as docker's
// password (ACR protocol §2.6).
const NullUser = "00000000-0000-0000-0000-000000000000"

// maxSecret bounds a secret read from standard input: refresh tokens are a few
// kilobytes.
const maxSecret = 1 << 20

// Flags is the link of --username, --password-stdin and --token-stdin. The
// secret is read once, from standard input, so it never is a process argument.
type Flags struct {
	Username      string
	PasswordStdin bool
	TokenStdin    bool
	Stdin         io.Reader
}

// Check refuses combinations that cannot mean anything, before anything is read.
func (f Flags) Check() error {
	switch {
	case f.PasswordStdin && f.TokenStdin:
		return errors.New("--password-stdin and --token-stdin exclude each other: standard input holds one secret")
	case f.PasswordStdin && f.Username == "":
		return errors.New("--password-stdin needs --username")
	case f.Username != "" && !f.PasswordStdin:
		return errors.New("--username needs --password-stdin: a password is never an argument, where others could see it")
	}
	return nil
}

// Given reports whether the flags carry a credential.
func (f Flags) Given() bool { return f.Username != "" || f.TokenStdin }

// Link makes the chain's first link. The secret is read when it is first asked.
func (f Flags) Link() Link {
	var found *Credential
	return Link{Name: "flags", Find: func(context.Context, Place) (Credential, string, error) {
		if !f.Given() {
			return Credential{}, "", nothing("no --username and no --token-stdin")
		}
		if found == nil {
			secret, err := readSecret(f.Stdin)
			if err != nil {
				return Credential{}, "", err
			}
			credential := Credential{Kind: RefreshToken, RefreshToken: secret}
			if !f.TokenStdin {
				credential = fromPassword(f.Username, secret)
			}
			if err := checkRefreshToken(credential.RefreshToken); err != nil {
				return Credential{}, "", err
			}
			found = &credential
		}
		return *found, found.String() + " from standard input", nil
	}}
}

// fromPassword turns docker's pair into a credential: under the null user the
// password is a refresh token.
func fromPassword(username, password string) Credential {
	if username == NullUser {
		return Credential{Kind: RefreshToken, RefreshToken: password}
	}
	return Credential{Kind: Password, Username: username, Password: password}
}

// readSecret reads one secret and drops the line's end: a newline sent along
// makes ACR return 500 (ACR protocol §2.6).
func readSecret(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("read the secret from standard input: %w", err)
	}
	if len(data) > maxSecret {
		return "", errors.New("read the secret from standard input: over 1 MiB, that is no password and no token")
	}
	secret := withoutLineBreak(string(data))
	switch {
	case secret == "":
		return "", errors.New("read the secret from standard input: it is empty")
	case strings.ContainsAny(secret, "\r\n\x00"):
		return "", errors.New("read the secret from standard input: more than one line")
	}
	return secret, nil
}

// checkRefreshToken refuses what is recognisably another token. ACR's response to
// an access token here would be an empty 401.
func checkRefreshToken(token string) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil
	}
	var claims struct {
		GrantType string `json:"grant_type"`
	}
	if json.Unmarshal(payload, &claims) == nil && claims.GrantType == "access_token" {
		return errors.New("this is an access token, valid for one scope; a refresh token is needed: " +
			"az acr login -n NAME --expose-token prints one")
	}
	return nil
}

// Environment is the link of ACR_USERNAME with ACR_PASSWORD, and of
// ACR_REFRESH_TOKEN. They belong to the registry that ACR_REGISTRY names, and
// are never sent to another.
func Environment(getenv func(string) string, ownHost string) Link {
	return Link{Name: "environment", Find: func(_ context.Context, place Place) (Credential, string, error) {
		username, password, token := getenv("ACR_USERNAME"), withoutLineBreak(getenv("ACR_PASSWORD")), withoutLineBreak(getenv("ACR_REFRESH_TOKEN"))
		if username == "" && password == "" && token == "" {
			return Credential{}, "", nothing("neither ACR_USERNAME nor ACR_REFRESH_TOKEN is set")
		}
		if ownHost == "" {
			return Credential{}, "", nothing("ACR_USERNAME or ACR_REFRESH_TOKEN is set, but not ACR_REGISTRY, which says whose they are")
		}
		if !slices.Contains(loginServers(place.Host), strings.ToLower(ownHost)) {
			return Credential{}, "", nothing("they belong to ACR_REGISTRY, %s", ownHost)
		}
		if token != "" {
			if err := checkRefreshToken(token); err != nil {
				return Credential{}, "", fmt.Errorf("ACR_REFRESH_TOKEN: %w", err)
			}
			return Credential{Kind: RefreshToken, RefreshToken: token}, "ACR_REFRESH_TOKEN", nil
		}
		if username == "" || password == "" {
			return Credential{}, "", errors.New("ACR_USERNAME needs ACR_PASSWORD beside it, and the other way round")
		}
		credential := fromPassword(username, password)
		return credential, "ACR_USERNAME " + username, nil
	}}
}

// AnonymousLink ends the chain: no credential at all.
func AnonymousLink() Link {
	return Link{Name: "anonymous", Find: func(context.Context, Place) (Credential, string, error) {
		return Credential{Kind: Anonymous}, "no credential", nil
	}}
}

// AzureHost reports whether host is a login server of Azure, the only place
// where an Entra token may be sent: any other host could use it against the
// person's real registries.
func AzureHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	name = strings.ToLower(name)
	for _, suffix := range []string{".azurecr.io", ".azurecr.cn", ".azurecr.us"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}
