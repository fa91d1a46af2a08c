package console

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// compare shows two revisions of a message side by side: what was received and the latest, where nothing else is
// asked for.
func (c *Console) compare(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	l, err := c.Store.Message(ctx, messageID(r))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	list, err := c.Store.Revisions(ctx, l.ID)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	before, err := c.comparedRevision(r, l, "from", 0)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	after, err := c.comparedRevision(r, l, "to", l.Revision)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	source, _ := c.Desk.Source(l.Source)
	v := compareView(l.ID, before, after, list, source)
	v.Chrome, v.Back = c.chrome(r, "Compare revisions of message "+string(l.ID)), backQuery(r)
	c.render(w, r, http.StatusOK, page.Compare(v))
}

func (c *Console) comparedRevision(
	r *http.Request,
	l deadletter.Message,
	field string,
	number int,
) (deadletter.Revision, error) {
	if asked := r.FormValue(field); asked != "" {
		var err error
		if number, err = strconv.Atoi(asked); err != nil {
			return deadletter.Revision{}, deadletter.Errorf(deadletter.Invalid, "%q is no number of a revision", asked)
		}
	}
	return c.Store.Revision(r.Context(), l.ID, number)
}

func compareView(
	id deadletter.ID,
	before, after deadletter.Revision,
	list []deadletter.Revision,
	s desk.Source,
) page.CompareView {
	v := page.CompareView{
		ID: string(
			id,
		),
		Text:    isText(before.Body) && isText(after.Body),
		Before:  compareSide(id, before, list, s),
		After:   compareSide(id, after, list, s),
		Headers: headerChanges(before.Headers, after.Headers, s),
	}
	_, maskedBefore := deadletter.MaskJSON(before.Body, s.MaskPaths)
	_, maskedAfter := deadletter.MaskJSON(after.Body, s.MaskPaths)
	v.Masked = maskedBefore || maskedAfter
	switch {
	case bytes.Equal(before.Body, after.Body):
		v.Same = "The bodies are the same."
	case !v.Text:
		v.Same = "A body that is no text cannot be compared here: download both."
	case prettyText(before, s, maxPretty) == prettyText(after, s, maxPretty):
		v.Same = "The bodies differ in nothing that is shown here: only in white space between values, or in values that are masked."
	}
	return v
}

func compareSide(id deadletter.ID, r deadletter.Revision, list []deadletter.Revision, s desk.Source) page.CompareSide {
	side := page.CompareSide{Name: revisionName(r), Size: size(len(r.Body)), JSON: r.IsJSON()}
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
		side.WholeURL = address(
			"/messages/"+string(id)+"/body",
			url.Values{"form": {"pretty"}, "revision": {strconv.Itoa(r.Number)}},
		)
	}
	return side
}

// headerChanges are the headers that differ, masked.
func headerChanges(before, after deadletter.Headers, s desk.Source) []page.HeaderChange {
	old, now := before.Masked(s.MaskHeaders...), after.Masked(s.MaskHeaders...)
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
