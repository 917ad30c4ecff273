package calibrate

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

// Exchange is a request and its response as evidence: without secrets, names
// and ids.
type Exchange struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	// Asked are the request's headers that matter.
	Asked  []string `json:"asked,omitempty"`
	Status int      `json:"status"`
	// Headers are the response's header lines in the order of their names.
	Headers []string `json:"headers,omitempty"`
	Body    string   `json:"body,omitempty"`
}

// maxEvidence bounds a body in the evidence.
const maxEvidence = 4096

// record keeps an exchange as evidence.
func (b *bench) record(r request, got response) {
	if b.err != nil {
		return
	}
	e := Exchange{Method: r.method, Path: b.cleanPath(r.path), Status: got.status, Body: b.clean(got.body)}
	if len(e.Body) > maxEvidence {
		e.Body = e.Body[:maxEvidence] + "…"
	}
	for i := 0; i < len(r.header); i += 2 {
		if r.header[i] == "Authorization" {
			scheme, _, _ := strings.Cut(r.header[i+1], " ")
			e.Asked = append(e.Asked, "Authorization: "+scheme+" <secret>")
			continue
		}
		e.Asked = append(e.Asked, r.header[i]+": "+b.clean(r.header[i+1]))
	}
	for name, values := range got.header {
		name = http.CanonicalHeaderKey(name)
		for _, value := range values {
			e.Headers = append(e.Headers, name+": "+b.cleanHeader(name, value))
		}
	}
	slices.Sort(e.Headers)
	b.exchanges = append(b.exchanges, e)
}

// cleanPath is a path as evidence. What the storage host signs is a secret.
func (b *bench) cleanPath(path string) string {
	if strings.Contains(path, "://") {
		return "<signed url>"
	}
	return b.clean(path)
}

var (
	secretParameter = pattern.New(`\b(_state|sig|refresh_token|access_token|se|st|ske|skt|skoid|sktid)=[^&"<> ]*`)
	tokenMember     = pattern.New(`"(access_token|refresh_token|token)":"[^"]*"`)
	jwtPattern      = pattern.New(`ey[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)
	guidPattern     = pattern.New(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)
	timePattern     = pattern.New(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?`)
	datePattern     = pattern.New(`[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT`)
	digestPattern   = pattern.New(`sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}`)
	storageURL      = pattern.New(`https?://[^ "<>]*(\.blob\.core\.|\.data\.azurecr|/docker/registry/v2/blobs/)[^ "<>]*`)
)

// clean takes out secrets, names, ids and times.
func (b *bench) clean(text string) string {
	text = tokenMember.ReplaceAllString(text, `"$1":"<secret>"`)
	text = secretParameter.ReplaceAllString(text, "$1=<secret>")
	text = jwtPattern.ReplaceAllString(text, "<secret>")
	text = storageURL.ReplaceAllString(text, "<signed url>")
	text = digestPattern.ReplaceAllStringFunc(text, func(digest string) string {
		if name, ok := b.names[digest]; ok {
			return name
		}
		return "<digest>"
	})
	text = guidPattern.ReplaceAllString(text, "<guid>")
	text = timePattern.ReplaceAllString(text, "<time>")
	text = datePattern.ReplaceAllString(text, "<date>")
	text = strings.ReplaceAll(text, b.scheme+"://"+b.host, "https://<registry>")
	text = strings.ReplaceAll(text, b.host, "<registry>")
	text = strings.ReplaceAll(text, b.service.Repository, "<repository>")
	text = strings.ReplaceAll(text, strings.ReplaceAll(b.service.Repository, "/", "%2F"), "<repository>")
	return strings.ReplaceAll(text, b.progress.Run, "<run>")
}

var etagPattern = pattern.New(`0x[0-9A-F]+`)

// cleanHeader is clean for a header's value, and takes out what differs from
// one response to the next.
func (b *bench) cleanHeader(name, value string) string {
	switch name {
	case "X-Ms-Ratelimit-Remaining-Calls-Per-Second":
		if _, err := strconv.ParseFloat(value, 64); err == nil {
			return "<number>"
		}
	case "Www-Authenticate":
		value = sortedScopes(value)
	case "Set-Cookie", "Authorization":
		return "<secret>"
	case "X-Ms-Request-Id", "X-Ms-Correlation-Request-Id", "X-Ms-Client-Request-Id":
		if value != "" {
			return "<id>"
		}
	case "Location":
		if strings.Contains(value, "://") && !strings.Contains(value, b.host+"/v2/") {
			return "<signed url>"
		}
	}
	return etagPattern.ReplaceAllString(b.clean(value), "<etag>")
}

// sortedScopes sorts what the service orders at random.
func sortedScopes(challenge string) string {
	return scopeAttribute.ReplaceAllStringFunc(challenge, func(attribute string) string {
		scopes := strings.Fields(scopeAttribute.FindStringSubmatch(attribute)[1])
		for i, scope := range scopes {
			at := strings.LastIndexByte(scope, ':') + 1
			actions := strings.Split(scope[at:], ",")
			slices.Sort(actions)
			scopes[i] = scope[:at] + strings.Join(actions, ",")
		}
		slices.Sort(scopes)
		return `scope="` + strings.Join(scopes, " ") + `"`
	})
}

