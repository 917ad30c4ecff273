// Package output prints results: text for people, versioned JSON for programs,
// tables and tab-separated lines for scripts. Only results go through it;
// progress, warnings and errors belong on standard error.
package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"text/tabwriter"

	"github.com/itchyny/gojq"
)

// Schema names the version of every JSON object that acrkit prints.
const Schema = "acrkit/1"

// Format is a form of output.
type Format string

// The forms of output. None depends on whether standard output is a terminal.
const (
	Text  Format = "text"  // for people; the default
	JSON  Format = "json"  // one envelope
	JSONL Format = "jsonl" // one item a line, as they come
	Table Format = "table" // aligned columns under a header
	TSV   Format = "tsv"   // tab-separated columns without a header
)

// Formats lists the forms in the order of the documentation.
func Formats() []Format { return []Format{Text, JSON, JSONL, Table, TSV} }

// ParseFormat checks the name of a form; the empty name means Text.
func ParseFormat(name string) (Format, error) {
	if name == "" {
		return Text, nil
	}
	for _, format := range Formats() {
		if string(format) == name {
			return format, nil
		}
	}
	return "", fmt.Errorf("output form %q: must be one of text, json, jsonl, table, tsv", name)
}

// Printer writes results in one form. Its zero value is not usable; see New.
// A Printer must not be used concurrently.
type Printer struct {
	w      io.Writer
	format Format
	query  *gojq.Code
}

// New makes a printer. A query (an expression of jq, may be empty) is compiled
// here, so that a wrong one is told before anything happens, and implies JSON.
func New(w io.Writer, format Format, query string) (*Printer, error) {
	p := &Printer{w: w, format: format}
	if query == "" {
		return p, nil
	}
	parsed, err := gojq.Parse(query)
	if err != nil {
		return nil, fmt.Errorf("jq expression %q: %w", query, err)
	}
	if format == Table || format == TSV {
		return nil, fmt.Errorf("jq expression %q: it filters JSON, and can't go with -o %s", query, format)
	}
	p.query, err = gojq.Compile(parsed)
	if err != nil {
		return nil, fmt.Errorf("jq expression %q: %w", query, err)
	}
	if p.format != JSONL {
		p.format = JSON
	}
	return p, nil
}

// Format tells the form in use.
func (p *Printer) Format() Format { return p.format }

// Structured reports whether the result is meant for programs: JSON in either
// form. Errors are then objects, too.
func (p *Printer) Structured() bool { return p.format == JSON || p.format == JSONL }

// Flat reports whether the result is rows of columns: what has parts is then
// printed as the list of them.
func (p *Printer) Flat() bool { return p.format == Table || p.format == TSV }

// Column is one column of a table.
type Column[T any] struct {
	Name  string
	Value func(T) string
}

// View says how values of one kind look.
type View[T any] struct {
	// Kind is the singular name of the kind in JSON, such as "Tag".
	Kind string
	// Columns are those of Table and TSV.
	Columns []Column[T]
	// Text writes one value for a person, ending in a newline. Without it,
	// Text looks like the value of the first column on a line of its own.
	Text func(w io.Writer, item T) error
}

// shape is a [View] without its type, so that the code that prints exists once
// rather than once for every kind: it would be a tenth of the program.
type shape struct {
	kind    string
	columns int
	// column is the name of a column, and its value in item unless item is nil.
	column func(i int, item any) (name, value string)
	text   func(w io.Writer, item any) error // nil where the first column is the text
}

// Inlined it would be there twice for each type, in List and in One.
//
//go:noinline
func (v View[T]) shape() shape {
	s := shape{kind: v.Kind, columns: len(v.Columns)}
	s.column = func(i int, item any) (name, value string) {
		c := &v.Columns[i]
		if item != nil {
			value = c.Value(item.(T))
		}
		return c.Name, value
	}
	if v.Text != nil {
		s.text = func(w io.Writer, item any) error { return v.Text(w, item.(T)) }
	}
	return s
}

func (s shape) header() []string {
	names := make([]string, s.columns)
	for i := range names {
		name, _ := s.column(i, nil)
		names[i] = strings.ToUpper(name)
	}
	return names
}

func (s shape) row(item any) []string {
	row := make([]string, s.columns)
	for i := range row {
		_, value := s.column(i, item)
		row[i] = Clean(value)
	}
	return row
}

func (s shape) write(w io.Writer, item any) error {
	if s.text != nil {
		return s.text(w, item)
	}
	_, value := s.column(0, item)
	_, err := fmt.Fprintln(w, Clean(value))
	return err
}

type listEnvelope struct {
	Schema   string `json:"schema"`
	Kind     string `json:"kind"`
	Complete bool   `json:"complete"`
	Items    []any  `json:"items"`
}

type itemEnvelope struct {
	Schema   string `json:"schema"`
	Kind     string `json:"kind"`
	Complete bool   `json:"complete"`
	Item     any    `json:"item"`
}

// tableBatch is how many rows are aligned together: enough for any screen,
// few enough that a listing of a million tags keeps flowing.
const tableBatch = 1000

// List prints items as they come. When the listing ends in an error, what came
// before it is printed, JSON says complete:false, and the error is returned.
func List[T any](p *Printer, view View[T], items iter.Seq2[T, error]) error {
	return p.list(view.shape(), func(yield func(any, error) bool) {
		for item, err := range items {
			if !yield(item, err) {
				return
			}
		}
	})
}

