package strict

import (
	"context"
	"testing"
)

func TestContext(t *testing.T) {
	ctx := context.Background()
	if Is(ctx) || Is(nil) || !Is(Context(Context(ctx))) || Context(nil) != nil { //nolint:staticcheck // nil is what is tested
		t.Error("a context isn't what it was made")
	}
}
