package payload

import (
	"bytes"
	"cmp"
	"mime"
	"strings"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
)

// Kind is the form of a body's content.
type Kind int

// The kinds of content.
const (
	Binary    Kind = iota // no text: it is shown as a hex dump and cannot be edited
	Plain                 // any other text
	JSON                  // it is JSON, or its Content-Type says so
	Form                  // application/x-www-form-urlencoded
	Multipart             // multipart/form-data and other multipart types
)

// Text is a decoded body. Examples:
//
//	Content-Encoding: gzip           {"id":1} compressed   JSON   {"id":1}
//	Content-Type: …charset=latin1    gr\xf6\xdfer          Plain  größer
//	Content-Type: …form-urlencoded   to=%2B1555&q=a+b      Form   {"to":"+1555","q":"a b"}
//	the same                         payload=%7B%22id…     Form   {"payload":{"id":1}}
type Text struct {
	// Bytes is the content as UTF-8, without content codings. The fields of a Form or Multipart are the members of a
	// JSON object, in their order, so that paths and patches lead into them. Bytes of a Binary body are not converted.
	// They are the body's own bytes if nothing had to be decoded.
	Bytes   []byte
	Kind    Kind
	Cut     bool     // Bytes is only the first part
	Fault   string   // why the body cannot be read to its end: broken data or an unknown coding; "" if it can
	Note    string   // in which way the body is another than its headers say; "" if it is not
	Codings []string // the content codings that were removed, in the order in which they were applied
	Charset string   // as the headers write it; "" for UTF-8
	Fields  []Field  // of a Form or Multipart

	headers deadletter.Headers
	body    []byte // as it came
	content []byte // without codings
	layers  layers
	charset *charsetCoder // nil for UTF-8
	fields  fieldCoder    // nil if it is neither Form nor Multipart
}

// Field is one of a Form or Multipart.
type Field struct {
	Name        string
	ContentType string // of a part; "" if it has none
	Value       []byte // as in Bytes: a JSON string, object or list
	Start, End  int    // of Value in Bytes
}

// fieldCoder writes the edited fields of a body.
type fieldCoder interface {
	encode(edited []byte, before []Field) ([]byte, error)
}

const (
	formType = "application/x-www-form-urlencoded"

	// maxNested bounds bodies within bodies, such as a form in a part of a multipart body.
	maxNested = 3
)

// Decode returns the content of a body, by its headers Content-Encoding and Content-Type, and by its bytes where these
// contradict. Bytes has at most limit bytes. Time and memory grow with limit and the size of the body, not with the
// size to which the body expands.
func Decode(h deadletter.Headers, body []byte, limit int) Text {
	return decode(h, body, limit, false, maxNested)
}

// Content is Decode for its Bytes alone. It costs little for a body that is JSON in UTF-8, as most are.
func Content(h deadletter.Headers, body []byte, limit int) []byte {
	if isJSONAsItIs(h, body, limit) {
		return body
	}
	return Decode(h, body, limit).Bytes
}

// isJSONAsItIs reports whether Decode returns a body as it is because of its headers and first bytes: an object or list
// begins no coding and no charset but ASCII's descendants.
func isJSONAsItIs(h deadletter.Headers, body []byte, limit int) bool {
	return len(body) > 1 && len(body) <= limit && h.Get("Content-Type") == "application/json" && isComposite(body) &&
		len(codingsOf(h)) == 0 && bytes.IndexByte(body, 0) < 0 && utf8.Valid(body)
}

// DecodeHead is Decode for the first part of a body.
func DecodeHead(h deadletter.Headers, head []byte, limit int) Text {
	t := decode(h, head, limit, true, maxNested)
	t.Cut = true
	return t
}

// Read is Decode for a revision, of whose body it may have only the first part.
func Read(r deadletter.Revision, limit int) Text {
	if r.IsHead() {
		return DecodeHead(r.Headers, r.Body, limit)
	}
	return Decode(r.Headers, r.Body, limit)
}

func decode(h deadletter.Headers, body []byte, limit int, isHead bool, depth int) Text {
	t := Text{headers: h, body: body, Cut: isHead}
	t.unpack(h, limit, isHead)
	media, parameters := mediaType(h.Get("Content-Type"))
	switch {
	case depth == 0 || t.Fault != "":
	case strings.HasPrefix(media, "multipart/"):
		t.readMultipart(parameters["boundary"], limit, depth)
	case media == formType && t.canBeForm(limit):
		t.readForm(parameters["charset"], limit)
	}
	if t.fields == nil {
		t.readText(media, parameters["charset"], limit)
	}
	return t
}

// canBeForm reports whether the content can be a form: it is no JSON, and not in UTF-16.
func (t *Text) canBeForm(limit int) bool {
	head := t.content[:min(len(t.content), limit)]
	return !looksLikeJSON(head, t.Cut || len(t.content) > limit) && bytes.IndexByte(head, 0) < 0
}

