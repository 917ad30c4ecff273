// Package memnet joins an HTTP server and its client by connections in memory.
package memnet

import (
	"cmp"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
)

// Connection reaches an emulator without a port: an HTTP server and an HTTP
// client joined by buffered pipes in memory. Everything that can happen to a
// real connection can happen to this one, cuts and resets included, and both
// ends run on the timers of the [testing/synctest] bubble that opened it.
//
// A Connection is safe for concurrent use. Close it when done.
type Connection struct {
	resolves  func(host string) bool
	listener  *listener
	server    *http.Server
	transport *http.Transport
	conns     ConnTracker
	served    chan struct{}
	stop      context.CancelFunc
	nextPort  atomic.Int64
	closed    atomic.Bool
	clientIP  string
}

// Options are what a Connection needs.
type Options struct {
	Handler http.Handler
	// resolves reports whether a host is served by the handler.
	Resolves func(host string) bool
	// clientAddress is the address that the handler sees its clients at.
	// Empty means 127.0.0.1.
	ClientAddress string
}

// Serve starts serving a handler over memory, by https and by http
// alike.
func Serve(o Options) *Connection {
	c := &Connection{
		resolves: o.Resolves,
		listener: NewListener(),
		served:   make(chan struct{}),
		clientIP: cmp.Or(o.ClientAddress, "127.0.0.1"),
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.server = &http.Server{
		Handler:     o.Handler,
		ConnContext: ConnContext,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState:   c.conns.Track,
		// What net/http has to say here is about connections that a test cut.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	c.transport = &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return c.dial(ctx, address, false)
		},
		DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return c.dial(ctx, address, true)
		},
		MaxIdleConnsPerHost: 64,
		ReadBufferSize:      64 << 10,
		WriteBufferSize:     64 << 10,
		DisableCompression:  true,
	}
	go func() {
		defer close(c.served)
		_ = c.server.Serve(c.listener)
	}()
	return c
}

// Transport returns the connection as an [http.RoundTripper]. Redirects are
// left to the caller, as with every round tripper.
func (c *Connection) Transport() http.RoundTripper { return c.transport }

// Client returns an HTTP client over the connection. It satisfies azcore's
// policy.Transporter.
func (c *Connection) Client() *http.Client { return &http.Client{Transport: c.transport} }

// DialContext opens a connection to the emulator as an address of the form
// host:port. It is what a transport of the caller's own needs; such a
// transport must use http URLs, as there is no TLS in memory.
func (c *Connection) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	return c.dial(ctx, address, false)
}

// Close ends every connection and waits until no request is being served. It
// does not close the emulator.
func (c *Connection) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.stop()
	c.transport.CloseIdleConnections()
	err := c.server.Close()
	<-c.served
	c.conns.Wait()
	return err
}

func (c *Connection) dial(ctx context.Context, address string, secure bool) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	if !c.resolves(host) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{
			Err: "no such host", Name: host, IsNotFound: true,
		}}
	}
	// Ephemeral ports count up from where Linux starts its own.
	client := addr(net.JoinHostPort(c.clientIP, strconv.FormatInt(32768+c.nextPort.Add(1)%28232, 10)))
	clientEnd, serverEnd := NewConns(client, addr(net.JoinHostPort("127.0.0.1", port)), secure)
	if err := c.listener.Offer(ctx, serverEnd); err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	return clientEnd, nil
}

// memoryListener hands the server ends of in-memory connections to a server.
type listener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func NewListener() *listener {
	return &listener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *listener) Offer(ctx context.Context, conn net.Conn) error {
	select {
	case l.conns <- conn:
		return nil
	case <-l.done:
		return net.ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *listener) Addr() net.Addr { return addr("memory:443") }

type connKey struct{}

// ConnContext keeps the connection of a request at hand, for the faults that
// reset it. A server of the caller's own that serves an emulator needs it
// as its [http.Server.ConnContext] for resets; without it they become cuts.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// ConnOf returns the connection of a request, or nil when its server does not
// keep it at hand.
func ConnOf(r *http.Request) net.Conn {
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	return conn
}

// RequestScheme returns the scheme of the URL that the client asked for.
func RequestScheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	if conn, ok := r.Context().Value(connKey{}).(*Conn); ok && conn.secure {
		return "https"
	}
	return "http"
}

// resetLinger makes closing a TCP connection send a reset instead of the rest
// of the data.
const resetLinger = 0

// ResetConn breaks the connection under a request as a lost route or a
// crashed peer would: the client sees ECONNRESET.
func ResetConn(conn net.Conn) {
	type netConner interface{ NetConn() net.Conn }
	if wrapped, ok := conn.(netConner); ok {
		conn = wrapped.NetConn()
	}
	switch conn := conn.(type) {
	case interface{ Reset() }:
		conn.Reset()
	case *net.TCPConn:
		_ = conn.SetLinger(resetLinger)
		_ = conn.Close()
	default:
		_ = conn.Close()
	}
}

// BareHost cuts the port off.
func BareHost(host string) string {
	if bare, _, err := net.SplitHostPort(host); err == nil {
		return bare
	}
	return host
}
