package output

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type thing struct {
	Name string `json:"name"`
	Size int    `json:"size"`
}

var view = View[thing]{Kind: "Thing", Columns: []Column[thing]{
	{"name", func(t thing) string { return t.Name }},
	{"size", func(t thing) string { return fmt.Sprint(t.Size) }},
}}

func things(failure error, names ...string) iter.Seq2[thing, error] {
	return func(yield func(thing, error) bool) {
		for i, name := range names {
			if !yield(thing{name, i}, nil) {
				return
			}
		}
		if failure != nil {
			yield(thing{}, failure)
		}
	}
}

func TestListInEveryForm(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		format Format
		query  string
		items  iter.Seq2[thing, error]
		want   string
		err    error
	}{
		{Text, "", things(nil, "a", "b"), "a\nb\n", nil},
		{Text, "", things(broken, "a"), "a\n", broken},
		{TSV, "", things(nil, "a\tb\nc"), "a?b?c\t0\n", nil},
		{Table, "", things(nil, "a", "long"), "NAME  SIZE\na     0\nlong  1\n", nil},
		{Table, "", things(nil), "NAME  SIZE\n", nil},
		{Table, "", things(broken), "", broken},
		{JSONL, "", things(nil, "a"), `{"name":"a","size":0}` + "\n", nil},
		{JSONL, "", things(broken, "a"), `{"name":"a","size":0}` + "\n" + `{"schema":"acrkit/1","kind":"ThingList","complete":false}` + "\n", broken},
		{JSONL, "", things(broken), "", broken},
		{JSON, "", things(broken), "", broken},
		{JSON, "", things(nil), "{\n  \"schema\": \"acrkit/1\",\n  \"kind\": \"ThingList\",\n  \"items\": [],\n  \"complete\": true\n}\n", nil},
		{Text, "[.complete, (.items | length)]", things(broken, "a", "b"), "[false,2]\n", broken},
		{Text, ".items[].name", things(nil, "a", "b"), "a\nb\n", nil},
		{JSONL, ".size", things(nil, "a", "b"), "0\n1\n", nil},
	} {
		var out bytes.Buffer
		p, err := New(&out, c.format, c.query)
		if err != nil {
			t.Fatal(err)
		}
		if err := List(p, view, c.items); !errors.Is(err, c.err) {
			t.Errorf("%s %s: %v, want %v", c.format, c.query, err, c.err)
		}
		if diff := cmp.Diff(c.want, out.String()); diff != "" {
			t.Errorf("%s %s (-want +got)\n%s", c.format, c.query, diff)
		}
	}
}

func TestLongTablesFlow(t *testing.T) {
	var out bytes.Buffer
	p, err := New(&out, Table, "")
	if err != nil {
		t.Fatal(err)
	}
	flowed := false
	items := func(yield func(thing, error) bool) {
		for i := range 3 * tableBatch {
			flowed = flowed || out.Len() > 0
			if !yield(thing{"x", i}, nil) {
				return
			}
		}
	}
	if err := List(p, view, items); err != nil || !flowed {
		t.Errorf("%v; the first rows came before the last were made: %v", err, flowed)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 3*tableBatch+1 {
		t.Errorf("%d lines", lines)
	}
}

func TestWrongQueriesAreRefusedFirst(t *testing.T) {
	for _, query := range []string{".[", "nosuchfunction", "$undefined"} {
		if _, err := New(&bytes.Buffer{}, Text, query); err == nil {
			t.Errorf("%q was compiled", query)
		}
	}
	if _, err := ParseFormat("yaml"); err == nil {
		t.Error("yaml is a form")
	}
}

func TestSizes(t *testing.T) {
	for bytes, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1 << 20: "1.0 MiB", 123 << 20: "123 MiB", 1<<30 - 1: "1.0 GiB", 5 << 40: "5.0 TiB"} {
		if got := Size(bytes); got != want {
			t.Errorf("%d: %s, want %s", bytes, got, want)
		}
	}
}

// FuzzClean holds that nothing a server sends moves a cursor or splits a row.
func FuzzClean(f *testing.F) {
	f.Add("a\x1b[2Jb\r\n\t\u009b")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range Clean(text) {
			if r < 0x20 || (r >= 0x7f && r < 0xa0) {
				t.Errorf("%q keeps %q", text, r)
			}
		}
	})
}
