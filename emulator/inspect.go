package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/inspector"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
	"github.com/acrkit/azcontainerregistry/emulator/internal/strictjson"
	"github.com/acrkit/azcontainerregistry/emulator/internal/trace"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

// Exchange is what a request and its response said, headers and text, without
// secrets.
type Exchange = trace.Exchange

// Diagnose says in words why a request failed, a line a thing; see
// [ServerOptions.Diagnose].
type Diagnose func(Request, Exchange) []string

// SaveState keeps what every registry holds under a name; RestoreState brings it
// back. While a state is kept, garbage collection removes no blob files.
func (e *Emulator) SaveState(name string) error { return e.store.SaveState(name) }

// RestoreState makes every registry hold what it held at [Emulator.SaveState].
func (e *Emulator) RestoreState(name string) error { return e.store.RestoreState(name) }

// SetQuirk turns one quirk while the emulator runs.
func (e *Emulator) SetQuirk(name, value string) error { return e.quirks.Turn(name, value) }

// inspected is the emulator as the inspector's pages see it.
type inspected struct {
	e        *Emulator
	diagnose Diagnose
}

func (s inspected) Registries() []inspector.Registry {
	var all []inspector.Registry
	for _, reg := range s.e.wire.Registries {
		all = append(all, inspector.Registry{Name: reg.Name, LoginServer: reg.LoginServer})
	}
	return all
}

// view reads one state of a registry.
func (s inspected) view(registry string, fn func(*store.Tx) error) error {
	reg, err := s.e.registryNamed(registry)
	if err != nil {
		return err
	}
	return reg.Data.View(fn)
}

// pageOf gathers at most limit entries and the cursor of the last when there are
// more.
func pageOf[T any](limit int, name func(T) string) (add func(T) bool, page func() ([]T, string)) {
	var all []T
	add = func(entry T) bool {
		all = append(all, entry)
		return len(all) <= limit
	}
	return add, func() ([]T, string) {
		if len(all) <= limit {
			return all, ""
		}
		return all[:limit], name(all[limit-1])
	}
}

func (s inspected) Repositories(registry, after string, limit int) (all []inspector.Repository, next string, err error) {
	add, page := pageOf(limit, func(r inspector.Repository) string { return r.Name })
	err = s.view(registry, func(t *store.Tx) error {
		return t.Repositories(after, func(name string, r store.Repository) bool { return add(shownRepository(name, r)) })
	})
	all, next = page()
	return all, next, err
}

func (s inspected) Repository(registry, name string) (found inspector.Repository, err error) {
	err = s.view(registry, func(t *store.Tx) error {
		r, ok, err := t.Repository(name)
		if err == nil && !ok {
			err = fmt.Errorf("registry %s has no repository %q", registry, name)
		}
		found = shownRepository(name, r)
		return err
	})
	return found, err
}

func shownRepository(name string, r store.Repository) inspector.Repository {
	return inspector.Repository{
		Name: name, Manifests: r.Manifests, Tags: r.Tags,
		Created: r.Created.Time(), Updated: r.Updated.Time(), Locked: r.Attributes != store.Attributes{},
	}
}

func (s inspected) Tags(registry, repository, after string, limit int) (all []inspector.Tag, next string, err error) {
	add, page := pageOf(limit, func(t inspector.Tag) string { return t.Name })
	err = s.view(registry, func(t *store.Tx) error {
		return t.Tags(repository, store.ByName, cursorAt(after), func(tag store.Tag) bool {
			return add(inspector.Tag{
				Name: tag.Name, Digest: tag.Digest, Created: tag.Created.Time(), Updated: tag.Updated.Time(),
				Locked: tag.Attributes != store.Attributes{},
			})
		})
	})
	all, next = page()
	return all, next, err
}

func cursorAt(name string) store.Cursor { return store.Cursor{Name: name, Set: name != ""} }

