// Package network makes connections that move blobs fast.
package network

import (
	"context"
	"crypto/tls"
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

	// readBuffer holds the head of an answer and what comes with it. The parts
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

// ReadFrom sends what r has.
func (c *bulkConn) ReadFrom(r io.Reader) (int64, error) {
	buffer := bulkBuffers.Get().(*[bulkBuffer]byte)
	defer bulkBuffers.Put(buffer)
	// The connection's own ReadFrom would take its own buffer.
	return io.CopyBuffer(struct{ io.Writer }{c.TCPConn}, r, buffer[:])
}
