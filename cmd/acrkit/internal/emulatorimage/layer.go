package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
)

// shared is the mode of a folder where every user may make files.
const shared = 0o1777

// newLayer makes the image's one layer: the program, a folder for the data and
// one for temporary files, and the user's name. It returns the layer packed,
// and the digest of it unpacked.
func newLayer(binary []byte) (packed []byte, diffID digest.Digest, err error) {
	var unpacked bytes.Buffer
	w := tar.NewWriter(&unpacked)
	passwd := fmt.Sprintf("root:x:0:0::/:\nnonroot:x:%d:%d::%s:\n", userID, userID, volume)
	group := fmt.Sprintf("root:x:0:\nnonroot:x:%d:\n", userID)
	for _, entry := range []struct {
		name  string
		mode  int64
		owner int
		data  []byte // nil for a folder
	}{
		// Any user may be chosen to run the image: the folder of the data is as
		// open as that of temporary files. What the emulator makes in it is the
		// user's own.
		{strings.TrimPrefix(volume, "/") + "/", shared, userID, nil},
		{"etc/", 0o755, 0, nil},
		{"etc/group", 0o644, 0, []byte(group)},
		{"etc/passwd", 0o644, 0, []byte(passwd)},
		{"tmp/", shared, 0, nil},
		{"usr/", 0o755, 0, nil},
		{"usr/bin/", 0o755, 0, nil},
		{strings.TrimPrefix(program, "/"), 0o755, 0, binary},
	} {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: entry.name, Mode: entry.mode, Uid: entry.owner, Gid: entry.owner,
			Size: int64(len(entry.data)), ModTime: *epoch(),
		}
		if entry.data == nil {
			header.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, "", err
		}
		if _, err := w.Write(entry.data); err != nil {
			return nil, "", err
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	var gz bytes.Buffer
	g, err := gzip.NewWriterLevel(&gz, gzip.BestCompression)
	if err != nil {
		return nil, "", err
	}
	if _, err := g.Write(unpacked.Bytes()); err != nil {
		return nil, "", err
	}
	if err := g.Close(); err != nil {
		return nil, "", err
	}
	return gz.Bytes(), digest.FromBytes(unpacked.Bytes()), nil
}