func (s inspected) Manifests(registry, repository, after string, limit int) (all []inspector.Manifest, next string, err error) {
	add, page := pageOf(limit, func(m inspector.Manifest) string { return m.Digest })
	err = s.view(registry, func(t *store.Tx) error {
		return t.Manifests(repository, store.ByName, cursorAt(after), func(m store.Manifest) bool {
			return add(shownManifest(t, repository, m))
		})
	})
	all, next = page()
	return all, next, err
}

// maxShownTags bounds the tags that are shown of one manifest.
const maxShownTags = 100

func shownManifest(t *store.Tx, repository string, m store.Manifest) inspector.Manifest {
	shown := inspector.Manifest{
		Digest: m.Digest, MediaType: m.MediaType, Subject: m.Subject, Size: m.Size, ImageSize: m.ImageSize,
		Updated: m.Updated.Time(), Locked: m.Attributes != store.Attributes{}, Tags: t.TagsOf(repository, m.Digest, ""),
	}
	if m.OS != "" || m.Architecture != "" {
		shown.Platform = m.OS + "/" + m.Architecture
	}
	if len(shown.Tags) > maxShownTags {
		shown.Tags = append(shown.Tags[:maxShownTags:maxShownTags], fmt.Sprintf("and %d more", len(shown.Tags)-maxShownTags))
	}
	return shown
}

// named is what a manifest's content names.
type named struct {
	Config    *descriptorIn  `json:"config"`
	Layers    []descriptorIn `json:"layers"`
	Blobs     []descriptorIn `json:"blobs"`
	Manifests []descriptorIn `json:"manifests"`
	FSLayers  []struct {
		BlobSum string `json:"blobSum"`
	} `json:"fsLayers"`
}

type descriptorIn struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
}

func (n named) blobs() []descriptorIn {
	var all []descriptorIn
	if n.Config != nil {
		all = append(all, *n.Config)
	}
	all = append(append(all, n.Layers...), n.Blobs...)
	for _, layer := range n.FSLayers {
		all = append(all, descriptorIn{Digest: layer.BlobSum})
	}
	return all
}

// maxShared bounds the manifests that are read to tell which share a blob.
const maxShared = 2000

func (s inspected) Manifest(registry, repository, digest string) (detail inspector.ManifestDetail, err error) {
	err = s.view(registry, func(t *store.Tx) error {
		m, ok, err := t.Manifest(repository, digest)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("repository %s of %s has no manifest %q", repository, registry, digest)
		}
		detail.Manifest = shownManifest(t, repository, m)
		content := t.ManifestContent(repository, digest)
		detail.Content = string(content)
		var indented bytes.Buffer
		if json.Indent(&indented, content, "", "  ") == nil {
			detail.Content = indented.String()
		}
		var names named
		_ = json.Unmarshal(content, &names) // what can't be read names nothing
		for _, child := range names.Manifests {
			c, ok, err := t.Manifest(repository, child.Digest)
			switch {
			case err != nil:
				return err
			case ok:
				detail.Children = append(detail.Children, shownManifest(t, repository, c))
			default:
				detail.Children = append(detail.Children, inspector.Manifest{Digest: child.Digest, MediaType: child.MediaType})
			}
		}
		t.Referrers(repository, digest, "", func(referrer string, _ []byte) bool {
			r, ok, failure := t.Manifest(repository, referrer)
			if err = failure; ok {
				detail.Referrers = append(detail.Referrers, shownManifest(t, repository, r))
			}
			return err == nil && len(detail.Referrers) < inspector.PageSize
		})
		if err != nil {
			return err
		}
		shared, err := sharedBlobs(t, repository)
		for _, blob := range names.blobs() {
			link, ok := t.Blob(repository, blob.Digest)
			size := blob.Size
			if ok {
				size = link.Size
			}
			detail.Blobs = append(detail.Blobs, inspector.Blob{
				Digest: blob.Digest, MediaType: blob.MediaType, Size: size, Missing: !ok, SharedBy: shared[blob.Digest],
			})
		}
		return err
	})
	return detail, err
}

