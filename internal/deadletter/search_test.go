package deadletter_test

import (
	"fmt"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

func TestWhatASearchFindsABodyBy(t *testing.T) {
	t.Parallel()
	masked := []deadletter.Path{{"customer", "ssn"}}
	for body, want := range map[string]string{
		`{"a":"x","b":[1,"y",{"c":"z","d":null,"e":true}],"f":{}}`: "x 1 y z ", `["a",["b"],{"c":"d"}]`: "a b d ", `{"customer":{"ssn":"1","name":"n"}}`: deadletter.Mask + " n ",
		`plain text`: "plain text", ``: "", "\x00x": "", "\xff": "", "x\xff": "x", `{"a":"x","b":`: "x ", `"one"`: `"one"`, "{": "",
	} {
		if got := deadletter.SearchText([]byte(body), masked); got != want {
			t.Errorf("%q is found by %q, want %q", body, got, want)
		}
	}
	long := deadletter.SearchText([]byte(`["early","`+strings.Repeat("ß", 1<<20)+`","late"]`), nil)
	if !strings.HasPrefix(long, "early ") || len(long) > 1<<17 {
		t.Errorf("a long body is found by %d bytes", len(long))
	}
}

func TestTermsOfWhatAPersonTypes(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"c0ffee00-11 mis": "[{c0ffee00 false} {11 true} {mis true}]", "Größe": "[{Größe true}]", `"*"`: "[]", "a.b.cde": "[{a false} {b false} {cde true}]",
	} {
		if got := fmt.Sprint(deadletter.Terms(typed)); got != want {
			t.Errorf("%q are %s, want %s", typed, got, want)
		}
	}
	if mis := (deadletter.Term{Word: "MIS", Begins: true}); !mis.Meets("missing") || mis.Meets("admission") ||
		(deadletter.Term{Word: "mis"}).Meets("missing") {
		t.Error("a term meets what it does not mean")
	}
}

func FuzzSearchText(f *testing.F) {
	f.Add([]byte(`{"a":["b",1]}`))
	f.Add([]byte(`]}`))
	f.Add([]byte(strings.Repeat("[", 12_000)))
	f.Add([]byte(strings.Repeat(`{"a":`, 12_000)))
	f.Fuzz(func(t *testing.T, body []byte) { deadletter.SearchText(body, []deadletter.Path{{"a", "*"}}) })
}
