package terminal_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"dlqdesk/internal/terminal"
)

// hostile are texts by which a stranger could do more on a terminal than show something.
func hostile() []string {
	return []string{
		"\x1b]0;title\x07", "\x1b[2J\x1b[H", "\x1b[31mred", "a\rb", "a\bb", "a\x00b", "a\x7fb", "\u009b31m",
		"\u202egnp.exe", "\u2066x\u2069", "a\u200db", "a\u200bb", "\ufeffx", "a\u00adb", "bad \xff\xfe utf8", "a\nb\tc",
		"\U000e0041tag", "漢字\x1b漢字", "e\u0301\x1b", "\u2028line",
	}
}

func TestSafeTextSteersNothing(t *testing.T) {
	t.Parallel()
	for _, text := range hostile() {
		for name, got := range map[string]string{
			"Safe": terminal.Safe(text), "SafeLines": strings.ReplaceAll(terminal.SafeLines(text), "\n", ""),
		} {
			if i := strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("%s of %q is %q", name, text, got)
			}
		}
	}
	const plain = "Größe 漢字 😀 e\u0301 “x” …"
	if got := terminal.Safe(plain); got != plain {
		t.Errorf("%q becomes %q", plain, got)
	}
}

// A document says the same, in characters that are only shown.
func TestSafeJSONSaysTheSame(t *testing.T) {
	t.Parallel()
	for _, text := range append(hostile(), "plain 漢字 😀", "<&>") {
		text = strings.ToValidUTF8(text, "?")
		document, err := json.Marshal(map[string]any{"text": text, "list": []string{text}, "n": 12345678901234567})
		if err != nil {
			t.Fatal(err)
		}
		for _, indent := range []string{"", "  "} {
			safe, err := terminal.SafeJSON(document, indent)
			if err != nil {
				t.Fatal(err)
			}
			var got, want any
			if err := json.Unmarshal(safe, &got); err != nil || json.Unmarshal(document, &want) != nil ||
				!reflect.DeepEqual(got, want) {
				t.Errorf("%q becomes %s: %v", text, safe, err)
			}
			for _, r := range string(safe) {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Errorf("%q has %q", safe, r)
				}
			}
		}
	}
	if _, err := terminal.SafeJSON([]byte("{"), ""); err == nil {
		t.Error("a broken document is accepted")
	}
}

func TestWidth(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"": 0, "abc": 3, "漢字": 4, "Größe": 5, "e\u0301": 1, "😀": 2, "ｱ": 1, "Ａ": 2, "한글": 4, "…": 1,
	} {
		if got := terminal.Width(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text    string
		columns int
		want    string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"漢字", 4, "漢字"},
		{"漢字", 3, "漢…"},
		{"漢字", 2, "…"},
		{"漢字", 1, "…"},
		{"abc", 0, ""},
		{"abc", -1, ""},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
	} {
		if got := terminal.Cut(c.text, c.columns); got != c.want {
			t.Errorf("%q in %d columns is %q, want %q", c.text, c.columns, got, c.want)
		}
	}
}
