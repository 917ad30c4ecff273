package pattern_test

import (
	"sync"
	"testing"

	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

func TestManyMayBeTheFirstToUseAPattern(t *testing.T) {
	p := pattern.New(`^a(b+)$`)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if found := p.FindStringSubmatch("abb"); len(found) != 2 || found[1] != "bb" {
				t.Errorf("found %q", found)
			}
		})
	}
	all.Wait()
	if p.MatchString("b") || p.String() != `^a(b+)$` {
		t.Errorf("%s matches b, or isn't its text", p)
	}
}
