package terminal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
)

// Editor returns the editor of a person: VISUAL, or else EDITOR, or else vi.
func Editor(environ []string) string {
	editor := "vi"
	for _, name := range []string{"EDITOR=", "VISUAL="} {
		for _, setting := range environ {
			if value, ok := strings.CutPrefix(setting, name); ok && value != "" {
				editor = value
			}
		}
	}
	return editor
}

// ErrUnchanged is returned by Edit if the text was left as it is.
var ErrUnchanged = errors.New("nothing was changed: nothing is sent")

// Edit opens a text in an editor, in a file that only the user can read, and returns what became of it. The file is
// kept, for the case that the text cannot be used: remove it after that.
func Edit(editor string, text []byte, pattern string) (edited []byte, file string, err error) {
	f, err := os.CreateTemp("", pattern) // with mode 0600
	if err != nil {
		return nil, "", fmt.Errorf("write the text for the editor: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, f.Name(), fmt.Errorf("write the text for the editor: %w", err)
	}
	// Ctrl-C is for the editor, which has the same terminal.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	//nolint:gosec // the person's own editor, which may have arguments: as git does it
	cmd := exec.CommandContext(context.Background(), "sh", "-c", editor+` "$1"`, editor, f.Name())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, f.Name(), fmt.Errorf("the editor %s: %w", editor, err)
	}
	if edited, err = os.ReadFile(f.Name()); err != nil {
		return nil, f.Name(), fmt.Errorf("read what the editor wrote: %w", err)
	}
	// Editors end a text with a line break.
	if !bytes.HasSuffix(text, []byte("\n")) {
		edited = bytes.TrimSuffix(edited, []byte("\n"))
	}
	if bytes.Equal(edited, text) {
		return nil, f.Name(), ErrUnchanged
	}
	return edited, f.Name(), nil
}
