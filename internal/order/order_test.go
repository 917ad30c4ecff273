package order_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/acrkit/azcontainerregistry/internal/order"
)

func TestEqualElementsKeepTheirOrder(t *testing.T) {
	type element struct{ key, place int }
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		got := make([]element, n)
		for i := range got {
			got[i] = element{r.IntN(8), i}
		}
		want := slices.Clone(got)
		byKey := func(a, b element) int { return cmp.Compare(a.key, b.key) }
		slices.SortStableFunc(want, byKey)
		order.By(got, byKey)
		if !slices.Equal(got, want) {
			t.Fatalf("%d elements: %v, want %v", n, got, want)
		}
	}
}
