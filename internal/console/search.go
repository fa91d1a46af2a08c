package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/search"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// complete lists ways to go on with the query of a search box.
func (c *Console) complete(w http.ResponseWriter, r *http.Request) error {
	text, err := parseText("search", r.URL.Query().Get("q"))
	if err != nil {
		return err
	}
	caret, err := strconv.Atoi(r.URL.Query().Get("at"))
	if err != nil {
		caret = len(text) // its end
	}
	list, err := c.Store.Complete(r.Context(), text, caret)
	if err != nil {
		return err
	}
	options := make([]page.Completion, len(list))
	for i, one := range list {
		options[i] = page.Completion{
			Text: printable(one.Text), Hint: one.Hint, Query: one.Query, Caret: strconv.Itoa(one.Caret),
		}
	}
	return c.render(w, r, http.StatusOK, page.Completions(options))
}

// termLabels name the terms of a query in its chips.
var termLabels = map[string]string{
	"source":      "Source",
	"destination": "Destination",
	"status":      "Status",
	"code":        "Code",
	"outcome":     "Outcome",
	"type":        "Event type",
	"cause":       "Cause",
	"state":       "Cause is",
	"assignee":    "Cause claimed by",
	"queue":       "Queue",
	"received":    "Received",
}

// termChips returns the terms of the query of a list, each with a link to the list without it. The words are one chip.
// valueOf returns the value of a property.
func termChips(
	path string, values url.Values, query search.Query, valueOf func(search.Term) string,
) (list []ui.Chip) {
	without := func(q search.Query) string { return address(path, replaceParam(values, "q", q.String())) }
	var words []string
	rest := query
	for i, t := range slices.Backward(query.Terms) {
		if t.Kind == search.Words && !t.Not {
			words = append(words, t.Value)
			rest = rest.Without(i)
			continue
		}
		label := termLabels[t.Name]
		value := valueOf(t)
		switch t.Kind {
		case search.Words:
			label = "Text"
		case search.Phrase:
			label = "Exact text"
		case search.Field, search.Header:
			label, value = "Field", strings.TrimPrefix(t.String(), "-")
		case search.Operator:
		}
		if t.Not {
			label = strings.TrimSpace("Not " + strings.ToLower(label))
		}
		list = append(list, ui.Chip{Label: label, Value: printable(value), RemoveURL: without(query.Without(i))})
	}
	if len(words) > 0 {
		slices.Reverse(words)
		text := printable(strings.Join(words, " "))
		list = append(list, ui.Chip{Label: "Text", Value: text, RemoveURL: without(rest)})
	}
	slices.Reverse(list)
	return list
}

// describeTerm returns the value of a term. A cause is named by its title.
func (l list) describeTerm(t search.Term) string {
	if t.Is("cause") && l.cause != "" && l.asked.Cause == t.Value {
		return l.cause
	}
	return t.Compared()
}

// withStatus returns the query of the list with another status, in place of one that its text asks for.
func (l list) withStatus(status string) url.Values {
	return replaceTerm(l.query, l.asked.Query(), "status", status)
}

// replaceTerm returns the parameters of a list with a filter in place of the terms of that name in its query.
func replaceTerm(values url.Values, query search.Query, name, value string) url.Values {
	rest := search.Query{Terms: slices.DeleteFunc(slices.Clone(query.Terms), func(t search.Term) bool {
		return t.Is(name)
	})}
	changed := replaceParam(values, name, value)
	if len(rest.Terms) == len(query.Terms) {
		return changed
	}
	return replaceParam(changed, "q", rest.String())
}

// faulty returns a query with the place of its fault marked; nil for another error.
func faulty(query string, err error) []ui.Segment {
	var f *search.Fault
	if !errors.As(err, &f) {
		return nil
	}
	runes := []rune(strings.ToValidUTF8(query, "\uFFFD"))
	at, end := min(f.At, len(runes)), min(f.End, len(runes))
	if at == end {
		return nil
	}
	list := []ui.Segment{{Text: string(runes[at:end]), Marked: true}}
	if at > 0 {
		list = append([]ui.Segment{{Text: string(runes[:at])}}, list...)
	}
	if end < len(runes) {
		list = append(list, ui.Segment{Text: string(runes[end:])})
	}
	return list
}

