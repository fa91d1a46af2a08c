package payload_test

import (
	"os/exec"
	"testing"

	"dlqdesk/internal/payload"
)

func TestShellReadsQuotedTextAsItWas(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"plain":   "/var/lib/desk.db",
		"empty":   "",
		"quotes":  `it's "here"`,
		"special": "$HOME `id` *.go; a && b \\ | c",
		"lines":   "one\ntwo\t three",
		"unicode": "grüße ✓",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, word := range []string{payload.ShellQuote(text), payload.ShellWord(text)} {
				if got := shell(t, "printf %s "+word); got != text {
					t.Errorf("%s becomes %q", word, got)
				}
			}
		})
	}
	if got := payload.ShellWord("/var/lib/desk.db"); got != "/var/lib/desk.db" {
		t.Errorf("a plain word becomes %s", got)
	}
}

func TestShellPrintfWritesTheBytes(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"JSON":      `{"text":"it's 100%","path":"a\\b"}`,
		"binary":    "\x00\x01\xff\x80%\\'",
		"an option": "-n\x00",
		"escapes":   "\x1b[31m",
		"nothing":   "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := shell(t, payload.ShellPrintf([]byte(body))); got != body {
				t.Errorf("written %q", got)
			}
		})
	}
}

func shell(t *testing.T, command string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", command).Output() //nolint:gosec // the test's own command
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return string(out)
}
