package envelope

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"dlqdesk/internal/payload"
)

// exactBody describes how to read the body's bytes from originalPayload.
type exactBody struct {
	Form   string
	Before string // white space around the value
	After  string
	Raw    []byte // decoded: the text of rawBody; to encode: the body that is to be there
}

func (e exactBody) encode(w *writer) {
	w.optional("bodyForm", e.Form)
	w.optional("bodyBefore", e.Before)
	w.optional("bodyAfter", e.After)
	switch e.Form {
	case bodyBase64:
		w.bytes("rawBody", e.Raw)
	case bodyGzip:
		w.packed("rawBody", e.Raw)
	}
}

// The ways in which originalPayload holds the body.
const (
	bodyJSON    = "json"    // the value is the body, byte for byte
	bodyEscaped = "escaped" // the same, but characters that queues refuse were written as escapes
	bodyText    = "text"    // the string's content is the body
	bodyBase64  = "base64"  // rawBody is the body; originalPayload is only for reading
	// the same, but compressed (RFC 1952), and originalPayload is null: the body was too large for the queue
	bodyGzip = "gzip"
)

// pack writes a body to w, compressed and in base64.
func pack(w io.Writer, body []byte) error {
	text := base64.NewEncoder(base64.StdEncoding, w)
	compressed := gzip.NewWriter(text)
	_, err := compressed.Write(body)
	return errors.Join(err, compressed.Close(), text.Close())
}

// MaxUnpacked is the largest size of a decompressed body, in bytes. It is also the largest max_body of a source.
const MaxUnpacked = 64 << 20

// unpackedSize returns the size of a compressed body in bytes, as its end states it (ISIZE, RFC 1952).
func unpackedSize(raw []byte) int64 {
	end, err := base64.StdEncoding.AppendDecode(nil, raw[max(0, len(raw)-8):])
	if err != nil || len(end) < 4 {
		return 0 // it cannot be unpacked
	}
	return min(int64(binary.LittleEndian.Uint32(end[len(end)-4:])), MaxUnpacked)
}

var errTooLarge = errors.New("the body is too large")

func unpack(raw []byte, most int64) ([]byte, error) {
	r, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(raw)))
	if err != nil {
		return nil, err
	}
	// A buffer that grows would hold a large body twice.
	body := bytes.NewBuffer(make([]byte, 0, most+bytes.MinRead))
	if _, err = body.ReadFrom(io.LimitReader(r, most+1)); err == nil && int64(body.Len()) > most {
		err = errTooLarge
	}
	return body.Bytes(), err
}

// encodeBody returns the value of originalPayload, and how to read the body from it. A body that cannot be read back
// to the byte is put beside it in base64.
func encodeBody(body []byte) (value []byte, exact exactBody) {
	readable := body
	if !utf8.Valid(body) {
		readable = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	if payload.Valid(readable) && nesting(readable) <= maxNesting {
		trimmed := bytes.Trim(readable, white)
		value, exact = escapeRefused(trimmed), around(readable, trimmed)
	} else {
		value = appendText(nil, string(readable))
		exact.Form = bodyText
	}
	if bytes.Equal(exact.decode(value), body) {
		return value, exact
	}
	return value, exactBody{Form: bodyBase64, Raw: body}
}

// white is JSON's white space, which does not belong to a value.
const white = " \t\r\n"

func around(body, value []byte) exactBody {
	start := len(body) - len(bytes.TrimLeft(body, white))
	exact := exactBody{Form: bodyJSON, Before: string(body[:start]), After: string(body[start+len(value):])}
	if hasRefused(value) {
		exact.Form = bodyEscaped
	}
	return exact
}

// decode returns the bytes to deliver. If the envelope is another program's, a string is the text of a body that was
// not JSON, and any other value is the body as it is written in the document.
func (e exactBody) decode(value []byte) []byte {
	switch e.Form {
	case bodyJSON:
		return slices.Concat([]byte(e.Before), value, []byte(e.After))
	case bodyEscaped:
		return slices.Concat([]byte(e.Before), unescape(value), []byte(e.After))
	case bodyBase64:
		if body, err := base64.StdEncoding.AppendDecode(nil, e.Raw); err == nil {
			return body
		}
	case bodyGzip:
		body, err := unpack(e.Raw, unpackedSize(e.Raw))
		if err != nil {
			return slices.Clone(e.Raw)
		}
		return body
	}
	if bytes.HasPrefix(value, []byte(`"`)) {
		return slices.Clone(payload.Unquote(value))
	}
	return slices.Clone(value)
}

// maxNesting is the deepest nesting of a body that is written as JSON. The limit of encoding/json is 10,000.
const maxNesting = 9_000

// nesting returns the depth of a valid JSON text; 0 if it is too short to be deeper than maxNesting.
func nesting(text []byte) int {
	if len(text) < 2*maxNesting {
		return 0 // what is opened is closed
	}
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && (c == '[' || c == '{'):
			depth++
			deepest = max(deepest, depth)
		case !quoted && (c == ']' || c == '}'):
			depth--
		}
	}
	return deepest
}

// lastSafe is the last character that every SQS server takes. Amazon's own takes #x10000-#x10FFFF as well
// (SendMessage in the SQS API reference), others do not. Of what is below it, valid JSON and valid UTF-8 leave
// nothing that is refused.
const lastSafe = 0xFFFD

// hasRefused reports whether a text has a character that a queue may refuse. In JSON only strings can have one.
func hasRefused(text []byte) bool {
	for _, first := range refusedBegin {
		if bytes.IndexByte(text, first) >= 0 {
			return bytes.ContainsFunc(text, isRefused)
		}
	}
	return false
}

// firstRefused is the lowest byte with which such a character may begin in UTF-8.
const firstRefused = 0xEF

// refusedBegin lists all such bytes. Searching for each is faster than decoding the characters, and few texts have one.
var refusedBegin = []byte{firstRefused, 0xF0, 0xF1, 0xF2, 0xF3, 0xF4}

func isRefused(r rune) bool { return r > lastSafe }

// escapeRefused writes such characters as JSON escapes.
func escapeRefused(text []byte) []byte {
	if !hasRefused(text) {
		return text
	}
	out := make([]byte, 0, len(text)+len(text)/8)
	for _, r := range string(text) {
		switch {
		case !isRefused(r):
			out = utf8.AppendRune(out, r)
		case r > maxBMP:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

const maxBMP = 0xFFFF

// unescape writes the escapes of characters that a queue may refuse as the characters themselves.
func unescape(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := escapedRune(text)
		if isRefused(r) {
			out, text = utf8.AppendRune(out, r), text[size:]
			continue
		}
		size = 1
		if text[0] == '\\' {
			size = min(2, len(text)) // what is escaped begins no escape
		}
		out, text = append(out, text[:size]...), text[size:]
	}
	return out
}

// escapedRune returns the character of the escape at the beginning of a text, and the length of the escape in bytes; 0
// if there is none.
func escapedRune(text []byte) (r rune, size int) {
	const one, two = len(`\u0000`), len(`\u0000\u0000`)
	r, ok := codeUnit(text)
	if !ok || !utf16.IsSurrogate(r) {
		return r, one
	}
	low, ok := codeUnit(text[one:])
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return 0, 0
	}
	return r, two
}

// codeUnit reads one \u escape.
func codeUnit(text []byte) (rune, bool) {
	var unit [2]byte
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	if _, err := hex.Decode(unit[:], text[2:6]); err != nil {
		return 0, false
	}
	return rune(binary.BigEndian.Uint16(unit[:])), true
}
