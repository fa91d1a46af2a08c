package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func (c *Console) tableView(r *http.Request, l list) page.MessagesTableView {
	status := url.Values{}
	if s := l.query.Get("status"); s != "" {
		status.Set("status", s)
	}
	v := page.MessagesTableView{
		RetryURL: address(
			"/messages",
			with(l.query, "cursor", l.cursor),
		),
		Query:    l.query.Encode(),
		Tabs:     tabs(l),
		Filter:   c.filterView(l),
		Chips:    chips("/messages", l.query, messageFields(), l.say),
		ClearURL: address("/messages", status),
		NewerURL: pageURL("/messages", l.query, l.page.Newer),
		OlderURL: pageURL("/messages", l.query, l.page.Older),
	}
	v.ByReceipt, v.ByAttempt = sortLink(l, "receipt", store.ByReceipt), sortLink(l, "attempt", store.ByAttempt)
	if v.NewerURL != "" {
		v.NewestURL = address("/messages", l.query)
	}
	back := with(l.query, "cursor", l.cursor).Encode()
	v.Views, v.Look = l.views, c.readLook(r.Context()).view()
	v.Redrives = len(c.DLQs)+len(l.queues) > 0
	v.FirstURL = address("/messages", l.query)
	v.Live = address(livePath, with(with(l.query, "cursor", l.cursor), "after", strconv.FormatInt(l.after, 10)))
	for _, message := range l.page.Items {
		row := c.rowView(r.Context(), message, back)
		l.markRow(&row)
		v.Rows = append(v.Rows, row)
	}
	if n, capped := matching(l); n > len(v.Rows) {
		v.Matching = messages(n, capped)
	}
	if l.behind > 0 {
		v.Behind = ui.Notice{
			Kind: ui.Info,
			Text: searchBehind(int(l.behind)),
			Hint: "They will be within moments: search again then.",
		}
	}
	switch {
	case l.empty:
		v.State, v.Curl = page.StateNothing, c.curl(r)
	case len(v.Rows) == 0:
		v.State = page.StateNoMatch
		if n := total(l.counts); n > 0 && l.asked.Status != "" {
			v.Elsewhere, v.ElsewhereURL = messages(
				n,
				l.counts.Capped,
			), address(
				"/messages",
				with(l.query, "status", allStatus),
			)
		}
	}
	return v
}

func searchBehind(changes int) string {
	if changes == 1 {
		return "The latest change is not searchable yet."
	}
	return "The latest " + number(changes) + " changes are not searchable yet."
}

// messages counts messages, or says that there are more than were counted.
func messages(n int, capped bool) string {
	if capped {
		return number(n) + "+ messages"
	}
	return plural(n, "message")
}

func sortLink(l list, name string, by store.Sort) page.SortLink {
	return page.SortLink{
		Name:    name,
		URL:     address("/messages", with(l.query, "sort", string(by))),
		Current: l.asked.Sort == by,
	}
}

// say writes what a chip shows of a filter.
func (l list) say(name, value string) string {
	if name == "group" && l.cause != "" {
		return printable(l.cause)
	}
	return sayValue(name, value)
}

// matching counts the messages of a list, this page and all others.
func matching(l list) (n int, capped bool) {
	if l.asked.Status == "" {
		return total(l.counts), l.counts.Capped
	}
	return l.counts.ByStatus[l.asked.Status], l.counts.Capped
}

// curl is a command that sends a webhook here.
func (c *Console) curl(r *http.Request) string {
	if len(c.Sources) == 0 {
		return ""
	}
	return curlTo(c.webhookBase(r) + "/webhooks/" + c.Sources[0].Name)
}

func curlTo(url string) string {
	return "curl -i -H 'Content-Type: application/json' \\\n  -d '{\"eventType\":\"conversation:updated\"}' \\\n  " + url
}

// webhookBase is where webhooks are taken, as this browser knows it.
func (c *Console) webhookBase(r *http.Request) string {
	if c.WebhookURL != "" {
		return c.WebhookURL
	}
	return c.deskURL(r)
}

func (c *Console) rowView(ctx context.Context, l deadletter.Message, back string) page.MessageRow {
	return page.MessageRow{
		ID: string(
			l.ID,
		),
		Version:   strconv.Itoa(l.Version),
		URL:       messageURL(l.ID, back),
		Status:    string(l.Status),
		Source:    printable(l.Source),
		Queue:     printable(l.Queue.From),
		EventType: printable(l.EventType),
		Reason: printable(
			l.Reason,
		),
		Code:      code(l.StatusCode),
		Outcome:   string(l.Outcome),
		Retries:   c.retries(l),
		NextRetry: nextRetry(l),
		Received: ui.At(
			l.ReceivedAt,
		),
		LastAttempt: ui.At(l.LastAttemptAt),
		Arrived:     arrivedMore(l),
		StillOn:     c.stillOn(ctx, l.ID),
	}
}