// searchNotes says what a search, or a grouping, does not reach.
func (c *Console) searchNotes(ctx context.Context, l list) (notes []ui.Notice, err error) {
	f := l.asked.Filter
	report, err := c.Store.Report(ctx, f)
	if err != nil {
		return nil, err
	}
	if len(f.Query().Terms) > 0 {
		if notes, err = c.indexNotes(ctx, report); err != nil {
			return nil, err
		}
	}
	note := func(text, hint string) { notes = append(notes, ui.Notice{Kind: ui.Info, Text: text, Hint: hint}) }
	switch read := number(report.Read); {
	case report.Read > 0 && l.partly:
		note("Compared the newest "+read+" messages that may match, and grouped those that do. There are more.",
			"Narrow the search by a word, a source or a time.")
	case report.Read > 0:
		note("Compared the newest "+read+" messages that may match, one by one. There are more.",
			"Go on with Older, or narrow the search by a word, a source or a time.")
	case l.partly:
		note("Grouped the newest "+number(store.MaxGrouped)+" messages that match. There are more.",
			"Narrow the filter or the search.")
	}
	return notes, nil
}

// causeSearchNotes says what a search for causes by their messages does not reach.
func (c *Console) causeSearchNotes(ctx context.Context, f store.CauseFilter) (notes []ui.Notice, err error) {
	if !f.AsksMessages() {
		return nil, nil
	}
	report, err := c.Store.ReportCauses(ctx, f)
	if err != nil {
		return nil, err
	}
	notes, err = c.indexNotes(ctx, report.Report)
	note := func(text, hint string) { notes = append(notes, ui.Notice{Kind: ui.Info, Text: text, Hint: hint}) }
	switch narrow := "Narrow the search by a source, a time or another term."; {
	case report.Read > 0:
		note("Compared the newest "+number(report.Read)+" messages that may match, one by one. More causes may match.",
			narrow)
	case report.Matches > 0:
		note(
			"These are the causes of the newest "+number(report.Matches)+" messages that match. More causes may match.",
			narrow,
		)
	case report.Compared > 0:
		note("Compared "+number(report.Compared)+" messages of the first causes. More causes may match.",
			"Go on with Next, or narrow the search by a source, a state or a word of the error.")
	}
	return notes, err
}

// indexNotes says what the index lacks.
func (c *Console) indexNotes(ctx context.Context, report store.Report) (notes []ui.Notice, err error) {
	behind, err := c.Store.Unindexed(ctx)
	if err != nil {
		return nil, err
	}
	note := func(text, hint string) { notes = append(notes, ui.Notice{Kind: ui.Info, Text: text, Hint: hint}) }
	if behind > 0 {
		note(searchBehind(int(behind)), "They will be in a moment: search again.")
	}
	for _, name := range report.AsText {
		note(
			"No field "+printable(strconv.Quote(name))+" was seen, so its words were searched for.",
			"Choose a field from the list that opens as you type, or write a path, like $.customer.email=anna@example.com.",
		)
	}
	if report.Larger > 0 {
		larger := "1 larger message"
		if report.Larger > 1 {
			larger = messages(report.Larger, report.Larger == store.CountCap)
			larger = strings.Replace(larger, "messages", "larger messages", 1)
		}
		note("Searched the first 64 KiB and "+number(search.MaxSearchedFields)+" fields of "+larger+".",
			"What comes later in these is not found.")
	}
	return notes, nil
}

func searchBehind(changes int) string {
	if changes == 1 {
		return "The latest change is not searchable yet."
	}
	return "The latest " + number(changes) + " changes are not searchable yet."
}

