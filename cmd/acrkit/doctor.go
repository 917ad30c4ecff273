package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/internal/redact"
)

// doctorOptions are the flags of doctor.
type doctorOptions struct {
	push    bool
	bundle  string
	timeout time.Duration
}

func newDoctorCommand(a *app) *cobra.Command {
	o := &doctorOptions{}
	command := &cobra.Command{
		Use:   "doctor [REGISTRY[/REPOSITORY]]",
		Short: "Find what keeps this machine from working with a registry",
		Long: `Find what keeps this machine from working with a registry, before anything
fails: the name, DNS, private link, TCP, a proxy, TLS, the clock, the sign-in,
what is granted, a pull from the data host, docker's stored credential.

The checks run side by side, and none stops the others: one that can't be made
is shown as skipped, with the check that it was skipped for. It needs no docker,
no az and no rights beyond the work that is checked. Nothing is written to the
registry, unless --push-probe asks for an upload that is started and cancelled.

The exit code is that of the worst finding: 7 for the network, 4 and 5 for the
sign-in and for what it may do, 6 for throttling; warnings alone are 0.`,
		Example: `  acrkit doctor myreg
  acrkit doctor myreg.azurecr.io/team/app --push-probe
  acrkit doctor local
  acrkit doctor myreg --bundle ticket.json
  acrkit doctor myreg --jq '.item.findings[].code'`,
		GroupID: groupAccess,
		Args:    rangeArgs(0, "REGISTRY[/REPOSITORY]"),
		RunE: func(command *cobra.Command, args []string) error {
			target, err := a.doctorTarget(args)
			if err != nil {
				return err
			}
			return a.doctor(command.Context(), target, o)
		},
	}
	flags := command.Flags()
	flags.BoolVar(&o.push, "push-probe", false, "start an upload in the repository and cancel it")
	flags.StringVar(&o.bundle, "bundle", "", "also write the report, without secrets, to `FILE` for a support ticket")
	flags.DurationVar(&o.timeout, "check-timeout", diagnose.DefaultCheckTimeout, "time limit of each check")
	return command
}

// doctorTarget reads the argument: a registry, or a repository in it. A word
// alone is a registry's name, whatever ACR_REGISTRY says.
func (a *app) doctorTarget(args []string) (reference, error) {
	if len(args) == 0 || !strings.Contains(strings.TrimPrefix(strings.TrimPrefix(args[0], "https://"), "http://"), "/") {
		h, err := a.registryArgument(args)
		return reference{Registry: h}, err
	}
	return parseAny(args[0], a.getenv("ACR_REGISTRY"))
}

func (a *app) doctor(ctx context.Context, at reference, o *doctorOptions) error {
	target := diagnose.Target{Endpoint: at.Registry.Endpoint(), Repository: at.Repository}
	options := &diagnose.Options{
		Now: a.now, PushProbe: o.push, CheckTimeout: o.timeout, Versions: doctorVersions(),
		Stored: a.storedCredential,
		Credential: func(ctx context.Context) (diagnose.Credential, error) {
			return resolveCredential(ctx, a.chain(), at.Registry.Name)
		},
	}
	if at.Registry.Local() {
		if err := a.examineLocal(ctx, &target, options); err != nil {
			return err
		}
	}
	report := diagnose.Run(ctx, target, options)
	if o.bundle != "" {
		if err := a.writeBundle(o.bundle, report); err != nil {
			return err
		}
	}
	if err := a.printReport(report); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return verdict(report)
}

// examineLocal leads the checks to the embedded registry, or to the emulator
// that serves its folder at the moment.
func (a *app) examineLocal(ctx context.Context, target *diagnose.Target, options *diagnose.Options) error {
	dir, err := a.registryDir()
	if err != nil {
		return err
	}
	running, err := emulator.FindRunning(ctx, dir)
	if err != nil {
		return err
	}
	if running != nil {
		client, err := running.HTTPClient()
		if err != nil {
			return err
		}
		a.onClose(func() error { client.CloseIdleConnections(); return nil })
		target.Endpoint, options.Transport = running.Endpoint, client.Transport
		options.Credential = func(context.Context) (diagnose.Credential, error) {
			return diagnose.Credential{Source: "the running emulator", Username: running.Username, Password: running.Password}, nil
		}
		return nil
	}
	e, err := a.openFolder(ctx, dir)
	if err != nil {
		return fmt.Errorf("open the embedded registry: %w", err)
	}
	connection := e.Connect(nil)
	a.onClose(func() error { return errors.Join(connection.Close(), e.Close()) })
	target.Embedded, target.Endpoint = true, localEndpoint
	options.Transport = connection.Transport()
	options.Credential = func(ctx context.Context) (diagnose.Credential, error) {
		return resolveCredential(ctx, a.localChain(), localRegistry)
	}
	return nil
}

func resolveCredential(ctx context.Context, chain creds.Chain, host string) (diagnose.Credential, error) {
	type resolved struct {
		credential creds.Credential
		answers    []creds.Answer
	}
	r, err := within(ctx, func() (resolved, error) {
		c, answers, err := chain.Resolve(ctx, host)
		return resolved{c, answers}, err
	})
	if err != nil {
		return diagnose.Credential{}, err
	}
	c := diagnose.Credential{
		Token: r.credential.Token, RefreshToken: r.credential.RefreshToken,
		Username: r.credential.Username, Password: r.credential.Password,
	}
	for _, answer := range r.answers {
		line := fmt.Sprintf("%s: %s", answer.Link, answer.State)
		if answer.Detail != "" {
			line += ", " + answer.Detail
		}
		c.Tried = append(c.Tried, line)
		if answer.State == creds.Used {
			c.Source = answer.Link
		}
	}
	return c, nil
}

