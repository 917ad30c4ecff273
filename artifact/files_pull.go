package artifact

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact/internal/extract"
)

// The parts of a Helm chart, which have no titles.
const (
	mediaTypeHelmConfig     = "application/vnd.cncf.helm.config.v1+json"
	mediaTypeHelmChart      = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	mediaTypeHelmProvenance = "application/vnd.cncf.helm.chart.provenance.v1.prov"
)

// What an unpacked folder may come to, so that a small blob cannot fill a disk.
const (
	maxFolderBytes   = 64 << 30
	maxFolderEntries = 1 << 20
)

// UnpackOptions tune [UnpackFiles]. Nil is right for most callers.
type UnpackOptions struct {
	// Platform picks one artifact out of an index; nil refuses an index.
	Platform *ocispec.Platform
	// NoClobber refuses to replace what is there: an [*ExistingFileError], before
	// anything is written.
	NoClobber bool
	// KeepFolders leaves folders packed: their tar is written under their title.
	KeepFolders bool
	// DryRun finds out what would be written, and writes nothing.
	DryRun bool
	// Options gives the retries, connections and observer of the transfer; the
	// rest of it has no meaning here. Nil is the default.
	Options *Options
}

// ExistingFileError says that a file would be replaced.
type ExistingFileError struct{ Path string }

// Error names the file.
func (e *ExistingFileError) Error() string { return e.Path + " exists already" }

// UnpackedFile is one file or folder of an artifact.
type UnpackedFile struct {
	Title      string // what it is called, below the folder; "" where it has no name
	Descriptor ocispec.Descriptor
	Folder     bool   // it was packed as a folder, and unpacked
	Skipped    string // why it was not written; "" where it was
}

// Unpacked is an artifact whose files were written.
type Unpacked struct {
	Root         ocispec.Descriptor // the artifact's manifest
	ArtifactType string
	Files        []UnpackedFile // in the order of the manifest
}

// UnpackFiles writes the files of an artifact below dir, which it makes where
// it isn't there: each under its title, verified, and in one step, so that no
// file is ever there by half. A title that points out of dir is refused before
// anything is written, and so are two files of one title. What has no title is
// reported as skipped; the parts of a Helm chart are named as helm names them.
func UnpackFiles(ctx context.Context, src Source, reference, dir string, o *UnpackOptions) (Unpacked, error) {
	var options UnpackOptions
	if o != nil {
		options = *o
	}
	root, m, err := resolveArtifact(ctx, src, reference, options.Platform)
	if err != nil {
		return Unpacked{}, err
	}
	if err := nameHelmChart(ctx, src, m); err != nil {
		return Unpacked{}, err
	}
	done := Unpacked{Root: root, ArtifactType: artifactTypeOf(m)}
	if done.Files, err = plannedFiles(src, root, m, options.KeepFolders); err != nil {
		return done, err
	}
	if options.NoClobber {
		for _, file := range done.Files {
			target := filepath.Join(dir, filepath.FromSlash(file.Title))
			if _, err := os.Lstat(target); err == nil && file.Skipped == "" && !file.Folder {
				return done, &ExistingFileError{target}
			}
		}
	}
	if options.DryRun {
		return done, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return done, err
	}
	folder, err := os.OpenRoot(dir)
	if err != nil {
		return done, err
	}
	defer folder.Close()
	var transfer Options
	if options.Options != nil {
		transfer = *options.Options
	}
	u := &unpacker{src: src, dir: folder, o: &transfer}
	return done, parallel(ctx, 4, len(done.Files), func(ctx context.Context, i int) error { return u.unpack(ctx, done.Files[i]) })
}

// ResolvePlatform is Resolve that continues from an index to the image for one
// platform, and reads its manifest. Without a platform, an index that has images
// for several is refused with an [*InvalidError] that names them.
func ResolvePlatform(ctx context.Context, src Source, reference string, platform *ocispec.Platform) (ocispec.Descriptor, []byte, error) {
	root, data, err := resolve(ctx, src, reference)
	if err != nil {
		return root, nil, err
	}
	root.Data = nil
	desc, m, err := readManifest(root, data)
	if err != nil || !isIndex(desc.MediaType) {
		return desc, data, err
	}
	if platform == nil {
		if platform, err = onlyPlatform(ctx, src, desc, data, m); err != nil {
			return desc, nil, err
		}
	}
	return chosenManifest(ctx, src, desc, data, *platform)
}

