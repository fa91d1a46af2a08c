package console

import (
	"context"
	"slices"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// marked splits a text where the words of a search stand in it.
func marked(text string, terms []deadletter.Term) []ui.Segment {
	var list []ui.Segment
	last := 0
	for _, w := range deadletter.Words(text) {
		if !meets(text[w.Start:w.End], terms) {
			continue
		}
		if w.Start > last {
			list = append(list, ui.Segment{Text: text[last:w.Start]})
		}
		list, last = append(list, ui.Segment{Text: text[w.Start:w.End], Marked: true}), w.End
	}
	if last < len(text) {
		list = append(list, ui.Segment{Text: text[last:]})
	}
	return list
}

func meets(word string, terms []deadletter.Term) bool {
	return slices.ContainsFunc(terms, func(t deadletter.Term) bool { return t.Meets(word) })
}

// snippetBefore and snippetAfter are how much of a payload is shown before and after what was found in it, in bytes.
const (
	snippetBefore = 24
	snippetAfter  = 72
)

// snippet is the part of a text around the first word that a search looks for; "" where there is none.
func snippet(text string, terms []deadletter.Term) string {
	for _, w := range deadletter.Words(text) {
		if !meets(text[w.Start:w.End], terms) {
			continue
		}
		from, to := max(0, w.Start-snippetBefore), min(len(text), w.End+snippetAfter)
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

// unmet are the terms that no word of a text is.
func unmet(text string, terms []deadletter.Term) []deadletter.Term {
	words := deadletter.Words(text)
	return slices.DeleteFunc(slices.Clone(terms), func(t deadletter.Term) bool {
		return slices.ContainsFunc(words, func(w deadletter.Word) bool { return t.Meets(text[w.Start:w.End]) })
	})
}

// mark shows in the rows of a list where the words stand that it was searched for: in the reason or the event type,
// and those that stand in neither, in an id or the payload.
func (c *Console) mark(ctx context.Context, l *list) error {
	l.snippets = map[deadletter.ID]string{}
	terms := deadletter.Terms(l.asked.Text)
	if len(terms) == 0 {
		return nil
	}
	for _, message := range l.page.Items {
		left := unmet(message.Reason+" "+message.EventType, terms)
		if len(left) == 0 {
			continue
		}
		var err error
		if l.snippets[message.ID], err = c.snippetOf(ctx, message, left); err != nil {
			return err
		}
	}
	return nil
}

// snippetOf is the part of a message around the first of some words: of its ids, else of its payload as it is now,
// else as it was received.
func (c *Console) snippetOf(ctx context.Context, l deadletter.Message, terms []deadletter.Term) (string, error) {
	if found := snippet(string(l.ID), terms); found != "" {
		return "id " + found, nil
	}
	if found := snippet(l.WebhookID, terms); found != "" {
		return "webhook id " + found, nil
	}
	source, _ := c.Desk.Source(l.Source)
	for _, number := range slices.Compact([]int{l.Revision, 0}) {
		revision, err := c.Store.Revision(ctx, l.ID, number)
		if err != nil {
			return "", err
		}
		if found := snippet(deadletter.SearchText(revision.Body, source.MaskPaths), terms); found != "" {
			return found, nil
		}
	}
	return "", nil
}

// markRow marks a row of the list.
func (l list) markRow(row *page.MessageRow) {
	terms := deadletter.Terms(l.asked.Text)
	if len(terms) == 0 {
		return
	}
	row.Marks, row.TypeMarks = marked(row.Reason, terms), marked(row.EventType, terms)
	row.Snippet = marked(l.snippets[deadletter.ID(row.ID)], terms)
}
