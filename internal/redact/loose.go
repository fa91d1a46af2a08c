package redact

import (
	"bytes"
	"net/url"
	"regexp"
	"strings"

	"dlqdesk/internal/payload"
)

// loose finds the values after secret names in a text that is not JSON: "name": value, name=value, name: value,
// <name>value</name> and <any name="name">value</any>. In free text, names that are secret by default count only in
// the forms of programs: people write sentences such as "Invalid token: expired".
func (f *finder) loose(l layer, key uint64, freeText bool) {
	if f.all && !freeText {
		f.hits = append(f.hits, hit{
			key: key, start: l.offset(0), end: l.offset(len(l.text)), quote: l.quote, value: l.text,
		})
		return
	}
	s := looseScan{finder: f, layer: l, key: key, freeText: freeText}
	for i := 0; i < len(l.text); {
		i = s.next(i)
	}
}

type looseScan struct {
	*finder
	layer    layer
	key      uint64
	freeText bool
}

// next looks at a position, and returns the next one.
func (s *looseScan) next(i int) int {
	text := s.layer.text
	switch c := text[i]; {
	case c == '"' || c == '\'':
		return s.quoted(i)
	case c == '<':
		return s.element(i)
	case isNameByte(c):
		return s.bare(i)
	}
	return i + 1
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80 ||
		strings.IndexByte("_-.%[]$@", c) >= 0
}

// escaped is the length of a byte of a name that is written as an escape such as \u0041.
const escaped = 6

// quoted reads a name in quotation marks.
func (s *looseScan) quoted(i int) int {
	text := s.layer.text[i:]
	end, closed := endOfQuoted(text[:min(len(text), escaped*maxName)])
	if !closed {
		return i + 1
	}
	after := afterSeparator(text, end, ":=")
	if after < 0 {
		return i + 1
	}
	name := text[1 : end-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		name = payload.Unquote([]byte(`"` + string(name) + `"`))
	}
	if !s.isSecret(name, true) {
		return i + 1
	}
	return s.take(string(name), i+after, i+after+looseValue(text[after:]), s.layer.quote)
}

// bare reads a name without quotation marks.
func (s *looseScan) bare(i int) int {
	text := s.layer.text[i:]
	end := 1
	for end < len(text) && isNameByte(text[end]) {
		end++
	}
	after, ends := afterSeparator(text, end, "="), " \t\r\n&;,<>\"')]}"
	byProgram := after >= 0
	if after < 0 {
		after, ends = afterSeparator(text, end, ":"), ",}]\r\n;&<\""
	}
	if after < 0 || after >= len(text) || end > escaped*maxName {
		return i + end
	}
	name := text[:end]
	if bytes.IndexByte(name, '%') >= 0 {
		if decoded, err := url.QueryUnescape(string(name)); err == nil {
			name = []byte(decoded)
		}
	}
	if bytes.HasPrefix(text[after:], []byte("//")) {
		return s.userInfo(i + after + len("//"))
	}
	if !s.isSecret(name, byProgram) {
		return i + end
	}
	size, quote := bareValue(text[after:], ends), ""
	switch text[after] {
	case '"':
		quote = s.layer.quote
	case '\'':
		quote = "'"
	}
	return s.take(string(name), i+after, i+after+size, quote)
}

// maxAuthority is the length of the user, password and host of a URL that are read, in bytes.
const maxAuthority = 512

// userInfo reads what stands after the // of a URL, which may have a password: https://user:password@host.
func (s *looseScan) userInfo(start int) int {
	authority := s.layer.text[start:min(len(s.layer.text), start+maxAuthority)]
	if end := bytes.IndexAny(authority, "/?# \t\r\n\"'<>"); end >= 0 {
		authority = authority[:end]
	}
	at := bytes.LastIndexByte(authority, '@')
	if at < 0 {
		return start
	}
	_, password, found := bytes.Cut(authority[:at], []byte(":"))
	if !found || !s.isSecret([]byte("password"), true) {
		return start
	}
	return s.take("password", start+at-len(password), start+at, "")
}

func bareValue(text []byte, ends string) int {
	if strings.IndexByte(`"'{[`, text[0]) >= 0 {
		return looseValue(text)
	}
	end := bytes.IndexAny(text, ends)
	if end < 0 {
		end = len(text)
	}
	return len(bytes.TrimRight(text[:end], " \t"))
}

// maxTag is the length of the longest start tag that is read, in bytes.
const maxTag = 4 << 10

