package terminal_test

import (
	"regexp"
	"strings"
	"testing"

	"dlqdesk/internal/terminal"
)

// printed returns a table of messages on a screen.
func printed(t *testing.T, s terminal.Screen, rows ...[]string) string {
	t.Helper()
	var out strings.Builder
	s.Out = &out
	table := s.NewTable(
		terminal.Column{Title: "ID"}, terminal.Column{Title: "STATUS"}, terminal.Column{Title: "SOURCE", Shrinks: true},
		terminal.Column{Title: "TRIES", Spare: true}, terminal.Column{Title: "ERROR", Shrinks: true},
	)
	for _, texts := range rows {
		row := make([]terminal.Cell, len(texts))
		for i, text := range texts {
			row[i] = terminal.Cell{Text: text}
		}
		row[1].Tone = terminal.Bad
		if err := table.Write([][]terminal.Cell{row}); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

const id = "0198c2f4-6f3e-7b1a-9a55-2f7d1c0e8b41"

func TestTableFitsTheTerminal(t *testing.T) {
	t.Parallel()
	row := []string{id, "failed", "genesys", "3", "the field 漢字 is missing in the conversation"}
	for name, c := range map[string]struct {
		width int
		want  string
	}{
		"a pipe": {0, "" +
			"ID                                    STATUS  SOURCE   TRIES  ERROR\n" +
			id + "  failed  genesys  3      the field 漢字 is missing in the conversation\n"},
		"200 columns": {200, "" +
			"ID                                    STATUS  SOURCE   TRIES  ERROR\n" +
			id + "  failed  genesys  3      the field 漢字 is missing in the conversation\n"},
		"90 columns": {90, "" +
			"ID                                    STATUS  SOURCE   TRIES  ERROR\n" +
			id + "  failed  genesys  3      the field 漢字 is missing i…\n"},
		"80 columns": {80, "" + // before the error is hard to read, what can be spared goes
			"ID                                    STATUS  SOURCE   ERROR\n" +
			id + "  failed  genesys  the field 漢字 is missin…\n"},
		"66 columns": {66, "" +
			"ID                                    STATUS  SOURCE   ERROR\n" +
			id + "  failed  genesys  the field …\n"},
		"40 columns": {40, id + "\n  status failed\n  source genesys\n  tries 3\n  error the field 漢字 is missing in th…\n"},
		"20 columns": {20, "0198c2f4-6f3e-7b1a-…\n  status failed\n  source genesys\n  tries 3\n  error the field …\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := printed(t, terminal.Screen{Width: c.width}, row); got != c.want {
				t.Errorf("it prints\n%swant\n%s", got, c.want)
			}
		})
	}
}

// Rows that come later keep the columns of the first ones, and fit as well.
func TestLaterRowsKeepTheColumns(t *testing.T) {
	t.Parallel()
	got := printed(t, terminal.Screen{Width: 80},
		[]string{"1", "failed", "a", "1", "short"}, []string{"2", "failed", "a longer source", "1", "", ""}[:5])
	if lines := strings.Split(got, "\n"); len(lines) != 4 || lines[2] != "2   failed  a lon…  1" {
		t.Errorf("it prints\n%s", got)
	}
}

// Whatever strangers write, lines stay within the terminal, and nothing but colors steers it.
func TestHostileTableIsHarmless(t *testing.T) {
	t.Parallel()
	colors := regexp.MustCompile(`\x1b\[(2|3[0-7]|0)m`)
	for _, width := range []int{1, 7, 40, 80, 200} {
		for _, text := range hostile() {
			long := strings.Repeat(text, 50)
			for _, row := range [][]string{{id, text, long, "1", long}, {long, long, long, long, long}} {
				shown := printed(t, terminal.Screen{Width: width, Color: true}, row, row)
				for line := range strings.Lines(colors.ReplaceAllString(shown, "")) {
					line = strings.TrimSuffix(line, "\n")
					if terminal.Safe(line) != line || terminal.Width(line) > width {
						t.Fatalf("%d columns: %q prints %q", width, text, line)
					}
				}
				if plain := printed(t, terminal.Screen{Width: width}, row); strings.Contains(plain, "\x1b") {
					t.Fatalf("without colors %q prints %q", text, plain)
				}
			}
		}
	}
}

func TestEmptyTablePrintsNothing(t *testing.T) {
	t.Parallel()
	if got := printed(t, terminal.Screen{Width: 80}); got != "" {
		t.Errorf("it prints %q", got)
	}
}