// One prints a single value.
func One[T any](p *Printer, view View[T], item T) error {
	return p.one(view.shape(), item)
}

func (p *Printer) list(view shape, items iter.Seq2[any, error]) error {
	switch p.format {
	case JSON:
		return p.listJSON(view, items)
	case JSONL:
		return p.listLines(view, items)
	case Table:
		return p.listTable(view, items)
	case TSV:
		return each(items, func(item any) error { return writeRow(p.w, view.row(item)) })
	default:
		return each(items, func(item any) error { return view.write(p.w, item) })
	}
}

func (p *Printer) one(view shape, item any) error {
	switch p.format {
	case JSON:
		return p.emit(itemEnvelope{Schema, view.kind, true, item}, true)
	case JSONL:
		return p.emit(itemEnvelope{Schema, view.kind, true, item}, false)
	case Table:
		return p.listTable(view, func(yield func(any, error) bool) { yield(item, nil) })
	case TSV:
		return writeRow(p.w, view.row(item))
	default:
		return view.write(p.w, item)
	}
}

func each(items iter.Seq2[any, error], do func(any) error) error {
	for item, err := range items {
		if err != nil {
			return err
		}
		if err := do(item); err != nil {
			return err
		}
	}
	return nil
}

// listJSON writes the envelope as the items come, so that a long listing needs
// no memory; whether it is complete is known, and written, last. A query is for
// the whole and needs it at once.
func (p *Printer) listJSON(view shape, items iter.Seq2[any, error]) error {
	if p.query != nil {
		return p.listQueried(view, items)
	}
	count := 0
	head := fmt.Sprintf("{\n  \"schema\": %q,\n  \"kind\": %q,\n  \"items\": [", Schema, view.kind+"List")
	failed := each(items, func(item any) error {
		before := ","
		if count == 0 {
			before = head
		}
		count++
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("    ", "  ")
		if err := encoder.Encode(item); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.w, "%s\n    %s", before, bytes.TrimRight(b.Bytes(), "\n"))
		return err
	})
	end := "\n  ]"
	if count == 0 {
		if failed != nil {
			// Nothing came, so nothing is a result: the error says it all.
			return failed
		}
		end = head + "]"
	}
	if _, err := fmt.Fprintf(p.w, "%s,\n  \"complete\": %t\n}\n", end, failed == nil); err != nil {
		return err
	}
	return failed
}

func (p *Printer) listQueried(view shape, items iter.Seq2[any, error]) error {
	envelope := listEnvelope{Schema: Schema, Kind: view.kind + "List", Items: []any{}}
	failed := each(items, func(item any) error {
		envelope.Items = append(envelope.Items, item)
		return nil
	})
	if failed != nil && len(envelope.Items) == 0 {
		return failed
	}
	envelope.Complete = failed == nil
	if err := p.emit(envelope, true); err != nil {
		return err
	}
	return failed
}

func (p *Printer) listLines(view shape, items iter.Seq2[any, error]) error {
	count := 0
	failed := each(items, func(item any) error {
		count++
		return p.emit(item, false)
	})
	if failed != nil && count > 0 {
		end := struct {
			Schema   string `json:"schema"`
			Kind     string `json:"kind"`
			Complete bool   `json:"complete"`
		}{Schema, view.kind + "List", false}
		line, err := json.Marshal(end)
		if err != nil {
			return err
		}
		if _, err := p.w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return failed
}

func (p *Printer) listTable(view shape, items iter.Seq2[any, error]) error {
	w := tabwriter.NewWriter(p.w, 0, 8, 2, ' ', 0)
	rows := 0
	failed := each(items, func(item any) error {
		if rows == 0 {
			if err := writeRow(w, view.header()); err != nil {
				return err
			}
		}
		if rows++; rows%tableBatch == 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
		return writeRow(w, view.row(item))
	})
	if failed == nil && rows == 0 {
		failed = writeRow(w, view.header())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return failed
}

func writeRow(w io.Writer, row []string) error {
	_, err := fmt.Fprintln(w, strings.Join(row, "\t"))
	return err
}

// Clean makes what a server sent safe on a terminal and in a table: control
// characters, which could move the cursor or split a row, become "?".
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return '?'
		}
		return r
	}, s)
}

// emit writes v as JSON, through the query when there is one.
func (p *Printer) emit(v any, indent bool) error {
	if p.query == nil {
		return writeJSON(p.w, v, indent)
	}
	// gojq works on plain maps and lists, so v goes through its JSON.
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var plain any
	if err := decoder.Decode(&plain); err != nil {
		return err
	}
	results := p.query.Run(plain)
	for {
		result, more := results.Next()
		if !more {
			return nil
		}
		if err, failed := result.(error); failed {
			return fmt.Errorf("jq: %w", err)
		}
		if s, isString := result.(string); isString {
			if _, err := fmt.Fprintln(p.w, s); err != nil {
				return err
			}
			continue
		}
		if err := writeQueried(p.w, result); err != nil {
			return err
		}
	}
}

func writeQueried(w io.Writer, result any) error {
	data, err := gojq.Marshal(result)
	if err != nil {
		return fmt.Errorf("jq: %w", err)
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

func writeJSON(w io.Writer, v any, indent bool) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if indent {
		encoder.SetIndent("", "  ")
	}
	return encoder.Encode(v)
}
