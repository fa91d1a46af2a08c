package shell_test

import (
	"testing"

	"dlqdesk/internal/shell"
)

func TestQuotedTextIsReadable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                       "''",
		"a":                      "'a'",
		`{"text":"a\nb"}`:        `'{"text":"a\nb"}'`,
		"it's":                   `'it'\''s'`,
		"''":                     `\'\'`,
		`a\\b\`:                  `'a'\\'\b'\\`,
		"hi!":                    `'hi'\!`,
		"two\nlines":             "'two\nlines'",
		"tab\tand \u202e":        `"$(printf 'tab\011and \342\200\256')"`,
		"caf\xe9 100% -!'\\ end": `"$(printf 'caf\351 100\045 -\041\047\134 end')"`,
	} {
		if got := shell.Quote(text); got != want {
			t.Errorf("%q becomes %s, want %s", text, got, want)
		}
	}
}

func TestWordIsQuotedOnlyIfNecessary(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"/var/lib/desk.db": "/var/lib/desk.db", "": "''", "a b": "'a b'", "~x": "'~x'",
	} {
		if got := shell.Word(text); got != want {
			t.Errorf("%q becomes %s, want %s", text, got, want)
		}
	}
}
