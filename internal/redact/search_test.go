package redact_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
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

// The shape of a body has no value that a page would mask, whatever carries it.
func TestShapeHasNoSecretValue(t *testing.T) {
	t.Parallel()
	rules := redact.New(redact.Options{Names: []string{"ssn"}, Paths: []payload.Path{{"items", "*", "card"}}})
	all := &payload.Shape{}
	for range 50 {
		one, _ := rules.Shape(
			payload.Decode(deadletter.Headers{}, []byte(`{"ssn":"078-05","password":"hunter2","channel":"sms",
			"items":[{"card":"visa"}],"note":"ssn=078-05","params":[{"name":"ssn","value":"078-05"}]}`), payload.MaxShaped),
		)
		all.Add(one)
	}
	text, err := json.Marshal(all)
	if err != nil || !strings.Contains(string(text), `"sms":50`) {
		t.Fatalf("%s: %v", text, err)
	}
	for _, secret := range []string{"078", "hunter2", "visa"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the shape has %q: %s", secret, text)
		}
	}
	whole := strings.Repeat("x", payload.MaxShaped+1)
	if one, _ := rules.Shape(payload.Decode(deadletter.Headers{}, []byte(whole), payload.MaxShaped)); one != nil {
		t.Error("a body that is not read whole has a shape")
	}
}
