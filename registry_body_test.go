package azcontainerregistry

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// TestBodyThatWasReadIsNotSentAgain: a transport may still read the body of a
// refused attempt when the next one is made.
func TestBodyThatWasReadIsNotSentAgain(t *testing.T) {
	first := &sentBody{reader: strings.NewReader("content")}
	second, err := first.again()
	if err != nil {
		t.Fatalf("an attempt that read nothing: %v", err)
	}
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, errStaleBody) {
		t.Errorf("the attempt that is over reads on: %v", err)
	}
	if _, err := first.WriteTo(io.Discard); !errors.Is(err, errStaleBody) {
		t.Errorf("the attempt that is over writes on: %v", err)
	}
	if _, err := second.Read(make([]byte, 1)); err != nil {
		t.Errorf("the newest attempt: %v", err)
	}
	if _, err := second.again(); !errors.Is(err, errStaleBody) {
		t.Errorf("a third attempt after one that read: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if _, err := second.Read(make([]byte, 1)); !errors.Is(err, errStaleBody) {
		t.Errorf("a closed attempt reads on: %v", err)
	}
}
