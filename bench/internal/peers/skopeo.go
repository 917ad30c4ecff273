package peers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/acrkit/azcontainerregistry/bench/internal/work"
)

// skopeo is a program rather than a library; starting it is part of its time,
// some hundredths of a second.
func skopeo() Peer {
	return Peer{
		Name:    "skopeo",
		Program: "skopeo",
		Works: map[work.Kind]work.Func{
			work.Push: func(ctx context.Context, job work.Job) error {
				return skopeoCopy(ctx, job, "--dest-tls-verify=false", "oci:"+job.Layout+":"+job.Tag, skopeoImage(job))
			},
			work.Pull: func(ctx context.Context, job work.Job) error {
				return skopeoCopy(ctx, job, "--src-tls-verify=false", skopeoImage(job), "oci:"+job.Out+":"+job.Tag)
			},
		},
	}
}

func skopeoImage(job work.Job) string {
	return "docker://" + job.Registry + "/" + job.Repository + ":" + job.Tag
}

func skopeoCopy(ctx context.Context, job work.Job, tls, from, to string) error {
	dir, err := os.MkdirTemp("", "bench-skopeo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	type entry struct {
		Auth string `json:"auth"`
	}
	login, err := json.Marshal(map[string]map[string]entry{"auths": {job.Registry: {
		Auth: base64.StdEncoding.EncodeToString([]byte(username + ":" + password)),
	}}})
	if err != nil {
		return err
	}
	authFile := filepath.Join(dir, "auth.json")
	if err := os.WriteFile(authFile, login, 0o600); err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "skopeo", "--insecure-policy", "copy", "--quiet", "--authfile", authFile, tls, from, to)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("skopeo copy: %w: %s", err, output)
	}
	return nil
}