// arrivedMore answers how often the webhook arrived, where that is more than once.
func arrivedMore(l deadletter.Message) string {
	if l.Arrivals < 2 {
		return ""
	}
	return number(l.Arrivals)
}

// messageURL is the page of a message, from which back leads to the list that it was found in.
func messageURL(id deadletter.ID, back string) string {
	to := "/messages/" + url.PathEscape(string(id))
	if back == "" {
		return to
	}
	return to + "?" + url.Values{"back": {back}}.Encode()
}

// retries tells how many automatic deliveries were made of those that there are; of a message of another program, how
// often the service that gave up on it says that it tried.
func (c *Console) retries(l deadletter.Message) string {
	if l.Queue.IsForeign() {
		if l.Queue.RetryCount > 0 {
			return fmt.Sprintf("%d by %s", l.Queue.RetryCount, l.Queue.Service)
		}
		return "none"
	}
	if s, ok := c.sourceOf(l); ok {
		return fmt.Sprintf("%d of %d", l.AutoAttempts, max(s.MaxAttempts, l.AutoAttempts))
	}
	return strconv.Itoa(l.AutoAttempts)
}

// sourceOf answers the source that a message is delivered by.
func (c *Console) sourceOf(l deadletter.Message) (Source, bool) {
	name := l.Source
	if name == "" {
		name = c.DefaultSource
	}
	s, ok := c.sources[name]
	return s, ok
}

// nextRetry is the time of an automatic retry that is to come.
func nextRetry(l deadletter.Message) ui.Moment {
	if l.Status != deadletter.Retrying {
		return ui.Moment{}
	}
	return ui.At(l.DueAt)
}

// tabs are the statuses with how many messages of the filter are in each.
func tabs(l list) []page.StatusTab {
	known := l.counts.ByStatus != nil
	tab := func(status, value string, n int) page.StatusTab {
		v := page.StatusTab{
			Status:  status,
			URL:     address("/messages", with(l.query, "status", value)),
			Current: status == string(l.asked.Status),
		}
		if known {
			v.Count = number(n)
		}
		if l.counts.Capped && n > 0 {
			v.Count += "+"
		}
		return v
	}
	var all []page.StatusTab
	for _, s := range deadletter.Statuses() {
		all = append(all, tab(string(s), string(s), l.counts.ByStatus[s]))
	}
	return append(all, tab("", allStatus, total(l.counts)))
}

// filterView shows a query as it was asked, understood or not.
func (c *Console) filterView(l list) page.MessagesFilter {
	f := page.MessagesFilter{
		Status: l.query.Get(
			"status",
		),
		Code:    l.query.Get("code"),
		From:    formTimeOf(l.query.Get("from")),
		To:      formTimeOf(l.query.Get("to")),
		Text:    l.query.Get("q"),
		Sources: c.sourceOptions(l.sources, l.query.Get("source")),
		Queues:  options(l.query.Get("queue"), c.DLQs, l.queues),
	}
	for _, name := range l.types {
		if name == printable(name) { // a form could not send another back as it is
			f.Types = append(f.Types, ui.Option{Value: name, Label: name, Selected: name == l.query.Get("type")})
		}
	}
	for _, o := range deadletter.Outcomes() {
		f.Outcomes = append(
			f.Outcomes,
			ui.Option{Value: string(o), Label: string(o), Selected: string(o) == l.query.Get("outcome")},
		)
	}
	for _, n := range l.codes {
		f.Codes = append(f.Codes, strconv.Itoa(n))
	}
	return f
}

// formTimeOf writes a time as its field takes it.
func formTimeOf(text string) string {
	at, err := parseTime("", text)
	if err != nil || at.IsZero() {
		return text
	}
	return at.Format(formTime)
}

// sourceOptions offers the configured sources, those that messages have besides, and the one that was asked for.
func (c *Console) sourceOptions(ofMessages []string, selected string) []ui.Option {
	var names []string
	for _, s := range c.Sources {
		names = append(names, s.Name)
	}
	none := ui.Option{Value: noSource, Label: "No source", Selected: selected == noSource}
	if none.Selected {
		selected = ""
	}
	return append(options(selected, names, ofMessages), none)
}

// options offers each of some names once, and the one that was asked for.
func options(selected string, names ...[]string) []ui.Option {
	var offered []ui.Option
	for _, name := range append(slices.Concat(names...), selected) {
		seen := slices.ContainsFunc(offered, func(o ui.Option) bool { return o.Value == name })
		if name != "" && !seen && name == printable(name) { // a form could not send another back as it is
			offered = append(offered, ui.Option{Value: name, Label: name, Selected: name == selected})
		}
	}
	return offered
}
