package main

import (
	"context"
	"log"
	"net"
	"net/http"
	"sync"
)

// memoryTransport carries requests to a handler of this process over
// connections that are never seen by the network.
type memoryTransport struct {
	client *http.Client
	server *http.Server
	accept chan net.Conn
	done   chan struct{}
	once   sync.Once
	ended  chan struct{}
}

func newMemoryTransport(handler http.Handler) *memoryTransport {
	m := &memoryTransport{accept: make(chan net.Conn), done: make(chan struct{}), ended: make(chan struct{})}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case m.accept <- far:
			return near, nil
		case <-m.done:
			return nil, net.ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	m.client = &http.Client{
		// Redirects are the client library's business: it decides which
		// headers go along.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		// TLS is left out by answering "dial TLS" with the bare connection.
		Transport: &http.Transport{DialContext: dial, DialTLSContext: dial, MaxIdleConnsPerHost: 16},
	}
	m.server = &http.Server{Handler: handler, ErrorLog: log.New(discard{}, "", 0)}
	go func() {
		defer close(m.ended)
		_ = m.server.Serve(m)
	}()
	return m
}

// Do sends one request.
func (m *memoryTransport) Do(request *http.Request) (*http.Response, error) {
	return m.client.Do(request)
}

func (m *memoryTransport) Accept() (net.Conn, error) {
	select {
	case conn := <-m.accept:
		return conn, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

// Close is the listener's.
func (m *memoryTransport) Close() error {
	m.once.Do(func() { close(m.done) })
	return nil
}

func (m *memoryTransport) Addr() net.Addr { return memoryAddr{} }

func (m *memoryTransport) close() {
	m.client.CloseIdleConnections()
	_ = m.server.Close()
	<-m.ended
}

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "memory" }

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
