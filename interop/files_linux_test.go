package interop

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFilesAgreeWithUmoci compares what acrkit says of the files of an image with
// what umoci unpacks, on every file: an image that umoci itself made of changes
// to a folder, with its whiteouts; that image under another layer and flattened
// by acrkit; and one of a part of this machine's system.
func TestFilesAgreeWithUmoci(t *testing.T) {
	need(t, "umoci")
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	layout, bundle := filepath.Join(dir, "l"), filepath.Join(dir, "bundle")
	put := func(name, content string) {
		at := filepath.Join(bundle, "rootfs", name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	rootless := []string{}
	if os.Getuid() != 0 {
		rootless = []string{"--rootless"}
	}
	umoci := func(args ...string) { command(t, "", "umoci", args...) }
	umoci("init", "--layout", layout)
	umoci("new", "--image", layout+":v1")
	umoci(append([]string{"unpack", "--image", layout + ":v1"}, append(rootless, bundle)...)...)
	put("etc/conf", "one")
	put("etc/gone", "two")
	put("opt/sub/deep/x", "three")
	put("opt/other", "four")
	if err := os.Symlink("opt/sub", filepath.Join(bundle, "rootfs", "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(bundle, "rootfs/etc/conf"), filepath.Join(bundle, "rootfs/etc/hard")); err != nil {
		t.Fatal(err)
	}
	umoci("repack", "--refresh-bundle", "--image", layout+":v2", bundle)
	if err := os.RemoveAll(filepath.Join(bundle, "rootfs/opt/sub")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(bundle, "rootfs/etc/gone")); err != nil {
		t.Fatal(err)
	}
	put("opt/sub", "a file now")
	put("etc/conf", "changed")
	umoci("repack", "--image", layout+":v3", bundle)
	acrkitDo := func(args ...string) string { return command(t, "", acrkit, args...) }
	extra := filepath.Join(dir, "extra")
	if err := os.MkdirAll(filepath.Join(extra, "opt"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(extra, "opt/more"), []byte("more"), 0o600); err != nil {
		t.Fatal(err)
	}
	acrkitDo("append", "oci:"+layout+":v3", extra, "--to", "oci:"+layout+":v4")
	acrkitDo("flatten", "oci:"+layout+":v4", "--to", "oci:"+layout+":v5")
	acrkitDo("append", "oci:"+layout+":v3", "/usr/share/perl5", "--to", "oci:"+layout+":v6")
	for _, tag := range []string{"v2", "v3", "v4", "v5", "v6"} {
		t.Run(tag, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "b")
			command(t, "", "umoci", append([]string{"unpack", "--image", layout + ":" + tag}, append(rootless, out)...)...)
			want := unpackedFiles(t, filepath.Join(out, "rootfs"))
			var listed struct {
				Items []struct {
					Path, Type, Mode, Link, Digest string
				}
			}
			if err := json.Unmarshal([]byte(acrkitDo("files", "ls", "oci:"+layout+":"+tag, "/", "--recursive", "-o", "json")), &listed); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, f := range listed.Items {
				switch f.Type {
				case "folder":
					f.Digest = ""
				case "link":
					f.Mode = ""
				}
				if f.Path != "/" {
					got[f.Path] = f.Type + " " + f.Mode + " " + f.Link + f.Digest
				}
			}
			if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
				t.Errorf("umoci has - and acrkit +:\n%s", diff)
			}
		})
	}
}

// unpackedFiles are the files below a folder, in the form of the comparison.
func unpackedFiles(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil || at == root {
			return err
		}
		name := at[len(root):]
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := fmt.Sprintf("%04o", info.Mode().Perm())
		switch {
		case d.IsDir():
			files[name] = "folder " + mode + " "
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(at)
			files[name] = "link  " + target
			return err
		default:
			data, err := os.ReadFile(at)
			files[name] = fmt.Sprintf("file %s sha256:%x", mode, sha256.Sum256(data))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
