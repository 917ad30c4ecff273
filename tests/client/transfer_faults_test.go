package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

func TestUploadSurvives(t *testing.T) {
	content := noise(50, 3<<20)
	unavailable := &emulator.FaultResponse{Status: http.StatusServiceUnavailable, Body: "<html>", ContentType: "text/html"}
	for name, fault := range map[string]emulator.Fault{
		"a reset in the middle":             {Routes: []emulator.Route{"upload-chunk"}, Count: 2, Break: &emulator.FaultBreak{On: emulator.OnRequest, After: 1 << 20, How: emulator.BreakReset}},
		"a connection closed in the middle": {Routes: []emulator.Route{"upload-chunk"}, Count: 1, Break: &emulator.FaultBreak{On: emulator.OnRequest, After: 2 << 20, How: emulator.BreakCut}},
		"a stall":                           {Routes: []emulator.Route{"upload-chunk"}, Count: 1, Break: &emulator.FaultBreak{On: emulator.OnRequest, After: 1 << 20, How: emulator.BreakStall}},
		"503 at the start":                  {Routes: []emulator.Route{"start-upload"}, Count: 3, Respond: unavailable},
		"503 for a chunk":                   {Routes: []emulator.Route{"upload-chunk"}, Count: 3, Respond: unavailable},
		"503 at the end":                    {Routes: []emulator.Route{"finish-upload"}, Count: 3, Respond: unavailable},
		"throttling":                        {Routes: []emulator.Route{"start-upload", "upload-chunk", "finish-upload"}, Count: 5, Respond: &emulator.FaultResponse{Status: http.StatusTooManyRequests, Code: "TOOMANYREQUESTS", RetryAfter: 30}},
		"an answer lost at the end":         {Routes: []emulator.Route{"finish-upload"}, Count: 1, Respond: &emulator.FaultResponse{Status: http.StatusBadGateway, AfterHandling: true}},
		"an answer lost for a chunk":        {Routes: []emulator.Route{"upload-chunk"}, Count: 1, Respond: &emulator.FaultResponse{Status: http.StatusBadGateway, AfterHandling: true}},
		"a chunk lost":                      {Routes: []emulator.Route{"upload-chunk"}, Count: 1, LoseChunk: true},
		"an upload dropped":                 {Routes: []emulator.Route{"upload-chunk"}, Count: 3, Respond: &emulator.FaultResponse{Status: http.StatusNotFound, Code: "BLOB_UPLOAD_INVALID"}},
		"an upload forgotten":               {Routes: []emulator.Route{"finish-upload"}, Count: 1, Respond: &emulator.FaultResponse{Status: http.StatusNotFound, Code: "BLOB_UPLOAD_UNKNOWN"}},
		"413":                               {Routes: []emulator.Route{"upload-chunk"}, Count: 1, Respond: &emulator.FaultResponse{Status: http.StatusRequestEntityTooLarge}},
		"a token that expires":              {Routes: []emulator.Route{"upload-chunk"}, Count: 1, ExpireToken: true},
		"a token service that is down":      {Routes: []emulator.Route{"oauth2-token", "oauth2-exchange"}, Count: 2, Respond: unavailable},
	} {
		if name == "a token service that is down" {
			fault.Routes = []emulator.Route{emulator.RouteOAuthToken, emulator.RouteOAuthExchange}
		}
		t.Run(name, func(t *testing.T) {
			for _, digest := range []string{"", digestOf(content)} {
				synctest.Test(t, func(t *testing.T) {
					registry := emulatortest.Start(t, &emulator.Options{Faults: []emulator.Fault{fault}})
					client := blobClient(t, registry)
					resp, err := client.Upload(t.Context(), "app", bytes.NewReader(content), &azcontainerregistry.UploadOptions{Digest: digest})
					if err != nil {
						t.Fatal(err)
					}
					var out bytes.Buffer
					if _, err := client.Download(t.Context(), "app", resp.Digest, &out, nil); err != nil || !bytes.Equal(out.Bytes(), content) {
						t.Errorf("registry has %d other bytes, %v", out.Len(), err)
					}
				})
			}
		})
	}
}

