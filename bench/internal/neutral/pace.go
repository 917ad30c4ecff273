package neutral

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// step is how many bytes move between two looks at the clock and the fault
// schedule: 2.6 ms at 50 MB/s.
const step = 128 << 10

// catchUp is how much of a late wake-up is made good afterwards, so that the
// coarse timers of a busy machine don't lower the rate that was asked for.
const catchUp = 25 * time.Millisecond

type paceKey struct{}

// pace is the bandwidth of one connection.
type pace struct {
	mu   sync.Mutex
	next time.Time
}

func paceOf(r *http.Request) *pace {
	p, _ := r.Context().Value(paceKey{}).(*pace)
	return p
}

// spend waits until n more bytes fit the rate.
func (p *pace) spend(ctx context.Context, n, bytesPerSecond int64) {
	if p == nil || bytesPerSecond <= 0 {
		return
	}
	p.mu.Lock()
	now := time.Now()
	if earliest := now.Add(-catchUp); p.next.Before(earliest) {
		p.next = earliest
	}
	p.next = p.next.Add(time.Duration(float64(n) / float64(bytesPerSecond) * float64(time.Second)))
	wait := p.next.Sub(now)
	p.mu.Unlock()
	if wait > 0 {
		sleep(ctx, wait)
	}
}

// begin keeps an idle connection from saving up bandwidth.
func (p *pace) begin() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); p.next.Before(now) {
		p.next = now
	}
}

// listener gives each connection the round trip of its handshake, and TLS where
// the stage wants it.
type listener struct {
	net.Listener
	secure *tls.Config
	config func() Config
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c, nil
	}
	stage := l.config()
	plain := &conn{TCPConn: tcp, handshake: stage.RTT}
	if stage.TLS {
		return tls.Server(plain, l.secure), nil
	}
	return plain, nil
}

// conn embeds the TCP connection, so that sending files stays sendfile.
type conn struct {
	*net.TCPConn
	once      sync.Once
	handshake time.Duration
}

func (c *conn) Read(p []byte) (int, error) {
	c.once.Do(func() {
		if c.handshake > 0 {
			time.Sleep(c.handshake)
		}
	})
	return c.TCPConn.Read(p)
}
