// Package strict marks the contexts of calls that ask the library for more than
// v0.2.3 of the official library does. Its methods keep that library's behaviour
// to the letter for everybody else: arguments are passed on, responses are taken
// as they come, errors are azcore's own. The library's own callers, artifact,
// diagnose and the command, want names checked before anything is sent, content
// verified, and errors that say what was done to what.
package strict

import "context"

type key struct{}

// Context returns a context whose calls are strict.
func Context(ctx context.Context) context.Context {
	if ctx == nil || Is(ctx) {
		return ctx
	}
	return context.WithValue(ctx, key{}, true)
}

// Is reports whether the calls of ctx are strict.
func Is(ctx context.Context) bool { return ctx != nil && ctx.Value(key{}) != nil }
