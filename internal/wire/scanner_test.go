package wire

import (
	"encoding/json"
	"testing"
	"time"
)

// FuzzScanner compares what the scanner accepts, and what it reads, with
// encoding/json.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		`{"registry":"r","imageName":"a","tags":[{"name":"v1","digest":"sha256:00","createdTime":"2023-02-19T00:32:09.2339719Z","signed":false}]}`,
		`{"tags":null}`, `null`, `{"tags":[null]}`, `{"tags":[`, `{"name":"\ud83d\ude00\u00e9\n","x":[1,-0.5e+3,{"a":{}}]}`,
		"{\"name\":\"\xff\xfe\"}", `{"a":01}`, `{"a":1,}`, `[1 2]`, `{"a"}`, " \t\r\n{} x", `"\ud83d"`, `{"tags":[{},]}`, `-`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= 3 && string(data[:3]) == "\xef\xbb\xbf" {
			return // encoding/json doesn't skip a byte order mark
		}
		s := NewScanner(data)
		s.Skip()
		if got, want := s.End() == nil, json.Valid(data); got != want {
			t.Fatalf("%q: accepted %v, encoding/json %v (%v)", data, got, want, s.err)
		}
		var text string
		s = NewScanner(data)
		got := string(s.Bytes())
		if json.Unmarshal(data, &text) == nil && s.End() == nil && got != text {
			t.Fatalf("%q: read %q, encoding/json %q", data, got, text)
		}
	})
}

func TestScannerReadsEachKindOfValue(t *testing.T) {
	s := NewScanner([]byte("\xef\xbb\xbf" + `{"word":"a\"b","again":"a\"b","n":3e3,"yes":true,"at":"2023-02-19T00:32:09","list":["x","y"],"none":null,"other":{"a":[1]}}`))
	var words, list []string
	var n int64
	var yes bool
	var at time.Time
	s.Object(func(name []byte) {
		switch string(name) {
		case "word", "again":
			words = append(words, s.Word())
		case "n":
			n = s.Integer(32)
		case "yes":
			yes = s.Boolean()
		case "at":
			at = s.Time()
		case "list":
			s.Array(func() { list = append(list, string(s.Bytes())) })
		case "none":
			t.Error("a null member is read")
		default:
			s.Skip()
		}
	})
	if err := s.End(); err != nil || len(words) != 2 || words[1] != `a"b` || n != 3000 || !yes || len(list) != 2 || !at.Equal(time.Date(2023, 2, 19, 0, 32, 9, 0, time.UTC)) {
		t.Errorf("%v: %q %d %v %v %q", err, words, n, yes, at, list)
	}
}

func TestScannersFirstErrorSticks(t *testing.T) {
	s := NewScanner([]byte(`[1,"a"]`))
	s.Array(func() { s.Bytes() })
	if err := s.End(); err == nil || err.Error() != `at byte 1: want a string, got '1'` {
		t.Errorf("%v", err)
	}
	s.Fail("something else")
	if s.Integer(64) != 0 || s.Boolean() || s.Peek() != 0 {
		t.Error("a value is read after an error")
	}
}

// FuzzUsualTime compares the fast reading of a timestamp with package time's.
func FuzzUsualTime(f *testing.F) {
	for _, seed := range []string{
		"2023-02-19T00:32:09.2339719Z", "2023-02-19T00:32:09Z", "2024-02-29T23:59:59.123456789Z", "2023-02-29T00:00:00Z",
		"2023-04-31T00:00:00Z", "2023-12-31T23:59:60Z", "2023-00-01T00:00:00Z", "2023-13-01T00:00:00Z", "2023-01-00T00:00:00Z",
		"0000-01-01T00:00:00Z", "2023-02-19T24:00:00Z", "2023-02-19T00:60:00Z", "2023-02-19T00:32:09.Z", "2023-02-19T00:32:09,5Z",
		"2023-02-19T00:32:09.1234567890Z", "2023-02-19T00:32:09", "2023-02-19t00:32:09z", "2023-02-19T00:32:09+02:00", "202a-02-19T00:32:09Z", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := usualTime([]byte(text))
		want, err := anyTime(text)
		if ok && (err != nil || got != want) {
			t.Fatalf("%q: read %v, package time %v, %v", text, got, want, err)
		}
		if !ok && err == nil && len(text) == len("2023-02-19T00:32:09.2339719Z") && text[19] == '.' && text[27] == 'Z' && text[10] == 'T' {
			t.Fatalf("%q: left to package time", text)
		}
	})
}

func TestScannerPassesAnObjectThatItKnows(t *testing.T) {
	s := NewScanner([]byte(` [ {"a":[1]} , {"a":[1]},{"a":[2]}, 7]`))
	var passed []bool
	var known []byte
	s.Array(func() {
		again := s.Again(known)
		passed = append(passed, again)
		if !again {
			known = s.Text(s.Skip)
		}
	})
	if err := s.End(); err != nil || len(passed) != 4 || passed[0] || !passed[1] || passed[2] || passed[3] {
		t.Errorf("%v, %v", passed, err)
	}
	s = NewScanner([]byte(`{"a":}`))
	if text := s.Text(s.Skip); text != nil || s.Again([]byte("{")) {
		t.Errorf("%q of a text with an error", text)
	}
}
