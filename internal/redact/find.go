package redact

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"hash/maphash"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"dlqdesk/internal/payload"
)

// hit is the position of a secret value in a text.
type hit struct {
	name       string   // of the field
	key        uint64   // of the place: values at the same path, such as $.items[*].token, have the same key
	start, end int      // in the outermost text
	quote      string   // stands before and after Mask in place of the value
	value      []byte   // as its own layer writes it, with its quotes
	within     [][]byte // of a text in base64: the secret values in it
}

// layer is a text, or a text within a text such as the JSON in a JSON string.
type layer struct {
	text  []byte
	base  int    // offset of the text in the outermost one, where at is nil
	at    []int  // offsets of each byte of the text in the outermost one, and of the end
	quote string // how this layer's quotation mark is written in the outermost text
	depth int
}

func (l layer) offset(i int) int {
	if l.at != nil {
		return l.at[i]
	}
	return l.base + i
}

// maxLayers bounds texts within texts.
const maxLayers = 4

// finder collects the secret values of a text.
type finder struct {
	rules *Rules
	hits  []hit
	// names are the last names of the paths of the rules, for texts that are not JSON. all is set if a path has none.
	names nameSet
	all   bool
	// masked are the places whose values are masked as a whole, for the text that a person edited.
	masked map[uint64]bool
}

// find returns the secret values in a text, in order and without overlap. In a text that is not JSON it takes too many
// rather than too few: those after a secret name. isJSON reports whether the text is JSON.
func (r *Rules) find(text []byte) (hits []hit, isJSON bool) {
	f := r.orDefault().newFinder()
	isJSON = f.document(layer{text: text, quote: `"`})
	return f.sorted(), isJSON
}

// findEdited returns the secret values in a text that a person edited, and each Mask at the place of a known one.
func (r *Rules) findEdited(text []byte, known []hit) []hit {
	f := r.orDefault().newFinder()
	f.masked = map[uint64]bool{}
	for _, h := range known {
		f.masked[h.key] = true
	}
	f.document(layer{text: text, quote: `"`})
	return f.sorted()
}

// findLoose returns the secret values as find does for a text that is not JSON.
func (r *Rules) findLoose(text []byte) []hit {
	f := r.orDefault().newFinder()
	f.loose(layer{text: text, quote: `"`}, 0, false)
	return f.sorted()
}

func (r *Rules) newFinder() *finder {
	f := &finder{rules: r, names: nameSet{}}
	for _, p := range r.paths {
		i := len(p) - 1
		for i >= 0 && (p[i] == "*" || p[i] == payload.AnyDepth || isNumber(p[i])) {
			i--
		}
		if i < 0 {
			f.all = true
		} else {
			f.names[p[i]] = true
		}
	}
	return f
}

func isNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 64)
	return err == nil
}

// document reads the outermost text, and reports whether it is JSON.
func (f *finder) document(l layer) bool {
	if f.json(l, 0, f.rules.paths) {
		return true
	}
	f.loose(l, 0, false)
	return false
}

// json reads a layer that is one JSON value, and reports whether it is.
func (f *finder) json(l layer, key uint64, paths []payload.Path) bool {
	before := len(f.hits)
	w := walk{finder: f, layer: l, dec: payload.NewDecoder(l.text)}
	if w.value(paths, key) == nil {
		if _, err := w.dec.ReadToken(); err != nil &&
			w.dec.InputOffset() >= int64(len(bytes.TrimRight(l.text, " \t\r\n"))) {
			return true
		}
	}
	f.hits = f.hits[:before]
	return false
}

