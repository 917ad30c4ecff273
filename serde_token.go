package azcontainerregistry

import (
	"bytes"
	"encoding/json"
)

// errNoToken is for a response of a token endpoint that isn't one: a proxy's
// page, half a JSON. Its body isn't shown, for it may hold the token after all.
var errNoToken = &InvalidResponseError{Missing: ResponsePartToken}

type tokenResponse struct {
	AccessToken  string  `json:"access_token"`
	RefreshToken string  `json:"refresh_token"`
	Token        string  `json:"token"`
	ExpiresIn    float64 `json:"expires_in"`
}

func decodeTokenResponse(body []byte) (tokenResponse, error) {
	var a tokenResponse
	if err := json.Unmarshal(body, &a); err != nil {
		if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
			// A page, which holds no token.
			return tokenResponse{}, &InvalidResponseError{Missing: ResponsePartToken, BodyStart: startOf(body)}
		}
		return tokenResponse{}, errNoToken
	}
	return a, nil
}

// hideBody replaces an error of decoding a token response: azcore's quotes the
// body.
func hideBody(err error) error {
	if err == nil {
		return nil
	}
	return errNoToken
}
