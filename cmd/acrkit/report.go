package main

import (
	"encoding/json"
	"fmt"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// errorObject is an error for a program: one line of JSON on standard error.
type errorObject struct {
	Schema    string   `json:"schema"`
	Kind      string   `json:"kind"`
	Code      string   `json:"code"`
	Exit      int      `json:"exit"`
	Message   string   `json:"message"`
	Why       []string `json:"why"`
	Fix       []string `json:"fix"`
	RequestID string   `json:"requestId"`
}

// report tells the error: an object when the output is JSON, the contract's
// form otherwise.
func (a *app) report(err error) {
	object := errorObject{
		Schema: output.Schema, Kind: "Error", Code: "FAILED", Exit: exitCode(err),
		Message: err.Error(), Why: []string{}, Fix: []string{},
	}
	if object.Exit == exitUsage {
		object.Code = "USAGE"
	}
	if a.printer != nil && a.printer.Structured() {
		if line, err := json.Marshal(object); err == nil {
			fmt.Fprintf(a.stderr, "%s\n", line)
		}
		return
	}
	a.note("error: %s", object.Message)
}
