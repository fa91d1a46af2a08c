package console

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/payload"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const (
	maxShown   = 256 << 10 // bytes of a body on a page
	maxPretty  = 8 << 20   // bytes of an indented body that a script asks for
	maxHex     = 16 << 10  // bytes of a binary body on a page; a dump is five times as long
	maxExcerpt = 200       // bytes of a body in a line
)

// payloadView shows the body of a revision, masked: as text, or as a hex dump if it is not text.
func payloadView(id deadletter.ID, r deadletter.Revision, s desk.Source) page.Payload {
	v := page.Payload{
		Name: revisionName(r), ContentType: printable(r.Headers.Get("Content-Type")), Size: size(len(r.Body)),
		DownloadURL: "/messages/" + url.PathEscape(string(id)) + "/body?revision=" + strconv.Itoa(r.Number),
	}
	var body []byte
	body, v.Masked = s.Masks.Body(r.Headers, r.Body)
	if !isText(body) {
		v.Hex, v.Note = hex.Dump(body[:min(len(body), maxHex)]), shownOf(len(body), maxHex)
		return v
	}
	v.JSON = payload.Valid(body)
	if len(body) > maxShown {
		v.FullURL = v.DownloadURL + "&form=pretty"
	}
	v.Raw, v.Note = printable(string(cutText(body, maxShown))), shownOf(len(body), maxShown)
	if len(body) <= maxShown && v.JSON {
		// A small but deeply nested body would be large when indented: it is shown as received.
		if pretty, whole := payload.Indent(body, 4*maxShown); whole {
			v.Pretty = pretty
		}
	}
	return v
}

// bodyIn returns a masked body: as received, indented, or for editing.
func bodyIn(form string, r deadletter.Revision, s desk.Source) []byte {
	switch form {
	case "edit":
		return []byte(editText(r, s))
	case "pretty":
		return []byte(prettyText(r, s, maxPretty))
	}
	masked, _ := s.Masks.Body(r.Headers, r.Body)
	return masked
}

// recordForm is the form of a body that is the whole record of an AWS service, of which the body is a part.
const recordForm = "record"

// recordText returns the whole record of which the body of a message is a part. The masks are those of the body: it is
// masked in the record as well, in JSON and in a JSON string, and so is what the rest of the record repeats of it.
func recordText(m deadletter.Message, r deadletter.Revision, s desk.Source) []byte {
	masked, _ := s.Masks.Wire(r.Headers, r.Body)
	text := r.QueueMessage
	if len(r.Body) > 0 {
		text = bytes.ReplaceAll(text, r.Body, masked)
		text = bytes.ReplaceAll(text, quotedContent(r.Body), quotedContent(masked))
	}
	text, _ = s.Masks.Text(text)
	return s.Masks.Secrets(r.Headers, m.Query, r.Body).Hide(text, false)
}

// quotedContent returns the content of a JSON string that says the text.
func quotedContent(text []byte) []byte {
	quoted, _ := jsontext.AppendQuote(nil, text) // an error says that it was no UTF-8: U+FFFD stands in its place
	return bytes.Trim(quoted, `"`)
}

