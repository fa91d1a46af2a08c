package redact_test

import (
	"fmt"
	"strings"
	"testing"

	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
)

func TestSearchTextOfABody(t *testing.T) {
	t.Parallel()
	masked := redact.New(redact.Options{Paths: []payload.Path{{"customer", "ssn"}}})
	for body, want := range map[string]string{
		`{"a":"x","b":[1,"y",{"c":"z","d":null,"e":true}],"f":{}}`: "x 1 y z ",
		`["a",["b"],{"c":"d"}]`: "a b d ", `{"customer":{"ssn":"1","name":"n"}}`: redact.Mask + " n ",
		`plain text`: "plain text", ``: "", "\x00x": "", "\xff": "", "x\xff": "", `{"a":"x","b":`: "x ",
		`"one"`: `"one"`, "{": "",
	} {
		t.Run(fmt.Sprintf("%.40q", body), func(t *testing.T) {
			if got := masked.SearchText(nil, []byte(body)); got != want {
				t.Errorf("%q is found by %q, want %q", body, got, want)
			}
		})
	}
	long := redact.New(redact.Options{}).SearchText(nil, []byte(`["early","`+strings.Repeat("ß", 1<<20)+`","late"]`))
	if !strings.HasPrefix(long, "early ") || len(long) > 1<<17 {
		t.Errorf("a long body is found by %d bytes", len(long))
	}
}

func FuzzSearchText(f *testing.F) {
	f.Add([]byte(`{"a":["b",1]}`))
	f.Add([]byte(`]}`))
	f.Add([]byte(strings.Repeat("[", 12_000)))
	f.Add([]byte(strings.Repeat(`{"a":`, 12_000)))
	rules := redact.New(redact.Options{Paths: []payload.Path{{"a", "*"}}})
	f.Fuzz(func(t *testing.T, body []byte) { rules.SearchText(nil, body) })
}
