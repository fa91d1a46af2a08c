package console

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/web/page"
)

const (
	maxShown   = 256 << 10 // bytes of a body on a page
	maxPretty  = 8 << 20   // bytes of an indented body that a script asks for
	maxHex     = 16 << 10  // bytes of a binary body on a page; a dump is five times as long
	maxExcerpt = 200       // bytes of a body in a line
)

// payloadView shows the body of a revision: as text where it is text, as a hex dump where it is not, and masked
// either way.
func payloadView(id deadletter.ID, r deadletter.Revision, s desk.Source) page.Payload {
	v := page.Payload{
		Name: revisionName(r), ContentType: printable(r.Headers.Get("Content-Type")), Size: size(len(r.Body)),
		DownloadURL: "/messages/" + url.PathEscape(string(id)) + "/body?revision=" + strconv.Itoa(r.Number),
	}
	var body []byte
	body, v.Masked = deadletter.MaskJSON(r.Body, s.MaskPaths)
	if !isText(body) {
		v.Hex, v.Note = hex.Dump(body[:min(len(body), maxHex)]), shownOf(len(body), maxHex)
		return v
	}
	v.JSON = json.Valid(body)
	if len(body) > maxShown {
		v.WholeURL = v.DownloadURL + "&form=pretty"
	}
	v.Raw, v.Note = printable(string(cutText(body, maxShown))), shownOf(len(body), maxShown)
	if len(body) <= maxShown && v.JSON {
		// What is small but nested deeply would be large when indented: it is shown as it came.
		if pretty, whole := indent(body, 4*maxShown); whole {
			v.Pretty = pretty
		}
	}
	return v
}

// bodyIn is a body, masked: as it was received, indented, or as it is edited.
func bodyIn(form string, r deadletter.Revision, s desk.Source) []byte {
	switch form {
	case "edit":
		return []byte(editText(r, s))
	case "pretty":
		return []byte(prettyText(r, s, maxPretty))
	}
	masked, _ := deadletter.MaskJSON(r.Body, s.MaskPaths)
	return masked
}

// prettyText is a body, masked, and indented where it is JSON that fits a limit in bytes.
func prettyText(r deadletter.Revision, s desk.Source, limit int) string {
	masked, _ := deadletter.MaskJSON(r.Body, s.MaskPaths)
	if json.Valid(masked) {
		if pretty, whole := indent(masked, limit); whole {
			return pretty
		}
	}
	return string(masked)
}

func shownOf(n, limit int) string {
	if n <= limit {
		return ""
	}
	return "The first " + size(limit) + " of " + size(n) + " are shown."
}

// isText tells whether a body can be shown as it is.
func isText(body []byte) bool {
	return utf8.Valid(body) && !bytes.ContainsFunc(body, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f'
	})
}

// cutText shortens a text without cutting a character in two.
func cutText(text []byte, limit int) []byte {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// excerpt is the beginning of a body in one line, masked.
func excerpt(body []byte, s desk.Source) string {
	masked, _ := deadletter.MaskJSON(body, s.MaskPaths)
	text := printable(string(cutText(masked, maxExcerpt)))
	if len(masked) > maxExcerpt {
		text += "…"
	}
	return text
}

// maskQuery masks the values of a query string whose names say that they are secret.
func maskQuery(query string, s desk.Source) string {
	parts := strings.Split(query, "&")
	for i, part := range parts {
		raw, _, has := strings.Cut(part, "=")
		name, err := url.QueryUnescape(raw)
		if has && (err != nil || deadletter.IsSecretHeader(name, s.MaskHeaders...)) {
			parts[i] = raw + "=" + deadletter.Mask
		}
	}
	return strings.Join(parts, "&")
}

// indent writes valid JSON with one value a line, up to a limit in bytes; false: it did not fit. Unlike json.Indent
// it stops there, because nesting makes the indented text grow with the square of the text.
func indent(text []byte, limit int) (string, bool) {
	var out strings.Builder
	depth, quoted, escaped := 0, false, false
	line := func(by int) {
		depth += by
		out.WriteByte('\n')
		for range min(depth, limit) {
			out.WriteString("  ")
		}
	}
	for i, b := range text {
		if out.Len() > limit {
			return "", false
		}
		if quoted {
			out.WriteByte(b)
			quoted, escaped = escaped || b != '"', !escaped && b == '\\'
			continue
		}
		switch b {
		case ' ', '\t', '\r', '\n':
		case '"':
			quoted = true
			out.WriteByte(b)
		case '{', '[':
			out.WriteByte(b)
			if !closesNext(text[i+1:]) {
				line(1)
			}
		case '}', ']':
			if !opened(out.String()) {
				line(-1)
			}
			out.WriteByte(b)
		case ',':
			out.WriteByte(b)
			line(0)
		case ':':
			out.WriteString(": ")
		default:
			out.WriteByte(b)
		}
	}
	return out.String(), true
}

// closesNext tells whether the object or array that was just opened is empty.
func closesNext(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return len(rest) > 0 && (rest[0] == '}' || rest[0] == ']')
}

// opened tells whether a text ends with what opens an object or array.
func opened(text string) bool {
	return strings.HasSuffix(text, "{") || strings.HasSuffix(text, "[")
}
