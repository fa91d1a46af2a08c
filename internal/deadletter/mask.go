package deadletter

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Path is a place in a JSON document, as configured: `$.customer.ssn`, `$.items[*].token`.
type Path []string

// ParsePath reads a path of dotted names, `[n]` and `[*]`; an Invalid error says what is wrong with it.
func ParsePath(text string) (Path, error) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok || rest == "" {
		return nil, Errorf(Invalid, "a path starts with $ and a name, like $.customer.ssn (got %q)", text)
	}
	var path Path
	for part := range strings.SplitSeq(strings.ReplaceAll(rest, "[", ".["), ".") {
		if part == "" {
			continue
		}
		if index, bracket := strings.CutPrefix(part, "["); bracket {
			index, closed := strings.CutSuffix(index, "]")
			if _, err := strconv.Atoi(index); !closed || err != nil && index != "*" {
				return nil, Errorf(Invalid, "%q in path %q must be [*] or a number in brackets", part, text)
			}
			part = index
		}
		path = append(path, part)
	}
	if len(path) == 0 {
		return nil, Errorf(Invalid, "path %q names nothing", text)
	}
	return path, nil
}

// span is a value in a document: where it stands and the path that leads there.
type span struct {
	at         string
	start, end int
}

const maskedValue = `"` + Mask + `"`

// MaskJSON answers the body with the values at the paths replaced by Mask, and whether there were any. Every other byte
// stays as it is. In a body that is no proper JSON, whatever follows the last name of a path is masked, as well as that can be told.
func MaskJSON(body []byte, paths []Path) ([]byte, bool) {
	if len(paths) == 0 {
		return body, false
	}
	spans, err := findSpans(body, paths)
	if err != nil {
		return maskByName(body, paths)
	}
	return replaceSpans(body, spans, func(span) []byte { return []byte(maskedValue) }), len(spans) > 0
}

// RestoreMasked answers an edited body with every value that still is Mask taken from the body it was made of.
func RestoreMasked(edited, base []byte, paths []Path) []byte {
	spans, err := findSpans(edited, paths)
	if err != nil || len(spans) == 0 {
		return edited
	}
	secrets := map[string][]byte{}
	known, err := findSpans(base, paths)
	if err != nil {
		return edited
	}
	for _, s := range known {
		secrets[s.at] = base[s.start:s.end]
	}
	return replaceSpans(edited, spans, func(s span) []byte {
		value := edited[s.start:s.end]
		if secret, ok := secrets[s.at]; ok && string(value) == maskedValue {
			return secret
		}
		return value
	})
}

func replaceSpans(body []byte, spans []span, with func(span) []byte) []byte {
	var out bytes.Buffer
	last := 0
	for _, s := range spans {
		out.Write(body[last:s.start])
		out.Write(with(s))
		last = s.end
	}
	out.Write(body[last:])
	return out.Bytes()
}

// findSpans answers where the paths lead in a document, in order and without overlap.
func findSpans(body []byte, paths []Path) ([]span, error) {
	f := finder{body: body, dec: json.NewDecoder(bytes.NewReader(body))}
	f.dec.UseNumber()
	if err := f.value(paths, "", 0); err != nil {
		return nil, err
	}
	return f.spans, nil
}

type finder struct {
	body  []byte
	dec   *json.Decoder
	spans []span
}

// maxDepth bounds how deep a document is searched; encoding/json has a bound of its own beyond it.
const maxDepth = 1000

// value reads the next value, of which paths are still open.
func (f *finder) value(paths []Path, at string, depth int) error {
	ends := slices.ContainsFunc(paths, func(p Path) bool { return len(p) == 0 })
	if ends || len(paths) == 0 || depth > maxDepth {
		start := f.skipTo()
		var raw json.RawMessage
		if err := f.dec.Decode(&raw); err != nil {
			return err
		}
		if ends {
			f.spans = append(f.spans, span{at: at, start: start, end: int(f.dec.InputOffset())})
		}
		return nil
	}
	token, err := f.dec.Token()
	if err != nil {
		return err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	for i := 0; f.dec.More(); i++ {
		name := strconv.Itoa(i)
		if delim == '{' {
			key, err := f.dec.Token()
			if err != nil {
				return err
			}
			name, _ = key.(string)
		}
		if err := f.value(below(paths, name, delim == '['), at+"\x00"+name, depth+1); err != nil {
			return err
		}
	}
	_, err = f.dec.Token()
	return err
}

// skipTo answers where the next value begins: past white space and the separators before it.
func (f *finder) skipTo() int {
	start := int(f.dec.InputOffset())
	for start < len(f.body) && strings.IndexByte(" \t\r\n:,", f.body[start]) >= 0 {
		start++
	}
	return start
}

func below(paths []Path, name string, array bool) []Path {
	var open []Path
	for _, p := range paths {
		if p[0] == name || array && p[0] == "*" {
			open = append(open, p[1:])
		}
	}
	return open
}

func maskByName(body []byte, paths []Path) ([]byte, bool) {
	masked := false
	for _, p := range paths {
		name := p[len(p)-1]
		after := regexp.MustCompile(`("` + regexp.QuoteMeta(name) + `"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}\]]+)`)
		masked = masked || after.Match(body)
		body = after.ReplaceAll(body, []byte("${1}"+maskedValue))
	}
	return body, masked
}
