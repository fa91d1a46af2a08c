package envelope

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime"
	"mime/multipart"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

// A receiver in another program often keeps the headers as they came and the payload as a parser made it. Example, from
// Express with its parsers:
//
//	originalHeaders  content-encoding: gzip; content-length: 61; content-type: application/json; charset=iso-8859-1
//	originalPayload  {"name":"Größe"}
//
// Without mending, a replay would send JSON that is not compressed and is UTF-8 under headers that say otherwise.

// mended is the name of a fact that says what was changed so that headers and body agree.
const mended = "Changed for delivery"

// mend makes the headers and the body of another program's envelope agree. value is originalPayload.
func mend(c *deadletter.Capture, value json.RawMessage) {
	note := func(text string) {
		c.Queue.Details = append(c.Queue.Details, deadletter.Detail{Name: mended, Value: text})
	}
	raw, isBuffer := bufferOf(value)
	if isBuffer {
		c.Body = raw
	}
	media, parameters, err := mime.ParseMediaType(c.Headers.Get("Content-Type"))
	if err == nil && !isBuffer && len(value) > 0 {
		mendType(c, value, media, parameters, note)
	}
	mendCoding(c, note)
	delete(c.Headers, "Content-Length") // every request makes it anew
}

// mendCoding removes a Content-Encoding that the body does not have.
func mendCoding(c *deadletter.Capture, note func(string)) {
	coding := strings.Join(c.Headers["Content-Encoding"], ", ")
	if coding == "" || strings.EqualFold(coding, "identity") {
		return
	}
	const head = 64 << 10
	if t := payload.DecodeHead(c.Headers, c.Body, head); len(t.Codings) > 0 && t.Fault == "" {
		return
	}
	delete(c.Headers, "Content-Encoding")
	note("Content-Encoding: " + clean(coding) + " is left out, because the payload is not encoded")
}

// mendType makes Content-Type and body agree: the body of a form is written as one, and what cannot be written as its
// type says gets the type that it has.
func mendType(
	c *deadletter.Capture, value json.RawMessage, media string, parameters map[string]string, note func(string),
) {
	isText := value[0] == '"'
	switch {
	case isText:
	case media == formType:
		if body, ok := writeForm(value); ok {
			c.Body = body
			note("The body is written as the form that Content-Type says; the payload is its fields")
			break
		}
		media = asJSON(c, media, note)
	case media == multipartType:
		if body, ok := writeMultipart(value, parameters["boundary"]); ok {
			c.Body = body
			note("The body is written as the form that Content-Type says; files are not in the payload")
			return
		}
		media = asJSON(c, media, note)
	case media == "text/xml" || media == "application/xml" || strings.HasSuffix(media, "+xml"):
		media = asJSON(c, media, note)
	}
	charset := parameters["charset"]
	if charset == "" || strings.EqualFold(charset, "utf-8") ||
		media != formType && isASCII(c.Body) && !isWide(charset) {
		return
	}
	parameters["charset"] = "utf-8"
	c.Headers["Content-Type"] = []string{mime.FormatMediaType(media, parameters)}
	note("Content-Type says charset utf-8 in place of " + clean(charset) + ", because the payload is UTF-8")
}

const (
	formType      = "application/x-www-form-urlencoded"
	multipartType = "multipart/form-data"
	jsonType      = "application/json"
)

func asJSON(c *deadletter.Capture, media string, note func(string)) string {
	c.Headers["Content-Type"] = []string{jsonType}
	note("Content-Type is " + jsonType + " in place of " + clean(media) + ", because the payload is JSON")
	return jsonType
}

func isASCII(body []byte) bool {
	return !bytes.ContainsFunc(body, func(r rune) bool { return r >= utf8.RuneSelf })
}

// isWide reports whether ASCII is written in other bytes in a charset.
func isWide(charset string) bool {
	lower := strings.ToLower(charset)
	return strings.HasPrefix(lower, "utf-16") || strings.HasPrefix(lower, "utf-32") || strings.HasPrefix(lower, "ucs-")
}

