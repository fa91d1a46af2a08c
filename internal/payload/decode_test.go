package payload_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/unicode"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

const limit = 64 << 10

// pack applies a content coding.
func pack(t testing.TB, coding string, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip", "x-gzip":
		w = gzip.NewWriter(&out)
	case "deflate":
		w = zlib.NewWriter(&out)
	case "raw deflate":
		w, _ = flate.NewWriter(&out, flate.BestSpeed)
	case "br":
		w = brotli.NewWriter(&out)
	case "zstd":
		w, _ = zstd.NewWriter(&out)
	default:
		return content
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func headers(pairs ...string) deadletter.Headers {
	h := deadletter.Headers{}
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = append(h[pairs[i]], pairs[i+1])
	}
	return h
}

const (
	urlencoded = "application/x-www-form-urlencoded"
	twilio     = "From=%2B15557654321&Email=anna%40example.com&Name=J%C3%BCrgen+Gro%C3%9F&Body=Where+is+order+A-1001%3F"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, contentType, body string
		want                    string
		kind                    payload.Kind
		charset                 string
	}{
		{"JSON", "application/json", `{"a":1}`, `{"a":1}`, payload.JSON, ""},
		{"JSON without a type", "", `{"a":1}`, `{"a":1}`, payload.JSON, ""},
		{"JSON that is broken", "application/json; charset=utf-8", `{"a":`, `{"a":`, payload.JSON, ""},
		{"JSON as a form", urlencoded, `{"a":"b&c=d"}`, `{"a":"b&c=d"}`, payload.JSON, ""},
		{"text", "text/plain", "größer", "größer", payload.Plain, ""},
		{"nothing", "", "", "", payload.Plain, ""},
		{"binary", "application/octet-stream", "a\xffb\x00", "a\xffb\x00", payload.Binary, ""},
		{
			"Latin-1", "text/plain; charset=ISO-8859-1", "Falscher Schl\xfcssel: gr\xf6\xdfer",
			"Falscher Schlüssel: größer",
			payload.Plain, "ISO-8859-1",
		},
		{"windows-1252", "text/plain; charset=Windows-1252", "\x80 5", "€ 5", payload.Plain, "Windows-1252"},
		{"Shift_JIS", "text/plain; charset=Shift_JIS", "\x93\xfa\x96{", "日本", payload.Plain, "Shift_JIS"},
		{"Latin-1 without a label", "text/plain", "gr\xf6\xdfer", "größer", payload.Plain, "windows-1252"},
		{
			"XML that names its charset", "application/xml", "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xfc</a>",
			"<?xml version='1.0' encoding='ISO-8859-1'?><a>ü</a>", payload.Plain, "ISO-8859-1",
		},
		{
			"HTML that names its charset", "text/html", "<meta charset=iso-8859-2>\xb1", "<meta charset=iso-8859-2>ą",
			payload.Plain, "iso-8859-2",
		},
		{
			"JSON in UTF-8 by another label", "application/json; charset=ISO-8859-1", `"größer"`, `"größer"`,
			payload.JSON, "",
		},
		{
			"JSON in Latin-1", "application/json; charset=latin1", "{\"a\":\"gr\xf6\xdfer\"}", `{"a":"größer"}`,
			payload.JSON, "latin1",
		},
		{"UTF-16LE mark", "application/json", "\xff\xfe{\x00}\x00", "{}", payload.JSON, "UTF-16"},
		{"UTF-16BE mark", "text/plain", "\xfe\xff\x00\xfc", "ü", payload.Plain, "UTF-16"},
		{"UTF-16BE label", "text/plain; charset=utf-16be", "\x00a\x00\xfc", "aü", payload.Plain, "UTF-16"},
		{"UTF-16 JSON without a label", "application/json", "\x00{\x00}", "{}", payload.JSON, "UTF-16"},
		{"UTF-16 JSON without a type", "", "\x00{\x00\"\x00a\x00\"\x00:\x001\x00}", `{"a":1}`, payload.JSON, "UTF-16"},
		{"UTF-16 form", "application/x-www-form-urlencoded", "a\x00b\x00=\x00c\x00", "ab=c", payload.Plain, "UTF-16"},
		{"zeros", "", "II*\x00\x08\x00\x00\x00", "II*\x00\x08\x00\x00\x00", payload.Binary, ""},
		{"UTF-16 label of UTF-8", "text/xml; charset=utf-16", "<ü/>", "<ü/>", payload.Plain, ""},
		{"UTF-8 mark", "application/json", "\xef\xbb\xbf{}", "{}", payload.JSON, "UTF-8 with a byte order mark"},
		{
			"Latin-1 that claims UTF-8", "application/json; charset=utf-8", "\"gr\xf6\xdfer\"", `"größer"`,
			payload.JSON, "windows-1252",
		},
		{"unknown charset", "text/plain; charset=klingon", "größer", "größer", payload.Plain, ""},
		{"bad parameter", "text/plain; charset", "a", "a", payload.Plain, ""},
		{
			"form", urlencoded, twilio,
			`{"From":"+15557654321","Email":"anna@example.com","Name":"Jürgen Groß","Body":"Where is order A-1001?"}`,
			payload.Form, "",
		},
		{
			"form with JSON", urlencoded, "payload=%7B%22user%22%3A%7B%22id%22%3A1%7D%7D&n=5",
			`{"payload":{"user":{"id":1}},"n":"5"}`, payload.Form, "",
		},
		{"form with repeated names", urlencoded, "a=1&a=2&&b&=c", `{"a":"1","a":"2","b":"","":"c"}`, payload.Form, ""},
		{"form with bad escapes", urlencoded, "a=100%&b=%zz", `{"a":"100%","b":"%zz"}`, payload.Form, ""},
		{
			"form by its label", urlencoded + "; charset=ISO-8859-1", "n=J%FCrgen", `{"n":"Jürgen"}`, payload.Form,
			"ISO-8859-1",
		},
		{
			"form by its field", urlencoded, "n=J%FCrgen&charset=windows-1252",
			`{"n":"Jürgen","charset":"windows-1252"}`,
			payload.Form, "windows-1252",
		},
		{"form that is no UTF-8", urlencoded, "n=J%FCrgen", `{"n":"Jürgen"}`, payload.Form, "windows-1252"},
		{"empty form", urlencoded, "", "{}", payload.Form, ""},
		{
			"multipart", "multipart/form-data; boundary=x",
			"--x\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\n+1555\r\n" +
				"--x\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: " +
				"application/json\r\n\r\n{\"id\": 1}\r\n" +
				"--x\r\nContent-Disposition: form-data; name=\"note\"\r\nContent-Type: text/plain; " +
				"charset=latin1\r\n\r\ngr\xf6\xdfer\r\n" +
				"--x\r\nContent-Disposition: form-data; name=\"q\"\r\nContent-Transfer-Encoding: " +
				"base64\r\n\r\naGVsbG8=\r\n" +
				"--x\r\nContent-Disposition: form-data; name=\"f\"; filename=a.png\r\nContent-Type: " +
				"image/png\r\n\r\n\x89PNG\x00\r\n" +
				"--x--\r\n",
			`{"to":"+1555","meta":{"id": 1},"note":"größer","q":"hello","f":"(5 bytes of image/png, not shown)"}`,
			payload.Multipart, "",
		},
		{
			"multipart without an end", "multipart/mixed; boundary=x", "--x\n\na\n--x\nContent-Type: " +
				urlencoded + "\n\nb=1&c=2",
			`{"part 1":"a","part 2":{"b":"1","c":"2"}}`, payload.Multipart, "",
		},
		{"multipart that is none", "multipart/form-data; boundary=x", "hello", "hello", payload.Plain, ""},
		{
			"multipart without a boundary", "multipart/form-data", "--x\r\n\r\na\r\n--x--", "--x\r\n\r\na\r\n--x--",
			payload.Plain, "",
		},
	} {
		for _, codings := range []string{"", "gzip", "deflate", "br", "zstd", "gzip, br", "zstd, x-gzip, deflate"} {
			t.Run(c.name+" "+codings, func(t *testing.T) {
				t.Parallel()
				body := []byte(c.body)
				h := headers("Content-Type", c.contentType)
				for coding := range strings.SplitSeq(codings, ", ") {
					body = pack(t, coding, body)
				}
				if codings != "" {
					h["Content-Encoding"] = []string{codings}
				}
				got := payload.Decode(h, body, limit)
				if string(got.Bytes) != c.want || got.Kind != c.kind || got.Charset != c.charset || got.Fault != "" ||
					got.Cut {
					t.Errorf("%q of kind %d in %q (%s), want %q of kind %d in %q",
						got.Bytes, got.Kind, got.Charset, got.Fault, c.want, c.kind, c.charset)
				}
				for _, f := range got.Fields {
					if !bytes.Equal(got.Bytes[f.Start:f.End], f.Value) {
						t.Errorf("field %s is at %q", f.Name, got.Bytes[f.Start:f.End])
					}
				}
				if same, err := got.Encode(got.Bytes); err != nil || !bytes.Equal(same, body) {
					t.Errorf("unedited it becomes %q, %v", same, err)
				}
			})
		}
	}
}

