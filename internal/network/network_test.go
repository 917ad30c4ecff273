package network

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// content is a body that notes how much is asked for at once.
type content struct {
	io.Reader
	asked []int
}

func (c *content) Read(p []byte) (int, error) {
	c.asked = append(c.asked, len(p))
	return c.Reader.Read(p)
}

func newTestTransport(t *testing.T) *http.Transport {
	transport := NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func TestBodiesGoInLargePieces(t *testing.T) {
	data := make([]byte, 3<<20)
	random := rand.NewChaCha8([32]byte{})
	random.Read(data)
	var got []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	body := &content{Reader: bytes.NewReader(data)}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = int64(len(data))
	resp, err := newTestTransport(t).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if !bytes.Equal(got, data) {
		t.Errorf("%d bytes arrived that differ from the %d sent", len(got), len(data))
	}
	if largest := slices.Max(body.asked); largest != bulkBuffer {
		t.Errorf("at most %d bytes were asked for at once, want %d", largest, bulkBuffer)
	}
}

func TestBodyFailsWithItsOwnError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer server.Close()
	broken := errors.New("broken")
	body := io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), readerFunc(func([]byte) (int, error) { return 0, broken }))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 2 << 20
	resp, err := newTestTransport(t).RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

func TestBodyStopsWithItsContext(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	endless := readerFunc(func(p []byte) (int, error) { return len(p), nil })
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+listener.Addr().String(), endless)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 1 << 40
	transport, ended := newTestTransport(t), make(chan error)
	go func() {
		resp, err := transport.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
		}
		ended <- err
	}()
	// Nobody reads: once the connection is there, the sender blocks in it.
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it to be cancelled", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// piecemeal is a body whose content goes in pieces, all but what is read first.
type piecemeal struct {
	*bytes.Reader
	pieces [][]byte
	read   int
}

func (p *piecemeal) InPieces() bool { return true }
func (p *piecemeal) Close() error   { return nil }

func (p *piecemeal) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	p.read += n
	return n, err
}

func (p *piecemeal) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for p.Len() > 0 {
		piece := make([]byte, min(p.Len(), bulkBuffer))
		if _, err := p.Reader.Read(piece); err != nil {
			return written, err
		}
		p.pieces = append(p.pieces, piece)
		n, err := w.Write(piece)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

func TestBodyInPiecesIsNotCopied(t *testing.T) {
	data := make([]byte, 3<<20)
	random := rand.NewChaCha8([32]byte{})
	random.Read(data)
	for name, c := range map[string]struct {
		stated int64
		works  bool
	}{"as long as stated": {3 << 20, true}, "longer": {3<<20 - 1, false}} {
		t.Run(name, func(t *testing.T) {
			var got []byte
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got, _ = io.ReadAll(r.Body)
			}))
			body := &piecemeal{Reader: bytes.NewReader(data)}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL, body)
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = c.stated
			resp, err := newTestTransport(t).RoundTrip(req)
			if err == nil {
				resp.Body.Close()
			}
			server.Close() // waits for the handler
			if c.works != (err == nil) {
				t.Errorf("error %v", err)
			}
			if c.works && !bytes.Equal(got, data) {
				t.Errorf("%d bytes arrived that differ from the %d sent", len(got), len(data))
			}
			if len(got) > int(c.stated) {
				t.Errorf("%d bytes arrived of a body of %d", len(got), c.stated)
			}
			if body.read > writeBuffer || len(body.pieces) < 3<<20/bulkBuffer-1 {
				t.Errorf("%d bytes were copied, %d pieces not", body.read, len(body.pieces))
			}
		})
	}
}
