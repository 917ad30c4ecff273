package client_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The code between "readme:" and "end" is what README.md shows. It runs here,
// and TestReadmeShowsWhatRuns holds the two together.

func TestReadmeLibrary(t *testing.T) {
	registry := emulatortest.Start(t)
	endpoint, credential := registry.Endpoint, registry.Credential
	clientOptions := &azcontainerregistry.ClientOptions{ClientOptions: registry.ClientOptions()}
	ctx := t.Context()
	dir := t.TempDir()
	layer := bytes.Repeat([]byte("a layer of a real image "), 1<<16)
	if err := os.WriteFile(filepath.Join(dir, "layer.tar.gz"), layer, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(dir, "layer.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	path := filepath.Join(dir, "copy")
	var printed strings.Builder
	fmt := &printer{&printed}

	// readme: blobs
	client, err := azcontainerregistry.NewClient(endpoint, credential, clientOptions)
	if err != nil {
		return // an endpoint that is no https URL, for instance
	}
	blobs := client.NewBlobClient() // shares the client's tokens and connections

	uploaded, err := blobs.Upload(ctx, "team/app", file, nil)
	if err != nil {
		return
	}
	_, err = blobs.DownloadFile(ctx, "team/app", uploaded.Digest, path, nil)
	// end
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, layer) {
		t.Fatalf("downloaded %d bytes (%v), want the %d uploaded", len(got), err, len(layer))
	}

	layout := imageLayout(t, filepath.Join(dir, "image"), uploaded.Digest, layer)
	// readme: copy
	source, err := artifact.OpenLayout(layout)
	if err != nil {
		return
	}
	target, err := artifact.NewRepository(client, blobs, "team/app")
	if err != nil {
		return
	}
	result, err := artifact.Copy(ctx, target, "v1", source, "v1", nil)
	// end
	if err != nil || result.Root.Digest == "" {
		t.Fatalf("copy: %v, %+v", err, result)
	}

	if err := readmeTags(ctx, client, fmt); err != nil {
		t.Fatal(err)
	}
	if want := "v1 " + result.Root.Digest.String() + "\n"; printed.String() != want {
		t.Fatalf("printed %q, want %q", printed.String(), want)
	}
	printed.Reset()

	// readme: explain
	_, err = client.GetManifest(ctx, "team/app", "v2", nil)
	if azcontainerregistry.HasCode(err, azcontainerregistry.ErrorCodeManifestUnknown) {
		fmt.Println("there is no v2")
	}
	if d, ok := diagnose.Explain(err); ok {
		fmt.Println(d.Code, d.Title)
	}
	// end
	if want := "there is no v2\nTAG_NOT_FOUND there is no team/app:v2 at acrkit.azurecr.io\n"; printed.String() != want {
		t.Fatalf("printed %q, want %q", printed.String(), want)
	}
}

func readmeTags(ctx context.Context, client *azcontainerregistry.Client, fmt *printer) error {
	// readme: tags
	for tag, err := range client.Tags(ctx, "team/app", nil) {
		if err != nil {
			return err // comes once, last: what was listed before is not all there is
		}
		fmt.Println(*tag.Name, *tag.Digest)
	}
	// end
	return nil
}

// readme: emulator
func TestMyProgram(t *testing.T) {
	registry := emulatortest.Start(t) // over memory: no port, nothing to clean up
	client, err := azcontainerregistry.NewClient(registry.Endpoint, registry.Credential,
		&azcontainerregistry.ClientOptions{ClientOptions: registry.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.GetRepositoryProperties(t.Context(), "team/app", nil)
	if !azcontainerregistry.HasCode(err, azcontainerregistry.ErrorCodeNameUnknown) {
		t.Fatalf("got %v", err)
	}
}

// end

// printer lets the README's code print into a test.
type printer struct{ w io.Writer }

func (p *printer) Println(a ...any) { fmt.Fprintln(p.w, a...) }

// imageLayout writes an OCI layout of one image with one layer and returns its
// folder.
func imageLayout(t *testing.T, dir, layerDigest string, layer []byte) string {
	t.Helper()
	target, err := artifact.CreateLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	memory := artifact.NewMemory()
	config, content := artifact.NewContentBytes("application/vnd.oci.image.config.v1+json", []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`))
	push := func(desc ocispec.Descriptor, c *artifact.Content) {
		if err := memory.Push(t.Context(), desc, c); err != nil {
			t.Fatal(err)
		}
	}
	push(config, content)
	layerDesc, content := artifact.NewContentBytes("application/vnd.oci.image.layer.v1.tar+gzip", layer)
	if layerDesc.Digest.String() != layerDigest {
		t.Fatalf("layer has digest %s, was uploaded as %s", layerDesc.Digest, layerDigest)
	}
	push(layerDesc, content)
	manifest, content := artifact.NewContentBytes("application/vnd.oci.image.manifest.v1+json", fmt.Appendf(nil,
		`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[{"mediaType":%q,"digest":%q,"size":%d}]}`,
		config.MediaType, config.Digest, config.Size, layerDesc.MediaType, layerDesc.Digest, layerDesc.Size))
	push(manifest, content)
	if err := memory.Tag(t.Context(), manifest, "v1"); err != nil {
		t.Fatal(err)
	}
	if _, err := artifact.Copy(t.Context(), target, "v1", memory, "v1", nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestReadmeShowsWhatRuns fails when README.md shows Go code that the tests
// above don't run, or a command that no script runs.
func TestReadmeShowsWhatRuns(t *testing.T) {
	readme := readFile(t, filepath.Join("..", "..", "README.md"))
	snippets := regexp.MustCompile(`(?s)// readme: \w+\n(.*?)\n\s*// end\n`).FindAllStringSubmatch(readFile(t, "readme_test.go"), -1)
	var runs []string
	for _, s := range snippets {
		runs = append(runs, dedent(s[1]))
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)\n```").FindAllStringSubmatch(readme, -1)
	if len(blocks) == 0 {
		t.Fatal("README.md shows no Go code")
	}
	for _, block := range blocks {
		found := false
		for _, run := range runs {
			found = found || run == block[1]
		}
		if !found {
			t.Errorf("README.md shows code that no test runs:\n%s", block[1])
		}
	}

	script := readFile(t, filepath.Join("..", "..", "cmd", "acrkit", "testdata", "script", "readme.txtar"))
	commands := regexp.MustCompile(`(?m)^\$ (acrkit .*?)( +#.*)?$`).FindAllStringSubmatch(readme, -1)
	if len(commands) == 0 {
		t.Fatal("README.md shows no command")
	}
	for _, command := range commands {
		if !strings.Contains(script, "exec "+command[1]+"\n") {
			t.Errorf("README.md shows a command that cmd/acrkit/testdata/script/readme.txtar doesn't run: %s", command[1])
		}
	}
}

// dedent removes the first line's indentation from every line.
func dedent(s string) string {
	indent := s[:len(s)-len(strings.TrimLeft(s, "\t"))]
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], indent)
	}
	return strings.Join(lines, "\n")
}