// prettyText returns a masked body, indented if it is JSON and fits the limit in bytes.
func prettyText(r deadletter.Revision, s desk.Source, limit int) string {
	masked, _ := s.Masks.Body(r.Headers, r.Body)
	if payload.Valid(masked) {
		if pretty, whole := payload.Indent(masked, limit); whole {
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

// isText reports whether a body can be shown as text.
func isText(body []byte) bool {
	return utf8.Valid(body) && !bytes.ContainsFunc(body, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f'
	})
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
func excerpt(headers deadletter.Headers, body []byte, s desk.Source) string {
	masked, _ := s.Masks.Body(headers, body)
	text := printable(string(cutText(masked, maxExcerpt)))
	if len(masked) > maxExcerpt {
		text += "…"
	}
	return text
}

// compare shows two revisions of a message side by side; by default the received one and the latest.
func (c *Console) compare(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	m, err := c.Store.Message(ctx, messageID(r))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	list, err := c.Store.Revisions(ctx, m.ID)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	before, err := c.comparedRevision(r, m, "from", 0)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	after, err := c.comparedRevision(r, m, "to", m.Revision)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	other, err := c.otherBody(r, m)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if other != nil {
		after = other.revision
	}
	source := c.Desk.SourceOf(m)
	v := compareView(m.ID, before, after, list, source)
	v.Chrome, v.Back = c.chrome(r, "Compare revisions of message "+string(m.ID)), backQuery(r)
	if other != nil {
		v.Other, v.After.Name = true, printable(other.name)
		if v.After.FullURL != "" {
			v.After.FullURL = other.url
		}
	}
	c.render(w, r, http.StatusOK, page.Compare(v))
}

func (c *Console) comparedRevision(
	r *http.Request, m deadletter.Message, field string, number int,
) (deadletter.Revision, error) {
	if asked := r.FormValue(field); asked != "" {
		var err error
		if number, err = strconv.Atoi(asked); err != nil {
			return deadletter.Revision{}, deadletter.Errorf(deadletter.Invalid, "%q is not a revision number", asked)
		}
	}
	return c.Store.Revision(r.Context(), m.ID, number)
}

func compareView(
	id deadletter.ID, before, after deadletter.Revision, list []deadletter.Revision, s desk.Source,
) page.CompareView {
	v := page.CompareView{
		ID:      string(id),
		Text:    isText(before.Body) && isText(after.Body),
		Before:  compareSide(id, before, list, s),
		After:   compareSide(id, after, list, s),
		Headers: headerChanges(before.Headers, after.Headers, s),
	}
	_, maskedBefore := s.Masks.Body(before.Headers, before.Body)
	_, maskedAfter := s.Masks.Body(after.Headers, after.Body)
	v.Masked = maskedBefore || maskedAfter
	switch {
	case bytes.Equal(before.Body, after.Body):
		v.SameNote = "The bodies are the same."
	case !v.Text:
		v.SameNote = "Binary bodies cannot be compared here. Download both."
	case prettyText(before, s, maxPretty) == prettyText(after, s, maxPretty):
		v.SameNote = "The bodies differ in nothing that is shown here: only in white space between values, or " +
			"in values that are masked."
	}
	return v
}

func compareSide(id deadletter.ID, r deadletter.Revision, list []deadletter.Revision, s desk.Source) page.CompareSide {
	side := page.CompareSide{
		Name: revisionName(r),
		Size: size(len(r.Body)),
		JSON: payload.Decode(r.Headers, r.Body, payload.MaxEdit).IsJSON(),
	}
	for _, other := range list {
		number := strconv.Itoa(other.Number)
		side.Options = append(
			side.Options,
			ui.Option{Value: number, Label: revisionName(other), Selected: other.Number == r.Number},
		)
	}
	if !isText(r.Body) {
		return side
	}
	text := []byte(prettyText(r, s, maxPretty))
	side.Body, side.Note = printable(string(cutText(text, maxShown))), shownOf(len(text), maxShown)
	if side.Note != "" {
		side.FullURL = address(
			"/messages/"+string(id)+"/body",
			url.Values{"form": {"pretty"}, "revision": {strconv.Itoa(r.Number)}},
		)
	}
	return side
}

// headerChanges returns the headers that differ, masked.
func headerChanges(before, after deadletter.Headers, s desk.Source) []page.HeaderChange {
	old, now := s.Masks.Headers(before), s.Masks.Headers(after)
	names := append(old.Names(), now.Names()...)
	slices.Sort(names)
	var rows []page.HeaderChange
	for _, name := range slices.Compact(names) {
		if !slices.Equal(before[name], after[name]) {
			rows = append(
				rows,
				page.HeaderChange{
					Name: printable(name),
					Old:  printable(strings.Join(old[name], ", ")),
					New:  printable(strings.Join(now[name], ", ")),
				},
			)
		}
	}
	return rows
}
