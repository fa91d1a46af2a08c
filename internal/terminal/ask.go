package terminal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
)

// Dialog is a person at a terminal, who is told of progress and asked.
type Dialog struct {
	In     io.Reader
	Err    io.Writer
	CanAsk bool // In is a terminal
	Shows  bool // Err is a terminal
	dirty  bool // a line of progress is on the terminal
}

// NewDialog returns the dialog on the streams of a process.
func NewDialog(in io.Reader, err io.Writer) *Dialog {
	_, asks := FD(in)
	_, shows := FD(err)
	return &Dialog{In: in, Err: err, CanAsk: asks && shows, Shows: shows}
}

// Progress replaces the line that says how far a command is, cut to the width of the terminal. It prints nothing where
// there is none.
func (d *Dialog) Progress(format string, args ...any) {
	if d.Shows {
		line := NewScreen(d.Err, nil)
		fmt.Fprint(d.Err, "\r\x1b[K"+Cut(Safe(fmt.Sprintf(format, args...)), line.Width-1))
		d.dirty = true
	}
}

// Clear removes the line of progress.
func (d *Dialog) Clear() {
	if d.dirty {
		fmt.Fprint(d.Err, "\r\x1b[K")
		d.dirty = false
	}
}

// Say prints a line beside the result.
func (d *Dialog) Say(format string, args ...any) {
	d.Clear()
	fmt.Fprintln(d.Err, SafeLines(fmt.Sprintf(format, args...)))
}

// Ask asks a question and returns the answer. It ends with its context: a person who presses Ctrl-C gives none.
func (d *Dialog) Ask(ctx context.Context, question string) (string, error) {
	d.Clear()
	fmt.Fprint(d.Err, Safe(question)+" ")
	type answer struct {
		line string
		err  error
	}
	given := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(d.In).ReadString('\n')
		given <- answer{strings.TrimSpace(line), err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(d.Err)
		return "", ctx.Err()
	case a := <-given:
		if a.err != nil {
			return "", fmt.Errorf("read the answer: %w", a.err)
		}
		return a.line, nil
	}
}

// Confirm asks a question that is answered by yes or no.
func (d *Dialog) Confirm(ctx context.Context, question string) (bool, error) {
	answer, err := d.Ask(ctx, question+" [y/N]")
	answer = strings.ToLower(answer)
	return answer == "y" || answer == "yes", err
}
