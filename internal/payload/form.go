package payload

import (
	"bytes"
	"cmp"
	"net/url"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// form is the encoding of an application/x-www-form-urlencoded body.
type form struct {
	fields  []formField
	charset *charsetCoder // nil for UTF-8
}

// formField is a field as it came.
type formField struct {
	raw     []byte // name=value
	rawName []byte
	name    []byte // without escapes, in the form's charset
	value   []byte
}

// readForm reads the content as a form. The charset is that of the label, or what the form says in a field, as browsers
// and PayPal do.
func (t *Text) readForm(label string, limit int) {
	content := t.content
	if most := maxEscape * limit; len(content) > most {
		content, t.Cut = content[:most], true
	}
	f := &form{fields: splitForm(content, maxFields+1)}
	if f.charset = f.findCharset(label); f.charset != nil {
		t.Charset = f.charset.name
	}
	t.Kind, t.fields, t.Bytes = Form, f, []byte("{}")
	for _, field := range f.fields {
		value := f.decode(field.value)
		if len(t.Fields) == maxFields {
			t.Cut = true
			return
		}
		isJSON := isComposite(value) && Valid(value)
		if !t.addField(fieldText{name: string(f.decode(field.name)), text: value, isJSON: isJSON}, limit) {
			return
		}
	}
}

// maxFields bounds the fields that are read of one form. No form has as many, and each takes memory.
const maxFields = 10_000

// maxEscape is the length of an escape such as %41 in bytes.
const maxEscape = 3

// splitForm returns the first fields of a form.
func splitForm(content []byte, most int) (fields []formField) {
	for raw := range bytes.SplitSeq(content, []byte("&")) {
		switch {
		case len(raw) == 0:
			continue
		case len(fields) == most:
			return fields
		}
		name, value, _ := bytes.Cut(raw, []byte("="))
		fields = append(fields, formField{raw, name, unescapeForm(name), unescapeForm(value)})
	}
	return fields
}

// unescapeForm replaces + and %XX. It leaves a % that begins no escape.
func unescapeForm(text []byte) []byte {
	if bytes.IndexByte(text, '+') < 0 && bytes.IndexByte(text, '%') < 0 {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]):
			c = hexValue(text[i+1])<<4 | hexValue(text[i+2])
			i += 2
		}
		out = append(out, c)
	}
	return out
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// findCharset returns the charset of a form's texts; nil for UTF-8.
func (f *form) findCharset(label string) *charsetCoder {
	for _, field := range f.fields {
		if name := string(field.name); label == "" && (name == "_charset_" || name == "charset") {
			label = string(field.value)
		}
	}
	if c := coderOf(label); c != nil {
		return c
	}
	invalid := func(field formField) bool { return !utf8.Valid(field.value) || !utf8.Valid(field.name) }
	if slices.ContainsFunc(f.fields, invalid) {
		return &charsetCoder{
			name:     "windows-1252",
			encoding: charmap.Windows1252,
		} // the usual one of senders that name none
	}
	return nil
}

func (f *form) decode(text []byte) []byte {
	if f.charset == nil {
		return text
	}
	return f.charset.decode(text)
}

func (f *form) encode(edited []byte, before []Field) ([]byte, error) {
	var parts [][]byte
	err := eachEdited(edited, before, func(m Member, was int, isSame bool) error {
		if isSame {
			parts = append(parts, f.fields[was].raw)
			return nil
		}
		name, err := f.escape(m.Name)
		if was >= 0 {
			name = f.fields[was].rawName
		}
		value, valueErr := f.escape(valueText(m.Value))
		parts = append(parts, slices.Concat(name, []byte("="), value))
		return cmp.Or(err, valueErr)
	})
	return bytes.Join(parts, []byte("&")), err
}

// escape writes a text in the form's charset, with escapes.
func (f *form) escape(text []byte) ([]byte, error) {
	if f.charset != nil {
		var err error
		if text, err = f.charset.encode(text); err != nil {
			return nil, err
		}
	}
	return []byte(url.QueryEscape(string(text))), nil
}
