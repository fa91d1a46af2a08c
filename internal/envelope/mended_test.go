package envelope_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"mime"
	"mime/multipart"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
)

// node is an envelope as an Express receiver writes it: the headers as they came, the payload as a parser made it.
func node(headers, value string) string {
	return `{"messageId":"n-1","timestamp":"2026-03-02T10:15:05Z","originalPayload":` + value +
		`,"originalHeaders":` + headers + `,"errorReason":"503","retryCount":0}`
}

func nodeBuffer(body []byte) string {
	var numbers []string
	for _, b := range body {
		numbers = append(numbers, fmt.Sprint(b))
	}
	return `{"type":"Buffer","data":[` + strings.Join(numbers, ",") + `]}`
}

func gzipped(text string) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return out.Bytes()
}

// Another program parsed the payload before it wrote the envelope. The body is delivered in a form that its headers
// describe.
func TestHeadersOfAParsedPayloadDescribeTheBody(t *testing.T) {
	t.Parallel()
	const json8 = "application/json; charset=utf-8"
	for name, c := range map[string]struct {
		headers, value string
		body           string
		contentType    string
		coding         string
		notes          int
	}{
		"inflated JSON": {
			`{"content-encoding":"gzip","content-length":"61","content-type":"application/json"}`, `{"n": 1}`,
			`{"n": 1}`, "application/json", "", 1,
		},
		"converted JSON": {
			`{"content-type":"application/json; charset=iso-8859-1"}`, `{"name":"Größe"}`, `{"name":"Größe"}`,
			json8, "", 1,
		},
		"inflated and converted": {
			`{"content-encoding":"br, gzip","content-length":"9","content-type":"application/json;charset=ISO-8859-1"}`,
			`{"name":"Größe"}`, `{"name":"Größe"}`, json8, "", 2,
		},
		"ASCII in Latin-1": {
			`{"content-type":"application/json; charset=iso-8859-1"}`, `{"n":1}`,
			`{"n":1}`, "application/json; charset=iso-8859-1", "", 0,
		},
		"ASCII in UTF-16": {
			`{"content-type":"application/json; charset=utf-16le"}`, `{"n":1}`, `{"n":1}`,
			json8, "", 1,
		},
		"UTF-8": {
			`{"content-type":"application/json; charset=UTF-8"}`, `{"n":"ö"}`,
			`{"n":"ö"}`, "application/json; charset=UTF-8", "", 0,
		},
		"converted text": {
			`{"content-type":"text/plain; charset=latin1"}`, `"Größe"`, "Größe",
			"text/plain; charset=utf-8", "", 1,
		},
		"JSON as text": {`{"content-type":"text/plain"}`, `{"n":1}`, `{"n":1}`, "text/plain", "", 0},
		"no type":      {`{}`, `{"n":1}`, `{"n":1}`, "", "", 0},
		"identity":     {`{"content-encoding":"identity"}`, `{"n":1}`, `{"n":1}`, "", "identity", 0},
		"form": {
			`{"content-type":"application/x-www-form-urlencoded"}`,
			`{"From":"+1555","Name":"Jürgen Groß","Body":"a&b=c"}`,
			"From=%2B1555&Name=J%C3%BCrgen+Gro%C3%9F&Body=a%26b%3Dc", "application/x-www-form-urlencoded", "", 1,
		},
		"nested form": {
			`{"content-type":"application/x-www-form-urlencoded"}`,
			`{"a":{"b":"1","c":["2","3"]},"d":["4"],"e":[{"f":"5"}],"g":null,"h":6}`,
			"a%5Bb%5D=1&a%5Bc%5D=2&a%5Bc%5D=3&d%5B%5D=4&e%5B0%5D%5Bf%5D=5&g=&h=6",
			"application/x-www-form-urlencoded", "", 1,
		},
		"empty form": {
			`{"content-type":"application/x-www-form-urlencoded"}`, `{}`, "",
			"application/x-www-form-urlencoded", "", 1,
		},
		"form as text": {
			`{"content-type":"application/x-www-form-urlencoded"}`, `"a=1"`, "a=1",
			"application/x-www-form-urlencoded", "", 0,
		},
		"a list in place of one": {
			`{"content-type":"application/x-www-form-urlencoded"}`, `[1]`, "[1]",
			"application/json", "", 1,
		},
		"compressed form": {
			`{"content-type":"application/x-www-form-urlencoded; charset=iso-8859-1",` +
				`"content-encoding":"deflate"}`, `{"n":"ö"}`, "n=%C3%B6",
			"application/x-www-form-urlencoded; charset=utf-8", "", 3,
		},
		"XML": {
			`{"content-type":"text/xml; charset=iso-8859-1"}`, `{"order":"ö"}`,
			`{"order":"ö"}`, json8, "", 2,
		},
		"multipart, no boundary": {
			`{"content-type":"multipart/form-data"}`, `{"a":"1"}`, `{"a":"1"}`,
			"application/json", "", 1,
		},
		"raw bytes": {
			`{"content-type":"application/json; charset=iso-8859-1"}`,
			nodeBuffer([]byte("{\"n\":\"\xf6\"}")), "{\"n\":\"\xf6\"}", "application/json; charset=iso-8859-1", "", 0,
		},
		"raw bytes, compressed": {
			`{"content-type":"application/json","content-encoding":"gzip"}`,
			nodeBuffer(gzipped(`{"n":1}`)), string(gzipped(`{"n":1}`)), "application/json", "gzip", 0,
		},
		"raw bytes, inflated": {
			`{"content-type":"application/json","content-encoding":"gzip"}`,
			nodeBuffer([]byte(`{"n":1}`)), `{"n":1}`, "application/json", "", 1,
		},
		"an object like a Buffer": {
			`{"content-type":"application/json"}`, `{"type":"Buffer","data":[256]}`, `{"type":"Buffer","data":[256]}`,
			"application/json", "", 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := envelope.Decode(message([]byte(node(c.headers, c.value))), at)
			if string(got.Body) != c.body {
				t.Errorf("the body is %q, want %q", got.Body, c.body)
			}
			if got.Headers.Get("Content-Type") != c.contentType || got.Headers.Get("Content-Encoding") != c.coding ||
				got.Headers.Get("Content-Length") != "" {
				t.Errorf("the headers are %v", got.Headers)
			}
			if len(got.Queue.Details) != c.notes {
				t.Errorf("the page says %+v", got.Queue.Details)
			}
		})
	}
}

