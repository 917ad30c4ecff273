package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestErrorsOfEachShape(t *testing.T) {
	detail := []byte(`[{"Type":"repository"}]`)
	for body, want := range map[string][]Error{
		`{"errors":[{"code":"DENIED","message":"no","detail":[{"Type":"repository"}]}]}`:        {{"DENIED", "no", detail}},
		"\xef\xbb\xbf {\"a\":{\"errors\":1},\"errors\":[{\"message\":\"m\"},{\"code\":\"X\"}]}": {{Message: "m"}, {Code: "X"}},
		`{"errors":[{"code":"X","message":"half`:                                                {{Code: "X"}},
		`{"errors":[{"code":7,"message":null,"detail":null}]}`:                                  {{}},
		`<?xml version="1.0"?><Error><Code> A </Code><Message>b</Message></Error>`:              {{Code: "A", Message: "b"}},
		`<Error><Code>A</Code><Mess`:                                                            {{Code: "A"}},
		`<html><body>no</body></html>`:                                                          nil,
		`{"errors":[]}`:                                                                         nil, `{"errors":{}}`: nil, `{"errors":["x"]}`: nil, `[]`: nil, `not found`: nil, ``: nil,
	} {
		if diff := cmp.Diff(want, ParseErrors([]byte(body))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

func FuzzErrors(f *testing.F) {
	for _, seed := range []string{
		`{"errors":[{"code":"DENIED","message":"no","detail":[{"Type":"repository"}]}]}`, `{"errors":[{"code":"X"`, `{"errors":{}}`, `[]`, "<Error><Code>A</Code>", "<html>\n", "\xff\x00", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		all := ParseErrors(body)
		if len(all) > maxErrors {
			t.Errorf("%d errors", len(all))
		}
		if whole := ParseErrors(append([]byte(" "), body...)); len(whole) != len(all) && !strings.HasPrefix(string(body), "\xef\xbb\xbf") {
			t.Errorf("%q: white space makes %d errors of %d", body, len(whole), len(all))
		}
	})
}