// unlike are the headers in which the two may differ: they say how the bytes
// travelled, or when.
var unlike = map[string]bool{
	"Date": true, "Connection": true, "Content-Length": true, "Keep-Alive": true, "Transfer-Encoding": true, "Alt-Svc": true, "Via": true,
}

// compareExchanges lists in what two exchanges differ.
func compareExchanges(service, emulator Exchange) []Difference {
	var all []Difference
	add := func(aspect, s, e string) {
		if s != e {
			all = append(all, Difference{Aspect: aspect, Service: s, Emulator: e})
		}
	}
	add("status", strconv.Itoa(service.Status), strconv.Itoa(emulator.Status))
	ours, theirs := headerMap(service.Headers), headerMap(emulator.Headers)
	for _, name := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(sortedKeys(ours), sortedKeys(theirs))))) {
		if !unlike[name] {
			add("header "+name, presence(ours, name), presence(theirs, name))
		}
	}
	if service.Body == emulator.Body {
		return all
	}
	sErrors, eErrors := errorsOf(service.Body), errorsOf(emulator.Body)
	before := len(all)
	if sErrors != nil || eErrors != nil {
		add("code", sErrors["code"], eErrors["code"])
		add("message", sErrors["message"], eErrors["message"])
	}
	if sKeys, eKeys := keyOrder(service.Body), keyOrder(emulator.Body); sKeys != eKeys {
		add("key order", sKeys, eKeys)
	}
	if len(all) == before {
		add("body", short(service.Body), short(emulator.Body))
	}
	return all
}

func short(text string) string {
	if len(text) > 300 {
		return text[:300] + "…"
	}
	return text
}

func headerMap(lines []string) map[string][]string {
	all := map[string][]string{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		all[name] = append(all[name], value)
	}
	return all
}

func presence(headers map[string][]string, name string) string {
	values, ok := headers[name]
	if !ok {
		return "absent"
	}
	return strings.Join(values, ", ")
}

// errorsOf are the code and the message of the first error of a body, nil of
// another body.
func errorsOf(body string) map[string]string {
	var envelope struct {
		Errors []struct{ Code, Message string }
	}
	if json.Unmarshal([]byte(body), &envelope) != nil || len(envelope.Errors) == 0 {
		return nil
	}
	return map[string]string{"code": envelope.Errors[0].Code, "message": envelope.Errors[0].Message}
}

// keyOrder lists the keys of a JSON body as they come; empty of another body.
func keyOrder(body string) string {
	decoder := json.NewDecoder(strings.NewReader(body))
	var keys []string
	type level struct{ object, value bool }
	var stack []level
	for {
		token, err := decoder.Token()
		if err != nil {
			break
		}
		top := len(stack) - 1
		isKey := top >= 0 && stack[top].object && !stack[top].value
		switch delim, _ := token.(json.Delim); {
		case delim == '}' || delim == ']':
			stack = stack[:top]
			continue
		case isKey:
			key, _ := token.(string)
			keys = append(keys, key)
			stack[top].value = true
			continue
		default:
			if top >= 0 {
				stack[top].value = false
			}
			if delim == '{' || delim == '[' {
				stack = append(stack, level{object: delim == '{'})
			}
		}
	}
	return strings.Join(keys, " ")
}

// difference of results: the emulator with a value must show that value.
func compareResults(service, twin *Result) []Difference {
	var all []Difference
	if service.Value != twin.Value {
		all = append(all, Difference{Quirk: service.Quirk, Aspect: "value", Service: outcome(service), Emulator: outcome(twin)})
	}
	for i := range max(len(service.Exchanges), len(twin.Exchanges)) {
		var differences []Difference
		var asked Exchange
		switch {
		case i >= len(twin.Exchanges):
			asked = service.Exchanges[i]
			differences = []Difference{{Aspect: "missing", Service: strconv.Itoa(asked.Status), Emulator: "not asked"}}
		case i >= len(service.Exchanges):
			asked = twin.Exchanges[i]
			differences = []Difference{{Aspect: "missing", Service: "not asked", Emulator: strconv.Itoa(asked.Status)}}
		default:
			asked = service.Exchanges[i]
			differences = compareExchanges(asked, twin.Exchanges[i])
		}
		for _, d := range differences {
			d.Quirk, d.Exchange, d.Request = service.Quirk, i+1, asked.Method+" "+asked.Path
			all = append(all, d)
		}
	}
	return all
}

func outcome(r *Result) string {
	if r.Value != "" {
		return r.Value
	}
	return strings.TrimSpace(string(r.State) + " " + r.Why)
}

// onlyFound is a copy of a block without what the twin can't have.
func onlyFound(block map[string]string) map[string]string {
	block = maps.Clone(block)
	delete(block, strictQuirk)
	return block
}
