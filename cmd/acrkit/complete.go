package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

const (
	// completionLimit bounds what a completion asks: longer nobody waits for it.
	completionLimit = 2 * time.Second
	// completionMost is how many names are offered.
	completionMost = 200
)

// takesReference are the arguments that name something in a registry.
var takesReference = pattern.New(`\b(REF|REPOSITORY|REGISTRY|SRC|DST|TAG|MANIFEST|BLOB)`)

// completeReferences gives each command that takes references their completion:
// registries, repositories, tags and digests, as the registry has them now. Where
// it doesn't respond, nothing is offered, and nothing is said.
func completeReferences(a *app, command *cobra.Command) {
	for _, child := range command.Commands() {
		completeReferences(a, child)
	}
	if command.HasSubCommands() || command.ValidArgsFunction != nil || len(command.ValidArgs) > 0 || !takesReference.MatchString(command.Use) {
		return
	}
	files := strings.Contains(command.Use, "SRC") || strings.Contains(command.Use, "DST") || strings.Contains(command.Use, "FILE")
	command.ValidArgsFunction = func(command *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		ctx := command.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completionLimit)
		defer cancel()
		a.Quiet = true
		names := a.offer(ctx, word)
		if len(names) == 0 && files {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// offer lists how a word may continue.
func (a *app) offer(ctx context.Context, word string) []string {
	slash := strings.IndexByte(word, '/')
	if slash < 0 {
		var hosts []string
		for _, h := range []string{reference.Local, a.Getenv("ACR_REGISTRY")} {
			if h != "" && strings.HasPrefix(h+"/", word) {
				hosts = append(hosts, h+"/")
			}
		}
		return hosts
	}
	h, err := reference.ParseRegistry(word[:slash])
	if err != nil {
		return nil
	}
	rest := word[slash+1:]
	end := strings.IndexAny(rest, ":@")
	if end < 0 {
		return a.offerRepositories(ctx, h, word[:slash+1], rest)
	}
	return a.offerVersions(ctx, reference.Reference{Registry: h, Repository: rest[:end]}, word[:slash+1+end+1], rest[end+1:], rest[end] == '@')
}

func (a *app) offerRepositories(ctx context.Context, h reference.Host, before, prefix string) (names []string) {
	r, err := a.Open(ctx, h)
	if err != nil {
		return nil
	}
	for name, err := range r.Client.Repositories(ctx, &azcontainerregistry.ClientListRepositoriesOptions{}) {
		if err != nil || len(names) == completionMost {
			break
		}
		if strings.HasPrefix(name, prefix) {
			names = append(names, before+name)
		}
	}
	return names
}

func (a *app) offerVersions(ctx context.Context, ref reference.Reference, before, prefix string, digests bool) (names []string) {
	r, err := a.OpenFor(ctx, ref)
	if err != nil {
		return nil
	}
	add := func(name *string) {
		if name != nil && strings.HasPrefix(*name, prefix) {
			names = append(names, before+*name)
		}
	}
	if digests {
		for m, err := range r.Client.Manifests(ctx, ref.Repository, &azcontainerregistry.ClientListManifestsOptions{}) {
			if err != nil || len(names) == completionMost {
				break
			}
			add(m.Digest)
		}
		return names
	}
	for t, err := range r.Client.Tags(ctx, ref.Repository, &azcontainerregistry.ClientListTagsOptions{}) {
		if err != nil || len(names) == completionMost {
			break
		}
		add(t.Name)
	}
	return names
}
