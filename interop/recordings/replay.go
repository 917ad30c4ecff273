package recordings

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Replay sends a session again.
type Replay struct {
	// Client follows redirects and reaches the session's Host.
	Client *http.Client
	// Username and Password sign in with what may do everything.
	Username, Password string
	// SetTime, when not nil, is called with the time of the next exchange
	// after the first.
	SetTime func(since time.Duration)

	session   Session
	table     Table
	contents  map[string][]byte // by name
	digests   map[string]string // by name
	names     map[string]string // by digest
	locations map[int]string
	token     string
}

// Differences sends the session's exchanges one after the other and returns, by
// exchange, the lines in which the responses differ from the recording: "-" for
// what only the recording has, "+" for what only the response has. Lines that
// the table names with a reason are left out; a reason that no line needs is a
// difference, too.
func (r *Replay) Differences(ctx context.Context, table Table, session Session) (map[int][]string, error) {
	r.table, r.session, r.locations = table, session, map[int]string{}
	if err := r.makeContents(); err != nil {
		return nil, err
	}
	for _, before := range session.Before {
		if err := r.pushBefore(ctx, before); err != nil {
			return nil, err
		}
	}
	differences := map[int][]string{}
	for _, row := range session.Rows {
		if r.SetTime != nil {
			r.SetTime(time.Duration(row.Ms) * time.Millisecond)
		}
		lines, err := r.exchange(ctx, row)
		if err != nil {
			return nil, fmt.Errorf("exchange %d: %w", row.N, err)
		}
		if lines = withoutReasons(lines, row.Apart); len(lines) > 0 {
			differences[row.N] = lines
		}
	}
	return differences, nil
}

func withoutReasons(lines []string, reasons map[string]string) []string {
	var left []string
	for _, line := range lines {
		if _, ok := reasons[line]; !ok {
			left = append(left, line)
		}
	}
	for _, line := range slices.Sorted(maps.Keys(reasons)) {
		if !slices.Contains(lines, line) {
			left = append(left, "no longer differs: "+line)
		}
	}
	return left
}

// makeContents makes contents of the sizes in the table. Manifests come after
// what they name.
func (r *Replay) makeContents() error {
	r.contents, r.digests, r.names = map[string][]byte{}, map[string]string{}, map[string]string{}
	manifests := map[string]Content{}
	for i, c := range r.session.Contents {
		if c.Manifest != "" {
			manifests[c.Name] = c
			continue
		}
		content := fmt.Appendf(nil, "%03d", i)
		for len(content) < c.Size {
			content = append(content, content[:min(len(content), c.Size-len(content))]...)
		}
		if c.Size > 0 {
			content = content[:c.Size]
		}
		r.name(c.Name, content)
	}
	for len(manifests) > 0 {
		before := len(manifests)
		for name, c := range manifests {
			content, ok := r.fill(c.Manifest)
			if !ok {
				continue
			}
			if len(content) > c.Size {
				return fmt.Errorf("manifest %s has %d bytes, more than the recorded %d", name, len(content), c.Size)
			}
			r.name(name, []byte(content+strings.Repeat(" ", c.Size-len(content))))
			delete(manifests, name)
		}
		if len(manifests) == before {
			return errors.New("manifests that name each other")
		}
	}
	return nil
}

func (r *Replay) name(name string, content []byte) {
	r.contents[name] = content
	r.digests[name] = digestOf(content)
	r.names[r.digests[name]] = name
}

var placeholder = regexp.MustCompile(`\{(at:|data:)?(c?\d+)\}`)

// fill puts in what the placeholders stand for.
func (r *Replay) fill(text string) (string, bool) {
	complete := true
	text = placeholder.ReplaceAllStringFunc(text, func(p string) string {
		m := placeholder.FindStringSubmatch(p)
		if m[1] == "at:" {
			n, _ := strconv.Atoi(m[2])
			return r.locations[n]
		}
		content, ok := r.contents[m[2]]
		complete = complete && ok
		if m[1] == "data:" {
			return base64.StdEncoding.EncodeToString(content)
		}
		return r.digests[m[2]]
	})
	return text, complete
}

