package interop

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/registry"
)

// helmClient is the registry client of the command helm. Its methods take no
// context, so the requests get ctx.
func helmClient(ctx context.Context, t *testing.T, s server) *registry.Client {
	t.Helper()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	client, err := registry.NewClient(
		registry.ClientOptPlainHTTP(), registry.ClientOptWriter(io.Discard), registry.ClientOptBasicAuth(s.username, s.password),
		registry.ClientOptCredentialsFile(filepath.Join(t.TempDir(), "config.json")),
		registry.ClientOptHTTPClient(&http.Client{Transport: boundTransport{ctx, transport}}),
	)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// boundTransport sends requests as long as a context lasts.
type boundTransport struct {
	ctx  context.Context
	base http.RoundTripper
}

func (b boundTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	return b.base.RoundTrip(request.WithContext(b.ctx))
}

// chart is a packed chart of that name and version.
func chart(t *testing.T, name, version string) []byte {
	t.Helper()
	var buf bytes.Buffer
	packed := gzip.NewWriter(&buf)
	w := tar.NewWriter(packed)
	data := fmt.Appendf(nil, "apiVersion: v2\nname: %s\nversion: %s\n", name, version)
	err := w.WriteHeader(&tar.Header{Name: name + "/Chart.yaml", Mode: 0o644, Size: int64(len(data))})
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = packed.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestHelm pushes a chart, lists its versions and pulls it.
func TestHelm(t *testing.T) {
	s := startEmulator(t)
	client := helmClient(t.Context(), t, s)
	data := chart(t, "app", "1.0.0")
	pushed, err := client.Push(data, s.repository("team/app:1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	versions, err := client.Tags(s.repository("team/app"))
	if err != nil || len(versions) != 1 || versions[0] != "1.0.0" {
		t.Errorf("versions %v, %v", versions, err)
	}
	pulled, err := client.Pull(s.repository("team/app:1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(pulled.Chart.Data, data) || pulled.Manifest.Digest != pushed.Manifest.Digest {
		t.Errorf("pulled %d bytes as %s, pushed %d as %s", len(pulled.Chart.Data), pulled.Manifest.Digest, len(data), pushed.Manifest.Digest)
	}
}

// helmWork pulls the chart team/app 1.0.0, lists its versions, and pushes
// another.
func helmWork(ctx context.Context, t *testing.T, s server) error {
	client := helmClient(ctx, t, s)
	if _, err := client.Pull(s.repository("team/app:1.0.0")); err != nil {
		return err
	}
	if _, err := client.Tags(s.repository("team/app")); err != nil {
		return err
	}
	version := fmt.Sprintf("2.0.%d", time.Now().UnixNano()%1_000_000)
	_, err := client.Push(chart(t, "app", version), s.repository("team/app:"+version))
	return err
}
