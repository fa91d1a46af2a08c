package payload_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"dlqdesk/internal/payload"
)

func FuzzValidAgreesWithEncodingJSON(f *testing.F) {
	for _, text := range []string{
		"", " ", "null", "nul", "nulll", "true", "falsy", "\x00", "1\x00", "-", "-0", "01", "1.", "1.5e",
		"1.5e+", "-1.25E-07", ".5", "+1", `"`, `"a`, `"\`, `"\u12`, `"\u12aF"`,
		`"\x"`, "\"\x1f\"", "\"\x7f\xff\"", `"\"\\\/\b\f\n\r\t"`, "[", "]", "[]", "[ ]", "[1,]", "[,1]", "[1 2]",
		"[1 , [2]\t]\n", "{", "{}", "{ }", `{"a"}`, `{"a":}`, `{"a":1,}`,
		`{"a":1 "b":2}`, `{a:1}`, `{1:2}`, ` { "a" : [ { } , "x" ] , "b" : null } `, "{}{}", "[}", "\ufeff{}",
		strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), strings.Repeat("[", 10_001) +
			strings.Repeat("]", 10_001),
		strings.Repeat(`{"a":`, 5_000) + "1" + strings.Repeat("}", 5_000), "[" + strings.Repeat("[],", 20_000) + "1]",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, want := payload.Valid(text), json.Valid(text); got != want {
			t.Errorf("%q: %v, not %v", text, got, want)
		}
	})
}

func FuzzIndent(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, ` [ ] `, `{"a":[1,{"b":"\"]}"}],"c":""}`, `"x"`, `1e5`,
		`[[],{},[{}]]`, `"\\"`, "[1\n,\t2]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			return
		}
		var want bytes.Buffer
		if err := json.Indent(&want, bytes.Trim(text, " \t\r\n"), "", "  "); err != nil {
			t.Fatal(err)
		}
		if got, whole := payload.Indent(text, 1<<20); whole && got != want.String() {
			t.Errorf("%q is shown as %q, want %q", text, got, want.String())
		}
	})
}