// Event type, deduplication and acknowledgement templates read every body in its own encoding.
func TestPlacesInEveryEncoding(t *testing.T) {
	t.Parallel()
	dedup := payload.Dedup{Path: payload.Path{"event", "id"}}
	ack, err := payload.NewAck(200, "text/plain", "{$.event.id}")
	if err != nil {
		t.Fatal(err)
	}
	// Bytes that no header can carry are hashed.
	wantID := payload.Dedup{Header: "X"}.ID(headers("X", "größer-1"), nil)
	const event = `{"event":{"id":"größer-1","type":"order.created"}}`
	for _, c := range []struct{ name, contentType, body string }{
		{"JSON", "application/json", event},
		{"Latin-1", "application/json; charset=ISO-8859-1", strings.ReplaceAll(event, "öß", "\xf6\xdf")},
		{"UTF-16", "application/json", utf16(event)},
		{"form", urlencoded, "event=%7B%22id%22%3A%22gr%C3%B6%C3%9Fer-1%22%2C%22type%22%3A%22order.created%22%7D"},
		{
			"multipart", "multipart/form-data; boundary=x",
			"--x\r\nContent-Disposition: form-data; name=event\r\n\r\n" +
				strings.TrimSuffix(strings.TrimPrefix(event, `{"event":`), "}") + "\r\n--x--",
		},
		{"far down in JSON", "application/json", `{"x":"` + strings.Repeat("x", 2<<20) + `",` + event[1:]},
	} {
		for _, coding := range []string{"", "gzip", "deflate", "br", "zstd"} {
			if coding != "" && len(c.body) > 1<<20 {
				continue
			}
			t.Run(c.name+" "+coding, func(t *testing.T) {
				t.Parallel()
				h := headers("Content-Type", c.contentType, "Content-Encoding", coding)
				body := pack(t, coding, []byte(c.body))
				got := payload.EventType(h, body, []payload.Path{{"event", "type"}})
				if got != "order.created" && len(c.body) < limit {
					t.Errorf("the event type is %q", got)
				}
				if id := dedup.ID(h, body); id != wantID {
					t.Errorf("the id is %q", id)
				}
				if text := ack.Body(deadletter.Capture{Headers: h, Body: body}); string(text) != "größer-1" {
					t.Errorf("the platform is told %q", text)
				}
			})
		}
	}
}

