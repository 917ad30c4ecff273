package interop

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// fixedImage is an image of real files, the same each time for the same
// number.
func fixedImage(t *testing.T, number int) v1.Image {
	t.Helper()
	image, err := crane.Image(map[string][]byte{
		"etc/number":    fmt.Appendf(nil, "%d\n", number),
		"usr/bin/tool":  []byte(strings.Repeat("#!/bin/sh\nexit 0\n", 4000)),
		"usr/share/doc": []byte("read me\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	second, err := crane.Layer(map[string][]byte{"opt/data": []byte(strings.Repeat(fmt.Sprint(number), 100_000))})
	if err != nil {
		t.Fatal(err)
	}
	image, err = mutate.AppendLayers(image, second)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.Architecture, config.OS = "amd64", "linux"
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	return image
}

// craneOptions sign in to the server with the user and password.
func craneOptions(t *testing.T, s server) []crane.Option {
	t.Helper()
	options := []crane.Option{crane.Insecure, crane.WithContext(t.Context())}
	if s.username != "" {
		options = append(options, crane.WithAuth(&authn.Basic{Username: s.username, Password: s.password}))
	}
	return options
}

func remoteOptions(t *testing.T, s server) []remote.Option {
	t.Helper()
	options := []remote.Option{remote.WithContext(t.Context())}
	if s.username != "" {
		options = append(options, remote.WithAuth(&authn.Basic{Username: s.username, Password: s.password}))
	}
	return options
}

// push puts the image there with go-containerregistry and returns its digest.
func push(t *testing.T, s server, reference string, image v1.Image) string {
	t.Helper()
	if err := crane.Push(image, s.repository(reference), craneOptions(t, s)...); err != nil {
		t.Fatalf("push %s: %v", reference, err)
	}
	return digestOf(t, image)
}

func digestOf(t *testing.T, image interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func parse(t *testing.T, s server, reference string) name.Reference {
	t.Helper()
	r, err := name.ParseReference(s.repository(reference), name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func pushIndex(t *testing.T, s server, reference string, index v1.ImageIndex) {
	t.Helper()
	if err := remote.WriteIndex(parse(t, s, reference), index, remoteOptions(t, s)...); err != nil {
		t.Fatalf("push index %s: %v", reference, err)
	}
}
