package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/inspection"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// emulatorGrace is how long a stopping emulator waits for running requests.
const emulatorGrace = 5 * time.Second

// maxEmulatorFile bounds the files that configure an emulator.
const maxEmulatorFile = 4 << 20

type emulatorFlags struct {
	dir     string
	address string
	faults  string
	config  string
	tls     bool
	hosts   []string
	// beyondLoopback allows an address that other machines can reach.
	beyondLoopback bool
	idpPort        int
}

func newEmulatorCommand(a *app) *cobra.Command {
	var flags emulatorFlags
	command := &cobra.Command{
		Use:   "emulator",
		Short: "Run an Azure Container Registry on this machine",
		Long: `emulator runs an Azure Container Registry on a loopback port until it is
interrupted, and prints its address and the settings for other tools. Its
registry is the one that local/... names, unless --dir says otherwise, and
commands on local/... reach it while it runs.

Any Entra token that is well formed signs in as owner, and so does the admin
user whose password it prints. --config FILE says otherwise: registries by name,
roles, scope-map tokens, a firewall, throttling, quarantine, token lifetimes,
quirks, and a strict mode that checks Entra tokens against its own stand-in for
Entra. --faults FILE injects faults:

  {"faults": [{"preset": "throttled", "routes": ["get-manifest"], "count": 3}]}

While it runs, the control endpoint changes the faults, the policies and the
clock, and lists the requests.

Each flag can be given by a variable of the environment, too, as containers are
configured: ACRKIT_EMULATOR_ADDR for --addr, ACRKIT_EMULATOR_TLS_HOST for
--tls-host, and so on; the flag takes precedence.
ACRKIT_EMULATOR_ADMIN_PASSWORD is the password of the admin user, and
ACRKIT_EMULATOR_CONTROL_TOKEN the token of the control endpoint, instead of
generated ones.`,
		Example: `  acrkit emulator
  acrkit emulator --addr 127.0.0.1:0 --dir ./registry --tls
  acrkit emulator --config registry.json --faults faults.json --debug
  acrkit emulator --addr :5000 --listen-beyond-loopback`,
		GroupID: groupTools,
		Args:    exactArgs(),
		RunE: func(command *cobra.Command, _ []string) error {
			if err := a.setFromEnvironment(command); err != nil {
				return err
			}
			if flags.idpPort < 0 || flags.idpPort > math.MaxUint16 {
				return failure.Usagef("--idp-port %d: want 0 to %d", flags.idpPort, math.MaxUint16)
			}
			if err := flags.checkBeyondLoopback(command.Flags().Changed("addr")); err != nil {
				return err
			}
			return runEmulator(command.Context(), a, flags)
		},
	}
	f := command.Flags()
	f.StringVar(&flags.dir, "dir", "", "the data `FOLDER` (default: that of local/...)")
	f.StringVar(&flags.address, "addr", emulator.DefaultAddress, "the address to listen on, `HOST:PORT`; port 0 means a free one")
	f.StringVar(&flags.faults, "faults", "", "a JSON `FILE` with the faults, or the JSON itself")
	f.StringVar(&flags.config, "config", "", "a JSON `FILE` with registries, identities and policies, or the JSON itself")
	f.BoolVar(&flags.tls, "tls", false, "serve https, with its own certificate authority")
	f.StringSliceVar(&flags.hosts, "tls-host", nil, "a further host `NAME` for the certificate; may be repeated")
	f.BoolVar(&flags.beyondLoopback, "listen-beyond-loopback", false, "allow an --addr that other machines can reach; without --addr, listen on every address")
	f.IntVar(&flags.idpPort, "idp-port", 0, "the `PORT` of the identity provider; 0 means a free one")
	command.AddCommand(newEmulatorHealthCommand(a))
	return command
}

// runEmulator serves until the context ends, which is the ordinary way to stop
// it and no failure.
func runEmulator(ctx context.Context, a *app, flags emulatorFlags) error {
	options, err := emulatorOptions(a, flags)
	if err != nil {
		return err
	}
	server, err := emulator.StartServer(options)
	if err != nil {
		return a.explainStart(err, options.Emulator.Dir)
	}
	a.warnBeyondLoopback(&flags)
	a.warnWithoutVolume(options.Emulator.Dir)
	err = output.One(a.printer, emulatorView, newEmulatorInfo(server, options.Emulator.Dir))
	if err == nil {
		<-ctx.Done()
		a.Note("stopping")
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), emulatorGrace)
	defer cancel()
	return errors.Join(err, server.Shutdown(grace))
}

// emulatorOptions reads what the flags name.
func emulatorOptions(a *app, flags emulatorFlags) (*emulator.ServerOptions, error) {
	dir := flags.dir
	if dir == "" {
		var err error
		if dir, err = a.RegistryDir(); err != nil {
			return nil, err
		}
	}
	o := &emulator.ServerOptions{
		Emulator: *a.LocalOptions(dir), Address: flags.address, TLS: flags.tls, Hosts: flags.hosts,
		AdminUser: true, Diagnose: inspection.Diagnose, AdminPassword: a.Getenv(adminPasswordVariable), ControlToken: a.Getenv(controlTokenVariable),
		BeyondLoopback: flags.beyondLoopback, IdentityProviderPort: flags.idpPort,
	}
	if flags.config != "" {
		data, name, err := fileOrJSON(flags.config)
		if err != nil {
			return nil, fmt.Errorf("--config: %w", err)
		}
		configured, err := emulator.ParseConfig(data)
		if err != nil {
			return nil, &failure.UsageError{Err: fmt.Errorf("--config %s: %w", name, err)}
		}
		if len(configured.Registries) == 0 {
			configured.Registries = o.Emulator.Registries
		} else {
			o.AdminUser = false
			if o.AdminPassword != "" {
				return nil, failure.Usagef("the registries of --config have admin users of their own: leave out %s", adminPasswordVariable)
			}
		}
		configured.Dir = dir
		o.Emulator = *configured
	}
	if flags.faults != "" {
		data, name, err := fileOrJSON(flags.faults)
		if err != nil {
			return nil, fmt.Errorf("--faults: %w", err)
		}
		faults, err := emulator.ParseFaults(data)
		if err != nil {
			return nil, &failure.UsageError{Err: fmt.Errorf("--faults %s: %w", name, err)}
		}
		o.Emulator.Faults = append(o.Emulator.Faults, faults...)
	}
	if o.Emulator.IdentityProvider == nil {
		// Clients that can only sign in with Entra find one here.
		o.Emulator.IdentityProvider = &emulator.IdentityProvider{}
	}
	level := slog.LevelInfo
	if a.Debug != "" {
		level = slog.LevelDebug
	}
	o.Emulator.Logger = slog.New(slog.NewTextHandler(a.Stderr, &slog.HandlerOptions{Level: level}))
	return o, nil
}

// readSmallFile reads a file that a person wrote.
func readSmallFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxEmulatorFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxEmulatorFile {
		return nil, fmt.Errorf("%s: over %s", path, output.Size(maxEmulatorFile))
	}
	return data, nil
}
