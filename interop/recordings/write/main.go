// The command write makes the table of recorded exchanges out of reports of
// OCI's conformance suite; see package recordings.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/acrkit/azcontainerregistry/interop/recordings"
)

func main() {
	out := flag.String("out", "table.jsonl", "the table to write")
	flag.Parse()
	if err := run(*out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "write:", err)
		os.Exit(1)
	}
}

func run(out string, reports []string) (err error) {
	var table recordings.Table
	for _, name := range reports {
		report, err := os.ReadFile(name)
		if err == nil {
			err = table.AddReport(report)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	if err := table.Write(file); err != nil {
		return err
	}
	return file.Close()
}
