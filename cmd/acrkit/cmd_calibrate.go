package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/calibrate"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/doctor"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/diagnose"
)

// calibrateFlags are the flags of calibrate.
type calibrateFlags struct {
	yes, list, abac bool
	out             string
	despite         string
	identities      []string
	wait            time.Duration
}

// calibrationFolder is where the results go unless --out says otherwise.
const calibrationFolder = "calibration"

func newCalibrateCommand(a *app) *cobra.Command {
	f := &calibrateFlags{}
	command := &cobra.Command{
		Use:   "calibrate REGISTRY/REPOSITORY",
		Short: "Find out which quirks of the emulator a registry has",
		Long: `Find out which value of each of the emulator's quirks a registry has, by a
script of experiments in a scratch repository of it. The same script runs on an
emulator in this process: what no quirk describes is reported as a difference.

It asks before it begins (--yes doesn't), works inside of that one repository,
which must be empty, deletes whatever it makes, and keeps to the rates that the
registry's responses state. Some 400 requests take some minutes. An experiment
whose precondition isn't met is skipped, and says so; --list shows what each
needs and takes. A run that was interrupted says what is left in the registry,
and resumes when it is started again with the same --out.

Into the folder --out it writes
  quirks.json      for acrkit emulator --config FILE
  evidence.json    the exchanges, without secrets, names and ids, to send in
  progress.json    for resuming; only your user can read it

Some experiments need a further identity. --identity ROLE=FILE gives one, a JSON
file with username and password, refreshToken, or entraToken. The roles are
reader (AcrPull, or Repository Reader), writer (AcrPush), no-role (an Entra token
of who has no role), and short-token (a scope-map token of 4 characters).

A repository with content is refused unless --despite-content names it: its
content is not touched, and experiments that need an empty one are skipped.`,
		Example: `  acrkit calibrate myreg.azurecr.io/scratch --list
  acrkit calibrate myreg.azurecr.io/scratch --yes --out ./calibration
  acrkit calibrate myreg.azurecr.io/scratch --identity reader=reader.json --wait 48h
  acrkit emulator --config calibration/quirks.json`,
		GroupID: groupTools,
		Args:    exactArgs("REGISTRY/REPOSITORY"),
		RunE: func(command *cobra.Command, args []string) error {
			ref, err := a.RepositoryReference(args[0])
			if err != nil {
				return err
			}
			if f.list {
				return listExperiments(a)
			}
			return runCalibrate(command.Context(), a, ref, f)
		},
	}
	flags := command.Flags()
	flags.BoolVarP(&f.yes, "yes", "y", false, "don't ask for confirmation (required without a terminal)")
	flags.BoolVar(&f.list, "list", false, "only show the experiments, what they need and what they take")
	flags.BoolVar(&f.abac, "abac", false, "the registry is in ABAC mode")
	flags.StringVar(&f.out, "out", calibrationFolder, "the `FOLDER` for the results, and for resuming an interrupted run")
	flags.StringVar(&f.despite, "despite-content", "", "allow content in the `REPOSITORY`, which this names again")
	flags.StringArrayVar(&f.identities, "identity", nil, "a further identity: `ROLE=FILE`; may be repeated")
	flags.DurationVar(&f.wait, "wait", 0, "allow experiments that wait for longer than a minute, up to this long")
	return command
}

// listExperiments shows what the experiments need and take.
func listExperiments(a *app) error {
	return output.List(a.printer, output.View[calibrate.Cost]{
		Kind: "Experiment",
		Text: func(w io.Writer, c calibrate.Cost) error {
			_, err := fmt.Fprintln(w, c)
			return err
		},
		Columns: []output.Column[calibrate.Cost]{
			{Name: "quirk", Value: func(c calibrate.Cost) string { return c.Quirk }},
			{Name: "requests", Value: func(c calibrate.Cost) string { return fmt.Sprint(c.Requests) }},
			{Name: "needs", Value: calibrate.Cost.NeedsText},
			{Name: "note", Value: func(c calibrate.Cost) string { return c.Note }},
		},
	}, output.Sequence(calibrate.Costs()))
}

