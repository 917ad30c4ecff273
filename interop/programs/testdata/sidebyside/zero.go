package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing/iotest"

	acr "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
)

// zeroValues calls what no constructor made.
func zeroValues(s section) {
	for name, c := range map[string]clients{
		"zero": {&acr.Client{}, &acr.BlobClient{}, &acr.AuthenticationClient{}},
		"nil":  {nil, nil, nil},
	} {
		for _, all := range [][]call{every, options} {
			for _, call := range all {
				s.try(name+" "+call.name, func() (any, error) { return call.do(context.Background(), c) })
			}
		}
		s.try(name+" pager's More", func() (any, error) { return c.NewListTagsPager("app", nil).More(), nil })
	}
	s.try("calculator", func() (any, error) {
		c := connect(nil, with(always(202, "")))
		return c.blobs.UploadChunk(context.Background(), "/v2/x", strings.NewReader("x"), &acr.BlobDigestCalculator{}, nil)
	})
	s.try("calculator completed", func() (any, error) {
		c := connect(nil, with(always(201, "")))
		return c.blobs.CompleteUpload(context.Background(), "/v2/x", &acr.BlobDigestCalculator{}, nil)
	})
	s.try("reader", func() (any, error) { return new(acr.DigestValidationReader).Read(make([]byte, 1)) })
	s.try("reader of nil", func() (any, error) {
		r, err := acr.NewDigestValidationReader(sum, nil)
		if err != nil {
			return nil, errors.New("constructor")
		}
		return r.Read(make([]byte, 1))
	})
	s.try("nil options", func() (any, error) {
		_, err := acr.NewClient(endpoint, nil, nil)
		_, err2 := acr.NewBlobClient(endpoint, nil, nil)
		_, err3 := acr.NewAuthenticationClient(endpoint, nil)
		return []error{err, err2, err3}, nil
	})
	s.try("typed nil credential", func() (any, error) {
		var none *counting
		c, err := acr.NewClient(endpoint, none, &acr.ClientOptions{ClientOptions: with(guarded(challenge, func(*http.Request) *http.Response { return respond(404, refused) }))})
		if err != nil {
			return nil, err
		}
		return c.GetRepositoryProperties(context.Background(), "app", nil)
	})
	var o acr.ClientOptions
	_, err := acr.NewClient(endpoint, nil, &o)
	s.say("options afterwards", []any{fmt.Sprint(err), len(o.Cloud.Services)})
}

// stutter gives an error that passes between two pieces.
type stutter struct {
	pieces []string
	failed bool
}

var errStutter = errors.New("stutter")

func (r *stutter) Read(p []byte) (int, error) {
	if len(r.pieces) == 0 {
		return 0, io.EOF
	}
	if r.failed = !r.failed; !r.failed {
		return 0, errStutter
	}
	n := copy(p, r.pieces[0])
	r.pieces = r.pieces[1:]
	return n, nil
}

// digests reads content that has its digest or not, through readers of all kinds.
func digests(s section) {
	const hello = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	for what, make := range map[string]func() io.Reader{
		"whole": func() io.Reader { return strings.NewReader("hello") }, "bytes": func() io.Reader { return iotest.OneByteReader(strings.NewReader("hello")) },
		"data and error": func() io.Reader { return iotest.DataErrReader(strings.NewReader("hello")) }, "timeout": func() io.Reader { return iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("hello"))) },
		"stutter": func() io.Reader { return &stutter{pieces: []string{"he", "llo"}} }, "other": func() io.Reader { return strings.NewReader("hallo") }, "empty": func() io.Reader { return strings.NewReader("") },
		"broken": func() io.Reader { return iotest.ErrReader(errStutter) },
	} {
		r, err := acr.NewDigestValidationReader(hello, make())
		if err != nil {
			panic(err)
		}
		buffer := [8]byte{}
		for i := range 9 {
			n, err := r.Read(buffer[:])
			s.say(fmt.Sprint(what, " ", i), []any{string(buffer[:n]), fmt.Sprint(err), err == io.EOF, err == acr.ErrMismatchedHash, err == errStutter})
		}
		if what == "data and error" {
			continue
		}
		r, _ = acr.NewDigestValidationReader(hello, make())
		n, err := r.Read(nil)
		s.say(what+" nothing", []any{n, fmt.Sprint(err)})
	}
}
