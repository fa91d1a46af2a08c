package terminal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"
)

// Screen is where a command prints its result.
type Screen struct {
	Out   io.Writer
	Width int  // columns of the terminal; 0: it is none, and nothing is cut
	Color bool // texts have the colors of their tones
}

// NewScreen returns the screen of a stream. It has colors on a terminal, unless NO_COLOR is set (no-color.org) or the
// terminal is dumb.
func NewScreen(stream io.Writer, environ []string) Screen {
	s := Screen{Out: stream}
	fd, ok := FD(stream)
	if !ok {
		return s
	}
	const usual = 80
	if s.Width, _, _ = term.GetSize(fd); s.Width <= 0 {
		s.Width = usual
	}
	s.Color = !slices.Contains(environ, "TERM=dumb") && !slices.ContainsFunc(environ, func(setting string) bool {
		value, ok := strings.CutPrefix(setting, "NO_COLOR=")
		return ok && value != ""
	})
	return s
}

// FD returns the file descriptor of a stream, and whether it is a terminal.
func FD(stream any) (int, bool) {
	f, ok := stream.(*os.File)
	if !ok {
		return 0, false
	}
	fd := int(f.Fd()) //nolint:gosec // fits an int
	return fd, term.IsTerminal(fd)
}

// Tone is the meaning of a text that its color shows, such as Good for a delivered message.
type Tone string

// The tones, by their ANSI colors.
const (
	Plain Tone = ""
	Good  Tone = "32"
	Bad   Tone = "31"
	Busy  Tone = "33"
	Faint Tone = "2"
)

func (s Screen) paint(text string, tone Tone) string {
	if !s.Color || tone == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(tone) + "m" + text + "\x1b[0m"
}

// Line prints one line, which may be longer than the terminal is wide.
func (s Screen) Line(format string, args ...any) error {
	_, err := fmt.Fprintln(s.Out, Safe(fmt.Sprintf(format, args...)))
	return err
}

// Fact is one line about a thing.
type Fact struct {
	Name string
	Cell
}

// Facts prints what is known about a thing, a line for each fact that has a text.
func (s Screen) Facts(list []Fact) error {
	wide := 0
	for _, f := range list {
		if f.Text != "" {
			wide = max(wide, Width(f.Name))
		}
	}
	var errs []error
	for _, f := range list {
		if f.Text == "" {
			continue
		}
		text := Safe(f.Text)
		name := f.Name + strings.Repeat(" ", wide-Width(f.Name)+2)
		_, err := fmt.Fprintln(s.Out, s.paint(name, Faint)+s.paint(text, f.Tone))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