func TestMultipartFieldsAreWrittenAsMultipart(t *testing.T) {
	t.Parallel()
	const contentType = "multipart/form-data; boundary=xyz"
	got := envelope.Decode(
		message([]byte(node(`{"content-type":"`+contentType+`","content-length":"999"}`, `{"a":"1","b":"ö"}`))), at,
	)
	_, parameters, err := mime.ParseMediaType(got.Headers.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	form, err := multipart.NewReader(bytes.NewReader(got.Body), parameters["boundary"]).ReadForm(1 << 20)
	if err != nil || form.Value["a"][0] != "1" || form.Value["b"][0] != "ö" {
		t.Errorf("%q is read as %+v, %v", got.Body, form, err)
	}
}

// An envelope of dlqdesk contains the exact body, so Decode changes nothing.
func TestOwnEnvelopeIsNotMended(t *testing.T) {
	t.Parallel()
	c := capture([]byte(`{"a":"1"}`))
	c.Headers = deadletter.Headers{
		"Content-Type": {"application/x-www-form-urlencoded; charset=iso-8859-1"}, "Content-Encoding": {"gzip"},
	}
	text, err := envelope.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	got := envelope.Decode(message(text), at)
	if string(got.Body) != `{"a":"1"}` || fmt.Sprint(got.Headers) != fmt.Sprint(c.Headers) || got.Queue.Details != nil {
		t.Errorf("read as %q, %v, %+v", got.Body, got.Headers, got.Queue.Details)
	}
}

// An edited payload goes back to its program in the form in which that writes payloads.
func TestEditedPayloadKeepsTheFormOfItsProgram(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ headers, value, edit, want string }{
		"form": {
			`{"content-type":"application/x-www-form-urlencoded"}`, `{"a":"1","b":"2"}`, "a=3&b=2", `{"a":"3","b":"2"}`,
		},
		"Buffer": {`{"content-type":"application/json"}`, nodeBuffer([]byte("{}")), "[]", nodeBuffer([]byte("[]"))},
		"JSON":   {`{"content-type":"application/json","content-encoding":"gzip"}`, `{"a":1}`, `{"a":2}`, `{"a":2}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := message([]byte(node(c.headers, c.value)))
			m.ConfigName = "orders"
			got := envelope.Decode(m, at)
			original := deadletter.Revision{Body: got.Body, Headers: got.Headers, QueueMessage: got.QueueMessage}
			edit := deadletter.Revision{Number: 1, Body: []byte(c.edit), Headers: got.Headers}
			l := deadletter.Message{ID: got.ID, Queue: got.Queue}
			back, err := envelope.Redrive(l, original, edit, 1, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			var sent struct {
				OriginalPayload json.RawMessage   `json:"originalPayload"`
				OriginalHeaders map[string]string `json:"originalHeaders"`
				BodyForm        string            `json:"bodyForm"`
			}
			if err := json.Unmarshal(back.Body, &sent); err != nil || string(sent.OriginalPayload) != c.want ||
				sent.BodyForm != "" {
				t.Errorf("sent back as %s, %v", back.Body, err)
			}
			m.Body = back.Body
			if again := envelope.Decode(m, at); string(again.Body) != c.edit {
				t.Errorf("it comes back as %q", again.Body)
			}
		})
	}
}
