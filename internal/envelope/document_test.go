package envelope_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
)

func FuzzFieldsAreThoseOfEncodingJSON(f *testing.F) {
	for _, text := range []string{
		"", " ", "null", "[]", "{", "{}", " {\n} ", `{"a":1}`, `{"a":1,}`,
		`{ "a" : "x\"y" , "b" : [1,{"c":"]}"}] , "a" : null }`, `{"a":"\\","b":"\\\""}`,
		`{"\u0061":1,"a":2,"😀":-1.5e3}`, `{"a":true,"b":false}` + "\t\r\n", "{\"\xff\":\"\xfe\"}",
		`{"a":{"b":{}},"c":[[],[]]}`, `{"a":1}{"b":2}`, `"a"`,
		`{"a":` + strings.Repeat("[", 9_998) + strings.Repeat("]", 9_998) + "}", `{"a":` + strings.Repeat("[",
			10_001) + strings.Repeat("]", 10_001) + "}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var want map[string]json.RawMessage
		if json.Unmarshal(text, &want) != nil {
			want = nil
		}
		got, ok := envelope.FieldsOf(text)
		same := maps.EqualFunc(got, want, func(a, b json.RawMessage) bool { return string(a) == string(b) })
		if ok != (want != nil) || !same {
			t.Errorf("%q has %q, not %q", text, want, got)
		}
	})
}

// usual is a webhook of about 1 KiB.
func usual() deadletter.Capture {
	return capture([]byte(`{"eventType":"conversation:updated","note":"` + strings.Repeat("x", 1000) + `"}`))
}

func BenchmarkEncode(b *testing.B) {
	c := usual()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := envelope.Encode(c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	c := usual()
	text, err := envelope.Encode(c)
	if err != nil {
		b.Fatal(err)
	}
	m, now := message(text), at.Add(time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		envelope.Decode(m, now)
	}
}
