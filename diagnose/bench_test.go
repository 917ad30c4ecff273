package diagnose_test

import (
	"testing"

	"github.com/acrkit/azcontainerregistry/diagnose"
)

// BenchmarkExplain measures the most telling exchange: a refused token whose
// claims are compared with what was asked for. It has to stay under 50 µs.
func BenchmarkExplain(b *testing.B) {
	err := deniedExchange(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := diagnose.Explain(err); !ok {
			b.Fatal("not recognised")
		}
	}
}