// highlighted splits a text at the words that match a search.
func highlighted(text string, terms []payload.Term) []ui.Segment {
	var list []ui.Segment
	last := 0
	for _, w := range payload.Words(text) {
		start, end, found := findAny(text[w.Start:w.End], terms)
		if !found {
			continue
		}
		start, end = w.Start+start, w.Start+end
		if start > last {
			list = append(list, ui.Segment{Text: text[last:start]})
		}
		list, last = append(list, ui.Segment{Text: text[start:end], Marked: true}), end
	}
	if last < len(text) {
		list = append(list, ui.Segment{Text: text[last:]})
	}
	return list
}

// findAny returns where the first of the terms that is in a word is, in bytes.
func findAny(word string, terms []payload.Term) (start, end int, found bool) {
	for _, t := range terms {
		if start, end, found = t.Find(word); found {
			return start, end, true
		}
	}
	return 0, 0, false
}

// snippetBefore and snippetAfter are how much of a payload is shown around a match, in bytes.
const (
	snippetBefore = 24
	snippetAfter  = 72
)

// snippet returns the text around the first match; "" if there is none.
func snippet(text string, terms []payload.Term) string {
	for _, w := range payload.Words(text) {
		start, end, found := findAny(text[w.Start:w.End], terms)
		if !found {
			continue
		}
		from, to := max(0, w.Start+start-snippetBefore), min(len(text), w.Start+end+snippetAfter)
		cut := strings.ToValidUTF8(text[from:to], "")
		if from > 0 {
			cut = "…" + cut
		}
		if to < len(text) {
			cut += "…"
		}
		return printable(strings.Join(strings.Fields(cut), " "))
	}
	return ""
}

// unmatched returns the terms that match no word of a text.
func unmatched(text string, terms []payload.Term) []payload.Term {
	words := payload.Words(text)
	return slices.DeleteFunc(slices.Clone(terms), func(t payload.Term) bool {
		return slices.ContainsFunc(words, func(w payload.Word) bool {
			_, _, found := t.Find(text[w.Start:w.End])
			return found
		})
	})
}

// mark adds a snippet to each row whose error and event type do not contain all terms of the search: the text around
// the first match in the ids, else in the latest payload, else in the received one.
func (c *Console) mark(ctx context.Context, l *list) error {
	l.snippets = map[deadletter.ID]string{}
	terms := payload.Terms(l.asked.Sought())
	if len(terms) == 0 {
		return nil
	}
	var unread []deadletter.ID
	left := map[deadletter.ID][]payload.Term{}
	for _, m := range l.page.Items {
		left[m.ID] = unmatched(m.Reason+" "+m.EventType, terms)
		switch found := snippetOfIDs(m, left[m.ID]); {
		case found != "":
			l.snippets[m.ID] = found
		case len(left[m.ID]) > 0:
			unread = append(unread, m.ID)
		}
	}
	from := map[deadletter.ID]int{} // the revision that a snippet is from
	return c.Store.RevisionHeads(ctx, unread, 1, func(m deadletter.Message, r deadletter.Revision) {
		if l.snippets[m.ID] != "" && from[m.ID] > r.Number {
			return
		}
		text := c.Desk.SourceOf(m).Masks.SearchText(r.Headers, r.Body)
		if found := snippet(text, left[m.ID]); found != "" {
			l.snippets[m.ID], from[m.ID] = found, r.Number
		}
	})
}

// snippetOfIDs returns the part of an id of a message that matches; "" if none does.
func snippetOfIDs(m deadletter.Message, terms []payload.Term) string {
	if found := snippet(string(m.ID), terms); found != "" {
		return "id " + found
	}
	if found := snippet(m.WebhookID, terms); found != "" {
		return "webhook id " + found
	}
	return ""
}

// markRow highlights the matches in a row.
func (l list) markRow(row *page.MessageRow) {
	terms := payload.Terms(l.asked.Sought())
	if len(terms) == 0 {
		return
	}
	row.Marks, row.TypeMarks = highlighted(row.Reason, terms), highlighted(row.EventType, terms)
	row.Snippet = highlighted(l.snippets[deadletter.ID(row.ID)], terms)
}