// mediaType returns the type of a Content-Type in lower case, and its parameters as far as they are valid.
func mediaType(contentType string) (media string, parameters map[string]string) {
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil && media == "" {
		media, _, _ = strings.Cut(contentType, ";")
		media = strings.ToLower(strings.TrimSpace(media))
	}
	return media, parameters
}

// readText reads the content as one text.
func (t *Text) readText(media, label string, limit int) {
	t.Bytes = t.content
	if len(t.Bytes) > limit {
		t.Bytes, t.Cut = t.Bytes[:limit], true
	}
	if whole := withoutSplitRune(t.Bytes); t.Cut && utf8.Valid(whole) {
		t.Bytes = whole
	}
	if t.charset = findCharset(t.Bytes, media, label); t.charset != nil {
		t.Charset = t.charset.name
		t.Bytes = t.charset.decode(t.Bytes)
		if t.Cut {
			t.Bytes = bytes.TrimSuffix(t.Bytes, []byte("\uFFFD"))
		}
	}
	if len(t.Bytes) > limit {
		t.Bytes, t.Cut = withoutSplitRune(t.Bytes[:limit]), true
	}
	t.Kind = kindOf(media, t.Bytes, t.Cut)
}

func kindOf(media string, text []byte, cut bool) Kind {
	switch {
	case !IsText(text):
		return Binary
	case isJSONType(media), looksLikeJSON(text, cut):
		return JSON
	}
	return Plain
}

func isJSONType(media string) bool {
	return media == "application/json" || strings.HasSuffix(media, "+json")
}

// looksLikeJSON reports whether a text is JSON, or begins as an object or list if it is cut. It reads no further where
// the first byte already says that it is not.
func looksLikeJSON(text []byte, cut bool) bool {
	text = bytes.TrimLeft(text, white)
	if len(text) == 0 || strings.IndexByte(`{["-0123456789tfn`, text[0]) < 0 {
		return false
	}
	return cut && isComposite(text) || Valid(text)
}

// isComposite reports whether a JSON value without white space before it is an object or a list.
func isComposite(value []byte) bool { return len(value) > 0 && (value[0] == '{' || value[0] == '[') }

// IsText reports whether bytes can be shown as text: UTF-8 without control characters.
func IsText(text []byte) bool {
	return !hasControls(text) && utf8.Valid(text)
}

func hasControls(text []byte) bool {
	for _, b := range text {
		if b < ' ' && b != '\t' && b != '\n' && b != '\r' && b != '\f' {
			return true
		}
	}
	return false
}

// withoutSplitRune removes the beginning of a character that a cut went through.
func withoutSplitRune(text []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if last := text[len(text)-n:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				return text[:len(text)-n]
			}
			break
		}
	}
	return text
}

// Encode returns the body with the edited content, in the encoding in which the body came: the same content codings,
// charset and kind. Fields that did not change keep their bytes. It returns Invalid for content that cannot be written
// so.
func (t Text) Encode(edited []byte) ([]byte, error) {
	if bytes.Equal(edited, t.Bytes) && !t.Cut {
		return t.body, nil
	}
	if err := t.Editable(); err != nil {
		return nil, err
	}
	content, err := t.encodeContent(edited)
	if err != nil {
		return nil, err
	}
	return t.layers.encode(content)
}

// Size returns the size of the body without content codings, in bytes. If the text is cut, that is of its first part.
func (t Text) Size() int { return len(t.content) }

// IsUTF8 reports whether Bytes are those of the body itself.
func (t Text) IsUTF8() bool { return len(t.Codings) == 0 && t.charset == nil && t.fields == nil }

// Uncoded returns the body with the edited content as Encode does, but without content codings: a form as it is
// written. It returns Invalid for content that cannot be written so.
func (t Text) Uncoded(edited []byte) ([]byte, error) {
	if err := t.Editable(); err != nil {
		return nil, err
	}
	return t.encodeContent(edited)
}

func (t Text) encodeContent(edited []byte) ([]byte, error) {
	switch {
	case t.fields != nil:
		return t.fields.encode(edited, t.Fields)
	case t.charset != nil:
		return t.charset.encode(edited)
	}
	return edited, nil
}

// Editable returns nil if Encode can write an edited content, and otherwise Invalid with the reason.
func (t Text) Editable() error {
	switch {
	case t.Cut:
		return deadletter.Errorf(deadletter.TooLarge, "This body is too large: it cannot be edited here.")
	case t.Kind == Binary:
		return deadletter.Errorf(deadletter.Invalid, "%s", cmp.Or(t.Fault, "This body is binary.")+
			" It cannot be edited as text.")
	case t.Fault != "":
		return deadletter.Errorf(deadletter.Invalid, "%s", t.Fault+" It cannot be edited.")
	case t.charset != nil && !t.charset.isFaithful(t.content):
		return deadletter.Errorf(
			deadletter.Invalid,
			"This body has bytes that mean nothing in %s: an edit would change them. It cannot be edited here.",
			t.Charset,
		)
	}
	return nil
}
