package console

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/payload"
	"dlqdesk/web/page"
)

const (
	maxShown   = 256 << 10 // bytes of a body that a page shows whole
	maxHead    = 64 << 10  // bytes that a page shows of a longer one
	maxPretty  = 8 << 20   // bytes of an indented body that a script asks for
	maxHex     = 16 << 10  // bytes of a binary body on a page; a dump is five times as long
	maxExcerpt = 200       // bytes of a body in a line
)

// shownBody is the content of a body as people see it.
type shownBody struct {
	payload.Text
	total  int    // bytes of the body as it came
	bytes  []byte // the content, masked
	masked bool
}

// show decodes and masks a body, at most limit bytes of content.
func show(r deadletter.Revision, s desk.Source, limit int) shownBody {
	return masked(payload.Read(r, limit), r, s)
}

func masked(t payload.Text, r deadletter.Revision, s desk.Source) shownBody {
	b := shownBody{Text: t, total: max(r.Size, len(r.Body))}
	b.bytes, b.masked = s.Masks.Text(t.Bytes)
	return b
}

// showPart is show for a page: the whole body up to maxShown, and the first maxHead bytes of a longer one. To mask more
// would take longer than the rest of the page.
func showPart(r deadletter.Revision, s desk.Source) shownBody {
	if t := payload.Read(r, maxShown); !t.Cut {
		return masked(t, r, s)
	}
	return show(r, s, maxHead)
}

// pretty returns the content, indented if it is JSON or has fields and fits the limit in bytes. A small but deeply
// nested body would be large when indented.
func (b shownBody) pretty(limit int) (text string, indented bool) {
	if b.IsJSON() && payload.Valid(b.bytes) {
		if text, indented = payload.Indent(b.bytes, limit); indented {
			return text, true
		}
	}
	return string(b.bytes), false
}

// raw returns the content as it is written: a form with its escapes, a multipart body with its parts.
func (b shownBody) raw() []byte {
	if len(b.Fields) == 0 {
		return b.bytes
	}
	if text, err := b.Uncoded(b.bytes); err == nil && payload.IsText(text) {
		return text
	}
	return b.bytes
}

// size says how large the body is, and what it expands to: "gzip, 1.2 KiB → 8.0 KiB".
func (b shownBody) size() string {
	if len(b.Codings) == 0 {
		return size(b.total)
	}
	expanded := size(b.Size())
	if b.Cut {
		expanded = "more than " + expanded
	}
	return fmt.Sprintf("%s, %s → %s", strings.Join(b.Codings, ", "), size(b.total), expanded)
}

// formOf says how a content is written, where that is not plain UTF-8: "form, 4 fields", "ISO-8859-1".
func formOf(b payload.Text) []string {
	var list []string
	fields := plural(len(b.Fields), "field")
	if b.Cut {
		fields = "more than " + fields
	}
	switch b.Kind {
	case payload.Form:
		list = append(list, "form, "+fields)
	case payload.Multipart:
		list = append(list, "multipart, "+strings.Replace(fields, "field", "part", 1))
	case payload.Binary, payload.Plain, payload.JSON:
	}
	if b.Charset != "" {
		list = append(list, printable(b.Charset))
	}
	return list
}

// faults says what is wrong with the body, and how much of it is shown.
func (b shownBody) faults(limit int) string {
	note := shownOf(b.total, limit)
	switch {
	case !b.Cut && len(b.bytes) <= limit:
		note = ""
	case b.Kind != payload.Binary && b.Cut && b.IsUTF8():
		note = shownOf(b.total, len(b.bytes))
	case !b.IsUTF8():
		note = "The first " + size(min(len(b.bytes), limit)) + " of the content are shown."
	}
	return strings.TrimSpace(b.Fault + b.Note + " " + note)
}