func TestDownloadSurvives(t *testing.T) {
	content := noise(51, 3<<20)
	digest := digestOf(content)
	for name, fault := range map[string]emulator.Fault{
		"a reset in the middle":             {Count: 3, Break: &emulator.FaultBreak{On: emulator.OnResponse, After: 700_000, How: emulator.BreakReset}},
		"a connection closed in the middle": {Count: 3, Break: &emulator.FaultBreak{On: emulator.OnResponse, After: 700_000, How: emulator.BreakCut}},
		"a stall":                           {Count: 1, Break: &emulator.FaultBreak{On: emulator.OnResponse, After: 1 << 20, How: emulator.BreakStall}},
		"503":                               {Count: 3, Respond: &emulator.FaultResponse{Status: http.StatusServiceUnavailable}},
		"throttling":                        {Count: 2, Respond: &emulator.FaultResponse{Status: http.StatusTooManyRequests, RetryAfter: 20}},
		"an expired address":                {Count: 1, Respond: &emulator.FaultResponse{Status: http.StatusForbidden, Body: "<Error><Code>AuthenticationFailed</Code></Error>", ContentType: "application/xml"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				registry := emulatortest.Start(t)
				client := blobClient(t, registry)
				if _, err := client.Upload(t.Context(), "app", bytes.NewReader(content), nil); err != nil {
					t.Fatal(err)
				}
				fault.Routes = []emulator.Route{emulator.RouteData}
				if err := registry.Emulator.SetFaults(fault); err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				resp, err := client.Download(t.Context(), "app", digest, &out, nil)
				if err != nil || !bytes.Equal(out.Bytes(), content) || resp.Retries == 0 {
					t.Errorf("%d bytes, %+v, %v", out.Len(), resp, err)
				}
				if resp.BytesReceived > int64(len(content))*11/10 {
					t.Errorf("%d bytes received for %d", resp.BytesReceived, len(content))
				}
			})
		})
	}
}

