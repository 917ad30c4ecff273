// Package term knows what the person's screen can show, and draws progress on it.
package term

import (
	"os"

	xterm "golang.org/x/term"
)

// Screen describes where standard error goes.
type Screen struct {
	// Terminal is true when a person watches.
	Terminal bool
	// Animated is true when lines may be redrawn in place.
	Animated bool
	// Color is true when colours may be used.
	Color bool
	// Width is the number of columns; 80 where nobody knows.
	Width int
}

// defaultWidth is assumed where there is no terminal to ask.
const defaultWidth = 80

// Detect looks at a file and at the environment (NO_COLOR of no-color.org,
// and TERM).
func Detect(f *os.File, getenv func(string) string) Screen {
	screen := Screen{Width: defaultWidth}
	if f == nil || !xterm.IsTerminal(int(f.Fd())) {
		return screen
	}
	dumb := getenv("TERM") == "dumb"
	screen.Terminal = true
	screen.Animated = !dumb
	screen.Color = !dumb && getenv("NO_COLOR") == ""
	if width, _, err := xterm.GetSize(int(f.Fd())); err == nil && width > 0 {
		screen.Width = width
	}
	return screen
}

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool { return f != nil && xterm.IsTerminal(int(f.Fd())) }

// Style is a way to make text stand out.
type Style string

// The styles in use, as SGR parameters.
const (
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// Paint wraps s in the style where colours may be used.
func (s Screen) Paint(style Style, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}
