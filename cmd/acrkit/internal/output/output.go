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

type listEnvelope[T any] struct {
	Schema   string `json:"schema"`
	Kind     string `json:"kind"`
	Complete bool   `json:"complete"`
	Items    []T    `json:"items"`
}

type itemEnvelope[T any] struct {
	Schema   string `json:"schema"`
	Kind     string `json:"kind"`
	Complete bool   `json:"complete"`
	Item     T      `json:"item"`
}

// tableBatch is how many rows are aligned together: enough for any screen,
// few enough that a listing of a million tags keeps flowing.
const tableBatch = 1000

// List prints items as they come. When the listing ends in an error, what came
// before it is printed, JSON says complete:false, and the error is returned.
func List[T any](p *Printer, view View[T], items iter.Seq2[T, error]) error {
	switch p.format {
	case JSON:
		return listJSON(p, view, items)
	case JSONL:
		return listLines(p, view, items)
	case Table:
		return listTable(p, view, items)
	case TSV:
		return each(items, func(item T) error { return writeTSV(p.w, view, item) })
	default:
		return each(items, func(item T) error { return writeText(p.w, view, item) })
	}
}

// One prints a single value.
func One[T any](p *Printer, view View[T], item T) error {
	switch p.format {
	case JSON:
		return p.emit(itemEnvelope[T]{Schema, view.Kind, true, item}, true)
	case JSONL:
		return p.emit(itemEnvelope[T]{Schema, view.Kind, true, item}, false)
	case Table:
		return listTable(p, view, func(yield func(T, error) bool) { yield(item, nil) })
	case TSV:
		return writeTSV(p.w, view, item)
	default:
		return writeText(p.w, view, item)
	}
}

func each[T any](items iter.Seq2[T, error], do func(T) error) error {
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
func listJSON[T any](p *Printer, view View[T], items iter.Seq2[T, error]) error {
	if p.query != nil {
		return listQueried(p, view, items)
	}
	count := 0
	head := fmt.Sprintf("{\n  \"schema\": %q,\n  \"kind\": %q,\n  \"items\": [", Schema, view.Kind+"List")
	failed := each(items, func(item T) error {
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

func listQueried[T any](p *Printer, view View[T], items iter.Seq2[T, error]) error {
	envelope := listEnvelope[T]{Schema: Schema, Kind: view.Kind + "List", Items: []T{}}
	failed := each(items, func(item T) error {
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

func listLines[T any](p *Printer, view View[T], items iter.Seq2[T, error]) error {
	count := 0
	failed := each(items, func(item T) error {
		count++
		return p.emit(item, false)
	})
	if failed != nil && count > 0 {
		end := struct {
			Schema   string `json:"schema"`
			Kind     string `json:"kind"`
			Complete bool   `json:"complete"`
		}{Schema, view.Kind + "List", false}
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

func listTable[T any](p *Printer, view View[T], items iter.Seq2[T, error]) error {
	w := tabwriter.NewWriter(p.w, 0, 8, 2, ' ', 0)
	names := make([]string, len(view.Columns))
	for i, column := range view.Columns {
		names[i] = strings.ToUpper(column.Name)
	}
	rows := 0
	failed := each(items, func(item T) error {
		if rows == 0 {
			if err := writeRow(w, names); err != nil {
				return err
			}
		}
		if rows++; rows%tableBatch == 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
		return writeRow(w, values(view, item))
	})
	if failed == nil && rows == 0 {
		failed = writeRow(w, names)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return failed
}

func values[T any](view View[T], item T) []string {
	row := make([]string, len(view.Columns))
	for i, column := range view.Columns {
		row[i] = Clean(column.Value(item))
	}
	return row
}

func writeRow(w io.Writer, row []string) error {
	_, err := fmt.Fprintln(w, strings.Join(row, "\t"))
	return err
}

func writeTSV[T any](w io.Writer, view View[T], item T) error {
	return writeRow(w, values(view, item))
}

func writeText[T any](w io.Writer, view View[T], item T) error {
	if view.Text != nil {
		return view.Text(w, item)
	}
	_, err := fmt.Fprintln(w, Clean(view.Columns[0].Value(item)))
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
