package printed

import (
	"strings"
	"testing"
)

// refined are the codes that a phrasing's own example leads to where the place
// of the failure says more than the phrasing.
var refined = map[string]string{"registry_disallowed_operation": "WRITE_DISALLOWED"}

// TestEveryPhrasingIsFoundInItsExample holds the table: what a row says that a
// tool prints is recognised as that row says.
func TestEveryPhrasingIsFoundInItsExample(t *testing.T) {
	for _, p := range Phrasings() {
		t.Run(p.Text, func(t *testing.T) {
			log, err := Read(strings.NewReader(p.Example))
			if err != nil {
				t.Fatal(err)
			}
			found := Find(log.Lines)
			switch {
			case p.Code == "" && len(found.List) > 0:
				t.Errorf("%q is none of the registry's and was found to be %s", p.Example, found.List[0].Code)
			case p.Code == "":
			case len(found.List) == 0:
				t.Errorf("nothing was found in %q", p.Example)
			default:
				want := p.Code
				if narrower, has := refined[p.Text]; has {
					want = narrower
				}
				if got := found.List[0]; got.Code != want {
					t.Errorf("%q: found %s by the phrasing of %s, want %s", p.Example, got.Code, got.Tool, want)
				}
			}
		})
	}
}
