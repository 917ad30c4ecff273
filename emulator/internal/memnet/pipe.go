package memnet

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// pipeSize is the buffer of one direction of an in-memory connection. It
// must stay well inside the second-level cache: bytes that went cold between
// writer and reader cost more than the copies themselves.
const PipeSize = 256 << 10

// pipe is one direction of an in-memory connection: a ring that one side
// fills and the other drains. Unlike net.Pipe it is buffered, so that a
// writer does not wait for a reader, as with a socket.
type pipe struct {
	mu       sync.Mutex
	readable sync.Cond
	writable sync.Cond
	buf      []byte
	start    int
	size     int
	// writeErr is what the reader gets once the buffer is drained: io.EOF
	// after an orderly close.
	writeErr error
	// readErr is what the writer gets, at once: the reader is gone.
	readErr       error
	readDeadline  deadline
	writeDeadline deadline
}

func newPipe() *pipe {
	p := &pipe{}
	p.readable.L = &p.mu
	p.writable.L = &p.mu
	return p
}

// deadline is a point in time after which one side of a pipe gives up.
type deadline struct {
	timer   *time.Timer
	expired bool
}

// set arms d. The caller holds the pipe's lock; wake is called when the
// deadline has passed.
func (d *deadline) set(mu *sync.Mutex, t time.Time, wake *sync.Cond) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.expired = false
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		d.expired = true
		wake.Broadcast()
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		mu.Lock()
		defer mu.Unlock()
		// A deadline set since then has replaced this one.
		if d.timer == timer {
			d.expired = true
			wake.Broadcast()
		}
	})
	d.timer = timer
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

// free returns the longest contiguous unused stretch of the ring.
func (p *pipe) free() []byte {
	if p.buf == nil {
		p.buf = make([]byte, PipeSize)
	}
	if p.size == 0 {
		p.start = 0
	}
	end := p.start + p.size
	if end >= len(p.buf) {
		return p.buf[end-len(p.buf) : p.start]
	}
	return p.buf[end:]
}

// filled returns the longest contiguous used stretch of the ring.
func (p *pipe) filled() []byte {
	end := min(p.start+p.size, len(p.buf))
	return p.buf[p.start:end]
}

func (p *pipe) drop(n int) {
	p.start += n
	if p.start == len(p.buf) {
		p.start = 0
	}
	p.size -= n
}

// waitReadable waits until there is something to read. The caller holds the
// lock.
func (p *pipe) waitReadable() error {
	for {
		switch {
		// What arrived before the end can still be read, as on Linux, be the
		// end a close or a reset.
		case p.writeErr != nil && p.size == 0:
			return p.writeErr
		case p.readErr != nil:
			return net.ErrClosed
		case p.readDeadline.expired:
			return os.ErrDeadlineExceeded
		case p.size > 0:
			return nil
		}
		p.readable.Wait()
	}
}

// waitWritable waits until there is space. The caller holds the lock.
func (p *pipe) waitWritable() error {
	for {
		switch {
		case p.writeErr != nil:
			return net.ErrClosed
		case p.readErr != nil:
			return p.readErr
		case p.writeDeadline.expired:
			return os.ErrDeadlineExceeded
		case p.size < PipeSize:
			return nil
		}
		p.writable.Wait()
	}
}

func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(b) == 0 {
		return 0, nil
	}
	if err := p.waitReadable(); err != nil {
		return 0, err
	}
	n := 0
	for n < len(b) && p.size > 0 {
		c := copy(b[n:], p.filled())
		p.drop(c)
		n += c
	}
	p.writable.Signal()
	return n, nil
}

func (p *pipe) write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(b) {
		if err := p.waitWritable(); err != nil {
			return n, err
		}
		c := copy(p.free(), b[n:])
		p.size += c
		n += c
		p.readable.Signal()
	}
	return n, nil
}

// readFrom fills the ring straight from r, which saves the copy that a
// buffer in between would cost. Only one writer may be at work.
func (p *pipe) readFrom(r io.Reader) (int64, error) {
	var total int64
	for {
		p.mu.Lock()
		if err := p.waitWritable(); err != nil {
			p.mu.Unlock()
			return total, err
		}
		room := p.free()
		p.mu.Unlock()
		// The reader never touches the free part, so reading into it without
		// the lock is safe, and r may take its time.
		n, err := r.Read(room)
		if n > 0 {
			p.mu.Lock()
			p.size += n
			total += int64(n)
			p.readable.Signal()
			p.mu.Unlock()
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return total, err
		}
	}
}

// closeWrite ends the stream: the reader gets err once it has drained it.
func (p *pipe) closeWrite(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.writeErr == nil {
		p.writeErr = err
	}
	p.writeDeadline.stop()
	p.readable.Broadcast()
	p.writable.Broadcast()
}

// closeRead tells the writer that nobody reads any more.
func (p *pipe) closeRead(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.readErr == nil {
		p.readErr = err
	}
	p.readDeadline.stop()
	p.readable.Broadcast()
	p.writable.Broadcast()
}

func (p *pipe) setReadDeadline(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.readDeadline.set(&p.mu, t, &p.readable)
}

func (p *pipe) setWriteDeadline(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writeDeadline.set(&p.mu, t, &p.writable)
}

// Conn is one end of an in-memory connection.
type Conn struct {
	in, out       *pipe
	local, remote addr
	// secure says that the client asked for https. There is no TLS in
	// memory; the flag makes the server respond as if there were.
	secure bool
}

// newMemoryConns returns the two ends of a connection.
func NewConns(client, server addr, secure bool) (clientEnd, serverEnd *Conn) {
	up, down := newPipe(), newPipe()
	clientEnd = &Conn{in: down, out: up, local: client, remote: server, secure: secure}
	serverEnd = &Conn{in: up, out: down, local: server, remote: client, secure: secure}
	return clientEnd, serverEnd
}

func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.in.read(b)
	return n, c.wrap("read", err)
}

func (c *Conn) Write(b []byte) (int, error) {
	n, err := c.out.write(b)
	return n, c.wrap("write", err)
}

func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	return c.out.readFrom(r)
}

// Close ends the connection in order: the peer may read what was written.
func (c *Conn) Close() error {
	c.out.closeWrite(io.EOF)
	c.in.closeRead(syscall.EPIPE)
	return nil
}

// Reset ends the connection as a TCP reset does: the peer gets ECONNRESET,
// after what had arrived before.
func (c *Conn) Reset() {
	c.out.closeWrite(syscall.ECONNRESET)
	c.in.closeRead(syscall.ECONNRESET)
}

func (c *Conn) LocalAddr() net.Addr  { return c.local }
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

func (c *Conn) SetDeadline(t time.Time) error {
	c.in.setReadDeadline(t)
	c.out.setWriteDeadline(t)
	return nil
}

func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.setReadDeadline(t)
	return nil
}

func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.setWriteDeadline(t)
	return nil
}

// wrap gives err the form that a socket's errors have.
func (c *Conn) wrap(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &net.OpError{Op: op, Net: c.local.Network(), Source: c.local, Addr: c.remote, Err: err}
}

// memoryAddr is an address of an in-memory connection, in the form
// "host:port".
type addr string

func (addr) Network() string  { return "memory" }
func (a addr) String() string { return string(a) }
