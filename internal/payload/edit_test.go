package payload_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

func TestCheckJSONReportsThePosition(t *testing.T) {
	t.Parallel()
	for text, where := range map[string]string{
		"":                            "line 1, column 1:",
		"x":                           "line 1, column 1:",
		`{"a":1,}`:                    "line 1, column 8:",
		`{"a":1} x`:                   "line 1, column 9:",
		"{\n  \"a\": 1,\n  b: 2\n}":   "line 3, column 3:",
		"{\r\n\"größe\": tru\r\n}":    "line 2, column 13:",
		"{\"é\": \"ü\", \"a\" \"b\"}": "line 1, column 16:",
		"[1,\n2,\n\n":                 "line 3, column 1:",
	} {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			err := payload.CheckJSON([]byte(text))
			if got := deadletter.TextOf(err); deadletter.KindOf(err) != deadletter.Invalid ||
				!strings.Contains(got, where) {
				t.Errorf("%q: %q, want %s", text, got, where)
			}
		})
	}
	for _, text := range []string{"{}", " [1] ", "null", `"x"`, "1e999"} {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			if err := payload.CheckJSON([]byte(text)); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		})
	}
}

func TestEdit(t *testing.T) {
	t.Parallel()
	json := deadletter.Headers{"Content-Type": {"application/json; charset=utf-8"}}
	for _, c := range []struct {
		name, base string
		headers    deadletter.Headers
		edited     string
		want       string
		kind       deadletter.Kind // of the refusal, where want is empty
	}{
		{"JSON stays JSON", `{"a":1}`, json, `{"a":2}`, `{"a":2}`, 0},
		{"JSON that breaks", `{"a":1}`, json, `{"a":2`, "", deadletter.Invalid},
		{"JSON by what it is", `{"a":1}`, nil, `{"a":`, "", deadletter.Invalid},
		{"JSON by what it claims", `not yet`, json, `not yet either`, "", deadletter.Invalid},
		{
			"JSON by its suffix", `not yet`,
			deadletter.Headers{"Content-Type": {"application/cloudevents+json"}},
			`no`, "", deadletter.Invalid,
		},
		{"broken JSON that is repaired", `{"a":1,}`, json, `{"a":1}`, `{"a":1}`, 0},
		{"text", "a=1", deadletter.Headers{"Content-Type": {"text/plain"}}, "a=2", "a=2", 0},
		{"line ends of a form", "a\nb", nil, "a\r\nc\r\n", "a\nc\n", 0},
		{"line ends of the base", "a\r\nb", nil, "a\r\nc\r\n", "a\r\nc\r\n", 0},
		{"binary", "a\xffb", nil, "a", "", deadletter.Invalid},
		{"fields stay JSON", "a=1", headers("Content-Type", urlencoded), `{"a":`, "", deadletter.Invalid},
		{"too large", "a", nil, strings.Repeat("a", payload.MaxEdit+1), "", deadletter.TooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := payload.Decode(c.headers, []byte(c.base), payload.MaxEdit).Edit([]byte(c.edited))
			if c.want == "" && deadletter.KindOf(err) != c.kind ||
				c.want != "" && (err != nil || string(got) != c.want) {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

// The examples of RFC 7396, appendix A. A message's body and a change must both be objects: the others are refused.
func TestMergePatchExamples(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, ""},
		{`{"a":"b"}`, `["c"]`, ""},
		{`{"a":"foo"}`, `null`, ""},
		{`{"a":"foo"}`, `"bar"`, ""},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, ""},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		// Section 3, and what the rules say without an example.
		{`{"a":"b","c":{"d":"e","f":"g"}}`, `{"a":"z","c":{"f":null}}`, `{"a":"z","c":{"d":"e"}}`},
		{`{"z":1,"a":2,"m":3}`, `{"a":9,"b":8}`, `{"z":1,"a":9,"m":3,"b":8}`},
		{
			`{"n":12345678901234567890.10,"o":{ "k" : 1 }}`, `{"x":1E400}`,
			`{"n":12345678901234567890.10,"o":{ "k" : 1 },"x":1E400}`,
		},
		{`{ "<&>" : 1 , "\u0061":2,"b\/":3}`, `{"a":4}`, `{"<&>":1,"\u0061":4,"b\/":3}`},
		{`{"a":1,"b":0,"a":2}`, `{"a":3}`, `{"a":3,"b":0,"a":3}`},
		{`{"a":1,"b":0,"a":2}`, `{"a":null}`, `{"b":0}`},
		{`{"a":1}`, `{"a":{"b":null,"c":1}}`, `{"a":{"c":1}}`},
		{`{"a":1}`, ` { } `, `{"a":1}`},
		{`{"a":1}`, `{"a":2,}`, ""},
		{`{"a":1`, `{"a":2}`, ""},
		{``, `{"a":2}`, ""},
	} {
		t.Run(fmt.Sprintf("%.30s with %.30s", c.body, c.patch), func(t *testing.T) {
			got, err := payload.MergePatch([]byte(c.body), []byte(c.patch))
			if c.want == "" && (deadletter.KindOf(err) != deadletter.Invalid || err == nil) ||
				c.want != "" && (err != nil || string(got) != c.want) {
				t.Errorf("%s changed by %s: %s, %v; want %s", c.body, c.patch, got, err, c.want)
			}
		})
	}
}

func patchBody(t *testing.T, r deadletter.Revision, patch string) ([]byte, error) {
	t.Helper()
	recipe, err := payload.Compile(deadletter.Recipe{Text: patch})
	if err != nil {
		return nil, err
	}
	return recipe.Apply(t.Context(), r)
}

func TestPatchBodyKeepsTheEncoding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, contentType, coding, body, patch, want string }{
		{"JSON", "application/json", "", `{"a":1,"b":2}`, `{"a":3}`, `{"a":3,"b":2}`},
		{"compressed JSON", "application/json", "gzip", `{"a":1,"b":2}`, `{"a":3}`, `{"a":3,"b":2}`},
		{
			"JSON in Latin-1", "application/json; charset=latin1", "br", "{\"a\":\"\xfc\"}", `{"b":"ß"}`,
			"{\"a\":\"\xfc\",\"b\":\"\xdf\"}",
		},
		{
			"form", urlencoded, "", twilio, `{"Email":"bob@example.com","From":null}`,
			"Email=bob%40example.com&Name=J%C3%BCrgen+Gro%C3%9F&Body=Where+is+order+A-1001%3F",
		},
		{
			"JSON in a form", urlencoded, "zstd", "payload=%7B%22a%22%3A%7B%22b%22%3A1%7D%7D&c=1",
			`{"payload":{"a":{"b":2}}}`,
			"payload=%7B%22a%22%3A%7B%22b%22%3A2%7D%7D&c=1",
		},
		{"text", "text/plain", "gzip", "hello", `{"a":1}`, ""},
		{"binary", "", "gzip", "\x00", `{"a":1}`, ""},
		{
			"a character that the charset lacks", "application/json; charset=latin1", "", "{\"a\":\"\xfc\"}",
			`{"b":"漢"}`, "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := patchBody(t, deadletter.Revision{
				Headers: headers("Content-Type", c.contentType, "Content-Encoding", c.coding),
				Body:    pack(t, c.coding, []byte(c.body)),
			}, c.patch)
			switch {
			case c.want == "" && deadletter.KindOf(err) != deadletter.Invalid:
				t.Errorf("%q, %v", got, err)
			case c.want != "" && (err != nil || unpack(t, c.coding, got) != c.want):
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestEditedHeadersDescribeTheBody(t *testing.T) {
	t.Parallel()
	latin := headers("Content-Type", "text/plain; charset=latin1", "Content-Encoding", "gzip")
	for _, c := range []struct {
		name          string
		before, after deadletter.Headers
		body          string
		ok            bool
	}{
		{"the same", latin, latin, "\xfc", true},
		{"without the coding", latin, headers("Content-Type", "text/plain; charset=latin1"), "\xfc", false},
		{"another charset", latin, headers("Content-Type", "text/plain", "Content-Encoding", "gzip"), "\xfc", false},
		{"a coding of plain text", nil, headers("Content-Encoding", "br"), "a", false},
		{
			"another type of plain text", nil, headers("Content-Type", "text/xml", "Content-Encoding", "identity"),
			"a", true,
		},
		{
			"another type of a form", headers("Content-Type", urlencoded), headers("Content-Type", "text/plain"),
			"a=1", false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := payload.Decode(c.before, pack(t, c.before.Get("Content-Encoding"), []byte(c.body)), limit)
			if err := text.CheckHeaders(c.after); (err == nil) != c.ok {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestMergePatchIsBounded(t *testing.T) {
	t.Parallel()
	deep := func(n int) []byte { return []byte(strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n)) }
	if _, err := payload.MergePatch(deep(9000), deep(9000)); deadletter.KindOf(err) != deadletter.Invalid ||
		err == nil {
		t.Errorf("a change 9000 objects deep: %v, want Invalid", err)
	}
	if got, err := payload.MergePatch(deep(9000), []byte(`{"b":1}`)); err != nil ||
		!bytes.HasSuffix(got, []byte(`},"b":1}`)) {
		t.Errorf("a deep body: %v", err)
	}
}

// merged is RFC 7396 section 2 over maps, which know neither order nor digits.
func merged(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(object, name)
			continue
		}
		object[name] = merged(object[name], value)
	}
	return object
}

func FuzzMergePatch(f *testing.F) {
	f.Add([]byte(`{"a":{"b":1,"c":[1]},"d":"e"}`), []byte(`{"a":{"b":null,"x":{"y":null}},"d":{"z":1}}`))
	f.Add([]byte(`{"a":1,"a":{"b":1}}`), []byte(`{"a":{"c":1},"a":{"b":null}}`))
	f.Add([]byte("{\"\xff\":1}"), []byte(`{"�":2}`))
	f.Fuzz(func(t *testing.T, body, patch []byte) {
		got, err := payload.MergePatch(body, patch)
		if err != nil {
			return
		}
		var target, change, result any
		if json.Unmarshal(body, &target) != nil || json.Unmarshal(patch, &change) != nil {
			return // numbers that no float holds
		}
		if err := json.Unmarshal(got, &result); err != nil {
			t.Fatalf("%s changed by %s: %s is no JSON: %v", body, patch, got, err)
		}
		if duplicates(body) || duplicates(patch) {
			return // RFC 7396 does not say what becomes of them; maps keep the last alone
		}
		if want := merged(target, change); !reflect.DeepEqual(result, want) {
			t.Fatalf("%s changed by %s: %s, want %v", body, patch, got, want)
		}
	})
}

// duplicates reports whether an object in the document has a name twice.
func duplicates(document []byte) bool {
	var walk func(dec *json.Decoder) bool
	walk = func(dec *json.Decoder) bool {
		token, err := dec.Token()
		if err != nil {
			return false
		}
		names := map[any]bool{}
		found := false
		for token == json.Delim('{') && dec.More() {
			name, _ := dec.Token()
			found = found || names[name]
			names[name] = true
			found = walk(dec) || found
		}
		for token == json.Delim('[') && dec.More() {
			found = walk(dec) || found
		}
		if token == json.Delim('{') || token == json.Delim('[') {
			_, _ = dec.Token()
		}
		return found
	}
	return walk(json.NewDecoder(bytes.NewReader(document)))
}
