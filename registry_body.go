package azcontainerregistry

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// errStaleBody stops a connection that still reads the body of an attempt that
// has been given up.
var errStaleBody = errors.New("request body belongs to a former attempt")

// requestBody is the body of a request that may be sent several times. A
// transport may keep reading the body of a broken attempt while the next one
// begins: each attempt has a view of its own, and only the newest may read. So
// no attempt moves another's position, and what observes the bytes sees them
// in order.
type requestBody struct {
	mu      sync.Mutex
	source  io.ReadSeeker
	attempt int
	observe bodyObserver
}

// bodyObserver watches the bytes that the newest attempt sends.
type bodyObserver interface {
	// restart says that the body is sent from its beginning.
	restart()
	// sent says which bytes go next. It must not keep them.
	sent(p []byte)
}

// setBody makes source, from its beginning, the body of req. observe may be
// nil. Nothing closes source.
func setBody(req *policy.Request, source io.ReadSeeker, contentType string, observe bodyObserver) error {
	return req.SetBody(&requestBody{source: source, observe: observe}, contentType)
}

// Read is for whoever reads the body outside an attempt.
func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.read(p)
}

func (b *requestBody) read(p []byte) (int, error) {
	n, err := b.source.Read(p)
	if n > 0 && b.observe != nil {
		b.observe.sent(p[:n])
	}
	return n, err
}

// Seek moves the position and ends the attempt under way.
func (b *requestBody) Seek(offset int64, whence int) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.attempt++
	at, err := b.source.Seek(offset, whence)
	if err == nil && b.observe != nil {
		b.observe.restart()
	}
	return at, err
}

// Close leaves the source open: it is its owner's.
func (b *requestBody) Close() error { return nil }

// finish ends the last attempt, then lets f look at what was observed.
func (b *requestBody) finish(f func() error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.attempt++
	return f()
}

// newView begins an attempt.
func (b *requestBody) newView() io.ReadCloser {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &bodyView{body: b, attempt: b.attempt}
}

type bodyView struct {
	body    *requestBody
	attempt int
}

func (v *bodyView) Read(p []byte) (int, error) {
	v.body.mu.Lock()
	defer v.body.mu.Unlock()
	if v.attempt != v.body.attempt {
		return 0, errStaleBody
	}
	return v.body.read(p)
}

func (v *bodyView) Close() error { return nil }

// Bytes returns the form of a token request, for the diagnosis of its failure:
// how it asked for a token is not in the response. It is nil for other bodies.
func (v *bodyView) Bytes() []byte {
	if form, ok := v.body.source.(tokenForm); ok {
		return []byte(form.encoded)
	}
	return nil
}

// tokenForm is the body of a token request.
type tokenForm struct {
	*strings.Reader
	encoded string
}

func newTokenForm(form url.Values) tokenForm {
	encoded := form.Encode()
	return tokenForm{strings.NewReader(encoded), encoded}
}

// sendView is the policy that gives each attempt its view of the body.
func sendView(req *policy.Request) (*http.Response, error) {
	if b, ok := req.Raw().Body.(*sentBody); ok {
		next, err := b.again()
		if err != nil {
			return nil, err
		}
		req.Raw().Body = next
	}
	if b, ok := req.Body().(*requestBody); ok {
		raw := req.Raw()
		raw.Body = b.newView()
		// net/http replays a request by itself when an idle connection turns out
		// to be closed; the replay is an attempt like any other.
		raw.GetBody = func() (io.ReadCloser, error) {
			if _, err := b.Seek(0, io.SeekStart); err != nil {
				return nil, err
			}
			return b.newView(), nil
		}
	}
	return req.Next()
}
