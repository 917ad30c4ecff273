package main

import (
	"bytes"
	"strings"
	"sync"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

// watcher is a standard error that does something when a text comes by.
type watcher struct {
	mu   sync.Mutex
	all  bytes.Buffer
	when string
	do   func()
}

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.when != "" && strings.Contains(string(p), w.when) {
		w.do()
	}
	return w.all.Write(p)
}

// testApp is an app over buffers, with an environment of its own.
func testApp(environment map[string]string, stderr *watcher) (*app, *bytes.Buffer) {
	stdout := &bytes.Buffer{}
	return &app{
		Session: &session.Session{
			Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr,
			Getenv: func(name string) string { return environment[name] },
			Now:    time.Now, LocalOptions: session.LocalOptions,
		},
	}, stdout
}