// onlyPlatform is the platform of the only image of an index, attestations left
// out.
func onlyPlatform(ctx context.Context, src Source, desc ocispec.Descriptor, data []byte, m *manifest) (*ocispec.Platform, error) {
	c := &chooser{src: src, known: map[digest.Digest][]byte{desc.Digest: data}}
	list, err := c.candidates(ctx, m, 0)
	if err != nil {
		return nil, err
	}
	var have []string
	for _, one := range list {
		have = append(have, FormatPlatform(&one.platform))
	}
	if len(list) != 1 {
		return nil, &InvalidError{Code: codePlatformMissing, Store: nameOf(src), Thing: thingOf(desc), Rule: "it is an index: say which platform is meant, it has " + joinShort(have)}
	}
	return &list[0].platform, nil
}

func resolveArtifact(ctx context.Context, src Source, reference string, platform *ocispec.Platform) (ocispec.Descriptor, *manifest, error) {
	desc, data, err := ResolvePlatform(ctx, src, reference, platform)
	if err != nil {
		return desc, nil, err
	}
	return readManifest(desc, data)
}

// plannedFiles says what each layer becomes.
func plannedFiles(src Source, root ocispec.Descriptor, m *manifest, packed bool) ([]UnpackedFile, error) {
	files := make([]UnpackedFile, 0, len(m.Layers)+len(m.Blobs))
	taken := map[string]bool{}
	invalid := func(thing, rule string, err error) error {
		return &InvalidError{Store: nameOf(src), Thing: thing, Rule: rule, Err: err}
	}
	for _, layer := range append(append([]ocispec.Descriptor{}, m.Layers...), m.Blobs...) {
		file := UnpackedFile{Descriptor: layer, Title: layer.Annotations[ocispec.AnnotationTitle]}
		if file.Title == "" {
			file.Title = helmTitle(m, layer)
		}
		switch clean, err := extract.Local(file.Title); {
		case file.Title == "" && layer.MediaType == ocispec.MediaTypeEmptyJSON:
			continue
		case file.Title == "":
			file.Skipped = "it has no title"
		case err != nil:
			return nil, invalid(fmt.Sprintf("title %q of %s", file.Title, layer.Digest), "it points out of the folder that the files are written to", err)
		case clean == "." && layer.Annotations[annotationUnpack] != "true":
			return nil, invalid(fmt.Sprintf("title %q of %s", file.Title, layer.Digest), "it is no name of a file", nil)
		case taken[clean]:
			return nil, invalid(thingOf(root), fmt.Sprintf("two of its files have the title %q", clean), nil)
		default:
			file.Title, taken[clean] = clean, true
			file.Folder = layer.Annotations[annotationUnpack] == "true" && !packed
		}
		files = append(files, file)
	}
	return files, nil
}

// helmTitle is what helm calls a part of a chart; "" for anything else.
func helmTitle(m *manifest, layer ocispec.Descriptor) string {
	name, version := m.Annotations[ocispec.AnnotationTitle], m.Annotations[ocispec.AnnotationVersion]
	if m.Config == nil || m.Config.MediaType != mediaTypeHelmConfig || name == "" || version == "" {
		return ""
	}
	switch layer.MediaType {
	case mediaTypeHelmChart:
		return name + "-" + version + ".tgz"
	case mediaTypeHelmProvenance:
		return name + "-" + version + ".tgz.prov"
	}
	return ""
}

// unpacker writes files.
type unpacker struct {
	src Source
	dir *os.Root
	o   *Options

	mu sync.Mutex // guards the observer
}

func (u *unpacker) report(e Event) {
	if u.o.OnEvent == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.o.OnEvent(e)
}

func (u *unpacker) unpack(ctx context.Context, file UnpackedFile) error {
	if file.Skipped != "" {
		return nil
	}
	desc := file.Descriptor
	if err := checkDescriptor(desc); err != nil {
		return err
	}
	content := NewContent(u.src, desc)
	content.tuning, content.report = u.o.tuning(), func(e Event) {
		e.Descriptor = desc
		u.report(e)
	}
	u.report(Event{Kind: EventBlobStarted, Descriptor: desc, Total: desc.Size})
	partial, err := u.receive(ctx, file.Title, content)
	if err == nil && file.Folder {
		err = u.unpackFolder(ctx, file, partial)
		err = errors.Join(err, u.dir.Remove(partial))
	} else if err == nil {
		err = u.place(partial, file.Title)
	}
	if err != nil {
		return fmt.Errorf("file %q: %w", file.Title, err)
	}
	u.report(Event{Kind: EventBlobDone, Descriptor: desc, Bytes: desc.Size, Confirmed: desc.Size, Total: desc.Size})
	return nil
}

