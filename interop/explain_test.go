package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	acr "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// TestExplainFindsInForeignToolsWhatOurClientFinds switches on every fault that
// the emulator has ready, lets each tool run into it, and pipes what the tool
// says into acrkit explain: the cause is the one that our own client's error
// has, or the wider one that is left where the text tells less.
func TestExplainFindsInForeignToolsWhatOurClientFinds(t *testing.T) {
	s := startEmulator(t)
	image := fixedImage(t, 1)
	digest := push(t, s, "team/app:v1", image)
	tools := map[string]func(context.Context) error{
		"crane":  func(ctx context.Context) error { return craneWork(ctx, t, s) },
		"oras":   func(ctx context.Context) error { return orasWork(ctx, t, s) },
		"regctl": func(ctx context.Context) error { return regctlWork(ctx, t, s) },
		"helm":   func(ctx context.Context) error { return helmWork(ctx, t, s) },
	}
	if _, err := helmClient(t.Context(), t, s).Push(chart(t, "app", "1.0.0"), s.repository("team/app:1.0.0")); err != nil {
		t.Fatal(err)
	}
	if there, err := installed("skopeo"); err != nil {
		t.Error(err)
	} else if there {
		k := loginSkopeo(t, s)
		tools["skopeo"] = func(context.Context) error { return skopeoWork(k, s, t.TempDir()) }
	}
	compared := 0
	for _, preset := range emulator.FaultPresets() {
		if slices.Contains(unanswered, preset.Name) {
			continue
		}
		t.Run(preset.Name, func(t *testing.T) {
			fault(t, s, preset.Name)
			own := ourWork(t, s, digest)
			if own == nil {
				t.Skip("our client's work does not meet it")
			}
			want, known := diagnose.Explain(own)
			if !known {
				t.Skipf("our client's error is none of the catalogue's: %v", own)
			}
			if strings.HasPrefix(string(want.Code), "UNTRUSTED_") || want.Code == "DEADLINE_EXCEEDED" {
				t.Skipf("the tools do not stop where ours does: %s", want.Code)
			}
			for tool, work := range tools {
				ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
				err := work(ctx)
				cancel()
				if err == nil || errors.Is(err, context.DeadlineExceeded) {
					continue // it does not meet the fault, or goes on trying
				}
				compared++
				got := explained(t, err.Error())
				if got != string(want.Code) && !slices.Contains(wider[string(want.Code)], got) {
					t.Errorf("%s: explain says %q, our client's error is %s\n%s says: %v\nour error: %v", tool, got, want.Code, tool, err, own)
				}
			}
		})
	}
	if compared < 40 {
		t.Errorf("%d errors of the tools were compared, want 40 or more", compared)
	}
}

// unanswered are the faults in which nothing fails for a long time.
var unanswered = []string{"stall", "stall-download", "slow", "replica-lag", "lost-chunk"}