// sharedBlobs counts how many manifests of a repository name each blob.
func sharedBlobs(t *store.Tx, repository string) (map[string]int, error) {
	counts, read := map[string]int{}, 0
	err := t.Manifests(repository, store.ByName, store.Cursor{}, func(m store.Manifest) bool {
		var names named
		_ = json.Unmarshal(t.ManifestContent(repository, m.Digest), &names)
		seen := map[string]bool{}
		for _, blob := range names.blobs() {
			if !seen[blob.Digest] {
				seen[blob.Digest] = true
				counts[blob.Digest]++
			}
		}
		read++
		return read < maxShared
	})
	return counts, err
}

func (s inspected) Blob(registry, digest string) (detail inspector.BlobDetail, err error) {
	detail.Digest = digest
	err = s.view(registry, func(t *store.Tx) error {
		err := t.Repositories("", func(name string, _ store.Repository) bool {
			if link, ok := t.Blob(name, digest); ok {
				detail.Size = link.Size
				detail.Repositories = append(detail.Repositories, name)
			}
			return len(detail.Repositories) < inspector.PageSize
		})
		if err == nil && len(detail.Repositories) == 0 {
			err = fmt.Errorf("no repository of %s has the blob %q", registry, digest)
		}
		return err
	})
	return detail, err
}

func (s inspected) Requests(before int64, limit int) []Request {
	return s.e.recorder.Before(before, limit)
}

func (s inspected) Exchange(number int64) (Request, Exchange, bool) {
	return s.e.recorder.Exchange(number)
}

func (s inspected) Watch(ctx context.Context, f func(Request)) { s.e.recorder.Watch(ctx, f) }

func (s inspected) Diagnose(request Request, exchange Exchange) []string {
	if s.diagnose == nil {
		return nil
	}
	return s.diagnose(request, exchange)
}

// shownSecret stands for a secret of the policies.
const shownSecret = "REDACTED"

func (s inspected) Settings() inspector.Settings {
	settings := inspector.Settings{Now: s.e.clock.Now(), Faults: indentedJSON(map[string]any{"faults": ruleOf(s.e.Faults())})}
	for _, preset := range FaultPresets() {
		settings.Presets = append(settings.Presets, inspector.Preset{Name: preset.Name, Summary: preset.Summary})
	}
	for _, quirk := range Quirks() {
		settings.Quirks = append(settings.Quirks, inspector.Quirk{
			Name: quirk.Name, Value: s.e.quirks.Value(quirk.Name), Effect: quirk.Effect, Evidence: quirk.Evidence, Values: quirk.Values,
		})
	}
	for _, reg := range s.e.wire.Registries {
		policies := reg.Policies().Policies
		settings.Registries = append(settings.Registries, inspector.RegistrySettings{
			Name: reg.Name, Policies: indentedJSON(withSecrets(policies, nil)),
			Webhooks: indentedJSON(s.e.webhooks.Hooks(reg.Name)), Deliveries: s.deliveries(reg.Name),
		})
	}
	settings.Snapshots, _ = s.e.store.States() // a folder that can't be read has none to offer
	return settings
}

// shownDeliveries are how many deliveries of a registry a page shows.
const shownDeliveries = 100

func (s inspected) deliveries(registry string) []inspector.Delivery {
	var shown []inspector.Delivery
	for _, d := range s.e.webhooks.Deliveries(registry) {
		if len(shown) == shownDeliveries {
			break
		}
		what := d.Target.Repository
		if d.Target.Tag != "" {
			what += ":" + d.Target.Tag
		} else if d.Target.Digest != "" {
			what += "@" + d.Target.Digest
		}
		said := d.Error
		if d.Status != 0 && said == "" {
			said = strconv.Itoa(d.Status)
		}
		shown = append(shown, inspector.Delivery{
			Time: d.Time, Webhook: d.Webhook, Action: string(d.Action), What: what, State: d.State, Said: said, Attempts: d.Attempts,
		})
	}
	return shown
}

// ruleOf is the rules without their counters, as they can be set again.
func ruleOf(states []FaultState) []Fault {
	rules := []Fault{}
	for _, state := range states {
		rules = append(rules, state.Fault)
	}
	return rules
}

