package console_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"dlqdesk/internal/deadletter"
)

// encodedBody is a webhook in an encoding, with a secret at $.customer.ssn.
type encodedBody struct {
	name, contentType, coding string
	content                   string // without coding
	came                      string // as the page says
	masked                    string // the content as it is downloaded without coding
	edited                    string // the content after Ann became Jürgen
}

const ssn = "078-05-1120"

func encodedBodies() []encodedBody {
	const (
		form = "application/x-www-form-urlencoded"
		utf8 = `{"customer":{"name":"Ann","ssn":"` + ssn + `"}}`
		part = "--x\r\nContent-Disposition: form-data; name=\"customer\"\r\nContent-Type: application/json\r\n\r\n" +
			`{"name":"Ann","ssn":"` + ssn + `"}` +
			"\r\n--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n\x00\xff\r\n--x--\r\n"
	)
	replaced := func(text string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(text) }
	return []encodedBody{
		{
			"gzip",
			"application/json",
			"gzip",
			utf8,
			"gzip, ",
			replaced(utf8, ssn, "•••"),
			replaced(utf8, "Ann", "Jürgen"),
		},
		{"br", "application/json", "br", utf8, "br, ", replaced(utf8, ssn, "•••"), replaced(utf8, "Ann", "Jürgen")},
		{
			"latin", "application/json; charset=ISO-8859-1", "", replaced(utf8, "Ann", "\xc4nn"), "ISO-8859-1",
			replaced(utf8, "Ann", "\xc4nn", ssn, "\x95\x95\x95"), replaced(utf8, "Ann", "J\xfcrgen"),
		},
		{
			"form",
			form,
			"",
			"x=%7e&customer=%7B%22name%22%3A%22Ann%22%2C%22ssn%22%3A%22" + ssn + "%22%7D&x=2",
			"form, 3 fields",
			"x=%7e&customer=%7B%22name%22%3A%22Ann%22%2C%22ssn%22%3A%22%E2%80%A2%E2%80%A2%E2%80%A2%22%7D&x=2",
			"x=%7e&customer=%7B%22name%22%3A%22J%C3%BCrgen%22%2C%22ssn%22%3A%22" + ssn + "%22%7D&x=2",
		},
		{
			"multipart", "multipart/form-data; boundary=x", "gzip", part, "multipart, 2 parts",
			replaced(part, ssn, "•••"), replaced(part, "Ann", "Jürgen"),
		},
	}
}

