package memnet

import (
	"net"
	"net/http"
	"sync"
)

// ConnTracker counts the connections whose goroutine runs. Closing an HTTP
// server closes its connections, but does not wait for what serves them.
type ConnTracker struct {
	running sync.WaitGroup

	mu     sync.Mutex
	unused map[net.Conn]struct{}
}

// Track is an [http.Server.ConnState].
func (t *ConnTracker) Track(conn net.Conn, state http.ConnState) {
	t.mu.Lock()
	if state == http.StateNew {
		if t.unused == nil {
			t.unused = map[net.Conn]struct{}{}
		}
		t.unused[conn] = struct{}{}
	} else {
		delete(t.unused, conn)
	}
	t.mu.Unlock()
	switch state {
	case http.StateNew:
		t.running.Add(1)
	case http.StateClosed, http.StateHijacked:
		t.running.Done()
	}
}

// CloseUnused closes the connections that no request has come over yet, which
// Go's clients open in reserve. [http.Server.Shutdown] would wait five seconds
// for each.
func (t *ConnTracker) CloseUnused() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for conn := range t.unused {
		_ = conn.Close()
	}
}

func (t *ConnTracker) Wait() { t.running.Wait() }