func indentedJSON(value any) string {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// withSecrets copies policies; without others each secret becomes shownSecret,
// with them each shownSecret becomes the secret that the others have there.
func withSecrets(p Policies, others *Policies) Policies {
	secret := func(value, other string) string {
		switch {
		case others == nil && value != "":
			return shownSecret
		case others != nil && value == shownSecret:
			return other
		}
		return value
	}
	passwords := func(all, other []string) []string {
		all = slices.Clone(all)
		for i := range all {
			was := ""
			if i < len(other) {
				was = other[i]
			}
			all[i] = secret(all[i], was)
		}
		return all
	}
	var was Policies
	if others != nil {
		was = *others
	}
	p.Identities = slices.Clone(p.Identities)
	for i := range p.Identities {
		other := ""
		for _, identity := range was.Identities {
			if identity.ID == p.Identities[i].ID {
				other = identity.Secret
			}
		}
		p.Identities[i].Secret = secret(p.Identities[i].Secret, other)
	}
	if p.Admin != nil {
		var other []string
		if was.Admin != nil {
			other = was.Admin.Passwords
		}
		p.Admin = &AdminUser{Passwords: passwords(p.Admin.Passwords, other)}
	}
	p.Tokens = slices.Clone(p.Tokens)
	for i := range p.Tokens {
		var other []string
		for _, token := range was.Tokens {
			if token.Name == p.Tokens[i].Name {
				other = token.Passwords
			}
		}
		p.Tokens[i].Passwords = passwords(p.Tokens[i].Passwords, other)
	}
	return p
}

func (s inspected) Change(what string, value func(string) string) error {
	switch what {
	case "clock":
		return s.changeClock(value)
	case "faults":
		rules, err := ParseFaults([]byte(value("faults")))
		if err != nil {
			return err
		}
		return s.e.SetFaults(rules...)
	case "preset":
		rule := Fault{Preset: value("preset")}
		if text := value("count"); text != "" {
			count, err := strconv.Atoi(text)
			if err != nil || count < 0 {
				return fmt.Errorf("count %q: want 0 (always) or a number of times", text)
			}
			rule.Count = count
		}
		return s.e.AddFaults(rule)
	case "quirk":
		return s.e.SetQuirk(value("name"), value("value"))
	case "policies":
		reg, err := s.e.registryNamed(value("registry"))
		if err != nil {
			return err
		}
		return s.changePolicies(reg, value("policies"))
	case "webhooks":
		var hooks []Webhook
		if err := strictjson.Unmarshal([]byte(value("webhooks")), &hooks); err != nil {
			return fmt.Errorf("webhooks of %s: %w", value("registry"), err)
		}
		return s.e.SetWebhooks(value("registry"), hooks)
	case "snapshot":
		return s.e.SaveState(value("name"))
	case "restore":
		return s.e.RestoreState(value("name"))
	}
	return fmt.Errorf("%q can't be changed", what)
}

func (s inspected) changePolicies(reg *wire.Registry, text string) error {
	var policies Policies
	if err := strictjson.Unmarshal([]byte(text), &policies); err != nil {
		return fmt.Errorf("policies of %s: %w", reg.Name, err)
	}
	now := reg.Policies().Policies
	return s.e.SetPolicies(reg.Name, withSecrets(policies, &now))
}

func (s inspected) changeClock(value func(string) string) error {
	clock := s.e.Clock()
	advance, freeze := strings.TrimSpace(value("advance")), strings.TrimSpace(value("freeze"))
	switch {
	case value("reset") != "":
		clock.Reset()
	case advance != "":
		d, err := time.ParseDuration(advance)
		if err != nil {
			return fmt.Errorf("advance by %q: want a duration such as 2h30m", advance)
		}
		clock.Advance(d)
	case freeze != "":
		at, err := time.Parse(time.RFC3339, freeze)
		if err != nil {
			return fmt.Errorf("freeze at %q: want a time such as 2026-01-02T03:04:05Z", freeze)
		}
		clock.Freeze(at)
	default:
		return errors.New("nothing was asked of the clock")
	}
	return nil
}