// bufferOf returns the bytes of a Node Buffer, which JSON.stringify writes as {"type":"Buffer","data":[123,125]}.
func bufferOf(value json.RawMessage) ([]byte, bool) {
	members, err := payload.Collect(value)
	if err != nil || len(members) != 2 || string(members[0].Name) != "type" || string(members[1].Name) != "data" ||
		textOf(members[0].Value) != "Buffer" {
		return nil, false
	}
	data := members[1].Value
	if data[0] == '"' {
		body, err := base64.StdEncoding.DecodeString(textOf(data))
		return body, err == nil
	}
	var numbers []int
	if json.Unmarshal(data, &numbers) != nil || numbers == nil {
		return nil, false
	}
	body := make([]byte, len(numbers))
	for i, n := range numbers {
		if n < 0 || n > 0xff {
			return nil, false
		}
		body[i] = byte(n)
	}
	return body, true
}

// appendBuffer writes bytes as a Node Buffer.
func appendBuffer(body []byte) []byte {
	out := []byte(`{"type":"Buffer","data":[`)
	for i, b := range body {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, int64(b), 10)
	}
	return append(out, "]}"...)
}

// maxFields bounds the fields of a form, and maxFormDepth how deep its names lead.
const (
	maxFields    = 10_000
	maxFormDepth = 20
)

// field is a field of a form.
type field struct{ name, value string }

// formFields returns the fields of which a parser made an object, with names as Node's qs writes them: a[b] for a
// member, a twice for two values, a[] for a list of one, and a[0][b] for a list of objects. ok is false if the value is
// no object, or too large.
func formFields(value json.RawMessage) (fields []field, ok bool) {
	if len(value) == 0 || value[0] != '{' {
		return nil, false
	}
	return appendFields(nil, "", value, maxFormDepth)
}

func appendFields(fields []field, name string, value json.RawMessage, depth int) ([]field, bool) {
	if depth == 0 || len(fields) > maxFields {
		return nil, false
	}
	switch value[0] {
	case '{':
		for m, err := range payload.Members(value) {
			below := string(m.Name)
			if name != "" {
				below = name + "[" + below + "]"
			}
			var ok bool
			if err != nil {
				return nil, false
			}
			if fields, ok = appendFields(fields, below, m.Value, depth-1); !ok {
				return nil, false
			}
		}
		return fields, true
	case '[':
		return appendList(fields, name, value, depth)
	}
	return append(fields, field{name, textOf(value)}), true
}

func appendList(fields []field, name string, value json.RawMessage, depth int) ([]field, bool) {
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil {
		return nil, false
	}
	for i, item := range list {
		below := name
		switch {
		case item[0] == '{' || item[0] == '[':
			below = name + "[" + strconv.Itoa(i) + "]"
		case len(list) == 1:
			below = name + "[]"
		}
		var ok bool
		if fields, ok = appendFields(fields, below, item, depth-1); !ok {
			return nil, false
		}
	}
	return fields, true
}

func writeForm(value json.RawMessage) (body []byte, ok bool) {
	fields, ok := formFields(value)
	if !ok {
		return nil, false
	}
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = url.QueryEscape(f.name) + "=" + url.QueryEscape(f.value)
	}
	return []byte(strings.Join(parts, "&")), true
}

func writeMultipart(value json.RawMessage, boundary string) (body []byte, ok bool) {
	fields, ok := formFields(value)
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	if !ok || w.SetBoundary(boundary) != nil {
		return nil, false
	}
	for _, f := range fields {
		if w.WriteField(f.name, f.value) != nil {
			return nil, false
		}
	}
	ok = w.Close() == nil
	return out.Bytes(), ok
}

// payloadOf returns an edited body in the form that the envelope's program gave its payload: a Buffer, the fields of a
// form, or nil where the body is written as it is.
func payloadOf(was json.RawMessage, r deadletter.Revision) []byte {
	if _, ok := bufferOf(was); ok {
		return appendBuffer(r.Body)
	}
	if len(was) == 0 || was[0] != '{' {
		return nil
	}
	t := payload.Decode(r.Headers, r.Body, maxSQS)
	if hasFields := t.Kind == payload.Form || t.Kind == payload.Multipart; !hasFields || t.Cut {
		return nil
	}
	return t.Bytes
}
