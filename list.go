package azcontainerregistry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/acrkit/azcontainerregistry/internal/wire"
)

const (
	// maxEmptyPages is how many pages without an item may follow each other
	// before a listing is taken to be endless.
	maxEmptyPages = 100

	// maxRepeats is how many pages may end as an earlier one did before a
	// listing is taken to go in circles. Some may: an order by time changes
	// while somebody pushes.
	maxRepeats = 100

	// pageAttempts is how often a page is asked for whose body breaks off.
	pageAttempts = 4

	// pagePause is how long to wait before asking again, times the attempt.
	pagePause = 200 * time.Millisecond
)

// listing is a paged list at the registry: where it begins, and what each page
// must keep of it.
type listing struct {
	registry *registry
	path     string
	first    url.Values
	// sticky are parameters that the registry's links leave out, though without
	// them the next page is another list's (ACR protocol §3.1).
	sticky url.Values
	scope  string
}

// page is a response of a listing whose body hasn't been read yet.
type page struct {
	address string
	resp    *http.Response
	// buffered says that the pipeline has read the body, so that policies, logs
	// and whoever captures the response have it, too.
	buffered bool
	// link is the Link header as it came, if there is a next page; next is the address
	// that it points to, or nextErr why that is none.
	link    string
	next    string
	nextErr error
}

func (l *listing) start() string {
	query := url.Values{}
	for _, values := range []url.Values{l.first, l.sticky} {
		for k, v := range values {
			query[k] = v
		}
	}
	return l.registry.address(l.path, query.Encode())
}

// open asks for a page and reads the header of the response.
func (l *listing) open(ctx context.Context, address string) (*page, error) {
	req, err := l.registry.newRequestTo(ctx, http.MethodGet, address, l.scope)
	if err != nil {
		return nil, err
	}
	req.Raw().Header.Set("Accept", "application/json")
	buffered := l.registry.logBodies || captures(ctx)
	if !buffered {
		streamResponse(req)
	}
	resp, err := l.registry.send(l.registry.api, req, http.StatusOK)
	if err != nil {
		return nil, err
	}
	p := &page{address: address, resp: resp, buffered: buffered}
	target, err := wire.NextLink(resp.Header.Values("Link"))
	switch {
	case err != nil:
		p.nextErr = err
	case target != "":
		p.next, p.nextErr = l.follow(req.Raw().URL, target)
	}
	if p.next != "" || p.nextErr != nil {
		p.link = strings.Join(resp.Header.Values("Link"), ", ")
	}
	return p, nil
}

// read reads the body of a page into buf, whose memory it uses, and closes it.
// A body that breaks off is asked for again.
func (l *listing) read(ctx context.Context, p *page, buf []byte) ([]byte, error) {
	if p.buffered {
		data, err := runtime.Payload(p.resp)
		return append(buf[:0], data...), err
	}
	for attempt := 1; ; attempt++ {
		data, err := readPage(p.resp, buf[:0])
		if err == nil {
			return data, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if errors.Is(err, responseTooLargeError{}) {
			return nil, err
		}
		if attempt == pageAttempts {
			return nil, &RetriesExhaustedError{Attempts: attempt, Err: redactError(err)}
		}
		pause := time.NewTimer(time.Duration(attempt) * pagePause)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil, ctx.Err()
		case <-pause.C:
		}
		again, err := l.open(ctx, p.address)
		if err != nil {
			return nil, err
		}
		*p = *again
	}
}

func readPage(resp *http.Response, buf []byte) ([]byte, error) {
	defer resp.Body.Close()
	if n := resp.ContentLength; n > maxResponse {
		return nil, responseTooLargeError{}
	} else if n > int64(cap(buf)) {
		// One more byte, so that the end is seen without growing.
		buf = make([]byte, 0, n+1)
	}
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := resp.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
		if len(buf) > maxResponse {
			return nil, responseTooLargeError{}
		}
	}
}

func (c *Client) apiListing(path string, first url.Values, scope string) *listing {
	first.Set("api-version", c.registry().apiVersion)
	return &listing{registry: c.registry(), path: path, first: first, sticky: url.Values{}, scope: scope}
}

func (c *Client) repositoryListing(options *ClientListRepositoriesOptions) *listing {
	var o ClientListRepositoriesOptions
	if options != nil {
		o = *options
	}
	return c.apiListing("/acr/v1/_catalog", pageQuery(o.Last, o.MaxNum, nil), catalogScope)
}

func (c *Client) tagListing(name string, options *ClientListTagsOptions) (*listing, error) {
	var o ClientListTagsOptions
	if options != nil {
		o = *options
	}
	l := c.apiListing(repositoryPath(name)+"/_tags", pageQuery(o.Last, o.MaxNum, (*string)(o.OrderBy)), readScope(name))
	if o.Digest != nil {
		l.sticky.Set("digest", *o.Digest)
		return l, checkAll(checkRepository("name", name), checkDigest("Digest", *o.Digest))
	}
	return l, checkRepository("name", name)
}

func (c *Client) manifestListing(name string, options *ClientListManifestsOptions) (*listing, error) {
	var o ClientListManifestsOptions
	if options != nil {
		o = *options
	}
	l := c.apiListing(repositoryPath(name)+"/_manifests", pageQuery(o.Last, o.MaxNum, (*string)(o.OrderBy)), readScope(name))
	return l, checkRepository("name", name)
}
