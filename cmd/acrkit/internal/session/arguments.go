package session

import (
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
)

// Reference reads an argument that must name a repository.
func (s *Session) Reference(text string) (reference.Reference, error) {
	return reference.Parse(text, s.Getenv("ACR_REGISTRY"))
}

// TagReference reads an argument that must name a tag, and no digest.
func (s *Session) TagReference(text string) (reference.Reference, error) {
	r, err := s.Reference(text)
	if err == nil && (r.Tag == "" || r.Digest != "") {
		err = reference.Bad(text, "it must name a tag: registry/repository:tag")
	}
	return r, err
}

// DigestReference reads an argument that must name a digest.
func (s *Session) DigestReference(text string) (reference.Reference, error) {
	r, err := s.Reference(text)
	if err == nil && r.Digest == "" {
		err = reference.Bad(text, "it must name a digest: registry/repository@sha256:…")
	}
	return r, err
}

// VersionReference reads an argument that must name a tag or a digest.
func (s *Session) VersionReference(text string) (reference.Reference, error) {
	r, err := s.Reference(text)
	if err == nil && r.Version() == "" {
		err = reference.Bad(text, "it must name a tag or a digest: registry/repository:tag or registry/repository@sha256:…")
	}
	return r, err
}

// RepositoryReference reads an argument that must name a repository alone.
func (s *Session) RepositoryReference(text string) (reference.Reference, error) {
	r, err := s.Reference(text)
	if err == nil && r.Version() != "" {
		err = reference.Bad(text, "it must name a repository, without a tag or digest")
	}
	return r, err
}

// RegistryArgument reads an argument that must name a registry alone; without
// one it is ACR_REGISTRY.
func (s *Session) RegistryArgument(args []string) (reference.Host, error) {
	if len(args) > 0 {
		return reference.ParseRegistry(args[0])
	}
	own := s.Getenv("ACR_REGISTRY")
	if own == "" {
		return reference.Host{}, failure.Usagef("no registry named: give one, such as myreg.azurecr.io or local, or set ACR_REGISTRY")
	}
	return reference.ParseRegistry(own)
}
