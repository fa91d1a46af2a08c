package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// argument is a row of a command's table in the manual.
type argument struct{ name, placed string } // --config, none

// TestManualHasEveryCommandAndFlag holds web/docs/cli.md.
func TestManualHasEveryCommandAndFlag(t *testing.T) {
	t.Parallel()
	manual := readCommands(t)
	var line cli
	parser, err := kong.New(&line, kong.Name("dlqdesk"))
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Leaves(true) {
		name := strings.TrimPrefix(command.FullPath(), "dlqdesk ")
		t.Run(name, func(t *testing.T) {
			rows, ok := manual[name]
			if !ok {
				t.Fatal("cli.md has no section of that name")
			}
			delete(manual, name)
			var want []argument
			for _, value := range command.Positional {
				want = append(want, argument{strings.ToUpper(value.Name), placed(value)})
			}
			for _, flag := range command.Flags {
				if flag.Name != "help" {
					want = append(want, argument{"--" + flag.Name, placed(flag.Value)})
				}
			}
			for _, row := range rows {
				if !slices.Contains(want, row) {
					t.Errorf("cli.md has %s (%s), and the command does not", row.name, row.placed)
				}
			}
			for _, row := range want {
				if !slices.Contains(rows, row) {
					t.Errorf("cli.md lacks %s (%s)", row.name, row.placed)
				}
			}
			if len(rows) != len(want) {
				t.Errorf("cli.md has %d arguments, want %d", len(rows), len(want))
			}
		})
	}
	for name := range manual {
		t.Errorf("cli.md has the section %s, and there is no such command", name)
	}
}

// placed returns the column default of an argument.
func placed(v *kong.Value) string {
	switch {
	case v.Required:
		return "required"
	case v.HasDefault:
		return "`" + v.Default + "`"
	case v.IsBool():
		return "off"
	}
	return "none"
}

var (
	commandHeading = regexp.MustCompile(`^## (.+)$`)
	argumentRow    = regexp.MustCompile("^\\| `(-*[A-Za-z-]+)[^`]*` \\| (.+?) \\| .+ \\|$")
)

func readCommands(t *testing.T) map[string][]argument {
	t.Helper()
	text, err := os.ReadFile(root + "/web/docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	commands, name := map[string][]argument{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if m := commandHeading.FindStringSubmatch(line); m != nil {
			name = m[1]
			commands[name] = nil
		}
		if m := argumentRow.FindStringSubmatch(line); m != nil && name != "" {
			commands[name] = append(commands[name], argument{m[1], m[2]})
		}
	}
	return commands
}
