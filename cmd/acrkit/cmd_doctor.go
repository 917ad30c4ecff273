package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/doctor"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/diagnose"
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

The checks run side by side, and none stops the others: one that can't be run
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
			target, err := doctorTarget(a.Session, args)
			if err != nil {
				return err
			}
			return runDoctor(command.Context(), a, target, o)
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
func doctorTarget(sess *session.Session, args []string) (reference.Reference, error) {
	if len(args) == 0 || !strings.Contains(strings.TrimPrefix(strings.TrimPrefix(args[0], "https://"), "http://"), "/") {
		h, err := sess.RegistryArgument(args)
		return reference.Reference{Registry: h}, err
	}
	ref, err := reference.ParseAny(args[0], sess.Getenv("ACR_REGISTRY"))
	if err == nil && ref.Version() != "" {
		err = reference.Bad(args[0], "doctor checks a registry or a repository; one image is acrkit show or acrkit pull")
	}
	return ref, err
}

func runDoctor(ctx context.Context, a *app, at reference.Reference, o *doctorOptions) error {
	target := diagnose.Target{Endpoint: at.Registry.Endpoint(), Repository: at.Repository}
	options := &diagnose.Options{
		Now: a.Now, PushProbe: o.push, CheckTimeout: o.timeout, Versions: doctor.Versions(),
		Stored: func(ctx context.Context, host string) (diagnose.StoredCredential, error) {
			return doctor.StoredCredential(ctx, a.Session, host)
		},
		Credential: func(ctx context.Context) (diagnose.Credential, error) {
			return doctor.ResolveCredential(ctx, a.Chain(), at.Registry.Name)
		},
	}
	if at.Registry.Local() {
		if err := doctor.ExamineLocal(ctx, a.Session, &target, options); err != nil {
			return err
		}
	}
	report := diagnose.Run(ctx, target, options)
	if o.bundle != "" {
		if err := doctor.WriteBundle(a.Session, o.bundle, report); err != nil {
			return err
		}
	}
	if err := doctor.PrintReport(a.printer, a.screenOut, report); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return doctor.Verdict(report)
}
