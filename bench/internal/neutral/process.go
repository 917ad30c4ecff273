package neutral

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// order is one line of the conversation between the benchmark and its server
// process.
type order struct {
	Configure *Config `json:",omitempty"`
}

type report struct {
	Registry string
	// Certificate is what clients must trust for TLS, in PEM.
	Certificate string
	Stats       Stats
	Error       string `json:",omitempty"`
}

// Obey runs a server until the orders end: each line of JSON on orders either
// configures it or asks for its statistics, and each is answered by one line.
// Since the orders are the parent's pipe, the server ends with its parent.
func Obey(orders io.Reader, reports io.Writer) (err error) {
	server, err := Start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	in, out := json.NewDecoder(orders), json.NewEncoder(reports)
	for {
		var o order
		if err := in.Decode(&o); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("read order: %w", err)
		}
		r := report{Registry: server.Registry, Certificate: server.Certificate}
		if o.Configure != nil {
			if err := server.Configure(*o.Configure); err != nil {
				r.Error = err.Error()
			}
		} else {
			r.Stats = server.Stats()
		}
		if err := out.Encode(r); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
}

// Process is a server in a process of its own. Its methods are for one
// goroutine.
type Process struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	in      *json.Encoder
	out     *json.Decoder
}

// StartProcess runs the executable with the arguments that make it call Obey.
// Close ends it.
func StartProcess(ctx context.Context, executable string, args ...string) (*Process, error) {
	command := exec.CommandContext(ctx, executable, args...)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start server process: %w", err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start server process: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start server process: %w", err)
	}
	return &Process{command: command, stdin: stdin, in: json.NewEncoder(stdin), out: json.NewDecoder(stdout)}, nil
}

// Configure sets the stage and returns the registry's host and port, and the
// certificate that clients must trust for TLS.
func (p *Process) Configure(c Config) (registry, certificate string, err error) {
	r, err := p.ask(order{Configure: &c})
	return r.Registry, r.Certificate, err
}

// Stats reports what the server saw since Configure.
func (p *Process) Stats() (Stats, error) {
	r, err := p.ask(order{})
	return r.Stats, err
}

func (p *Process) ask(o order) (report, error) {
	var r report
	if err := p.in.Encode(o); err != nil {
		return r, fmt.Errorf("order the server: %w", err)
	}
	if err := p.out.Decode(&r); err != nil {
		return r, fmt.Errorf("hear from the server: %w", err)
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}

// Close ends the process and waits for it.
func (p *Process) Close() error {
	return errors.Join(p.stdin.Close(), p.command.Wait())
}
