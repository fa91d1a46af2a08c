package payload

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"

	"dlqdesk/internal/deadletter"
)

// charsetCoder converts between a charset and UTF-8.
type charsetCoder struct {
	name     string
	encoding encoding.Encoding // encoding.Nop for UTF-8 with a mark
	mark     []byte            // byte order mark before the text
}

var (
	markUTF8  = []byte("\xef\xbb\xbf")
	markUTF16 = map[string]encoding.Encoding{
		"\xff\xfe": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
		"\xfe\xff": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	}
	// declaration matches the encoding that an XML document names.
	declaration = regexp.MustCompile(`^\s*<\?xml[^>]*\sencoding\s*=\s*["']([A-Za-z0-9._:-]+)["']`)
)

const headSize = 1024 // bytes in which a document names its charset

// findCharset returns the charset of a content; nil if that is UTF-8 without a mark, or unknown. A byte order mark goes
// before the label of Content-Type. Bytes that cannot be in the labelled charset go before it too.
func findCharset(content []byte, media, label string) *charsetCoder {
	if bytes.HasPrefix(content, markUTF8) {
		return &charsetCoder{name: "UTF-8 with a byte order mark", encoding: encoding.Nop, mark: markUTF8}
	}
	for mark, e := range markUTF16 {
		if bytes.HasPrefix(content, []byte(mark)) {
			return &charsetCoder{name: "UTF-16", encoding: e, mark: []byte(mark)}
		}
	}
	head := content[:min(len(content), headSize)]
	if e := utf16WithoutMark(content, label, media); e != nil {
		return e
	}
	if label == "" {
		label = declaredCharset(head, media)
	}
	c := coderOf(label)
	if c == nil && isTextOf(media, content) && looksSingleByte(content) {
		c = coderOf("windows-1252") // the usual one of senders that name none
	}
	if c == nil || isJSONType(media) && utf8.Valid(content) {
		return nil // JSON is UTF-8, whatever its Content-Type says (RFC 8259)
	}
	return c
}

// looksSingleByte reports whether a content is text of one byte a character: no UTF-8, not even in parts.
func looksSingleByte(content []byte) bool {
	if utf8.Valid(content) || hasControls(content) {
		return false
	}
	return !bytes.ContainsFunc(content, func(r rune) bool { return r >= utf8.RuneSelf && r != utf8.RuneError })
}

// isTextOf reports whether a content can be text of its type.
func isTextOf(media string, content []byte) bool {
	isJSON := bytes.HasPrefix(content, []byte(`"`)) || isComposite(content)
	return strings.HasPrefix(media, "text/") || strings.HasSuffix(media, "xml") || isJSONType(media) && isJSON
}

// coderOf returns the charset with a label; nil if it is UTF-8 or unknown.
func coderOf(label string) *charsetCoder {
	e, err := htmlindex.Get(label)
	if err != nil {
		return nil
	}
	name, err := htmlindex.Name(e)
	if err != nil || name == "utf-8" || name == "replacement" || strings.HasPrefix(name, "utf-16") {
		return nil
	}
	return &charsetCoder{name: strings.TrimSpace(label), encoding: e}
}

// utf16WithoutMark returns UTF-16 if the label says so and the bytes are no UTF-8, or if the first characters show it:
// they are ASCII, two of JSON (RFC 4627 section 3), and more of a content whose type is another or unknown.
func utf16WithoutMark(content []byte, label, media string) *charsetCoder {
	order, pairs := unicode.LittleEndian, 8
	if isJSONType(media) {
		pairs = 2
	}
	isLong := isJSONType(media) || len(content) >= pairs
	switch isLabelled := strings.HasPrefix(strings.ToLower(label), "utf-16"); {
	case isLabelled && (bytes.IndexByte(content, 0) >= 0 || !utf8.Valid(content)):
		if strings.EqualFold(label, "utf-16be") || len(content) > 1 && content[0] == 0 && content[1] != 0 {
			order = unicode.BigEndian
		}
	case label == "" && isLong && areASCIIPairs(content, pairs, 1, 0):
	case label == "" && isLong && areASCIIPairs(content, pairs, 0, 1):
		order = unicode.BigEndian
	default:
		return nil
	}
	return &charsetCoder{name: "UTF-16", encoding: unicode.UTF16(order, unicode.IgnoreBOM)}
}

// areASCIIPairs reports whether the first characters have a zero at one byte of each pair and ASCII at the other.
func areASCIIPairs(content []byte, pairs, zero, other int) bool {
	for at := 0; at < min(len(content), 2*pairs); at += 2 {
		if len(content) < at+2 || content[at+zero] != 0 || content[at+other] == 0 ||
			content[at+other] >= utf8.RuneSelf {
			return false
		}
	}
	return len(content) > 0
}

// declaredCharset returns the label in an XML declaration or a meta element of HTML; "" if there is none.
func declaredCharset(head []byte, media string) string {
	if found := declaration.FindSubmatch(head); found != nil {
		return string(found[1])
	}
	if media != "text/html" {
		return ""
	}
	if _, name, certain := charset.DetermineEncoding(head, media); certain || name != "windows-1252" {
		return name
	}
	return ""
}

// decode returns a text as UTF-8.
func (c *charsetCoder) decode(content []byte) []byte {
	content = bytes.TrimPrefix(content, c.mark)
	if c.encoding == encoding.Nop {
		return content
	}
	text, _ := c.encoding.NewDecoder().Bytes(content) // bytes without a meaning become U+FFFD
	return text
}

// encode returns a UTF-8 text in the charset. It returns Invalid if the charset lacks a character.
func (c *charsetCoder) encode(text []byte) ([]byte, error) {
	if !utf8.Valid(text) {
		return nil, deadletter.Errorf(deadletter.Invalid, "The text is not valid UTF-8. Enter it again.")
	}
	if c.encoding == encoding.Nop {
		return append(bytes.Clone(c.mark), text...), nil
	}
	content, err := c.encoding.NewEncoder().Bytes(text)
	if err != nil {
		return nil, c.missing(text)
	}
	return append(bytes.Clone(c.mark), content...), nil
}

// missing returns the error for the first character that the charset lacks.
func (c *charsetCoder) missing(text []byte) error {
	for i, r := range string(text) {
		if _, err := c.encoding.NewEncoder().String(string(r)); err != nil {
			return deadletter.Errorf(
				deadletter.Invalid,
				"%q in line %d cannot be written in %s, the charset of this body. "+
					"Leave it out, or write it as \\u%04x in JSON, or as &#%d; in XML.",
				r,
				1+bytes.Count(text[:i], []byte("\n")),
				c.name,
				r,
				r,
			)
		}
	}
	return deadletter.Errorf(deadletter.Invalid, "The text cannot be written in %s, the charset of this body.", c.name)
}

// isFaithful reports whether the charset can restore a content from its text.
func (c *charsetCoder) isFaithful(content []byte) bool {
	again, err := c.encode(c.decode(content))
	return err == nil && bytes.Equal(again, content)
}