// payloadView shows the body of a revision, masked: as text, or as a hex dump if it is not text.
func payloadView(id deadletter.ID, r deadletter.Revision, s desk.Source) page.Payload {
	b := showPart(r, s)
	v := page.Payload{
		Name:        revisionName(r),
		ContentType: printable(r.Headers.Get("Content-Type")),
		Size:        b.size(),
		Form:        formOf(b.Text),
		DownloadURL: "/messages/" + url.PathEscape(string(id)) + "/body?revision=" + strconv.Itoa(r.Number),
		Masked:      b.masked,
	}
	if !b.IsUTF8() && b.Fault == "" {
		v.DecodedURL = v.DownloadURL + "&form=decoded"
	}
	if b.Kind == payload.Binary {
		v.Hex, v.Note = hex.Dump(b.bytes[:min(len(b.bytes), maxHex)]), b.faults(maxHex)
		return v
	}
	v.JSON, v.Note = b.IsJSON() && payload.Valid(b.bytes), b.faults(maxShown)
	if v.Note != "" && b.IsUTF8() && b.total <= maxPretty {
		v.FullURL = v.DownloadURL + "&form=pretty"
	}
	v.Raw = printable(string(cutText(b.raw(), maxShown)))
	if !b.Cut && len(b.bytes) <= maxShown {
		if text, indented := b.pretty(4 * maxShown); indented {
			v.Pretty = printable(text)
		}
	}
	return v
}

// bodyIn returns a masked body: as received, as its content, indented, or for editing. It returns TooLarge for a body
// that cannot be masked because it expands too far.
func bodyIn(form string, r deadletter.Revision, s desk.Source) ([]byte, error) {
	switch form {
	case "edit":
		return []byte(editText(r, s)), nil
	case "pretty":
		text, _ := show(r, s, maxPretty).pretty(maxPretty)
		return []byte(text), nil
	case "decoded":
		b := show(r, s, max(desk.MaxExpanded, len(r.Body)))
		if b.Cut {
			return nil, deadletter.Errorf(deadletter.TooLarge,
				"This body is too large to be decoded here: it has more than %s.", size(desk.MaxExpanded))
		}
		return b.bytes, nil
	}
	return desk.MaskedBody(r, s.Masks)
}

// recordForm is the form of a body that is the whole record of an AWS service, of which the body is a part.
const recordForm = "record"

// recordText returns the whole record of which the body of a message is a part. The masks are those of the body: it is
// masked in the record as well, in JSON and in a JSON string, and so is what the rest of the record repeats of it.
func recordText(m deadletter.Message, r deadletter.Revision, s desk.Source) []byte {
	shown, _, _ := s.Masks.Wire(r.Headers, r.Body, max(desk.MaxExpanded, len(r.Body)))
	text := r.QueueMessage
	if len(r.Body) > 0 {
		text = bytes.ReplaceAll(text, r.Body, shown)
		text = bytes.ReplaceAll(text, quotedContent(r.Body), quotedContent(shown))
	}
	text, _ = s.Masks.Text(text)
	return s.Masks.Secrets(r.Headers, m.Query, r.Body).Hide(text, false)
}

// quotedContent returns the content of a JSON string that says the text.
func quotedContent(text []byte) []byte {
	quoted, _ := jsontext.AppendQuote(nil, text) // an error says that it was no UTF-8: U+FFFD stands in its place
	return bytes.Trim(quoted, `"`)
}

func shownOf(n, limit int) string {
	if n <= limit {
		return ""
	}
	return "The first " + size(limit) + " of " + size(n) + " are shown."
}

// cutText shortens a text without splitting a character.
func cutText(text []byte, limit int) []byte {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// excerpt returns the beginning of a masked body, in one line.
func excerpt(r deadletter.Revision, s desk.Source) string {
	b := show(r, s, excerptHead)
	if b.Kind == payload.Binary {
		return "(binary, " + size(b.total) + ")"
	}
	text := printable(string(cutText(b.bytes, maxExcerpt)))
	if b.Cut || len(b.bytes) > maxExcerpt {
		text += "…"
	}
	return text
}

// excerptHead is more than maxExcerpt, so that a value at the end of an excerpt is masked as well.
const excerptHead = 16 << 10
