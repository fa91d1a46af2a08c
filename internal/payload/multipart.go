package payload

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/textproto"
	"strconv"
	"strings"

	"dlqdesk/internal/deadletter"
)

// multipart is the encoding of a multipart body (RFC 2046 section 5.1).
type multipart struct {
	delimiter []byte // line that begins a part, without line ends
	newline   []byte
	before    []byte // up to the first delimiter
	after     []byte // from the last delimiter on
	parts     []part
}

// part is one of a multipart body, as it came.
type part struct {
	raw      []byte // headers and body
	head     []byte // headers and the empty line
	transfer string // Content-Transfer-Encoding
	text     Text
}

// readMultipart reads the content as a multipart body, if it is one.
func (t *Text) readMultipart(boundary string, limit, depth int) {
	m := splitMultipart(t.content, boundary)
	if m == nil {
		return
	}
	t.Kind, t.fields, t.Bytes = Multipart, m, []byte("{}")
	for i := range m.parts {
		p := &m.parts[i]
		header := p.read(max(0, limit-len(t.Bytes)), depth)
		if p.text.Cut {
			t.Cut = true
		}
		f := fieldText{name: nameOf(header, i), contentType: header.Get("Content-Type")}
		f.text, f.isJSON = p.shown(header)
		if !t.addField(f, limit) {
			return
		}
	}
}

// maxParts bounds the parts that are read of one body.
const maxParts = 1000

// splitMultipart returns the parts of a content; nil if it has none.
func splitMultipart(content []byte, boundary string) *multipart {
	if boundary == "" {
		return nil
	}
	m := &multipart{delimiter: []byte("--" + boundary), newline: []byte("\r\n")}
	start, end, isLast := m.next(content, 0)
	if start < 0 || isLast {
		return nil
	}
	m.before = content[:start]
	if end > 1 && content[end-2] != '\r' {
		m.newline = []byte("\n")
	}
	for !isLast && len(m.parts) < maxParts {
		from := end
		if start, end, isLast = m.next(content, from); start < 0 {
			m.parts = append(m.parts, part{raw: content[from:]})
			return m
		}
		m.parts = append(m.parts, part{raw: bytes.TrimSuffix(content[from:start], m.newline)})
	}
	m.after = content[start:]
	return m
}

// next returns the start and end of the next delimiter line, the line end included; -1 if there is none.
func (m *multipart) next(content []byte, from int) (start, end int, isLast bool) {
	for {
		i := bytes.Index(content[from:], m.delimiter)
		if i < 0 {
			return -1, -1, false
		}
		start = from + i
		from = start + len(m.delimiter)
		line, _, _ := bytes.Cut(content[from:], []byte("\n"))
		end = min(from+len(line)+1, len(content))
		atLine := start == 0 || content[start-1] == '\n'
		switch rest := strings.TrimRight(string(line[:min(len(line), maxPadding)]), " \t\r"); {
		case atLine && rest == "":
			return start, end, false
		case atLine && rest == "--":
			return start, end, true
		}
	}
}

const maxPadding = 64 // bytes after a delimiter

// read decodes a part and returns its headers.
func (p *part) read(limit, depth int) deadletter.Headers {
	head, body := splitHead(p.raw)
	p.head = head
	lines, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(head))).ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		lines = nil
	}
	header := deadletter.Headers(lines)
	p.transfer = strings.ToLower(header.Get("Content-Transfer-Encoding"))
	content, ok := decodeTransfer(p.transfer, body)
	if !ok {
		content, p.transfer = body, ""
	}
	p.text = decode(header, content, limit, false, depth-1)
	return header
}

// splitHead returns the headers of a part with the empty line, and its body.
func splitHead(raw []byte) (head, body []byte) {
	for _, empty := range []string{"\r\n\r\n", "\n\n"} {
		if i := bytes.Index(raw, []byte(empty)); i >= 0 {
			return raw[:i+len(empty)], raw[i+len(empty):]
		}
		if line := empty[:len(empty)/2]; bytes.HasPrefix(raw, []byte(line)) {
			return raw[:len(line)], raw[len(line):]
		}
	}
	return raw, nil
}

func decodeTransfer(name string, body []byte) (content []byte, ok bool) {
	switch name {
	case "base64":
		content, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(body)))
		return content, err == nil
	case "quoted-printable":
		content, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
		return content, err == nil
	}
	return body, true
}

func encodeTransfer(name string, content []byte) []byte {
	var out bytes.Buffer
	switch name {
	case "base64":
		return base64.StdEncoding.AppendEncode(nil, content)
	case "quoted-printable":
		w := quotedprintable.NewWriter(&out)
		_, _ = w.Write(content) // a buffer takes all
		_ = w.Close()
		return out.Bytes()
	}
	return content
}

// nameOf returns the name of a part: that of the form's field, or else of the file, or else its number.
func nameOf(h deadletter.Headers, i int) string {
	_, parameters, err := mime.ParseMediaType(h.Get("Content-Disposition"))
	if err != nil {
		parameters = nil
	}
	return cmp.Or(parameters["name"], parameters["filename"], "part "+strconv.Itoa(i+1))
}

// shown returns the text of a part. A file that is no text is described.
func (p *part) shown(h deadletter.Headers) (text []byte, isJSON bool) {
	if p.text.Kind != Binary {
		return p.text.Bytes, !p.text.Cut && isComposite(p.text.Bytes) && Valid(p.text.Bytes)
	}
	description := fmt.Sprintf("(%d bytes", len(p.text.body))
	if kind := h.Get("Content-Type"); kind != "" {
		description += " of " + kind
	}
	return []byte(description + ", not shown)"), false
}

func (m *multipart) encode(edited []byte, before []Field) ([]byte, error) {
	out := bytes.NewBuffer(bytes.Clone(m.before))
	err := eachEdited(edited, before, func(member Member, was int, isSame bool) error {
		raw, err := m.encodePart(member, was, isSame)
		for _, piece := range [][]byte{m.delimiter, m.newline, raw, m.newline} {
			out.Write(piece)
		}
		return err
	})
	if m.after == nil {
		return bytes.TrimSuffix(out.Bytes(), m.newline), err // it came without an end
	}
	out.Write(m.after)
	return out.Bytes(), err
}

func (m *multipart) encodePart(member Member, was int, isSame bool) ([]byte, error) {
	if was < 0 {
		line := fmt.Sprintf(`Content-Disposition: form-data; name="%s"`, escapeName(string(member.Name)))
		return bytes.Join([][]byte{[]byte(line), nil, valueText(member.Value)}, m.newline), nil
	}
	p := m.parts[was]
	if isSame {
		return p.raw, nil
	}
	if p.text.Kind == Binary {
		return nil, deadletter.Errorf(deadletter.Invalid,
			"The part %q is a file that is no text: leave it as it is, or remove it.", member.Name)
	}
	content, err := p.text.Encode(valueText(member.Value))
	return append(bytes.Clone(p.head), encodeTransfer(p.transfer, content)...), err
}

// escapeName escapes a field name for Content-Disposition, as browsers do.
func escapeName(name string) string {
	return strings.NewReplacer("\r", "%0D", "\n", "%0A", `"`, "%22").Replace(name)
}