// sorted returns the hits in order, without those that are within others.
func (f *finder) sorted() []hit {
	slices.SortStableFunc(f.hits, func(a, b hit) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	end := -1
	return slices.DeleteFunc(f.hits, func(h hit) bool {
		if h.start < end {
			return true
		}
		end = h.end
		return f.rules.shows(h.name)
	})
}

// walk reads one JSON value.
type walk struct {
	*finder
	layer layer
	dec   *jsontext.Decoder
	name  []byte // of the latest member
}

func (w *walk) take(key uint64) error {
	raw, err := w.dec.ReadValue()
	end := int(w.dec.InputOffset())
	if err == nil {
		w.add(w.layer, w.name, key, end-len(raw), end)
	}
	return err
}

// add adds the JSON value at a position of a layer.
func (f *finder) add(l layer, name []byte, key uint64, start, end int) {
	f.hits = append(f.hits, hit{
		name: string(name), key: key, start: l.offset(start), end: l.offset(end), quote: l.quote,
		value: l.text[start:end],
	})
}

// value reads the next value, of which paths are still open.
func (w *walk) value(paths []payload.Path, key uint64) error {
	if slices.ContainsFunc(paths, func(p payload.Path) bool { return len(p) == 0 }) {
		return w.take(key)
	}
	switch w.dec.PeekKind() {
	case '{':
		return w.object(paths, key)
	case '[':
		return w.list(paths, key)
	case '"':
		return w.text(key)
	}
	return w.dec.SkipValue()
}

func (w *walk) list(paths []payload.Path, key uint64) error {
	if _, err := w.dec.ReadToken(); err != nil {
		return err
	}
	key = below(key, "*")
	for i := 0; w.dec.PeekKind() != ']'; i++ {
		var open []payload.Path
		if len(paths) > 0 {
			open = openBelow(paths, []byte(strconv.Itoa(i)))
		}
		if err := w.value(open, key); err != nil {
			return err
		}
	}
	_, err := w.dec.ReadToken()
	return err
}

func (w *walk) object(paths []payload.Path, key uint64) error {
	if _, err := w.dec.ReadToken(); err != nil {
		return err
	}
	var p pair
	for w.dec.PeekKind() != '}' {
		raw, err := w.dec.ReadValue()
		if err != nil {
			return err
		}
		if err := w.member(payload.Unquote(raw), paths, key, &p); err != nil {
			return err
		}
	}
	p.finish(w, key)
	_, err := w.dec.ReadToken()
	return err
}

func (w *walk) member(name []byte, paths []payload.Path, key uint64, p *pair) error {
	kind := w.dec.PeekKind()
	w.name = name
	at := below(key, name)
	if w.rules.isConfigured(name) || kind != 't' && kind != 'f' && kind != 'n' && w.rules.isDefault(name) {
		return w.take(at)
	}
	var open []payload.Path
	if len(paths) > 0 {
		var buffer [maxName]byte
		open = openBelow(paths, appendNormal(buffer[:0], name))
	}
	role := roleOf(name)
	if role == noRole {
		return w.value(open, at)
	}
	err := w.value(open, at)
	p.add(w, role, kind, int(w.dec.InputOffset()))
	return err
}

// pair is an object that has its name and its value in two members: {"name": "ssn", "value": "078-05-1120"}.
type pair struct {
	secret     bool
	name       []byte
	start, end int
}

type role int

const (
	noRole role = iota
	nameRole
	valueRole
)

func roleOf(name []byte) role {
	switch string(name) {
	case "name", "Name", "key", "Key", "field", "header":
		return nameRole
	case "value", "Value", "stringValue", "StringValue", "content":
		return valueRole
	}
	return noRole
}

// add adds a member whose value has been read up to end.
func (p *pair) add(w *walk, r role, kind jsontext.Kind, end int) {
	var start int
	switch {
	case r == nameRole && kind == '"':
		start = startOfString(w.layer.text, end)
		name := payload.Unquote(w.layer.text[start:end])
		if w.rules.isConfigured(name) || w.rules.isDefault(name) {
			p.secret, p.name = true, name
		}
	case r == valueRole && (kind == '"' || kind == '0'):
		if start = startOfNumber(w.layer.text, end); kind == '"' {
			start = startOfString(w.layer.text, end)
		}
		p.start, p.end = start, end
	}
}

func (p *pair) finish(w *walk, key uint64) {
	if p.secret && p.end > 0 {
		w.add(w.layer, p.name, below(key, "value"), p.start, p.end)
	}
}

// startOfString returns the position of the quotation mark that opens the string which ends before end.
func startOfString(text []byte, end int) int {
	for i := end - 2; i > 0; i-- {
		if text[i] != '"' {
			continue
		}
		escapes := 0
		for i-escapes > 0 && text[i-escapes-1] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
	return 0
}

func startOfNumber(text []byte, end int) int {
	return bytes.LastIndexAny(text[:end], " \t\r\n:") + 1
}

// text reads a string, and the text within it.
func (w *walk) text(key uint64) error {
	raw, err := w.dec.ReadValue()
	if err != nil || w.layer.depth >= maxLayers || len(raw) < len(`"a=b"`) && len(w.masked) == 0 {
		return err
	}
	end := int(w.dec.InputOffset())
	if w.masked[key] && string(raw) == `"`+Mask+`"` {
		w.add(w.layer, w.name, key, end-len(raw), end)
		return nil
	}
	w.inString(raw, end-len(raw), end, key)
	return nil
}

// inString reads the text within a JSON string: JSON, base64 of a text, or any text with names and values.
func (w *walk) inString(raw []byte, start, end int, key uint64) {
	first := raw[1]
	isDocument := first == '{' || first == '[' || first == ' ' || first == '\\'
	if isDocument {
		inner := w.layer.unquoted(raw, start)
		if w.json(inner, below(key, "json"), w.rules.paths) {
			return
		}
	}
	if within := w.rules.findInBase64(raw[1:len(raw)-1], w.layer.depth); len(within) > 0 {
		w.add(w.layer, w.name, key, start, end)
		w.hits[len(w.hits)-1].within = within
		return
	}
	if hasSeparator(raw) {
		w.loose(w.layer.unquoted(raw, start), below(key, "text"), true)
	}
}

// hasSeparator reports whether a text has a byte that stands between a name and its value.
func hasSeparator(text []byte) bool {
	return bytes.IndexByte(text, '=') >= 0 || bytes.IndexByte(text, ':') >= 0 || bytes.IndexByte(text, '<') >= 0
}

// unquoted returns the content of a JSON string at a position of the layer, as a layer of its own.
func (l layer) unquoted(raw []byte, start int) layer {
	inner := layer{quote: escapeQuote(l.quote), depth: l.depth + 1}
	if bytes.IndexByte(raw, '\\') < 0 {
		inner.text = raw[1 : len(raw)-1]
		if l.at == nil {
			inner.base = l.base + start + 1
			return inner
		}
		inner.at = l.at[start+1 : start+len(raw)]
		return inner
	}
	inner.text = make([]byte, 0, len(raw))
	inner.at = make([]int, 0, len(raw))
	for i := 1; i < len(raw)-1; {
		n, text := unescapeJSON(raw[i : len(raw)-1])
		for range len(text) {
			inner.at = append(inner.at, l.offset(start+i))
		}
		inner.text, i = append(inner.text, text...), i+n
	}
	inner.at = append(inner.at, l.offset(start+len(raw)-1))
	return inner
}

func escapeQuote(quote string) string {
	var out []byte
	for i := range len(quote) {
		if quote[i] == '"' || quote[i] == '\\' {
			out = append(out, '\\')
		}
		out = append(out, quote[i])
	}
	return string(out)
}

// findInBase64 returns the secret values in a text that is base64 of a text.
func (r *Rules) findInBase64(text []byte, depth int) (values [][]byte) {
	const shortest = 12
	if len(text) < shortest {
		return nil
	}
	content := decodeBase64(text)
	if content == nil || !utf8.Valid(content) {
		return nil
	}
	f := r.newFinder()
	f.all = false
	f.document(layer{text: content, quote: `"`, depth: depth + 1})
	for _, h := range f.hits {
		values = append(append(values, h.value), h.within...)
	}
	return values
}

// decodeBase64 returns the content of base64, of either alphabet; nil if the text is not base64 of a text.
func decodeBase64(text []byte) []byte {
	text = bytes.TrimRight(text, "=")
	for i, c := range text {
		if !isBase64(c) {
			return nil
		}
		if i > 64 { // an image is found out soon
			break
		}
	}
	encoding := base64.RawStdEncoding
	if isURLAlphabet(text) {
		encoding = base64.RawURLEncoding
	}
	head := make([]byte, 48)
	if n, err := encoding.Decode(head, text[:min(len(text), 64)&^3]); err != nil || !isText(head[:n]) {
		return nil
	}
	content := make([]byte, encoding.DecodedLen(len(text)))
	n, err := encoding.Decode(content, text)
	if err != nil {
		return nil
	}
	return content[:n]
}

// isURLAlphabet reports whether base64 is in the alphabet of RFC 4648 section 5.
func isURLAlphabet(text []byte) bool {
	return bytes.IndexByte(text, '-') >= 0 || bytes.IndexByte(text, '_') >= 0
}

func isBase64(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '+' || c == '/' || c == '-' || c == '_'
}

// isText reports whether the beginning of a text has no control characters.
func isText(text []byte) bool {
	return !bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' })
}

var seed = maphash.MakeSeed()

// below returns the key of a place within another.
func below[T string | []byte](key uint64, step T) uint64 {
	const odd = 0x9E3779B97F4A7C15 // so that the order of the steps counts
	return key*odd + maphash.String(seed, string(step))
}

// openBelow returns the paths that are open below a name, which is in its normal form.
func openBelow(paths []payload.Path, name []byte) []payload.Path {
	var open []payload.Path
	for _, p := range paths {
		if p[0] == payload.AnyDepth {
			open = append(open, p)
			p = p[1:]
		}
		if len(p) > 0 && (p[0] == "*" || p[0] == string(name)) {
			open = append(open, p[1:])
		}
	}
	return open
}
