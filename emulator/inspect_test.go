package emulator_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/acrkit/azcontainerregistry/emulator"
)

func TestRequestsAreRecorded(t *testing.T) {
	d := start(t, emulator.Policies{})
	bearer := "Bearer " + d.accessToken(d.refreshToken(guidA), "repository:team/app:pull,push")
	data := []byte("content")
	digest := d.push("team/app", bearer, data)
	d.do(http.MethodGet, "/v2/team/app/blobs/"+digest, bearer, nil, "X-Ms-Correlation-Request-Id", "mine")
	type seen struct {
		Route, Method, Repository, Identity string
		Status                              int
		Received, Sent                      int64
	}
	got := []seen{}
	requests := d.Emulator.Requests()
	for i, r := range requests {
		if r.Number != int64(i+1) || r.Time.IsZero() {
			t.Errorf("request %d has number %d and time %v", i, r.Number, r.Time)
		}
		sent := r.SentBytes
		if r.Route == emulator.RouteOAuthToken || r.Route == emulator.RouteOAuthExchange || r.Route == "get-blob" {
			sent = 0 // the length of tokens and signed URLs varies
		}
		if strings.HasPrefix(string(r.Route), "oauth") {
			r.ReceivedBytes = 0
		}
		got = append(got, seen{string(r.Route), r.Method, r.Repository, r.Identity, r.Status, r.ReceivedBytes, sent})
	}
	if diff := cmp.Diff([]seen{
		{"oauth-exchange", "POST", "", guidA, 200, 0, 0},
		{"oauth-token", "POST", "", guidA, 200, 0, 0},
		{"start-upload", "POST", "team/app", guidA, 202, 0, 0},
		{"finish-upload", "PUT", "team/app", guidA, 201, int64(len(data)), 0},
		{"get-blob", "GET", "team/app", guidA, 307, 0, 0},
		{"data", "GET", "", "", 200, 0, int64(len(data))},
	}, got); diff != "" {
		t.Error(diff)
	}
	token := requests[1]
	if !slices.Equal(token.Asked, []string{"repository:team/app:pull,push"}) || !slices.Equal(token.Granted, token.Asked) {
		t.Errorf("asked %q, granted %q", token.Asked, token.Granted)
	}
	if blob := requests[4]; blob.CorrelationID != "mine" || blob.Reference != digest || !slices.Equal(blob.Needed, []string{"repository:team/app:pull"}) {
		t.Errorf("got %+v", blob)
	}
	if data := requests[5]; data.Reference != digest || strings.Contains(data.Path, "sig=") {
		t.Errorf("got %+v", data)
	}
	if counts := d.Emulator.RequestCounts(); counts["start-upload"] != 1 || counts["oauth-token"] != 1 {
		t.Errorf("counts %v", counts)
	}
	d.Emulator.ResetRequests()
	if n := len(d.Emulator.Requests()) + len(d.Emulator.RequestCounts()); n != 0 {
		t.Errorf("%d are left", n)
	}
}

func TestSnapshotAndReset(t *testing.T) {
	d := start(t, emulator.Policies{})
	bearer := d.owner("team/app")
	const empty = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`
	for _, tag := range []string{"v1", "v2"} {
		got := d.do(http.MethodPut, "/v2/team/app/manifests/"+tag, bearer, strings.NewReader(empty), "Content-Type", "application/vnd.oci.image.index.v1+json")
		if got.StatusCode != http.StatusCreated {
			t.Fatalf("put: %s %s", got.Status, got.body)
		}
	}
	digest := digestOf([]byte(empty))
	want := emulator.Snapshot{Registry: "acrkit", Repositories: []emulator.RepositorySnapshot{{
		Name: "team/app", Tags: map[string]string{"v1": digest, "v2": digest},
		Manifests: []emulator.ManifestSnapshot{{
			Digest: digest, MediaType: "application/vnd.oci.image.index.v1+json", Size: int64(len(empty)), Tags: []string{"v1", "v2"},
		}},
	}}}
	got, err := d.Emulator.Snapshot("acrkit")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	blob := d.push("team/app", bearer, []byte("a blob"))
	upload := d.startUpload("team/app", bearer)
	if err := d.Emulator.Reset(); err != nil {
		t.Fatal(err)
	}
	for path, status := range map[string]int{"/v2/team/app/blobs/" + blob: 404, upload: 404} {
		if got := d.do(http.MethodHead, path, bearer, nil); got.StatusCode != status {
			t.Errorf("%s after a reset: %s", path, got.Status)
		}
	}
	d.Emulator.ResetRequests()
	got, err = d.Emulator.Snapshot("acrkit")
	if err != nil || len(got.Repositories) != 0 || len(d.Emulator.Requests()) != 0 {
		t.Errorf("after a reset: %+v, %v", got, err)
	}
	if _, err := d.Emulator.Snapshot("other"); err == nil {
		t.Error("a snapshot of an unknown registry")
	}
}
