package recordings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// placeholders replace what differs from run to run in a header's value.
var placeholders = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "<guid>"},
	{regexp.MustCompile(`\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT`), "<date>"},
	{regexp.MustCompile(`_state=[^&]*`), "_state=<state>"},
	{regexp.MustCompile(`"0x[0-9A-F]+"`), `"<etag>"`},
	{regexp.MustCompile(`^\d\d?/\d\d?/\d{4} \d\d?:\d\d:\d\d( [AP]M)?$`), "<time>"},
	{regexp.MustCompile(`^https://[^ ]*/data$`), "<upload's url>"},
}

// apart are the headers that have fields of their own in a row, or that the
// suite's report masks.
var apart = []string{"Content-Length", "Www-Authenticate"}

var digestPattern = regexp.MustCompile(`sha256:[0-9a-f]{64}`)

// HeaderLines is the normal form of a response's headers: one line a name, in
// order, with placeholders for what differs from run to run. names has the
// names of contents by digest.
func HeaderLines(header http.Header, names map[string]string) []string {
	var lines []string
	for name, values := range header {
		if slices.Contains(apart, http.CanonicalHeaderKey(name)) {
			continue
		}
		value := withNames(strings.Join(values, ", "), names)
		for _, p := range placeholders {
			value = p.pattern.ReplaceAllString(value, p.by)
		}
		switch http.CanonicalHeaderKey(name) {
		case "X-Ms-Lease-State": // masked in the reports
			value = "<masked>"
		case "X-Ms-Ratelimit-Remaining-Calls-Per-Second":
			value = "<number>"
		}
		lines = append(lines, http.CanonicalHeaderKey(name)+": "+value)
	}
	slices.Sort(lines)
	return lines
}

func withNames(s string, names map[string]string) string {
	return digestPattern.ReplaceAllStringFunc(s, func(digest string) string {
		if name, ok := names[digest]; ok {
			return "{" + name + "}"
		}
		return "{?}"
	})
}

var scopePattern = regexp.MustCompile(`scope="([^"]*)"`)

// Challenge is the normal form of a challenge: the service orders scopes and
// actions at random (ACR protocol §2.2).
func Challenge(value string) string {
	value = scopePattern.ReplaceAllStringFunc(value, func(s string) string {
		scopes := strings.Fields(scopePattern.FindStringSubmatch(s)[1])
		for i, scope := range scopes {
			at := strings.LastIndexByte(scope, ':') + 1
			actions := strings.Split(scope[at:], ",")
			slices.Sort(actions)
			scopes[i] = scope[:at] + strings.Join(actions, ",")
		}
		slices.Sort(scopes)
		return `scope="` + strings.Join(scopes, " ") + `"`
	})
	return value
}

// worded are the members whose text is not compared: their length is, by
// Content-Length.
var worded = []string{"message", "access_token", "Reason"}

// Shape is the normal form of a body that isn't a content: compact JSON with
// its keys in order and without wording, or "text".
func Shape(body []byte, names map[string]string) string {
	if len(bytes.TrimSpace(body)) == 0 {
		return ""
	}
	shape, err := shapeJSON(json.NewDecoder(bytes.NewReader(body)), func(key, value string) string {
		if slices.Contains(worded, key) {
			return "text"
		}
		return withNames(value, names)
	})
	if err != nil {
		return "text"
	}
	return shape
}

// shapeJSON writes a JSON value again, its strings mended by value.
func shapeJSON(decoder *json.Decoder, value func(key, value string) string) (string, error) {
	var b strings.Builder
	decoder.UseNumber()
	if err := writeValue(&b, decoder, "", value); err != nil {
		return "", err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("more than one value")
	}
	return b.String(), nil
}

func writeValue(b *strings.Builder, decoder *json.Decoder, key string, value func(key, value string) string) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	delim, compound := token.(json.Delim)
	if !compound {
		if s, ok := token.(string); ok {
			token = value(key, s)
		}
		return writeScalar(b, token)
	}
	b.WriteRune(rune(delim))
	for n := 0; decoder.More(); n++ {
		if n > 0 {
			b.WriteByte(',')
		}
		inner := key
		if delim == '{' {
			name, err := decoder.Token()
			if err != nil {
				return err
			}
			inner = fmt.Sprint(name)
			if err := writeScalar(b, value("", inner)); err != nil {
				return err
			}
			b.WriteByte(':')
		}
		if err := writeValue(b, decoder, inner, value); err != nil {
			return err
		}
	}
	end, err := decoder.Token()
	if err != nil {
		return err
	}
	fmt.Fprint(b, end)
	return nil
}

func writeScalar(b *strings.Builder, v any) error {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	b.Write(bytes.TrimSpace(out.Bytes()))
	return nil
}
