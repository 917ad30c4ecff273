package emulator

import (
	"context"
	"net"

	"github.com/acrkit/azcontainerregistry/emulator/internal/memnet"
)

// Connection reaches an [Emulator] without a port: an HTTP server and an HTTP
// client joined by buffered pipes in memory. Close it when done.
type Connection = memnet.Connection

// ConnContext keeps the connection of a request at hand, for the faults that
// reset it. A server of the caller's own that serves an [Emulator] needs it
// as its [http.Server.ConnContext] for resets; without it they become cuts.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	return memnet.ConnContext(ctx, conn)
}

// ConnectOptions are the optional settings of [Emulator.Connect].
type ConnectOptions struct {
	// ClientAddress is the address the emulator sees its clients at, which
	// matters for firewall rules. The zero value means 127.0.0.1.
	ClientAddress string
}

// Connect starts serving the emulator over memory. The hosts that its client
// can reach are the emulator's login servers and data hosts, by https and by
// http alike; any other host does not resolve.
func (e *Emulator) Connect(options *ConnectOptions) *memnet.Connection {
	var o ConnectOptions
	if options != nil {
		o = *options
	}
	return memnet.Serve(memnet.Options{Handler: e, Resolves: e.servesHost, ClientAddress: o.ClientAddress})
}
