package wire

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strings"
)

// Error is one error of a failed response.
type Error struct {
	Code    string
	Message string
	// Detail is JSON of any shape, nil when there is none.
	Detail json.RawMessage
}

// maxErrors bounds how many errors of a body are read. ACR sends one.
const maxErrors = 64

// ParseErrors reads the errors of a failed response's body: the registry's JSON
// (ACR protocol §1.6) or the storage host's XML (§4.4). Of a body that was cut
// off it returns what had arrived. A body of another kind has none.
func ParseErrors(body []byte) []Error {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if bytes.HasPrefix(body, []byte("<")) {
		return storageErrors(body)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if !delim(dec, '{') || !skipTo(dec, "errors") || !delim(dec, '[') {
		return nil
	}
	var all []Error
	for len(all) < maxErrors && dec.More() && delim(dec, '{') {
		e, complete := registryError(dec)
		all = append(all, e)
		if !complete {
			break
		}
	}
	return all
}

// storageErrors reads <Error><Code>…</Code><Message>…</Message></Error>, as far as
// it came. (Decoding into a struct by reflection would be 100 KB of the command.)
func storageErrors(body []byte) []Error {
	dec := xml.NewDecoder(bytes.NewReader(body))
	var e Error
	var within []string
	var content strings.Builder
	for {
		token, err := dec.Token()
		if err != nil {
			if e.Code == "" {
				return nil
			}
			return []Error{e}
		}
		switch token := token.(type) {
		case xml.StartElement:
			within = append(within, token.Name.Local)
			if within[0] != "Error" {
				return nil
			}
			if len(within) == 2 {
				content.Reset()
			}
		case xml.CharData:
			if len(within) == 2 {
				content.Write(token)
			}
		case xml.EndElement:
			name := within[len(within)-1]
			within = within[:len(within)-1]
			switch {
			case len(within) == 0:
				return []Error{e}
			case len(within) == 1 && name == "Code":
				e.Code = strings.TrimSpace(content.String())
			case len(within) == 1 && name == "Message":
				e.Message = strings.TrimSpace(content.String())
			}
		}
	}
}

// registryError reads the members of an error up to its closing brace.
func registryError(dec *json.Decoder) (e Error, complete bool) {
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return e, false
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return e, false
		}
		switch key {
		case "code":
			e.Code = text(value)
		case "message":
			e.Message = text(value)
		case "detail":
			if !bytes.Equal(value, []byte("null")) {
				e.Detail = value
			}
		}
	}
	return e, delim(dec, '}')
}

// text returns a JSON string's value, "" for other values.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

func delim(dec *json.Decoder, want json.Delim) bool {
	t, err := dec.Token()
	return err == nil && t == want
}

// skipTo passes members of an object up to the value of the named one.
func skipTo(dec *json.Decoder, name string) bool {
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return false
		}
		if key == name {
			return true
		}
		var skip json.RawMessage
		if dec.Decode(&skip) != nil {
			return false
		}
	}
	return false
}
