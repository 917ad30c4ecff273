package calibrate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/userfile"
	"github.com/acrkit/azcontainerregistry/diagnose"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// Folder is where the results of a run go.
type Folder string

// The files in it.
const (
	QuirksFile   = "quirks.json"
	EvidenceFile = "evidence.json"
	progressFile = "progress.json"
)

// maxFile bounds a file that is read.
const maxFile = 64 << 20

// Load reads the progress of an earlier run against the same repository; nil
// when there is none. A run that is complete is not resumed.
func (f Folder) Load(service Service) (*Progress, error) {
	name := filepath.Join(string(f), progressFile)
	data, err := readFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var p Progress
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("%s: not the progress of a calibration: %w", name, err)
	}
	switch {
	case p.Run == "" || p.Repository == "":
		return nil, fmt.Errorf("%s: not the progress of a calibration", name)
	case p.Endpoint != service.Endpoint || p.Repository != service.Repository:
		return nil, fmt.Errorf("%s: of a run against %s, %s: choose another --out", name, p.Endpoint, p.Repository)
	case p.Done && len(p.Left) == 0:
		return nil, fmt.Errorf("%s: the run of %s is complete: choose another --out", name, p.Began.Format(time.DateTime))
	}
	return &p, nil
}

func readFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s: larger than %d MiB", name, maxFile>>20)
	}
	return data, err
}

// Save keeps a run's progress, which only the user can read: it has the Locations
// of uploads.
func (f Folder) Save(p *Progress) error { return f.write(progressFile, p) }

// write replaces a file at once.
func (f Folder) write(name string, content any) error {
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(content); err != nil {
		return err
	}
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	return userfile.Write(filepath.Join(string(f), name), data.Bytes())
}

// evidence is the file to send in.
type evidence struct {
	Schema      string       `json:"schema"`
	Kind        string       `json:"kind"`
	Date        time.Time    `json:"date"`
	Service     ServiceInfo  `json:"service"`
	Results     []Result     `json:"results"`
	Differences []Difference `json:"differences"`
}

// Write writes the quirks block and the evidence.
func (f Folder) Write(r *Report) error {
	if !r.Service.ACR {
		return nil
	}
	return errors.Join(
		f.write(QuirksFile, map[string]map[string]string{"quirks": r.Quirks()}),
		f.write(EvidenceFile, evidence{output.Schema, "CalibrationEvidence", r.Date, r.Service, r.Progress.Results, r.Differences}),
	)
}

// Summary is a report without its exchanges.
type Summary struct {
	Repository  string            `json:"repository"`
	Date        time.Time         `json:"date"`
	Service     ServiceInfo       `json:"service"`
	Quirks      map[string]string `json:"quirks"`
	Results     []Result          `json:"results"`
	Differences []Difference      `json:"differences"`
	Left        []string          `json:"left,omitempty"`
}

// Summary leaves the exchanges out, which are in the evidence.
func (r *Report) Summary() Summary {
	s := Summary{Repository: r.Progress.Repository, Date: r.Date, Service: r.Service, Quirks: r.Quirks(), Differences: r.Differences}
	if s.Differences == nil {
		s.Differences = []Difference{}
	}
	for _, result := range r.Progress.Results {
		result.Exchanges = nil
		s.Results = append(s.Results, result)
	}
	for _, made := range r.Left {
		s.Left = append(s.Left, made.String())
	}
	return s
}

// String is what was made, without an upload's state.
func (m Made) String() string {
	path, _, _ := strings.Cut(m.Path, "?")
	return m.Kind + " " + path
}

// MadeText lists what was made.
func MadeText(all []Made) string {
	var texts []string
	for _, m := range all {
		texts = append(texts, m.String())
	}
	return strings.Join(texts, ", ")
}

// WriteText writes a summary for a person.
func WriteText(w io.Writer, s Summary) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s", output.Clean(s.Service.What), s.Date.Format(time.RFC3339))
	if s.Service.Server != "" {
		fmt.Fprintf(&b, ", Server: %s", output.Clean(s.Service.Server))
	}
	b.WriteString("\n")
	for _, state := range []State{Found, Unknown, Skipped} {
		for _, r := range s.Results {
			if r.State == state {
				fmt.Fprintf(&b, "%-8s %-32s %s\n", r.State, r.Quirk, output.Clean(strings.TrimSpace(r.Value+" "+r.Why)))
			}
		}
	}
	if s.Service.ACR {
		fmt.Fprintf(&b, "\ndifferences that no quirk describes: %d\n", len(s.Differences))
	}
	for _, d := range s.Differences {
		at := d.Quirk
		if d.Request != "" {
			at += fmt.Sprintf(", %d. %s", d.Exchange, d.Request)
		}
		fmt.Fprintf(&b, "  %s: %s: %s, the emulator: %s\n", output.Clean(at), d.Aspect, quoted(d.Service), quoted(d.Emulator))
	}
	for _, left := range s.Left {
		fmt.Fprintf(&b, "left: %s\n", output.Clean(left))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func quoted(text string) string {
	if text == "" {
		return "nothing"
	}
	return output.Clean(short(text))
}

// NeedsText is what an experiment needs, in a line.
func (c Cost) NeedsText() string { return strings.Join(c.Needs, ", ") }

// String is what an experiment needs and takes, in a line.
func (c Cost) String() string {
	line := fmt.Sprintf("%-32s %4d requests", c.Quirk, c.Requests)
	if c.Wait != "" {
		line += ", waits for up to " + c.Wait
	}
	if len(c.Needs) > 0 {
		line += "; needs " + c.NeedsText()
	}
	if c.Note != "" {
		line += "; " + c.Note
	}
	return line
}

// identityFile is the JSON of an identity.
type identityFile struct {
	Username     string `json:"username"`
	Password     string `json:"password"`
	RefreshToken string `json:"refreshToken"`
	EntraToken   string `json:"entraToken"`
}

// ReadIdentities reads further identities, each ROLE=FILE.
func ReadIdentities(given []string) (map[Role]Login, error) {
	all := map[Role]Login{}
	for _, text := range given {
		role, name, ok := strings.Cut(text, "=")
		if !ok || !slices.Contains(Roles(), Role(role)) {
			return nil, fmt.Errorf("identity %q: want ROLE=FILE, with a role out of %v", text, Roles())
		}
		data, err := readFile(name)
		if err != nil {
			return nil, fmt.Errorf("identity %s: %w", role, err)
		}
		var file identityFile
		// Its errors don't show what is in the file.
		if err := json.Unmarshal(data, &file); err != nil {
			return nil, fmt.Errorf("identity %s: %s is no JSON with username and password, refreshToken, or entraToken", role, name)
		}
		login := Login{Username: file.Username, Password: file.Password, RefreshToken: file.RefreshToken}
		if file.EntraToken != "" {
			login.Entra = func(context.Context) (string, error) { return file.EntraToken, nil }
		}
		if login.none() {
			return nil, fmt.Errorf("identity %s: %s has neither username and password, nor refreshToken, nor entraToken", role, name)
		}
		all[Role(role)] = login
	}
	return all, nil
}

// LoginOf is the login of a credential that was found.
func LoginOf(c diagnose.Credential) Login {
	l := Login{RefreshToken: c.RefreshToken, Username: c.Username, Password: c.Password}
	if l.RefreshToken != "" {
		l.Username, l.Password = "", ""
	}
	if c.Token != nil {
		l.Entra = func(ctx context.Context) (string, error) {
			token, err := c.Token.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{creds.RegistryScope}})
			return token.Token, err
		}
	}
	return l
}