// wider are the causes that a text may leave open where our client's exchange
// tells more (regctl says of throttling that it gave up), or where a tool meets the same fault at another of its requests.
var wider = map[string][]string{
	"NO_CREDENTIALS":              {"UNAUTHORIZED", "LOGIN_REFUSED"},
	"TOKEN_INVALID":               {"UNAUTHORIZED"},
	"APP_NOT_REGISTERED":          {"UNAUTHORIZED"}, // regctl does not pass on the reason
	"APP_SECRET_INVALID":          {"UNAUTHORIZED"},
	"USER_NAME_UNKNOWN":           {"UNAUTHORIZED"},
	"CONNECTED_REGISTRY_PASSWORD": {"UNAUTHORIZED"},
	"TOKEN_EXPIRED":               {"UNAUTHORIZED", "LOGIN_REFUSED"},
	"GRANT_REFUSED":               {"UNAUTHORIZED", "PULL_DENIED_OR_MISSING", "ACTION_NOT_GRANTED"},
	"REFRESH_TOKEN_REJECTED":      {"LOGIN_REFUSED", "UNAUTHORIZED", "PULL_DENIED_OR_MISSING"},
	"ADMIN_LOGIN_REFUSED":         {"LOGIN_REFUSED", "UNAUTHORIZED"},
	"PASSWORD_REJECTED":           {"LOGIN_REFUSED", "UNAUTHORIZED"},
	"TOKEN_ENDPOINT_REFUSED":      {"LOGIN_REFUSED", "UNAUTHORIZED"},
	"FIREWALL_DENIED":             {"ACCESS_DENIED", "DENIED_WITHOUT_REASON"}, // an answer to HEAD has no body
	"CMK_INACTIVE":                {"ACCESS_DENIED", "DENIED_WITHOUT_REASON"},
	"CMK_KEY_FORBIDDEN":           {"ACCESS_DENIED", "DENIED_WITHOUT_REASON"},
	"ACCESS_DENIED":               {"ACTION_NOT_GRANTED", "DENIED_WITHOUT_REASON"},
	"READ_DISALLOWED":             {"DISALLOWED", "UNSUPPORTED", "WRITE_DISALLOWED"},
	"TAG_NOT_FOUND":               {"MANIFEST_NOT_FOUND", "NOT_FOUND"},
	"MANIFEST_NOT_FOUND":          {"TAG_NOT_FOUND"},
	"ACCEPT_TOO_NARROW":           {"TAG_NOT_FOUND"},
	"BLOB_NOT_FOUND":              {"TAG_NOT_FOUND"},
	"PAGE_SIZE_INVALID":           {"BAD_REQUEST"},
	"ROUTE_NOT_FOUND":             {"TAG_NOT_FOUND", "NOT_FOUND", "REPOSITORY_NOT_FOUND", "BLOB_NOT_FOUND", "NOT_A_REGISTRY"},
	"REPOSITORY_NOT_FOUND":        {"TAG_NOT_FOUND"},
	"LOGIN_THROTTLED":             {"", "THROTTLED"},
	"THROTTLED":                   {"", "LOGIN_THROTTLED"},
	"SERVICE_UNAVAILABLE":         {"SERVICE_ERROR", "GATEWAY_ERROR"},
	"SERVICE_ERROR":               {"SERVICE_UNAVAILABLE"},
	"MANIFEST_TOO_LARGE":          {"REQUEST_TOO_LARGE", "MANIFEST_INVALID"},
	"DIGEST_MALFORMED":            {"DIGEST_INVALID"},
	"PROXY_LOGIN_PAGE":            {"NOT_A_REGISTRY"},
	"DATA_CONNECTION_BROKEN":      {"CONNECTION_CLOSED", "CONNECTION_RESET"},
	"CONNECTION_CLOSED":           {"CONNECTION_RESET"},
	"CONNECTION_RESET":            {"CONNECTION_CLOSED"},
	"DATA_HOST_UNREACHABLE":       {"DNS_NOT_FOUND", "DNS_FAILED", "DNS_TIMEOUT"},
	"STORAGE_LINK_REFUSED":        {"ACCESS_DENIED"},
	"CREDENTIALS_TO_STORAGE":      {"BAD_REQUEST"},
	"UPLOAD_NOT_RESUMABLE":        {"UPLOAD_INVALID", "UPLOAD_UNKNOWN"},
	"UNSUPPORTED":                 {"DELETE_BY_TAG"},
	"DIGEST_MISMATCH":             {"SIZE_MISMATCH"},
	"RESPONSE_UNREADABLE":         {"NOT_A_REGISTRY", "CONNECTION_CLOSED"},
}

// fault switches a ready-made fault on until the test ends.
func fault(t *testing.T, s server, preset string) {
	t.Helper()
	call := func(method, path string, body any) {
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, s.control+path, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+s.token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if text, _ := io.ReadAll(response.Body); response.StatusCode >= 300 {
			t.Fatalf("%s %s: %s: %s", method, path, response.Status, text)
		}
	}
	call(http.MethodPost, "faults", map[string]any{"faults": []any{map[string]any{"preset": preset}}})
	t.Cleanup(func() { call(http.MethodDelete, "faults", nil) })
}