func utf16(text string) string {
	encoded, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
	if err != nil {
		panic(err)
	}
	return encoded
}

func TestDecodeOfPlainJSONCopiesNothing(t *testing.T) {
	t.Parallel()
	body := []byte(`{"a":"` + strings.Repeat("x", 1000) + `"}`)
	got := payload.Decode(headers("Content-Type", "application/json"), body, limit)
	if &got.Bytes[0] != &body[0] {
		t.Error("the body was copied")
	}
}

func TestDecodeOfWrongCodings(t *testing.T) {
	t.Parallel()
	packed := pack(t, "gzip", []byte(`{"a":"`+strings.Repeat("xyz", 1000)+`"}`))
	for _, c := range []struct {
		name, coding string
		body         []byte
		want         string // the beginning
		kind         payload.Kind
		fault        string
	}{
		{"raw deflate", "deflate", pack(t, "raw deflate", []byte(`{"a":1}`)), `{"a":1}`, payload.JSON, ""},
		{"gzip that no header names", "", packed, `{"a":"xyz`, payload.JSON, ""},
		{"decoded already", "gzip", []byte(`{"a":1}`), `{"a":1}`, payload.JSON, ""},
		{"cut off", "gzip", packed[:len(packed)-10], `{"a":"xyz`, payload.JSON, "The gzip data of the body is broken."},
		{"garbage", "br", []byte("\xff\x00\xfe"), "\xff\x00\xfe", payload.Binary, "The br data of the body is broken."},
		{
			"unknown", "compress", []byte("\x1f\x9d\x90"), "\x1f\x9d\x90", payload.Binary,
			`The body has the content coding "compress", which cannot be read here.`,
		},
		{
			"too many", "gzip,gzip,gzip,gzip,gzip", packed, "\x1f\x8b", payload.Binary,
			"The body has 5 content codings: at most 4 are removed.",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := payload.Decode(headers("Content-Encoding", c.coding), c.body, limit)
			if want := map[bool]string{
				true: "The headers say gzip, but the body is not encoded.",
			}; got.Note != want[c.name == "decoded already"] {
				t.Errorf("it notes %q", got.Note)
			}
			if !bytes.HasPrefix(got.Bytes, []byte(c.want)) || got.Kind != c.kind || got.Fault != c.fault {
				t.Errorf("%.40q of kind %d: %s", got.Bytes, got.Kind, got.Fault)
			}
			same, err := got.Encode(got.Bytes)
			if err != nil || !bytes.Equal(same, c.body) {
				t.Errorf("unedited it becomes %q, %v", same, err)
			}
			_, err = got.Encode([]byte(`{"a":2}`))
			if isLocked := strings.HasPrefix(c.fault, "The gzip data") ||
				c.kind == payload.Binary; isLocked != (err != nil) {
				t.Errorf("edited: %v", err)
			}
		})
	}
}

