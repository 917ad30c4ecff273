package kql

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// condition says whether a row stays, and operand is a value of a row.
type (
	condition func(now time.Time, r Row) bool
	operand   func(now time.Time, r Row) any
)

// maxDepth bounds the parentheses around a condition.
const maxDepth = 32

// condition reads what where holds: comparisons joined by and, or, and in
// parentheses; and binds stronger.
func (p *parser) condition(depth int) (condition, error) {
	left, err := p.all(depth)
	for err == nil && p.take("or") {
		var right condition
		if right, err = p.all(depth); err == nil {
			first := left
			left = func(now time.Time, r Row) bool { return first(now, r) || right(now, r) }
		}
	}
	return left, err
}

func (p *parser) all(depth int) (condition, error) {
	left, err := p.one(depth)
	for err == nil && p.take("and") {
		var right condition
		if right, err = p.one(depth); err == nil {
			first := left
			left = func(now time.Time, r Row) bool { return first(now, r) && right(now, r) }
		}
	}
	return left, err
}

func (p *parser) one(depth int) (condition, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("more than %d parentheses", maxDepth)
	}
	if p.take("(") {
		inner, err := p.condition(depth + 1)
		if err == nil {
			err = p.want(")")
		}
		return inner, err
	}
	if p.take("not") {
		if err := p.want("("); err != nil {
			return nil, err
		}
		inner, err := p.condition(depth + 1)
		if err != nil {
			return nil, err
		}
		return func(now time.Time, r Row) bool { return !inner(now, r) }, p.want(")")
	}
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	name := p.next()
	compares, ok := comparisons[name.text]
	if !ok || name.quoted {
		return nil, fmt.Errorf("unknown comparison %q", name.text)
	}
	right, err := p.operands(name.text == "in")
	if err != nil {
		return nil, err
	}
	return func(now time.Time, r Row) bool {
		return slices.ContainsFunc(right, func(o operand) bool { return compares(left(now, r), o(now, r)) })
	}, nil
}

// operands reads one operand, or a list in parentheses.
func (p *parser) operands(list bool) ([]operand, error) {
	if !list {
		o, err := p.operand()
		return []operand{o}, err
	}
	if err := p.want("("); err != nil {
		return nil, err
	}
	var all []operand
	for {
		o, err := p.operand()
		if err != nil {
			return nil, err
		}
		if all = append(all, o); !p.take(",") {
			return all, p.want(")")
		}
	}
}

// comparisons are the operators. Those of texts ignore case, as Kusto's do,
// apart from ==, != and in.
var comparisons = map[string]func(a, b any) bool{
	"==":         func(a, b any) bool { return compare(a, b) == 0 },
	"in":         func(a, b any) bool { return compare(a, b) == 0 },
	"!=":         func(a, b any) bool { return compare(a, b) != 0 },
	"<":          func(a, b any) bool { return compare(a, b) < 0 },
	"<=":         func(a, b any) bool { return compare(a, b) <= 0 },
	">":          func(a, b any) bool { return compare(a, b) > 0 },
	">=":         func(a, b any) bool { return compare(a, b) >= 0 },
	"=~":         func(a, b any) bool { return strings.EqualFold(text(a), text(b)) },
	"!~":         func(a, b any) bool { return !strings.EqualFold(text(a), text(b)) },
	"contains":   func(a, b any) bool { return strings.Contains(fold(a), fold(b)) },
	"has":        has,
	"startswith": func(a, b any) bool { return strings.HasPrefix(fold(a), fold(b)) },
	"endswith":   func(a, b any) bool { return strings.HasSuffix(fold(a), fold(b)) },
}

// has finds a whole term.
func has(a, b any) bool {
	terms := strings.FieldsFunc(fold(a), func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z')
	})
	return slices.Contains(terms, fold(b))
}

// operand reads a text, a number, a time, a column, or a member of a column.
func (p *parser) operand() (operand, error) {
	t := p.next()
	constant := func(v any) operand { return func(time.Time, Row) any { return v } }
	switch {
	case t.quoted:
		return constant(t.text), nil
	case t.text == "" || strings.ContainsAny(t.text[:1], "|()[],=<>!"):
		return nil, fmt.Errorf("a value is missing before %q", t.text)
	case t.text == "datetime" || t.text == "ago":
		return p.moment(t.text)
	}
	if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
		return constant(n), nil
	}
	path := strings.Split(t.text, ".")
	for p.take("[") {
		key := p.next()
		if !key.quoted {
			return nil, fmt.Errorf("want a name in quotes, as in annotations['title'], not %q", key.text)
		}
		path = append(path, key.text)
		if err := p.want("]"); err != nil {
			return nil, err
		}
	}
	return func(_ time.Time, r Row) any {
		var v any = r
		for _, name := range path {
			row, _ := v.(Row)
			v = row[name]
		}
		return v
	}, nil
}

// moment reads datetime(2023-04-01) or ago(30d).
func (p *parser) moment(function string) (operand, error) {
	if err := p.want("("); err != nil {
		return nil, err
	}
	argument := p.next().text
	if err := p.want(")"); err != nil {
		return nil, err
	}
	if function == "ago" {
		d, err := span(argument)
		return func(now time.Time, _ Row) any { return now.Add(-d) }, err
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(layout, argument); err == nil {
			return func(time.Time, Row) any { return at }, nil
		}
	}
	return nil, fmt.Errorf("datetime %q: want 2023-04-01 or 2023-04-01T10:00:00Z", argument)
}

// span reads 30d, 12h, 5m or 10s.
func span(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 36500 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("time span %q: want 30d, 12h, 5m or 10s", text)
	}
	return d, nil
}

// compare orders two values; texts that hold times or numbers count as such
// beside one. What is missing comes first.
func compare(a, b any) int {
	if at, bt, ok := both(a, b, moment); ok {
		return at.Compare(bt)
	}
	if an, bn, ok := both(a, b, number); ok {
		return cmp.Compare(an, bn)
	}
	return strings.Compare(text(a), text(b))
}

// both converts both values if one of them is of the type already.
func both[T any](a, b any, convert func(any) (T, bool)) (x, y T, ok bool) {
	_, left := a.(T)
	_, right := b.(T)
	if !left && !right {
		return x, y, false
	}
	x, left = convert(a)
	y, right = convert(b)
	return x, y, left && right
}

func moment(v any) (time.Time, bool) {
	if s, ok := v.(string); ok {
		at, err := time.Parse(time.RFC3339Nano, s)
		return at, err == nil
	}
	at, ok := v.(time.Time)
	return at, ok
}

func number(v any) (int64, bool) {
	if s, ok := v.(string); ok {
		n, err := strconv.ParseInt(s, 10, 64)
		return n, err == nil
	}
	n, ok := v.(int64)
	return n, ok
}

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprint(v)
}

func fold(v any) string { return strings.ToLower(text(v)) }
