package emulator

import (
	"net"
	"net/http"
	"sync"
)

// connTracker counts the connections whose goroutine runs. Closing an HTTP
// server closes its connections, but does not wait for what serves them.
type connTracker struct{ running sync.WaitGroup }

// track is an [http.Server.ConnState].
func (t *connTracker) track(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		t.running.Add(1)
	case http.StateClosed, http.StateHijacked:
		t.running.Done()
	}
}

func (t *connTracker) wait() { t.running.Wait() }
