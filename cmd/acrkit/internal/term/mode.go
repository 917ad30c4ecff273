package term

import "fmt"

// Mode is a way to show progress.
type Mode string

// The ways to show progress.
const (
	Auto  Mode = "auto"  // bars on a terminal that can redraw, plain lines otherwise
	Bar   Mode = "bar"   // a row a blob, redrawn
	Plain Mode = "plain" // a line now and then, and one a finished blob
	JSON  Mode = "json"  // a JSON object a line
	None  Mode = "none"  // nothing
)

// ParseMode checks the name of a mode; the empty name means Auto.
func ParseMode(name string) (Mode, error) {
	switch mode := Mode(name); mode {
	case "":
		return Auto, nil
	case Auto, Bar, Plain, JSON, None:
		return mode, nil
	}
	return "", fmt.Errorf("progress mode %q: must be one of auto, bar, plain, json, none", name)
}
