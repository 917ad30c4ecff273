package strict

import (
	"context"
	"testing"
)

func TestContext(t *testing.T) {
	ctx := context.Background()
	var none context.Context
	if Is(ctx) || Is(none) || !Is(Context(Context(ctx))) || Context(none) != nil {
		t.Error("a context isn't what it was made")
	}
}