func runCalibrate(ctx context.Context, a *app, ref reference.Reference, f *calibrateFlags) error {
	target := ref.Registry.Name + "/" + ref.Repository
	if f.despite != "" && f.despite != ref.Repository && f.despite != target {
		return failure.Usagef("--despite-content %s: must name the repository again: %s", f.despite, ref.Repository)
	}
	if f.wait < 0 {
		return failure.Usagef("--wait %s: must not be negative", f.wait)
	}
	others, err := calibrate.ReadIdentities(f.identities)
	if err != nil {
		return &failure.UsageError{Err: err}
	}
	service := calibrate.Service{
		Endpoint: ref.Registry.Endpoint(), Repository: ref.Repository, Others: others,
		ABAC: f.abac, Despite: f.despite != "", MaxWait: f.wait,
	}
	folder := calibrate.Folder(f.out)
	progress, err := folder.Load(service)
	if err != nil {
		return &failure.UsageError{Err: err}
	}
	if err := askToCalibrate(ctx, a, target, f, progress != nil); err != nil {
		return err
	}
	if err := openService(ctx, a, ref, &service); err != nil {
		return err
	}
	report, err := calibrate.Run(ctx, service, calibrate.Options{Progress: progress, Save: folder.Save, Note: a.Note, Now: a.Now})
	if err != nil {
		return explainCalibrate(err, report, target, f.out)
	}
	if err := folder.Write(report); err != nil {
		return err
	}
	if err := printCalibration(a, report); err != nil {
		return err
	}
	if !report.Service.ACR {
		a.Note("%s is %s, and no Azure Container Registry: nothing was written to it", ref.Registry.Name, report.Service.What)
		return nil
	}
	a.Note("wrote %s (acrkit emulator --config takes it) and %s (read it before you send it in)",
		filepath.Join(f.out, calibrate.QuirksFile), filepath.Join(f.out, calibrate.EvidenceFile))
	if n := len(report.Left); n > 0 {
		return failure.Coded(failure.ExitPartly, fmt.Errorf("%d things are left in %s: %s", n, target, calibrate.MadeText(report.Left)))
	}
	return nil
}

func askToCalibrate(ctx context.Context, a *app, target string, f *calibrateFlags, goingOn bool) error {
	if f.yes {
		return nil
	}
	if !a.askable {
		return failure.Usagef("calibrate: writing experiments into %s needs --yes where nobody can be asked; --list shows them", target)
	}
	requests := 0
	for _, c := range calibrate.Costs() {
		requests += c.Requests
	}
	word := "begins"
	if goingOn {
		word = "continues"
	}
	return a.writer().Ask(ctx, fmt.Sprintf("This %s to push to %s and delete it again, up to %d requests (--list shows them).", word, target, requests))
}

// openService finds how the registry is reached and who signs in.
func openService(ctx context.Context, a *app, ref reference.Reference, service *calibrate.Service) error {
	target := diagnose.Target{Endpoint: service.Endpoint}
	options := &diagnose.Options{
		Transport: a.Network().Transport,
		Credential: func(ctx context.Context) (diagnose.Credential, error) {
			return doctor.ResolveCredential(ctx, a.Chain(), ref.Registry.Name)
		},
	}
	if ref.Registry.Local() {
		if err := doctor.ExamineLocal(ctx, a.Session, &target, options); err != nil {
			return err
		}
	}
	credential, err := options.Credential(ctx)
	if err != nil {
		return err
	}
	service.Endpoint, service.Transport = target.Endpoint, options.Transport
	service.Login = calibrate.LoginOf(credential)
	return nil
}

// explainCalibrate says what a run that ended early leaves, and how it is resumed.
func explainCalibrate(err error, report *calibrate.Report, target, out string) error {
	explained := &failure.Explained{Err: err, Code: "FAILED"}
	switch {
	case errors.Is(err, calibrate.ErrHasContent):
		explained.Err, explained.Code = failure.Coded(failure.ExitExists, err), "EXISTS"
		explained.Fix = []string{"choose a repository that nobody uses, or name this one again: acrkit calibrate " + target + " --despite-content " + target}
		return explained
	case errors.Is(err, calibrate.ErrNothingAllowed):
		explained.Err, explained.Code = failure.Coded(failure.ExitNotAllowed, err), "ACTION_NOT_GRANTED"
		explained.Fix = []string{"acrkit doctor " + target, "acrkit whoami"}
		return explained
	}
	if report == nil || report.Progress == nil {
		return err
	}
	if n := len(report.Left); n > 0 {
		explained.Why = []string{fmt.Sprintf("%d things are left in %s: %s", n, target, calibrate.MadeText(report.Left))}
	}
	if len(report.Progress.Results) == 0 && len(report.Left) == 0 {
		return err
	}
	explained.Fix = []string{"resume it, which cleans up first: acrkit calibrate " + target + " --out " + out}
	if errors.Is(err, failure.ErrInterrupted) {
		explained.Code = "INTERRUPTED"
	} else if failure.ExitCode(err) == failure.ExitFailed {
		explained.Err, explained.Code = failure.Coded(failure.ExitNetwork, err), "CONNECTION_FAILED"
	}
	return explained
}

func printCalibration(a *app, report *calibrate.Report) error {
	if a.printer.Flat() {
		return output.List(a.printer, output.View[calibrate.Result]{
			Kind: "CalibrationResult",
			Columns: []output.Column[calibrate.Result]{
				{Name: "quirk", Value: func(r calibrate.Result) string { return r.Quirk }},
				{Name: "state", Value: func(r calibrate.Result) string { return string(r.State) }},
				{Name: "value", Value: func(r calibrate.Result) string { return output.Clean(r.Value) }},
				{Name: "why", Value: func(r calibrate.Result) string { return output.Clean(r.Why) }},
			},
		}, output.Sequence(report.Progress.Results))
	}
	return output.One(a.printer, output.View[calibrate.Summary]{Kind: "Calibration", Text: calibrate.WriteText}, report.Summary())
}
