// Package kql reads the part of the Kusto Query Language that a registry's
// metadata is asked in (ACR protocol §3.11): the table Manifests, and behind
// pipes where, order by, project, limit and count.
package kql

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Row is one row of the table, its columns by name. A value is a string, an
// int64, a time.Time, a Row, or nil.
type Row map[string]any

// Query is a parsed query. Many goroutines may run it at once.
type Query struct {
	steps   []step
	columns []string
}

// step makes other rows of some rows.
type step func(now time.Time, rows []Row) []Row

// MaxLength bounds a query, in bytes.
const MaxLength = 8 << 10

// Parse reads a query. The error names what is not understood.
func Parse(text string) (*Query, error) {
	if len(text) > MaxLength {
		return nil, fmt.Errorf("parse query: longer than %d bytes", MaxLength)
	}
	p := &parser{}
	var err error
	if p.tokens, err = scan(text); err != nil {
		return nil, fmt.Errorf("parse query: %w", err)
	}
	q, err := p.query()
	if err != nil {
		return nil, fmt.Errorf("parse query: %w", err)
	}
	return q, nil
}

// Run applies the query to all rows of the table. ago(1d) counts from now. The
// rows that are passed stay as they are.
func (q *Query) Run(now time.Time, rows []Row) []Row {
	rows = slices.Clone(rows)
	for _, s := range q.steps {
		rows = s(now, rows)
	}
	return rows
}

// Columns are those that the query asks for, in its order; nil means the
// table's.
func (q *Query) Columns() []string { return slices.Clone(q.columns) }

func (p *parser) query() (*Query, error) {
	if table := p.next(); table.text != "Manifests" {
		return nil, fmt.Errorf("unknown table %q: there is Manifests", table.text)
	}
	q := &Query{}
	for !p.done() {
		if err := p.want("|"); err != nil {
			return nil, err
		}
		if err := p.operator(q); err != nil {
			return nil, err
		}
	}
	return q, nil
}

func (p *parser) operator(q *Query) error {
	var s step
	var err error
	switch name := p.next(); name.text {
	case "where", "filter":
		var holds condition
		if holds, err = p.condition(0); err == nil {
			s = func(now time.Time, rows []Row) []Row {
				return slices.DeleteFunc(rows, func(r Row) bool { return !holds(now, r) })
			}
		}
	case "limit", "take":
		s, err = p.limit()
	case "order", "sort":
		s, err = p.order()
	case "project":
		s, err = p.project(q)
	case "count":
		q.columns = []string{"Count"}
		s = func(_ time.Time, rows []Row) []Row { return []Row{{"Count": int64(len(rows))}} }
	default:
		err = fmt.Errorf("unknown operator %q: there are where, order by, project, limit and count", name.text)
	}
	q.steps = append(q.steps, s)
	return err
}

func (p *parser) limit() (step, error) {
	n, err := strconv.Atoi(p.next().text)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("limit takes a number of rows")
	}
	return func(_ time.Time, rows []Row) []Row { return rows[:min(n, len(rows))] }, nil
}

// order reads "by a asc, b": descending unless it says otherwise.
func (p *parser) order() (step, error) {
	if err := p.want("by"); err != nil {
		return nil, err
	}
	type key struct {
		column    operand
		ascending bool
	}
	var keys []key
	for {
		column, err := p.operand()
		if err != nil {
			return nil, err
		}
		k := key{column: column}
		switch {
		case p.take("asc"):
			k.ascending = true
		case p.take("desc"):
		}
		keys = append(keys, k)
		if !p.take(",") {
			break
		}
	}
	return func(now time.Time, rows []Row) []Row {
		slices.SortStableFunc(rows, func(a, b Row) int {
			for _, k := range keys {
				order := compare(k.column(now, a), k.column(now, b))
				if !k.ascending {
					order = -order
				}
				if order != 0 {
					return order
				}
			}
			return 0
		})
		return rows
	}, nil
}

// project reads "a, b = c".
func (p *parser) project(q *Query) (step, error) {
	names, values := []string{}, []operand{}
	for {
		name := p.peek().text
		column, err := p.operand()
		if err != nil {
			return nil, err
		}
		if p.take("=") {
			if column, err = p.operand(); err != nil {
				return nil, err
			}
		}
		names, values = append(names, name), append(values, column)
		if !p.take(",") {
			break
		}
	}
	q.columns = names
	return func(now time.Time, rows []Row) []Row {
		out := make([]Row, len(rows))
		for i, r := range rows {
			out[i] = Row{}
			for j, name := range names {
				out[i][name] = values[j](now, r)
			}
		}
		return out
	}, nil
}

// token is a word, a number or a sign; or a text in quotes.
type token struct {
	text   string
	quoted bool
}

// scan cuts a query into tokens.
func scan(text string) ([]token, error) {
	var tokens []token
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimLeft(text, " \t\r\n") {
		n := strings.IndexFunc(text, func(r rune) bool { return !wordRune(r) })
		if n < 0 {
			n = len(text)
		}
		switch c := text[0]; {
		case c == '"' || c == '\'':
			end := strings.IndexByte(text[1:], c)
			if end < 0 {
				return nil, fmt.Errorf("a quote is not closed: %s", text)
			}
			tokens = append(tokens, token{text: text[1 : 1+end], quoted: true})
			text = text[end+2:]
			continue
		case n > 0:
		case len(text) > 1 && slices.Contains([]string{"==", "!=", "<=", ">=", "=~", "!~"}, text[:2]):
			n = 2
		case strings.IndexByte("|()[],=<>", c) >= 0:
			n = 1
		default:
			return nil, fmt.Errorf("unexpected %q", text[:1])
		}
		tokens = append(tokens, token{text: text[:n]})
		text = text[n:]
	}
	return tokens, nil
}

func wordRune(r rune) bool {
	return r == '_' || r == '.' || r == '-' || r == ':' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

type parser struct{ tokens []token }

func (p *parser) done() bool { return len(p.tokens) == 0 }

func (p *parser) peek() token {
	if p.done() {
		return token{}
	}
	return p.tokens[0]
}

func (p *parser) next() token {
	t := p.peek()
	if !p.done() {
		p.tokens = p.tokens[1:]
	}
	return t
}

// take takes a word or a sign if it comes next.
func (p *parser) take(text string) bool {
	t := p.peek()
	if t.quoted || t.text != text || p.done() {
		return false
	}
	p.next()
	return true
}

func (p *parser) want(text string) error {
	if !p.take(text) {
		return fmt.Errorf("want %q before %q", text, p.peek().text)
	}
	return nil
}
