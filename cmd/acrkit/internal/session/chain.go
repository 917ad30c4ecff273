package session

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
)

// flags is the chain's first link. It is made once, since standard input can be
// read once.
func (s *Session) flags() creds.Link {
	if s.flagLink == nil {
		flags := s.CredentialFlags
		flags.Stdin = s.Stdin
		link := flags.Link()
		s.flagLink = &link
	}
	return *s.flagLink
}

// Chain is where a credential may come from, in order.
func (s *Session) Chain() creds.Chain {
	ownHost := ""
	if own, err := reference.ParseRegistry(s.Getenv("ACR_REGISTRY")); err == nil {
		ownHost = own.Name
	}
	chain := creds.Chain{
		s.flags(),
		creds.Environment(s.Getenv, ownHost),
		creds.FindStores(s.Getenv).Link(),
	}
	if path, err := s.OwnStore(); err == nil {
		if _, err := os.Stat(path); err == nil {
			own := creds.Stores{Docker: path, Files: []string{path}}.Link()
			own.Name = "acrkit's store"
			chain = append(chain, own)
		}
	}
	chain = append(chain, creds.EntraLinks(s.Getenv)...)
	return append(chain, creds.AnonymousLink())
}

// OwnStore is the file in which acrkit keeps credentials as docker's helper.
func (s *Session) OwnStore() (string, error) {
	dir, err := s.DataDir()
	return filepath.Join(dir, "credentials.json"), err
}

// OutcomeLines is a line a link of the chain.
func OutcomeLines(outcomes []creds.Outcome) []string {
	lines := make([]string, 0, len(outcomes))
	for _, o := range outcomes {
		line := fmt.Sprintf("%-18s %-9s %s", o.Link, o.State, failure.Clean(oneLine(o.Detail)))
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// oneLine joins the lines of a text that have words.
func oneLine(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.Trim(line, " \t\r\n-"); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " · ")
}
