// Package session opens registries for a command: the credential of the first
// source that has one, the embedded registry, the log of requests.
package session

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/foreign"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// Session is what a command has of the world outside, and the registries that
// it has opened. Everything from outside is given in, so nothing below reads
// os.Stdin or asks os.Getenv by itself. A session is not for concurrent use.
type Session struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Now            func() time.Time
	// LocalOptions makes the emulator behind local/... over a folder.
	LocalOptions func(dir string) *emulator.Options

	// Management is a resource manager to ask instead of Azure's.
	Management *Management

	// Set by the global flags.
	Quiet           bool // no notes
	Debug           string
	Retries         int
	CredentialFlags creds.Flags
	PlainHTTP       []string // hosts that may be read without TLS

	// Busy says that progress is shown, which tells of waits itself.
	Busy bool

	// Paced slows the clients down for registries that say how few calls they have
	// left: for commands that read much and are in no hurry.
	Paced bool

	// FlagsElsewhere says that the flags' credential is another registry's than
	// the embedded one.
	FlagsElsewhere bool

	hearing    sync.Mutex      // guards heard, from every client of the session
	heard      map[string]bool // warnings of servers that were shown
	http       *http.Client
	RequestLog *RequestLog
	flagLink   *creds.Link
	registries map[opened]*Registry
	warned     map[string]bool
	foreign    map[reference.Host]*foreign.Registry
	closers    []func() error
}

// BlobRetries is --retries as the library takes it: 0 for its default, a
// negative number for none.
func (s *Session) BlobRetries() int {
	switch s.Retries {
	case DefaultRetries:
		return 0
	case 0:
		return -1
	}
	return s.Retries
}

// Another is a session that was given the same, and has nothing open yet.
func (s *Session) Another() *Session {
	return &Session{
		Stdin: s.Stdin, Stdout: s.Stdout, Stderr: s.Stderr, Getenv: s.Getenv, Now: s.Now, LocalOptions: s.LocalOptions,
		Management: s.Management, Quiet: s.Quiet, Debug: s.Debug, Retries: s.Retries, CredentialFlags: s.CredentialFlags,
		PlainHTTP: s.PlainHTTP, Paced: s.Paced, FlagsElsewhere: s.FlagsElsewhere, RequestLog: s.RequestLog, flagLink: s.flagLink,
	}
}

// OnClose registers what has to be closed when the command is done; the last
// registered is closed first.
func (s *Session) OnClose(f func() error) { s.closers = append(s.closers, f) }

func (s *Session) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// Note writes a line for the person to standard error.
func (s *Session) Note(format string, args ...any) {
	if !s.Quiet {
		fmt.Fprintf(s.Stderr, format+"\n", args...)
	}
}

// StdinIsFree refuses to read content and a secret from standard input: it
// holds one of them.
func (s *Session) StdinIsFree() error {
	if !s.CredentialFlags.PasswordStdin && !s.CredentialFlags.TokenStdin {
		return nil
	}
	return failure.Usagef("standard input can't hold both what is sent and the secret; sign in with acrkit login first, or set ACR_USERNAME and ACR_PASSWORD")
}
