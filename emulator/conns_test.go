package emulator_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator"
)

const stopGrace = 4 * time.Second

// TestServerStopsBesideAnUnusedConnection leaves a connection open that no
// request came over. Waiting for it would be an error, since the grace is shorter than
// net/http's own patience of five seconds.
func TestServerStopsBesideAnUnusedConnection(t *testing.T) {
	server, err := emulator.StartServer(&emulator.ServerOptions{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(server.Endpoint(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The listener accepts in order: once the second is served, the first is
	// known.
	second, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(server.Endpoint(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if _, err := second.Write([]byte("GET /v2/ HTTP/1.1\r\nHost: " + second.RemoteAddr().String() + "\r\nConnection: close\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	_ = second.Close()
	grace, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), stopGrace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}
