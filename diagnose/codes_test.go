package diagnose_test

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/acrkit/azcontainerregistry/diagnose"
)

// initialisms are the words of codes that Go's names keep in capitals.
var initialisms = []string{"ABAC", "ARM", "CLI", "CMK", "DNS", "JSON", "TLS"}

// constantName makes CodeDNSTimeout of DNS_TIMEOUT.
func constantName(code diagnose.Code) string {
	name := "Code"
	for word := range strings.SplitSeq(string(code), "_") {
		if !slices.Contains(initialisms, word) {
			word = word[:1] + strings.ToLower(word[1:])
		}
		name += word
	}
	return name
}

// TestEveryCodeHasAConstant compares codes.go with the rows it is made of. With
// -update it writes the file.
func TestEveryCodeHasAConstant(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("package diagnose\n\n// The codes of the catalogue, one a row: [Lookup] tells what each means. This\n" +
		"// file is made of the rows by `go test -run TestEveryCodeHasAConstant -update`.\nconst (\n")
	for _, code := range diagnose.Codes() {
		fmt.Fprintf(&b, "%s Code = %q\n", constantName(code), code)
	}
	b.WriteString(")\n")
	want, err := format.Source(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	const file = "codes.go"
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("codes.go differs from the rows (-rows +file); if the rows are right, run with -update:\n%s", diff)
	}
}
