// Command imagecleaner keeps the newest images of each repository and spares what
// a protected tag points to. As cleaners do in their tests, it runs against a
// plain server without authentication that knows four paths, has digests that are
// none, and fails now and then.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
)

// registry is the fake: what is deleted stays away.
type registry struct {
	mu      sync.Mutex
	deleted []string
	paths   []string
	busy    int // how many deletions are refused yet
}

func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// A slash in a name is escaped, so that a path has as many parts as meant.
	parts := strings.Split(strings.TrimPrefix(req.URL.EscapedPath(), "/"), "/")
	r.paths = append(r.paths, req.Method+" "+req.URL.EscapedPath())
	w.Header().Set("Content-Type", "application/json")
	switch {
	case req.URL.Path == "/acr/v1/_catalog":
		io.WriteString(w, `{"repositories":["team/api","team/empty","web"]}`)
	case len(parts) == 4 && parts[2] == "team%2Fempty":
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]}`)
	case len(parts) == 4 && parts[3] == "_manifests" && req.URL.Query().Get("last") == "":
		w.Header().Set("Link", fmt.Sprintf("</acr/v1/%s/_manifests?last=sha256%%3Abbb&n=2>; rel=\"next\"", parts[2]))
		io.WriteString(w, `{"manifests":[{"digest":"sha256:aaa","tags":["v3"],"lastUpdateTime":"2024-03-01T00:00:00Z"},{"digest":"sha256:bbb","tags":["v2","stable"],"lastUpdateTime":"2024-02-01T00:00:00Z"}]}`)
	case len(parts) == 4 && parts[3] == "_manifests":
		io.WriteString(w, `{"manifests":[{"digest":"sha256:ccc","lastUpdateTime":"2024-01-02T00:00:00Z"},{"digest":"sha256:ddd","tags":["v1"],"lastUpdateTime":"2024-01-01T00:00:00Z","changeableAttributes":{"deleteEnabled":false}}]}`)
	case len(parts) == 4 && parts[1] == "team%2Fapi" && parts[2] == "manifests" && req.Method == http.MethodDelete && r.busy > 0:
		r.busy--
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
	case len(parts) == 4 && parts[2] == "manifests" && req.Method == http.MethodDelete:
		r.deleted = append(r.deleted, parts[1]+"@"+parts[3])
		w.WriteHeader(http.StatusAccepted)
	default:
		http.NotFound(w, req)
	}
}

func main() {
	fake := &registry{busy: 2}
	server := httptest.NewServer(fake)
	defer server.Close()
	client, err := azcontainerregistry.NewClient(server.URL, nil, &azcontainerregistry.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: server.Client(),
		Retry:     policy.RetryOptions{MaxRetries: 3, RetryDelay: time.Millisecond, MaxRetryDelay: 2 * time.Millisecond},
	}})
	if err != nil {
		log.Fatalf("failed to create client: %v", err)
	}
	ctx := context.Background()
	repositories := client.NewListRepositoriesPager(nil)
	for repositories.More() {
		page, err := repositories.NextPage(ctx)
		if err != nil {
			log.Fatalf("failed to list: %v", err)
		}
		for _, name := range page.Names {
			if err := clean(ctx, client, *name); err != nil {
				fmt.Printf("%s: skipped: %v\n", *name, err)
			}
		}
	}
	slices.Sort(fake.deleted)
	fmt.Println("deleted", fake.deleted)
	for _, path := range fake.paths {
		fmt.Println(path)
	}
}

// clean deletes all but the two newest manifests of a repository.
func clean(ctx context.Context, client *azcontainerregistry.Client, name string) error {
	pager := client.NewListManifestsPager(name, &azcontainerregistry.ClientListManifestsOptions{
		MaxNum: to.Ptr[int32](2), OrderBy: to.Ptr(azcontainerregistry.ArtifactManifestOrderByLastUpdatedOnDescending),
	})
	kept := 0
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			switch e := err.(type) {
			case *azcore.ResponseError:
				if e.StatusCode == http.StatusNotFound {
					return errors.New("it is gone")
				}
			}
			return err
		}
		for _, manifest := range page.Attributes {
			locked := manifest.ChangeableAttributes != nil && manifest.ChangeableAttributes.CanDelete != nil && !*manifest.ChangeableAttributes.CanDelete
			if kept++; kept <= 2 || locked {
				fmt.Printf("%s@%s kept, %d tags, of %s\n", name, *manifest.Digest, len(manifest.Tags), manifest.LastUpdatedOn.Format(time.DateOnly))
				continue
			}
			if _, err := client.DeleteManifest(ctx, name, *manifest.Digest, nil); err != nil {
				return err
			}
		}
	}
	return nil
}
