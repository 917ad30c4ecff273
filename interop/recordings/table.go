package recordings

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Session is one run of the suite.
type Session struct {
	// Name is the month of the recording, such as "2024-06".
	Name string
	// Server is the Server header of the registry's responses.
	Server string
	// Host is the stand-in for the login server. It has the same length.
	Host string
	// Contents are what the session's digests are of.
	Contents []Content `json:",omitempty"`
	// Before is what the registry held when the session began.
	Before []Before `json:",omitempty"`
	// Rows are the exchanges in their order.
	Rows []Row `json:",omitempty"`
}

// Before is a content that an earlier session had pushed.
type Before struct {
	Content, Repository string
	Tag                 string `json:",omitempty"` // of a manifest
	OnePost             bool   `json:",omitempty"` // a blob that came in one POST
}

// Content is a stand-in for a blob or a manifest of the same size. One without
// a size was never pushed.
type Content struct {
	Name string
	Size int `json:",omitempty"`
	// Manifest is the JSON of a manifest, with placeholders such as {c1} for
	// the digest of another content and {data:c1} for its base64 form. It is
	// filled up with spaces to Size.
	Manifest string `json:",omitempty"`
}

// Row is one exchange.
type Row struct {
	// N is its number in the report, from 0, and Ms its time after the first,
	// in milliseconds.
	N  int
	Ms int64
	// Method and Path are the request line; {c1} in the path stands for a
	// content's digest, and {at:7} for the Location of exchange 7.
	Method, Path string
	// Auth is "Basic", "Bearer" with the token of the latest token response,
	// or empty.
	Auth string `json:",omitempty"`
	// Asked are the request's other headers.
	Asked map[string]string `json:",omitempty"`
	// Body is a content's name, with the bytes from From on up to To of it
	// when To is set.
	Body     string `json:",omitempty"`
	From, To int    `json:",omitempty"`

	Status int
	// Header is the name of a header set; see [Table].
	Header string
	// Length is the Content-Length, empty without one.
	Length string `json:",omitempty"`
	// Challenge is WWW-Authenticate, with the actions of a scope in order.
	Challenge string `json:",omitempty"`
	// Shape is the body: compact JSON with placeholders, "text", or a content.
	Shape string `json:",omitempty"`
	// Apart are the header lines ("-Name: value" is in the recording alone,
	// "+Name: value" in the emulator's response alone) in which the emulator
	// differs, with the reason.
	Apart map[string]string `json:",omitempty"`
}

// Table is what the file holds.
type Table struct {
	// Headers are the sets of header lines by name.
	Headers  map[string][]string
	Sessions []Session
}

type line struct {
	Headers  string   `json:",omitempty"`
	Lines    []string `json:",omitempty"`
	Session  *Session `json:",omitempty"`
	Content  *Content `json:",omitempty"`
	Exchange *Row     `json:",omitempty"`
}

// Write writes the table, one thing a line.
func (t Table) Write(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	var lines []line
	for i := range len(t.Headers) {
		name := fmt.Sprint("h", i)
		lines = append(lines, line{Headers: name, Lines: t.Headers[name]})
	}
	for _, s := range t.Sessions {
		head := s
		head.Contents, head.Rows = nil, nil
		lines = append(lines, line{Session: &head})
		for _, c := range s.Contents {
			lines = append(lines, line{Content: &c})
		}
		for _, r := range s.Rows {
			lines = append(lines, line{Exchange: &r})
		}
	}
	for _, l := range lines {
		if err := encoder.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

// Read reads what Write wrote.
func Read(data []byte) (Table, error) {
	t := Table{Headers: map[string][]string{}}
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, 1<<20)
	for n := 1; scanner.Scan(); n++ {
		var l line
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			return Table{}, fmt.Errorf("line %d: %w", n, err)
		}
		last := len(t.Sessions) - 1
		switch {
		case l.Session != nil:
			t.Sessions = append(t.Sessions, *l.Session)
		case l.Headers != "":
			t.Headers[l.Headers] = l.Lines
		case last < 0:
			return Table{}, fmt.Errorf("line %d: no session yet", n)
		case l.Content != nil:
			t.Sessions[last].Contents = append(t.Sessions[last].Contents, *l.Content)
		case l.Exchange != nil:
			t.Sessions[last].Rows = append(t.Sessions[last].Rows, *l.Exchange)
		}
	}
	return t, scanner.Err()
}