// within waits for f no longer than ctx lasts. A credential helper may leave a
// child that holds its output open, and waiting for it would outlast every
// limit; such a wait is given up, and ends with the process.
func within[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
	}
	// f may have ended at the same moment, or end promptly by its own context.
	grace := time.NewTimer(100 * time.Millisecond)
	defer grace.Stop()
	select {
	case r := <-done:
		return r.value, r.err
	case <-grace.C:
		var none T
		return none, ctx.Err()
	}
}

// storedCredential is what docker's store holds for a host. The file is read
// first, so that a damaged file is not taken for a helper's failure.
func (a *app) storedCredential(ctx context.Context, host string) (diagnose.StoredCredential, error) {
	path := creds.DockerConfig(a.getenv)
	data, err := os.ReadFile(path)
	switch {
	case path == "", errors.Is(err, fs.ErrNotExist):
		return diagnose.StoredCredential{}, nil
	case err != nil:
		return diagnose.StoredCredential{}, err
	}
	var config map[string]json.RawMessage
	if err := json.Unmarshal(data, &config); err != nil {
		return diagnose.StoredCredential{}, fmt.Errorf("%s: %w", path, err)
	}
	c, err := within(ctx, func() (creds.Credential, error) {
		c, _, err := creds.Docker(path).Find(ctx, host)
		return c, err
	})
	switch {
	case errors.Is(err, creds.ErrNothing):
		return diagnose.StoredCredential{}, nil
	case ctx.Err() != nil:
		return diagnose.StoredCredential{}, ctx.Err()
	case err != nil:
		// By its text alone: a helper's rubbish is no damaged file.
		return diagnose.StoredCredential{}, errors.New(err.Error())
	}
	return diagnose.StoredCredential{Source: path, Username: c.Username, Password: c.Password, RefreshToken: c.RefreshToken}, nil
}

func doctorVersions() []diagnose.Version {
	v := buildVersion()
	return []diagnose.Version{{Name: "acrkit", Value: v.Version}, {Name: "go", Value: strings.TrimPrefix(v.Go, "go")}, {Name: "platform", Value: v.Platform}}
}

// verdict is the error that gives the command its exit code.
func verdict(report diagnose.Report) error {
	if report.Worst() < diagnose.SeverityError {
		return nil
	}
	worst := report.Findings[0]
	failed := 0
	for _, c := range report.Checks {
		if c.Status == diagnose.StatusFailed {
			failed++
		}
	}
	exit, ok := exitOfKind[worst.Kind]
	if !ok {
		exit = exitFailed
	}
	return &explained{
		err:  coded(exit, fmt.Errorf("%d of %d checks failed; the first cause: %s", failed, len(report.Checks), worst.Title)),
		code: worst.Code, fix: []string{"acrkit explain " + worst.Code},
	}
}

// bundle is what goes along with a support ticket.
type bundle struct {
	Schema      string            `json:"schema"`
	Kind        string            `json:"kind"`
	Version     versionInfo       `json:"version"`
	Processors  int               `json:"processors"`
	Environment map[string]string `json:"environment"`
	Report      diagnose.Report   `json:"report"`
}

// bundleVariables are those that change how a registry is reached. Of the ones
// that hold secrets or names, only that they are set is told.
var bundleVariables = []string{
	"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"GODEBUG", "DOCKER_CONFIG", "ACR_REGISTRY", "ACR_USERNAME", "ACR_PASSWORD", "ACR_REFRESH_TOKEN",
	"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH",
	"AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST", "IDENTITY_ENDPOINT", "MSI_ENDPOINT",
}

// bundleShown are the variables whose values are shown; addresses without user
// and password.
var bundleShown = map[string]bool{
	"HTTPS_PROXY": true, "https_proxy": true, "HTTP_PROXY": true, "http_proxy": true, "NO_PROXY": true, "no_proxy": true,
	"SSL_CERT_FILE": true, "SSL_CERT_DIR": true, "GODEBUG": true, "ACR_REGISTRY": true, "AZURE_AUTHORITY_HOST": true,
}

// writeBundle writes a new file that only the user may read. What is there
// already stays: it may be the bundle of an earlier ticket.
func (a *app) writeBundle(path string, report diagnose.Report) (err error) {
	b := bundle{
		Schema: output.Schema, Kind: "SupportBundle", Version: buildVersion(), Processors: runtime.NumCPU(),
		Environment: map[string]string{}, Report: report,
	}
	for _, name := range bundleVariables {
		switch value := a.getenv(name); {
		case value == "":
		case bundleShown[name]:
			b.Environment[name] = redact.URL(value)
		default:
			b.Environment[name] = "set"
		}
	}
	data, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	defer func() {
		if closing := f.Close(); err == nil && closing != nil {
			err = fmt.Errorf("write bundle: %w", closing)
		}
	}()
	if _, err := f.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	a.note("wrote %s: read it before you send it on", path)
	return nil
}