// folder returns what is in a folder.
func folder(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestFailedDownloadLeavesTheFileThatWasThere(t *testing.T) {
	registry := emulatortest.Start(t)
	client := blobClient(t, registry)
	content := noise(52, 1<<20)
	digest := digestOf(content)
	if _, err := client.Upload(t.Context(), "app", bytes.NewReader(content), nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "blob")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	corrupt := emulator.Fault{Routes: []emulator.Route{emulator.RouteData}, Corrupt: &emulator.FaultCorrupt{On: emulator.OnResponse, Offset: 5}}
	if err := registry.Emulator.SetFaults(corrupt); err != nil {
		t.Fatal(err)
	}
	keep := &azcontainerregistry.DownloadOptions{OnCheckpoint: func(azcontainerregistry.DownloadCheckpoint) {}}
	for _, options := range []*azcontainerregistry.DownloadOptions{nil, keep} {
		_, err := client.DownloadFile(t.Context(), "app", digest, path, options)
		if !errors.Is(err, azcontainerregistry.ErrMismatchedHash) {
			t.Errorf("corrupt blob: got %v", err)
		}
	}
	_, err := client.DownloadFile(t.Context(), "app", digest, path, &azcontainerregistry.DownloadOptions{Size: 5})
	if !errors.As(err, new(*azcontainerregistry.SizeMismatchError)) {
		t.Errorf("other size: got %v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" || len(folder(t, dir)) != 1 {
		t.Errorf("file is %q, folder %v", got, folder(t, dir))
	}

	registry.Emulator.ClearFaults()
	if _, err := client.DownloadFile(t.Context(), "app", digest, dir, nil); !errors.As(err, new(*azcontainerregistry.ArgumentError)) {
		t.Errorf("destination is a folder: got %v", err)
	}
	if _, err := client.DownloadFile(t.Context(), "app", digest, filepath.Join(dir, "no", "blob"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("destination's folder is missing: got %v", err)
	}
	if disk, err := os.OpenFile("/dev/full", os.O_WRONLY, 0); err == nil {
		_, err = client.DownloadAt(t.Context(), "app", digest, disk, nil)
		if err == nil || errors.As(err, new(*azcontainerregistry.RetriesExhaustedError)) {
			t.Errorf("full disk: got %v", err)
		}
		disk.Close()
	}
	if _, err := client.DownloadFile(t.Context(), "app", digest, path, nil); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, content) {
		t.Error("file has other content")
	}
}

func TestInterruptedTransfersGoOnInAnotherClient(t *testing.T) {
	content := noise(53, 40<<20)
	digest := digestOf(content)
	dir := t.TempDir()
	path := filepath.Join(dir, "blob")
	synctest.Test(t, func(t *testing.T) {
		slow := emulator.Fault{BytesPerSecond: 10 << 20}
		registry := emulatortest.Start(t, &emulator.Options{Faults: []emulator.Fault{slow}})

		var up azcontainerregistry.UploadCheckpoint
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		_, err := blobClient(t, registry).Upload(ctx, "app", bytes.NewReader(content), &azcontainerregistry.UploadOptions{
			ChunkSize: 8 << 20, OnCheckpoint: func(c azcontainerregistry.UploadCheckpoint) { up = c },
		})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || up.Offset == 0 {
			t.Fatalf("upload to be interrupted: %v at %d", err, up.Offset)
		}
		resp, err := blobClient(t, registry).Upload(t.Context(), "app", bytes.NewReader(content), &azcontainerregistry.UploadOptions{Resume: &up})
		if err != nil || resp.Digest != digest {
			t.Fatalf("resumed upload: %v", err)
		}

		var down azcontainerregistry.DownloadCheckpoint
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		_, err = blobClient(t, registry).DownloadFile(ctx, "app", digest, path, &azcontainerregistry.DownloadOptions{
			Concurrency: 2, OnCheckpoint: func(c azcontainerregistry.DownloadCheckpoint) { down = c },
		})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || down.Offset == 0 {
			t.Fatalf("download to be interrupted: %v at %d", err, down.Offset)
		}
		if info, err := os.Stat(down.Path); err != nil || info.Size() != down.Offset {
			t.Fatalf("partial file: %v, %v", info, err)
		}
		got, err := blobClient(t, registry).DownloadFile(t.Context(), "app", digest, path, &azcontainerregistry.DownloadOptions{Resume: &down})
		if err != nil || got.BytesReceived > int64(len(content))-down.Offset+1<<20 {
			t.Fatalf("resumed download: %v, %d bytes received, %d were there", err, got.BytesReceived, down.Offset)
		}
		if p, _ := os.ReadFile(path); !bytes.Equal(p, content) || len(folder(t, dir)) != 1 {
			t.Errorf("file has other content; folder %v", folder(t, dir))
		}

		// Somebody wrote into the partial file: it isn't trusted.
		if err := os.WriteFile(down.Path, content[1:], 0o600); err != nil {
			t.Fatal(err)
		}
		got, err = blobClient(t, registry).DownloadFile(t.Context(), "app", digest, path, &azcontainerregistry.DownloadOptions{Resume: &down})
		if err != nil || got.BytesReceived < int64(len(content)) {
			t.Errorf("download over a changed file: %v, %d bytes received", err, got.BytesReceived)
		}
	})
}

func TestAbandonedUploadIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := emulatortest.Start(t, &emulator.Options{Faults: []emulator.Fault{{BytesPerSecond: 1 << 20}}})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		_, err := blobClient(t, registry).Upload(ctx, "app", bytes.NewReader(noise(54, 8<<20)), nil)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 3500*time.Millisecond {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
		cancelled := false
		for _, r := range registry.Emulator.Requests() {
			cancelled = cancelled || r.Method == http.MethodDelete && r.Status == http.StatusNoContent
		}
		if !cancelled {
			t.Error("the upload was left at the registry")
		}
	})
}

func TestTransfersRefuseWhatCannotBeRight(t *testing.T) {
	registry := emulatortest.Start(t)
	client := blobClient(t, registry)
	digest := digestOf(nil)
	upload := func(repository string, body io.Reader, o azcontainerregistry.UploadOptions) error {
		_, err := client.Upload(t.Context(), repository, body, &o)
		return err
	}
	download := func(repository, digest string, dst io.Writer, o azcontainerregistry.DownloadOptions) error {
		_, err := client.Download(t.Context(), repository, digest, dst, &o)
		return err
	}
	for name, err := range map[string]error{
		"repository":         upload("UPPER", bytes.NewReader(nil), azcontainerregistry.UploadOptions{}),
		"nil body":           upload("app", nil, azcontainerregistry.UploadOptions{}),
		"digest":             upload("app", bytes.NewReader(nil), azcontainerregistry.UploadOptions{Digest: "sha256:12"}),
		"size":               upload("app", bytes.NewReader(nil), azcontainerregistry.UploadOptions{Size: -1}),
		"mount of what":      upload("app", bytes.NewReader(nil), azcontainerregistry.UploadOptions{MountFrom: []string{"other"}}),
		"mount from where":   upload("app", bytes.NewReader(nil), azcontainerregistry.UploadOptions{Digest: digest, MountFrom: []string{"&x="}}),
		"other's checkpoint": upload("app", bytes.NewReader(nil), azcontainerregistry.UploadOptions{Resume: &azcontainerregistry.UploadCheckpoint{Repository: "other"}}),
		"download digest":    download("app", "latest", io.Discard, azcontainerregistry.DownloadOptions{}),
		"download to nil":    download("app", digest, nil, azcontainerregistry.DownloadOptions{}),
		"other's download":   download("app", digest, io.Discard, azcontainerregistry.DownloadOptions{Resume: &azcontainerregistry.DownloadCheckpoint{}}),
	} {
		if !errors.As(err, new(*azcontainerregistry.ArgumentError)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	elsewhere := azcontainerregistry.UploadOptions{Resume: &azcontainerregistry.UploadCheckpoint{Repository: "app", Location: "https://evil.example/v2/app/blobs/uploads/1"}}
	if err := upload("app", bytes.NewReader(nil), elsewhere); !errors.As(err, new(*azcontainerregistry.UntrustedOriginError)) {
		t.Errorf("location of another host: got %v", err)
	}
	if err := download("app", "sha512:"+digest[7:]+digest[7:], io.Discard, azcontainerregistry.DownloadOptions{}); !errors.Is(err, azcontainerregistry.ErrDigestAlgNotSupported) {
		t.Errorf("sha512: got %v", err)
	}
	if n := len(registry.Emulator.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	err := download("app", digest, io.Discard, azcontainerregistry.DownloadOptions{})
	if !azcontainerregistry.HasCode(err, azcontainerregistry.ErrorCodeBlobUnknown) {
		t.Errorf("unknown blob: got %v", err)
	}
}
