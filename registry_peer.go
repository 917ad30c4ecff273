package azcontainerregistry

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
)

// peer remembers which machine a request went to. Its address tells a registry
// that was reached by its public address from one behind a private endpoint,
// and the response itself does not hold it.
type peer struct {
	context.Context
	host    string
	address *net.TCPAddr // nil when it isn't known
	proxied bool
}

type peerKey struct{}

// Value finds the peer beside what the context holds.
func (p *peer) Value(key any) any {
	if key == (peerKey{}) {
		return p
	}
	return p.Context.Value(key)
}

// watchPeer returns req with a context that learns whom it was sent to.
func watchPeer(req *http.Request) *http.Request {
	p := &peer{Context: req.Context(), host: req.URL.Hostname()}
	return req.WithContext(httptrace.WithClientTrace(p, &httptrace.ClientTrace{GetConn: p.dials, GotConn: p.connected}))
}

// dials is told where the connection goes: to a proxy, if there is one.
func (p *peer) dials(hostPort string) {
	host, _, err := net.SplitHostPort(hostPort)
	p.proxied = err == nil && !strings.EqualFold(host, p.host)
}

func (p *peer) connected(info httptrace.GotConnInfo) {
	if address, ok := info.Conn.RemoteAddr().(*net.TCPAddr); ok && !p.proxied {
		p.address = address
	}
}

// respondedFrom returns the machine that the failed response in err's chain came
// from, and "" when that is not known.
func respondedFrom(err error) string {
	resp := responseOf(err)
	if resp == nil || resp.Request == nil {
		return ""
	}
	if p, ok := resp.Request.Context().Value(peerKey{}).(*peer); ok && p.address != nil {
		return p.address.String()
	}
	return ""
}
