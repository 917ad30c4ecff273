// Package network makes connections that move blobs fast.
package network

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// idleConnections is how many connections to one host are kept: with
	// net/http's two, 32 goroutines open hundreds.
	idleConnections = 128

	// writeBuffer is the size of a connection's buffer for writing. net/http's
	// 4 KiB cost a system call each time a blob moves on by so much.
	writeBuffer = 64 << 10

	// readBuffer holds the head of a response and what comes with it. The parts
	// of a blob that are at least as long go past it, without a copy.
	readBuffer = 16 << 10

	// bulkBuffer is how much of a body goes at once into a connection that
	// isn't encrypted. The 32 KiB of package io cost a switch from the sender
	// to the receiver each, and a quarter of the time in all; more than this
	// brings no more when twenty blobs move, and takes memory.
	bulkBuffer = 256 << 10
)

// NewTransport returns a transport for the login servers and data hosts of
// registries. It reads the proxies of the environment. The caller may change it
// before its first use, and closes its idle connections.
func NewTransport() *http.Transport {
	protocols := new(http.Protocols)
	// HTTP/2 moves bulk data at half the speed of HTTP/1.1 in Go, and all its
	// streams of a host share one connection.
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dial,
		Protocols:             protocols,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   15 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   idleConnections,
		ReadBufferSize:        readBuffer,
		WriteBufferSize:       writeBuffer,
	}
}

var dialer = net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := dialer.DialContext(ctx, network, address)
	if tcp, ok := conn.(*net.TCPConn); ok {
		return &bulkConn{tcp}, nil
	}
	return conn, err
}

// bulkConn is a connection that takes bodies in large pieces.
type bulkConn struct{ *net.TCPConn }

var bulkBuffers = sync.Pool{New: func() any { return new([bulkBuffer]byte) }}

// Pieces is a request's body whose content is there in large pieces: they go
// into a connection as they are, without a copy.
type Pieces interface {
	io.WriterTo

	// InPieces reports whether WriteTo hands on such pieces.
	InPieces() bool
}

// ReadFrom sends what r has. net/http gives it a body of known length within an
// [io.LimitedReader], which hides what the body can do.
func (c *bulkConn) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		if body, ok := limited.R.(Pieces); ok && body.InPieces() {
			n, err := body.WriteTo(&limitedWriter{to: c.TCPConn, left: limited.N})
			limited.N -= n
			return n, err
		}
	}
	buffer := bulkBuffers.Get().(*[bulkBuffer]byte)
	defer bulkBuffers.Put(buffer)
	// The connection's own ReadFrom would take its own buffer.
	return io.CopyBuffer(struct{ io.Writer }{c.TCPConn}, r, buffer[:])
}

// limitedWriter takes so many bytes and no more: a body that is longer than its
// request's Content-Length must not become part of the next request.
type limitedWriter struct {
	to   io.Writer
	left int64
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	over := int64(len(p)) > w.left
	if over {
		p = p[:w.left]
	}
	n, err := w.to.Write(p)
	w.left -= int64(n)
	if err == nil && over {
		err = errLongBody
	}
	return n, err
}

var errLongBody = errors.New("request body is longer than its Content-Length")