// send sends a request and reads the response whole.
func (r *Replay) send(ctx context.Context, method, path string, body []byte, header http.Header) (*http.Response, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "https://"+r.session.Host+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	request.Header = header
	response, err := r.Client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response, content, err
}

// pushBefore pushes what the registry held before the session.
func (r *Replay) pushBefore(ctx context.Context, before Before) error {
	token, err := r.tokenOf(ctx, "/oauth2/token?scope=repository:"+before.Repository+":pull,push&service="+r.session.Host)
	if err != nil {
		return err
	}
	header := http.Header{"Authorization": {"Bearer " + token}}
	digest, content := r.digests[before.Content], r.contents[before.Content]
	method, path := http.MethodPost, "/v2/"+before.Repository+"/blobs/uploads/?digest="+digest
	switch {
	case before.Tag != "":
		method, path = http.MethodPut, "/v2/"+before.Repository+"/manifests/"+before.Tag
		header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	case !before.OnePost:
		response, _, err := r.send(ctx, http.MethodPost, "/v2/"+before.Repository+"/blobs/uploads/", nil, header)
		if err != nil {
			return err
		}
		method, path = http.MethodPut, response.Header.Get("Location")+"&digest="+digest
	}
	response, body, err := r.send(ctx, method, path, content, header)
	if err == nil && response.StatusCode != http.StatusCreated {
		err = fmt.Errorf("push of %s: %s: %s", before.Content, response.Status, body)
	}
	return err
}

func (r *Replay) basic() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(r.Username+":"+r.Password))
}

func (r *Replay) tokenOf(ctx context.Context, path string) (string, error) {
	_, body, err := r.send(ctx, http.MethodGet, path, nil, http.Header{"Authorization": {r.basic()}})
	if err != nil {
		return "", err
	}
	return readToken(body), nil
}

func readToken(body []byte) string {
	var token struct {
		Access string `json:"access_token"`
	}
	// A body of another kind has no token.
	_ = json.Unmarshal(body, &token)
	return token.Access
}

// exchange sends a row's request and compares the response.
func (r *Replay) exchange(ctx context.Context, row Row) ([]string, error) {
	header := http.Header{}
	for name, value := range row.Asked {
		header.Set(name, value)
	}
	switch row.Auth {
	case "Basic":
		header.Set("Authorization", r.basic())
	case "Bearer":
		header.Set("Authorization", "Bearer "+r.token)
	}
	body := r.contents[row.Body]
	if row.To > 0 {
		body = slices.Clone(body[min(row.From, len(body)):min(row.To, len(body))])
	}
	path, _ := r.fill(row.Path)
	response, content, err := r.send(ctx, row.Method, path, body, header)
	if err != nil {
		return nil, err
	}
	if location := response.Header.Get("Location"); location != "" {
		r.locations[row.N] = location
	}
	if token := readToken(content); token != "" && strings.HasPrefix(path, "/oauth2/") {
		r.token = token
	}
	return compare(r.lines(row), r.linesOf(row, response, content)), nil
}

// lines is what the recording has, a line each.
func (r *Replay) lines(row Row) []string {
	return append(slices.Clone(r.table.Headers[row.Header]), "status "+strconv.Itoa(row.Status), "length "+row.Length,
		"challenge "+row.Challenge, "body "+row.Shape)
}

func (r *Replay) linesOf(row Row, response *http.Response, content []byte) []string {
	shape := ""
	switch expected, ok := r.contents[row.Shape]; {
	case ok && bytes.Equal(expected, content):
		shape = row.Shape
	case row.Method != http.MethodHead:
		shape = Shape(content, r.names)
	}
	return append(HeaderLines(response.Header, r.names), "status "+strconv.Itoa(response.StatusCode), "length "+response.Header.Get("Content-Length"),
		"challenge "+Challenge(response.Header.Get("Www-Authenticate")), "body "+shape)
}

// compare lists the lines of only one side.
func compare(recorded, seen []string) []string {
	var differences []string
	for _, line := range recorded {
		if !slices.Contains(seen, line) {
			differences = append(differences, "-"+line)
		}
	}
	for _, line := range seen {
		if !slices.Contains(recorded, line) {
			differences = append(differences, "+"+line)
		}
	}
	return differences
}
