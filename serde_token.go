package azcontainerregistry

import (
	"bytes"
	"encoding/json"
)

// errNoToken is for an answer of a token endpoint that isn't one: a proxy's
// page, half a JSON. Its body isn't shown, for it may hold the token after all.
var errNoToken = &InvalidResponseError{Missing: ResponsePartToken}

type tokenAnswer struct {
	AccessToken  string  `json:"access_token"`
	RefreshToken string  `json:"refresh_token"`
	Token        string  `json:"token"`
	ExpiresIn    float64 `json:"expires_in"`
}

func decodeTokenAnswer(body []byte) (tokenAnswer, error) {
	var a tokenAnswer
	if err := json.Unmarshal(body, &a); err != nil {
		if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
			// A page, which holds no token.
			return tokenAnswer{}, &InvalidResponseError{Missing: ResponsePartToken, BodyStart: startOf(body)}
		}
		return tokenAnswer{}, errNoToken
	}
	return a, nil
}

// hideBody replaces an error of decoding a token answer: azcore's quotes the
// body.
func hideBody(err error) error {
	if err == nil {
		return nil
	}
	return errNoToken
}