// element reads the name of an XML element.
func (s *looseScan) element(i int) int {
	text := s.layer.text[i+1:]
	end := 0
	for end < len(text) && end < maxName && (isNameByte(text[end]) || text[end] == ':') {
		end++
	}
	tag := text[:end]
	name := tag[bytes.LastIndexByte(tag, ':')+1:]
	if len(name) == 0 {
		return i + 1
	}
	if !s.isSecret(name, true) {
		if name = s.nameOf(text); name == nil {
			return i + 1
		}
		if value := valueAttribute.FindSubmatchIndex(startTag(text)); value != nil {
			return s.take(string(name), i+1+value[2], i+1+value[3], "")
		}
	}
	closed := bytes.IndexByte(text[:min(len(text), maxTag)], '>')
	if closed < 0 || closed > 0 && text[closed-1] == '/' {
		return i + 1
	}
	start := closed + 1
	size := bytes.Index(text[start:], []byte("</"+string(tag)))
	if size < 0 {
		if size = bytes.Index(text[start:], []byte("</")); size < 0 {
			size = len(text) - start
		}
	}
	return s.take(string(name), i+1+start, i+1+start+size, "")
}

// maxNamedTag is the length of the longest start tag whose attributes are read, in bytes.
const maxNamedTag = 512

var (
	nameAttribute  = regexp.MustCompile(`\s(?i:name|key|id)\s*=\s*["']([^"']+)["']`)
	valueAttribute = regexp.MustCompile(`\s(?i:value)\s*=\s*["']([^"']*)["']`)
)

// startTag returns the start tag at the beginning of a text that follows its <; nil if it is longer than maxNamedTag.
func startTag(text []byte) []byte {
	end := bytes.IndexAny(text[:min(len(text), maxNamedTag)], "<>")
	return text[:max(end, 0)]
}

// nameOf returns the secret name that an attribute gives an element, as in <param name="password">; nil if there is
// none.
func (s *looseScan) nameOf(text []byte) []byte {
	tag := startTag(text)
	if bytes.IndexByte(tag, '=') < 0 {
		return nil
	}
	if found := nameAttribute.FindSubmatch(tag); found != nil && s.isSecret(found[1], true) {
		return found[1]
	}
	return nil
}

// isSecret reports whether the value of a name is secret. byProgram says that it stands in a form of programs.
func (s *looseScan) isSecret(name []byte, byProgram bool) bool {
	if s.rules.isConfigured(name) || (byProgram || !s.freeText) && s.rules.isDefault(name) {
		return true
	}
	return s.names.has(name)
}

// take adds a value and returns its end.
func (s *looseScan) take(name string, start, end int, quote string) int {
	if end > start {
		s.hits = append(s.hits, hit{
			name: name, key: below(s.key, name), start: s.layer.offset(start), end: s.layer.offset(end), quote: quote,
			value: s.layer.text[start:end],
		})
	}
	return max(end, start)
}

// afterSeparator returns the position of the value after one of the separators; -1 if there is none.
func afterSeparator(text []byte, from int, separators string) int {
	i := from
	for i < len(text) && strings.IndexByte(" \t\r\n", text[i]) >= 0 && i < from+maxName {
		i++
	}
	if i >= len(text) || strings.IndexByte(separators, text[i]) < 0 {
		return -1
	}
	i++
	if i < len(text) && text[i] == '>' { // Ruby's =>
		i++
	}
	for i < len(text) && strings.IndexByte(" \t\r\n", text[i]) >= 0 {
		i++
	}
	return i
}

// endOfQuoted returns the end of the quoted text at the beginning of a text, and whether it has a closing quotation
// mark.
func endOfQuoted(text []byte) (end int, closed bool) {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return i + 1, true
		}
	}
	return len(text), false
}

// looseValue returns the end of the value at the beginning of a text. A value that is not closed ends with the text.
func looseValue(text []byte) int {
	if len(text) == 0 {
		return 0
	}
	switch text[0] {
	case '"', '\'':
		end, _ := endOfQuoted(text)
		return end
	case '{', '[':
		return looseGroup(text)
	}
	end := bytes.IndexAny(text, ",}]\r\n")
	if end < 0 {
		end = len(text)
	}
	return len(bytes.TrimRight(text[:end], " \t"))
}

func looseGroup(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"', '\'':
			end, _ := endOfQuoted(text[i:])
			i += end - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}