// bomb is data that expands to n bytes in each of several codings.
func bomb(t testing.TB, codings []string, n int) []byte {
	body := make([]byte, n)
	for i := range body {
		body[i] = 'a'
	}
	for _, coding := range codings {
		body = pack(t, coding, body)
	}
	return body
}

// The test measures memory, so it cannot be parallel.
func TestDecodeOfBombsIsBounded(t *testing.T) {
	const size = 32 << 20
	for _, codings := range [][]string{
		{"gzip"}, {"deflate"}, {"br"}, {"zstd"}, {"gzip", "gzip"}, {"br", "zstd", "gzip"},
	} {
		t.Run(strings.Join(codings, ","), func(t *testing.T) {
			body := bomb(t, codings, size)
			h := headers("Content-Type", "text/plain", "Content-Encoding", strings.Join(codings, ","))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got := payload.Decode(h, body, limit)
			runtime.ReadMemStats(&after)
			allocated := after.TotalAlloc - before.TotalAlloc
			if !got.Cut || len(got.Bytes) != limit || allocated > size/2 {
				t.Errorf("%d bytes, cut %v, %d allocated (%s)", len(got.Bytes), got.Cut, allocated, got.Fault)
			}
			if _, err := got.Encode([]byte("a")); deadletter.KindOf(err) != deadletter.TooLarge {
				t.Errorf("an edit: %v", err)
			}
		})
	}
	t.Run("data that expands to nothing", func(t *testing.T) {
		empty := bytes.Repeat([]byte("\x00\x00\x00\xff\xff"), size/5) // empty blocks of deflate
		body := pack(t, "gzip", empty)
		got := payload.Decode(headers("Content-Encoding", "deflate, gzip"), body, limit)
		if !got.Cut && got.Fault == "" {
			t.Errorf("%d bytes were read as %q", size, got.Bytes)
		}
	})
}

func TestDecodeHead(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	for text.Len() < 1<<20 {
		fmt.Fprintf(&text, "%d ", random.Uint64())
	}
	for _, coding := range []string{"", "gzip", "deflate", "br", "zstd"} {
		t.Run(coding, func(t *testing.T) {
			t.Parallel()
			body := pack(t, coding, []byte(text.String()))
			got := payload.DecodeHead(
				headers("Content-Type", "text/plain", "Content-Encoding", coding),
				body[:300<<10],
				limit,
			)
			if !got.Cut || got.Fault != "" || string(got.Bytes) != text.String()[:limit] {
				t.Errorf("%d bytes, %q", len(got.Bytes), got.Fault)
			}
		})
	}
}

