package azcontainerregistry

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"unicode"

	"github.com/acrkit/azcontainerregistry/internal/names"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// checkArguments returns the first of errs for a strict caller. The methods of
// v0.2.3 pass on what they get and let the registry check it, except for names that
// are empty, without which no path can be made.
func checkArguments(ctx context.Context, errs ...error) error {
	err := checkAll(errs...)
	var argument *ArgumentError
	if strict.Is(ctx) {
		return err
	}
	for _, err := range errs {
		if errors.As(err, &argument) && argument.Value == "" && argument.Argument == strings.ToLower(argument.Argument) && !optionalArguments[argument.Argument] {
			return errors.New("parameter " + argument.Argument + " cannot be empty")
		}
	}
	return nil
}

// optionalArguments may be empty: they don't stand in a path.
var optionalArguments = map[string]bool{"from": true, "mount": true}

func checkRepository(argument, name string) error {
	return checkName(names.IsRepository, argument, name, names.RepositoryRule)
}

func checkTag(argument, tag string) error {
	return checkName(names.IsTag, argument, tag, names.TagRule)
}

// checkDigest lets other algorithms than SHA-256 pass: whether the service has
// them is not known.
func checkDigest(argument, digest string) error {
	return checkName(names.IsDigest, argument, digest, names.DigestRule)
}

// checkReference checks a tag or a digest: only a digest has a colon.
func checkReference(argument, reference string) error {
	if strings.Contains(reference, ":") {
		return checkDigest(argument, reference)
	}
	return checkName(names.IsTag, argument, reference, names.ReferenceRule)
}

func checkName(is func(string) bool, argument, name, rule string) error {
	if !is(name) {
		return &ArgumentError{Argument: argument, Value: shorten(name), Rule: "must be " + rule}
	}
	return nil
}

func checkUsername(name string) error {
	switch {
	case name == "":
		return &ArgumentError{Argument: "username", Rule: "must not be empty"}
	case strings.TrimSpace(name) != name || strings.ContainsFunc(name, unicode.IsControl):
		return &ArgumentError{Argument: "username", Value: shorten(name), Rule: "must not begin or end with white space, nor hold control characters"}
	}
	return nil
}

func checkAll(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// shorten bounds what of an argument goes into an error.
func shorten(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// isNil also finds a nil pointer within an interface: a credential declared as
// *azidentity.X and never set.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan:
		return r.IsNil()
	}
	return false
}