func (e encodedBody) body(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch e.coding {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "br":
		w = brotli.NewWriter(&out)
	default:
		return []byte(e.content)
	}
	if _, err := io.WriteString(w, e.content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// uncoded returns a body without its content coding.
func (e encodedBody) uncoded(t *testing.T, body string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	var err error
	switch e.coding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "br":
		r = brotli.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// A body in any encoding is shown as what it says, masked in every form, and sent in its encoding after an edit.
func TestEncodedBodies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.member(t, "olga", deadletter.Operator)
	for _, e := range encodedBodies() {
		t.Run(e.name, func(t *testing.T) {
			b.receive(t, e.name, func(c *deadletter.Capture) {
				c.Body, c.Headers["Content-Type"] = e.body(t), []string{e.contentType}
				if e.coding != "" {
					c.Headers["Content-Encoding"] = []string{e.coding}
				}
			})
			page := p.get("/messages/" + e.name)
			shown := page.says(".payload-section")
			if !strings.Contains(shown, e.came) || !strings.Contains(shown, "nn\"") || !strings.Contains(shown, "•••") {
				t.Errorf("the page shows %q", shown)
			}
			if strings.Contains(page.text, ssn) {
				t.Error("the page shows the secret")
			}
			if got := e.uncoded(t, p.get("/messages/"+e.name+"/body?revision=0").text); got != e.masked {
				t.Errorf("it is downloaded as %q, want %q", got, e.masked)
			}
			if got := p.get("/messages/" + e.name + "/body?revision=0&form=decoded").text; strings.Contains(got, ssn) ||
				!strings.Contains(got, `nn","ssn":"•••"`) {
				t.Errorf("its content is downloaded as %q", got)
			}
			checkEncodedEdit(t, b, p, e)
		})
	}
}

func checkEncodedEdit(t *testing.T, b bundle, p person, e encodedBody) {
	t.Helper()
	form := p.get("/messages/" + e.name + "/edit")
	if !strings.Contains(form.says(".payload-note"), "is sent in that form again") {
		t.Errorf("the form says %q", form.says(".payload-note"))
	}
	fields := form.fields(editFields)
	fields.Set("reason", "the name was wrong")
	for _, name := range []string{"Ann", "Änn"} {
		fields.Set("body", strings.Replace(fields.Get("body"), name, "Jürgen", 1))
	}
	preview := p.post("/messages/"+e.name+"/edit/curl", fields)
	if preview.status != http.StatusOK || strings.Contains(preview.text, ssn) {
		t.Errorf("the preview answers %d: %s", preview.status, preview.text)
	}
	if a := p.post("/messages/"+e.name+"/edit", fields); a.status != http.StatusSeeOther {
		t.Fatalf("the edit answers %d: %s", a.status, a.says("main"))
	}
	r, err := b.store.Revision(t.Context(), deadletter.ID(e.name), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.uncoded(t, string(r.Body)); compact(got) != compact(e.edited) {
		t.Errorf("it is sent as %q, want %q", got, e.edited)
	}
	compare := p.get("/messages/" + e.name + "/compare")
	if strings.Contains(compare.text, ssn) || !strings.Contains(compare.says("main"), "Jürgen") {
		t.Errorf("the comparison says %q", compare.says("main"))
	}
}

func TestCharacterThatTheCharsetLacksIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.member(t, "olga", deadletter.Operator)
	b.receive(t, "a-1", func(c *deadletter.Capture) {
		c.Body, c.Headers["Content-Type"] = []byte("gr\xf6\xdfer"), []string{"text/plain; charset=ISO-8859-2"}
	})
	fields := p.get("/messages/a-1/edit").fields(editFields)
	fields.Set("reason", "why")
	fields.Set("body", "größer als 漢")
	a := p.post("/messages/a-1/edit", fields)
	if a.status != http.StatusUnprocessableEntity ||
		!strings.Contains(a.says("#body-fault"), "'漢' in line 1 cannot be written in ISO-8859-2") {
		t.Errorf("answered %d: %q", a.status, a.says("main"))
	}
}

// The pages of a body of 64 MiB are as large as those of a small one, whatever its encoding.
func TestPagesOfLongBodiesAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.member(t, "olga", deadletter.Operator)
	const long = 6 << 20
	for name, body := range map[string]string{
		"json": `{"a":"` + strings.Repeat("x", long) + `"}`, "words": strings.Repeat("order 4711 ", long/11),
		"binary": strings.Repeat("\x00\xff", long/2), "form": strings.Repeat("a=%20&", long/6),
	} {
		t.Run(name, func(t *testing.T) {
			b.receive(t, name, func(c *deadletter.Capture) {
				c.Body = []byte(body)
				if name == "form" {
					c.Headers["Content-Type"] = []string{"application/x-www-form-urlencoded"}
				}
			})
			for _, path := range []string{"", "/edit", "/compare"} {
				a := p.get("/messages/" + name + path)
				if a.status != http.StatusOK || len(a.text) > 2<<20 {
					t.Errorf("%q answers %d with %d bytes", path, a.status, len(a.text))
				}
			}
			if note := p.get("/messages/" + name).says("[data-note]"); !strings.HasPrefix(note, "The first ") {
				t.Errorf("the page notes %q", note)
			}
			// A million fields cannot be searched for secrets.
			a := p.get("/messages/" + name + "/body?revision=0")
			if a.text != body && (name != "form" || a.status != http.StatusRequestEntityTooLarge) {
				t.Errorf("the download has %d bytes of %d", len(a.text), len(body))
			}
		})
	}
	if got := fmt.Sprint(p.get("/messages/json/edit").says("main")); !strings.Contains(
		got,
		"at most 4.0 MiB can be edited",
	) {
		t.Errorf("the edit says %q", got)
	}
}
