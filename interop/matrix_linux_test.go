package interop

import (
	"os"
	"path/filepath"
	"strings"
)

// engineReaders are the readers that are container engines.
func engineReaders() []reader {
	return []reader{{
		name: "docker load", program: "dockerd", ofTar: true,
		// Debian's docker 20.10 unpacks no zstd.
		not: func(f form) bool { return f.noImage || strings.Contains(f.name, "layers by zstd") },
		read: func(m *matrix, tar string) (string, error) {
			e := startDocker(m.t)
			output := e.do("load", "--input", tar)
			name := output[strings.LastIndex(output, ": ")+2:]
			return e.do("image", "inspect", "--format", "{{.Id}}", name), nil
		},
	}}
}

// engineMakers are images that a real Docker engine makes.
func engineMakers() []maker {
	saved := func(e engine, dir, name string) (string, string, error) {
		path := filepath.Join(dir, "saved.tar")
		e.do("save", "--output", path, name)
		return "docker:" + path, e.do("image", "inspect", "--format", "{{.Id}}", name), nil
	}
	return []maker{
		{name: "docker import, docker save", program: "dockerd", config: true, make: func(m *matrix, dir string) (string, string, error) {
			e := startDocker(m.t)
			path := filepath.Join(dir, "layer.tar")
			if err := os.WriteFile(path, tarOf(m.t, []file{{name: "etc/imported", data: []byte("x")}}), 0o600); err != nil {
				return "", "", err
			}
			e.do("import", path, "matrix/imported:1")
			return saved(e, dir, "matrix/imported:1")
		}},
		{name: "docker build from scratch, docker save", program: "dockerd", config: true, make: func(m *matrix, dir string) (string, string, error) {
			e := startDocker(m.t)
			for name, text := range map[string]string{"Dockerfile": "FROM scratch\nCOPY a /a\nCOPY b /b\nENV X=1\n", "a": "a", "b": "b"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					return "", "", err
				}
			}
			m.t.Setenv("DOCKER_BUILDKIT", "0")
			e.do("build", "--quiet", "--tag", "matrix/built:1", dir)
			return saved(e, dir, "matrix/built:1")
		}},
		{name: "docker pull, docker save", program: "dockerd", config: true, make: func(m *matrix, dir string) (string, string, error) {
			e := startDocker(m.t)
			if output, err := e.login(m.s); err != nil {
				return output, "", err
			}
			origin := m.s.repository("matrix/origin:v1")
			e.do("pull", origin)
			return saved(e, dir, origin)
		}},
	}
}
