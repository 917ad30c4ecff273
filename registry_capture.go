package azcontainerregistry

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// uncaptured is the key that marks the context of requests that serve an
// operation: what [policy.WithCaptureResponse] asks for is the operation's own
// response, never one with a token in it, and never one that a goroutine writes
// behind the caller's back.
type uncaptured struct{}

func withoutCapture(ctx context.Context) context.Context {
	return context.WithValue(ctx, uncaptured{}, true)
}

// captureNothing gives a request of such a context a place for its response that
// is nobody else's.
func captureNothing(ctx context.Context) context.Context {
	if ctx == nil || ctx.Value(uncaptured{}) == nil {
		return ctx
	}
	var ignored *http.Response
	return policy.WithCaptureResponse(ctx, &ignored)
}

// capture gives resp to whoever captures the response of ctx's operation. azcore
// alone can do that, so the response takes the shortest way through a pipeline.
func capture(ctx context.Context, resp *http.Response) {
	req, err := runtime.NewRequest(captureNothing(ctx), http.MethodGet, "https://response.invalid")
	if err != nil {
		return
	}
	req.SetOperationValue(captured{resp})
	_, _ = capturing().Do(req)
}

// captures reports whether somebody captures the responses of ctx's operation.
// azcore alone knows the key of that, so it is asked by a request that is never
// sent, whose response goes nowhere.
func captures(ctx context.Context) bool {
	if ctx == nil || ctx.Value(uncaptured{}) != nil {
		return false
	}
	found := false
	capture(captureProbe{ctx, &found}, &http.Response{Body: http.NoBody})
	return found
}

// captureProbe is a context in which the place for a captured response is
// another's.
type captureProbe struct {
	context.Context
	found *bool
}

// Value implements [context.Context].
func (p captureProbe) Value(key any) any {
	value := p.Context.Value(key)
	if _, ok := value.(**http.Response); ok {
		*p.found = true
		return new(*http.Response)
	}
	return value
}

type captured struct{ resp *http.Response }

var capturing = sync.OnceValue(func() runtime.Pipeline {
	respond := policyFunc(func(req *policy.Request) (*http.Response, error) {
		var c captured
		req.OperationValue(&c)
		return c.resp, nil
	})
	return runtime.NewPipeline(moduleName, moduleVersion, runtime.PipelineOptions{PerCall: []policy.Policy{respond}}, nil)
})

// responseOf returns the response that was the reason of err, if one was.
func responseOf(err error) *http.Response {
	var respErr *azcore.ResponseError
	if !errors.As(err, &respErr) {
		return nil
	}
	return respErr.RawResponse
}