// explained pipes a text into acrkit explain and returns the first code.
func explained(t *testing.T, text string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), acrkit, "explain", "-", "-o", "json")
	c.Stdin = strings.NewReader("Error: " + text + "\n")
	output, err := c.Output()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 3) {
		t.Fatal(err)
	}
	var list struct{ Items []struct{ Code string } }
	if err := json.Unmarshal(output, &list); err != nil {
		t.Fatalf("%v in %s", err, output)
	}
	if len(list.Items) == 0 {
		return ""
	}
	return list.Items[0].Code
}

// ourWork is the same work for everybody: read a manifest, list tags, fetch a
// blob, and push.
func ourWork(t *testing.T, s server, digest string) error {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	client := ourClientWith(t, s, &acr.ClientOptions{ClientOptions: azcore.ClientOptions{Retry: policy.RetryOptions{MaxRetries: -1}}})
	if _, err := client.GetManifest(ctx, "team/app", "v1", nil); err != nil {
		return err
	}
	for page := client.NewListTagsPager("team/app", nil); page.More(); {
		if _, err := page.NextPage(ctx); err != nil {
			return err
		}
	}
	blobs := client.NewBlobClient()
	layers, err := fixedImage(t, 1).Layers()
	if err != nil {
		t.Fatal(err)
	}
	layer, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := blobs.Download(ctx, "team/app", layer.String(), io.Discard, nil); err != nil {
		return err
	}
	content := []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`)
	uploaded, err := blobs.Upload(ctx, "team/app", bytes.NewReader(content), nil)
	if err != nil {
		return err
	}
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[]}`, uploaded.Digest, len(content))
	_, err = client.UploadManifest(ctx, "team/app", "v2", acr.ContentTypeApplicationVndOciImageManifestV1JSON, readSeekNopCloser{strings.NewReader(manifest)}, nil)
	return err
}

type readSeekNopCloser struct{ *strings.Reader }

func (readSeekNopCloser) Close() error { return nil }

func craneWork(ctx context.Context, t *testing.T, s server) error {
	options := append(craneOptions(t, s), crane.WithContext(ctx))
	if _, err := crane.Manifest(s.repository("team/app:v1"), options...); err != nil {
		return err
	}
	if _, err := crane.ListTags(s.repository("team/app"), options...); err != nil {
		return err
	}
	pulled, err := crane.Pull(s.repository("team/app:v1"), options...)
	if err == nil {
		err = validate.Image(pulled)
	}
	if err != nil {
		return err
	}
	return crane.Push(fixedImage(t, int(time.Now().UnixNano()%1_000_000)), s.repository("team/app:v3"), options...)
}

func orasWork(ctx context.Context, t *testing.T, s server) error {
	repository := orasRepository(t, s, "team/app")
	root, err := repository.Resolve(ctx, "v1")
	if err != nil {
		return err
	}
	manifest, err := repository.Fetch(ctx, root)
	if err != nil {
		return err
	}
	defer manifest.Close()
	if _, err := io.Copy(io.Discard, manifest); err != nil {
		return err
	}
	return repository.Tags(ctx, "", func([]string) error { return nil })
}

func regctlWork(ctx context.Context, t *testing.T, s server) error {
	client := regclientFor(s)
	reference := newRef(t, s.repository("team/app:v1"))
	if _, err := client.ManifestGet(ctx, reference); err != nil {
		return fmt.Errorf("failed to get manifest %s: %w", reference.CommonName(), err)
	}
	if _, err := client.TagList(ctx, reference); err != nil {
		return fmt.Errorf("failed to list tags %s: %w", reference.CommonName(), err)
	}
	return nil
}

func skopeoWork(k skopeo, s server, dir string) error {
	for _, run := range [][]string{
		{"inspect", "--no-tags", "docker://" + s.repository("team/app:v1")},
		{"list-tags", "docker://" + s.repository("team/app")},
		{"copy", "docker://" + s.repository("team/app:v1"), "oci:" + filepath.Join(dir, "out:v1")},
	} {
		if output, err := k.try(run[0], run[1:]...); err != nil {
			return errors.New(output)
		}
	}
	return nil
}