// receive writes content to a file of its own, beside where it belongs.
func (u *unpacker) receive(ctx context.Context, title string, content *Content) (string, error) {
	parent := path.Dir(title)
	if parent != "." {
		if err := mkdirAll(u.dir, parent); err != nil {
			return "", err
		}
	}
	partial := path.Join(parent, ".acrkit-partial-"+digest.FromString(title).Encoded()[:32])
	if err := u.dir.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	out, err := u.dir.OpenFile(partial, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", err
	}
	if len(content.desc.Data) > 0 && verifyBytes("", content.desc, content.desc.Data) == nil {
		content.data = content.desc.Data
	}
	err = content.WriteTo(ctx, out)
	if err = errors.Join(err, out.Close()); err != nil {
		return "", errors.Join(err, u.dir.Remove(partial))
	}
	return partial, nil
}

// place gives a received file its name. A folder of that name stays.
func (u *unpacker) place(partial, title string) error {
	err := u.dir.Rename(partial, title)
	if err != nil {
		err = errors.Join(err, u.dir.Remove(partial))
	}
	return err
}

// unpackFolder unpacks the tar of a folder, whose names begin with its title.
func (u *unpacker) unpackFolder(ctx context.Context, file UnpackedFile, partial string) error {
	packed, err := u.dir.Open(partial)
	if err != nil {
		return err
	}
	defer packed.Close()
	plain, err := Decompress(contextReader{ctx, packed})
	if err != nil {
		return err
	}
	defer plain.Close()
	want := digest.Digest(file.Descriptor.Annotations[annotationTarDigest])
	hash := digest.SHA256.Digester()
	source := io.TeeReader(plain, hash.Hash())
	archive := tar.NewReader(source)
	w := extract.New(u.dir, maxFolderBytes, maxFolderEntries)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = belongs(header, file.Title)
		}
		if err == nil {
			err = w.Write(header, archive)
		}
		if err != nil {
			return refused(file, errors.Join(err, w.Close()))
		}
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(source, maxFolderBytes)); err != nil {
		return refused(file, err)
	}
	if err := w.Close(); err != nil {
		return err
	}
	if want != "" && want.Algorithm() == digest.SHA256 && want != hash.Digest() {
		return mismatch(ocispec.Descriptor{Digest: want}, hash.Digest().String(), 0)
	}
	return nil
}

// belongs refuses an entry that is not below the folder that it was packed as.
func belongs(h *tar.Header, title string) error {
	name, err := extract.Local(h.Name)
	if err != nil {
		return err
	}
	if title != "." && name != title && !isBelow(name, title) {
		return &extract.RefusedError{Name: h.Name, Rule: fmt.Sprintf("it is outside the folder %q", title)}
	}
	if h.Typeflag == tar.TypeSymlink && title != "." {
		// Within the folder's own title, not only within where it is put.
		inner := name[min(len(title)+1, len(name)):]
		if !extract.Inside(inner, h.Linkname) {
			return &extract.RefusedError{Name: h.Name, Rule: fmt.Sprintf("it is a link to %q, outside the folder", h.Linkname)}
		}
	}
	return nil
}

func isBelow(name, dir string) bool {
	return len(name) > len(dir) && name[:len(dir)] == dir && name[len(dir)] == '/'
}

func refused(file UnpackedFile, err error) error {
	if errors.As(err, new(*extract.RefusedError)) {
		return &InvalidError{Thing: file.Descriptor.Digest.String(), Rule: "its archive must not be unpacked", Err: err}
	}
	return err
}

// Decompress opens what is compressed by gzip, zstd, xz or bzip2, told by its
// first bytes, and gives anything else as it is. The caller closes what it gets,
// and r itself.
func Decompress(r io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	head, err := buffered.Peek(magicLength)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	c := compressionOf(head)
	if c == nil {
		return io.NopCloser(buffered), nil
	}
	return c.decompress(buffered)
}

// ReadJSON reads a small part of an artifact, such as an image's config,
// verified, into v.
func ReadJSON(ctx context.Context, src Source, desc ocispec.Descriptor, v any) error {
	data, err := fetchSmall(ctx, src, desc)
	if err != nil {
		return err
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(v); err != nil {
		return &InvalidError{Store: nameOf(src), Thing: thingOf(desc), Rule: "it is not the JSON that its type says", Err: err}
	}
	return nil
}