func TestEncodePutsAnEditBackIntoItsEncoding(t *testing.T) {
	t.Parallel()
	const form = "a=1&From=%2b15557654321&Name=J%C3%BCrgen&payload=%7B%22id%22:1%7D&a=2"
	const multi = "preamble\r\n--x\r\nContent-Disposition: form-data; name=\"to\"\r\nX-Odd:  1\r\n\r\n+1555\r\n" +
		"--x\r\nContent-Disposition: form-data; name=\"note\"\r\nContent-Type: text/plain; " +
		"charset=latin1\r\n\r\nf\xfcr\r\n" +
		"--x\r\nContent-Disposition: form-data; name=\"f\"; filename=a.png\r\n\r\n\x89PNG\x00\r\n--x--\r\nafter"
	for _, c := range []struct{ name, contentType, body, edited, want string }{
		{"JSON", "application/json", `{"a":1}`, `{"a":2}`, `{"a":2}`},
		{"Latin-1", "text/plain; charset=ISO-8859-1", "f\xfcr", "größer", "gr\xf6\xdfer"},
		{"UTF-16", "text/plain", "\xff\xfea\x00", "ü", "\xff\xfe\xfc\x00"},
		{"UTF-8 mark", "application/json", "\xef\xbb\xbf{}", "[]", "\xef\xbb\xbf[]"},
		{
			"form, one field", urlencoded, form,
			`{"a":"1", "From":"+15557654321", "Name":"J\u00fcrgen Groß", "payload":{ "id": 1 }, "a":"2"}`,
			"a=1&From=%2b15557654321&Name=J%C3%BCrgen+Gro%C3%9F&payload=%7B%22id%22:1%7D&a=2",
		},
		{
			"form, nested, removed and added", urlencoded, form,
			`{"a":"1","payload":{"id":2},"a":"3","new field":"x&y"}`,
			"a=1&payload=%7B%22id%22%3A2%7D&a=3&new+field=x%26y",
		},
		{
			"form in Latin-1", urlencoded + "; charset=latin1", "n=J%FCrgen&m=%e4", `{"n":"Groß","m":"ä"}`,
			"n=Gro%DF&m=%e4",
		},
		{
			"multipart", "multipart/form-data; boundary=x", multi,
			`{"to":"+1555","note":"größer","f":"(5 bytes, not shown)","more":"1"}`,
			strings.Replace(strings.Replace(multi, "f\xfcr", "gr\xf6\xdfer", 1), "--x--",
				"--x\r\nContent-Disposition: form-data; name=\"more\"\r\n\r\n1\r\n--x--", 1),
		},
		{
			"multipart without an end", "multipart/mixed; boundary=x", "--x\n\na\n--x\n\nb",
			`{"part 1":"c","part 2":"b"}`, "--x\n\nc\n--x\n\nb",
		},
	} {
		for _, coding := range []string{"", "gzip", "deflate", "raw deflate", "br", "zstd"} {
			t.Run(c.name+" "+coding, func(t *testing.T) {
				t.Parallel()
				h := headers("Content-Type", c.contentType, "Content-Encoding", strings.TrimPrefix(coding, "raw "))
				text := payload.Decode(h, pack(t, coding, []byte(c.body)), limit)
				encoded, err := text.Encode([]byte(c.edited))
				if err != nil {
					t.Fatal(err)
				}
				if got := unpack(t, coding, encoded); got != c.want {
					t.Errorf("it is sent as %q, want %q", got, c.want)
				}
			})
		}
	}
}

// unpack removes a content coding.
func unpack(t testing.TB, coding string, body []byte) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(body)
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "deflate":
		r, err = zlib.NewReader(r)
	case "raw deflate":
		r = flate.NewReader(r)
	case "br":
		r = brotli.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
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

func TestEncodeRefusesWhatItCannotWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, contentType, body, edited, want string }{
		{
			"a character that the charset lacks", "text/plain; charset=ISO-8859-2", "a", "a\nę €",
			`'€' in line 2 cannot be written in ISO-8859-2, the charset of this body. ` +
				`Leave it out, or write it as \u20ac in JSON, or as &#8364; in XML.`,
		},
		{
			"in a form", urlencoded + "; charset=ISO-8859-2", "a=1", `{"a":"€"}`,
			"'€' in line 1 cannot be written in ISO-8859-2",
		},
		{"a form that is no JSON", urlencoded, "a=1", `{"a"`, "this is not valid JSON: line 1"},
		{"a form that is no object", urlencoded, "a=1", `[1]`, "edited as a JSON object"},
		{
			"bytes without a meaning", "text/plain; charset=Shift_JIS", "a\x93", "b",
			"bytes that mean nothing in Shift_JIS",
		},
		{"binary", "", "a\x00", "b", "This body is binary. It cannot be edited as text."},
		{
			"a file", "multipart/form-data; boundary=x", "--x\r\n\r\n\x00\r\n--x--", `{"part 1":"a"}`,
			"a file that is no text",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := payload.Decode(headers("Content-Type", c.contentType), []byte(c.body), limit).
				Encode([]byte(c.edited))
			if deadletter.KindOf(err) != deadletter.Invalid || !strings.Contains(deadletter.TextOf(err), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestFieldsThatPassTheLimitAreCut(t *testing.T) {
	t.Parallel()
	for contentType, body := range map[string]string{
		urlencoded:                    strings.Repeat("field=value&", limit),
		"multipart/mixed; boundary=x": strings.Repeat("--x\r\n\r\nvalue\r\n", limit),
	} {
		t.Run(contentType, func(t *testing.T) {
			t.Parallel()
			got := payload.Decode(headers("Content-Type", contentType), []byte(body), 1000)
			if !got.Cut || len(got.Bytes) > 1000 || len(got.Bytes) < 900 || !payload.Valid(got.Bytes) {
				t.Errorf("%d bytes, cut %v", len(got.Bytes), got.Cut)
			}
		})
	}
}

func TestFieldsAreBounded(t *testing.T) {
	t.Parallel()
	for n, cut := range map[int]bool{10_000: false, 10_001: true} {
		got := payload.Decode(headers("Content-Type", urlencoded), []byte(strings.Repeat("a&", n)), 1<<20)
		if len(got.Fields) != 10_000 || got.Cut != cut {
			t.Errorf("of %d fields %d were read, cut %v", n, len(got.Fields), got.Cut)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("application/json", "gzip", []byte(`{"a":1}`), []byte("{}"))
	f.Add(urlencoded, "", []byte(twilio), []byte(`{"a":"b"}`))
	f.Add("multipart/form-data; boundary=x", "", []byte("--x\r\nA: b\r\n\r\na\r\n--x--"), []byte(`{"part 1":"b"}`))
	f.Add("text/plain; charset=utf-16", "br, zstd", []byte("a\x00"), []byte("b"))
	for _, coding := range []string{"gzip", "deflate", "raw deflate", "br", "zstd"} {
		f.Add("text/plain; charset=Shift_JIS", coding, pack(f, coding, []byte("abc")), []byte("b"))
	}
	f.Fuzz(func(t *testing.T, contentType, coding string, body, edited []byte) {
		h := headers("Content-Type", contentType, "Content-Encoding", coding)
		for _, most := range []int{0, 10, limit} {
			text := payload.Decode(h, body, most)
			if len(text.Bytes) > max(most, len("{}")) {
				t.Fatalf("%d bytes, %d are the limit", len(text.Bytes), most)
			}
			payload.DecodeHead(h, body[:len(body)/2], most)
			if same, err := text.Encode(text.Bytes); !text.Cut && (err != nil || !bytes.Equal(same, body)) {
				t.Fatalf("unedited it becomes %q, %v", same, err)
			}
			encoded, err := text.Encode(edited)
			if err != nil || slices.Contains([]payload.Kind{payload.Form, payload.Multipart}, text.Kind) {
				continue
			}
			if again := payload.Decode(
				h,
				encoded,
				10*limit,
			); text.Kind == payload.Plain && again.Kind == payload.Plain &&
				again.Charset == text.Charset &&
				!bytes.Equal(again.Bytes, edited) {
				t.Fatalf("%q comes back as %q", edited, again.Bytes)
			}
		}
	})
}

func TestContentIsThatOfDecode(t *testing.T) {
	t.Parallel()
	const limit = 64
	bodies := []string{
		"", "{", `{"a":1}`, `[1]`, ` {"a":1}`, `"x"`, "{\xe4}", "{\x00\"\x00",
		`{"a":"` + strings.Repeat("ö", limit) + `"}`,
		"\xef\xbb\xbf{}", "\xff\xfe{\x00}\x00", "a=b", "{\"a\":\"\x01\"}", "[a=b&c", "{+ADw-script}",
	}
	types := []string{
		"", "application/json", "application/json; charset=latin1", "application/x-www-form-urlencoded", "text/plain",
	}
	for _, body := range bodies {
		for _, mediaType := range types {
			for _, coding := range []string{"", "gzip", "identity", "br"} {
				h := deadletter.Headers{"Content-Type": {mediaType}, "Content-Encoding": {coding}}
				got, want := payload.Content(h, []byte(body), limit), payload.Decode(h, []byte(body), limit).Bytes
				if !bytes.Equal(got, want) {
					t.Errorf("%q as %s, %s: %q, want %q", body, mediaType, coding, got, want)
				}
			}
		}
	}
}
