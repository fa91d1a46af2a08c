package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const (
	pageSize  = 50
	allStatus = "all"
	formTime  = "2006-01-02T15:04" // as a datetime-local field writes it, in UTC
)

func (c *Console) letters(w http.ResponseWriter, r *http.Request) {
	table, status := c.table(r, r.URL.Query())
	c.showLetters(w, r, status, table)
}

func (c *Console) showLetters(w http.ResponseWriter, r *http.Request, status int, table page.LettersTableView) {
	if isPartial(r) {
		c.render(w, r, status, page.LettersTable(table))
		return
	}
	c.render(w, r, status, page.Letters(page.LettersView{Chrome: c.chrome(r, "Letters"), Table: table}))
}

// table answers the list that a query asks for, or the state that says why there is none.
func (c *Console) table(r *http.Request, values url.Values) (page.LettersTableView, int) {
	query := listQuery(values)
	v := page.LettersTableView{
		Query: query.Encode(), Filter: c.filterForm(r.Context(), query), ClearURL: listPath(onlyStatus(query).Encode()), RetryURL: r.URL.RequestURI(),
		Denied: denied(auth.Actor(r.Context()), deadletter.ActReplay),
	}
	v.Chips = chips(query)
	if r.Method != http.MethodGet {
		v.RetryURL = listPath(v.Query)
	}
	q, err := parseQuery(query, values.Get("cursor"))
	if err == nil {
		err = c.fillTable(r, &v, q)
	}
	if err == nil {
		return v, http.StatusOK
	}
	kind := deadletter.KindOf(err)
	if kind == deadletter.Invalid {
		v.Filter.Error = sentence(deadletter.TextOf(err))
		v.State = page.StateNoMatch
		v.Tabs = c.tabs(query, q, store.Counts{})
		return v, statusOf(kind)
	}
	c.Log.ErrorContext(r.Context(), "the list of letters could not be read", "err", err)
	v.State, v.Fault = page.StateFault, sentence(deadletter.TextOf(err))
	return v, statusOf(kind)
}

func (c *Console) fillTable(r *http.Request, v *page.LettersTableView, q store.LetterQuery) error {
	ctx := r.Context()
	counts, err := c.Store.Counts(ctx, q.Filter)
	if err != nil {
		return err
	}
	letters, err := c.Store.Letters(ctx, q)
	if err != nil {
		return err
	}
	query, _ := url.ParseQuery(v.Query)
	v.Tabs = c.tabs(query, q, counts)
	for _, l := range letters.Items {
		v.Rows = append(v.Rows, c.row(l, v.Query))
	}
	v.NewerURL, v.OlderURL = pageURL(query, letters.Newer), pageURL(query, letters.Older)
	if letters.Newer != "" {
		v.NewestURL = listPath(v.Query)
	}
	if len(v.Rows) == 0 {
		v.State, err = c.emptyState(ctx)
		v.Curl = c.curl(r)
	}
	return err
}

// emptyState tells an empty desk from a filter that nothing meets.
func (c *Console) emptyState(ctx context.Context) (string, error) {
	all, err := c.Store.Counts(ctx, store.Filter{})
	for _, n := range all.ByStatus {
		if n > 0 {
			return page.StateNoMatch, err
		}
	}
	return page.StateNothing, err
}

// curl is a command that sends a webhook here.
func (c *Console) curl(r *http.Request) string {
	base := c.PublicURL
	if base == "" {
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		base = scheme + "://" + r.Host
	}
	name := "SOURCE"
	if len(c.Sources) > 0 {
		name = c.Sources[0].Name
	}
	return fmt.Sprintf(`curl -i %s/webhooks/%s -H 'Content-Type: application/json' -d '{"id":"1","eventType":"conversation:updated"}'`, base, name)
}

func (c *Console) row(l deadletter.Letter, query string) page.LetterRow {
	return page.LetterRow{
		ID: string(l.ID), Version: strconv.Itoa(l.Version), URL: letterURL(l.ID, query), Status: string(l.Status), Source: l.Source,
		Reason: reasonOf(l), Code: code(l.StatusCode), Outcome: string(l.Outcome), Retries: c.retries(l), NextRetry: nextRetry(l),
		Received: ui.At(l.ReceivedAt), LastAttempt: ui.At(l.LastAttemptAt),
	}
}

func letterURL(id deadletter.ID, back string) string {
	to := "/letters/" + url.PathEscape(string(id))
	if back == "" {
		return to
	}
	return to + "?" + url.Values{"back": {back}}.Encode()
}

// filterNames are what a list's address is made of, but for the cursor.
var filterNames = []string{"status", "source", "code", "outcome", "from", "to", "q"}

// listQuery keeps of an address what names a list.
func listQuery(values url.Values) url.Values {
	query := url.Values{}
	for _, name := range filterNames {
		if v := strings.TrimSpace(values.Get(name)); v != "" {
			query.Set(name, v)
		}
	}
	return query
}

func onlyStatus(query url.Values) url.Values {
	only := url.Values{}
	if s := query.Get("status"); s != "" {
		only.Set("status", s)
	}
	return only
}

func pageURL(query url.Values, cursor string) string {
	if cursor == "" {
		return ""
	}
	next := without(query, "")
	next.Set("cursor", cursor)
	return listPath(next.Encode())
}

// without copies a query and leaves one name out.
func without(query url.Values, name string) url.Values {
	rest := url.Values{}
	for key, values := range query {
		if key != name {
			rest[key] = values
		}
	}
	return rest
}

// parseQuery reads a list's address. Without a status it is that of letters that need a person.
func parseQuery(query url.Values, cursor string) (store.LetterQuery, error) {
	q := store.LetterQuery{Cursor: cursor, Limit: pageSize}
	q.Source, q.Text = query.Get("source"), query.Get("q")
	var errs [5]error
	q.Status, errs[0] = parseStatus(query.Get("status"))
	q.StatusCode, errs[1] = parseCode(query.Get("code"))
	q.Outcome, errs[2] = parseOutcome(query.Get("outcome"))
	q.From, errs[3] = parseTime("from", query.Get("from"))
	q.To, errs[4] = parseTime("to", query.Get("to"))
	return q, errors.Join(errs[:]...)
}

func parseStatus(text string) (deadletter.Status, error) {
	switch text {
	case "":
		return deadletter.Failed, nil
	case allStatus:
		return "", nil
	}
	for _, s := range deadletter.Statuses() {
		if text == string(s) {
			return s, nil
		}
	}
	return deadletter.Failed, deadletter.Errorf(deadletter.Invalid, "there is no status %q", text)
}

func parseCode(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 100 || n > 999 {
		return 0, deadletter.Errorf(deadletter.Invalid, "a status code has three digits (got %q)", text)
	}
	return n, nil
}

func parseOutcome(text string) (deadletter.Outcome, error) {
	if text == "" {
		return "", nil
	}
	for _, o := range deadletter.Outcomes() {
		if text == string(o) {
			return o, nil
		}
	}
	return "", deadletter.Errorf(deadletter.Invalid, "there is no outcome %q", text)
}

func parseTime(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{formTime, "2006-01-02T15:04:05", time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(form, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, deadletter.Errorf(deadletter.Invalid, "the time in %q is not one: write it as 2026-03-02T10:15 (got %q)", name, text)
}

// filterForm shows a query as it was asked, known or not.
func (c *Console) filterForm(ctx context.Context, query url.Values) page.LettersFilter {
	f := page.LettersFilter{
		Status: query.Get("status"), Code: query.Get("code"), From: query.Get("from"), To: query.Get("to"), Text: query.Get("q"),
		Outcomes: []ui.Option{{Label: "Any outcome"}},
	}
	names, err := c.Store.Sources(ctx)
	if err != nil {
		c.Log.ErrorContext(ctx, "the sources could not be read", "err", err)
	}
	f.Sources = c.sourceOptions(names, query.Get("source"))
	for _, o := range deadletter.Outcomes() {
		f.Outcomes = append(f.Outcomes, ui.Option{Value: string(o), Label: string(o), Selected: query.Get("outcome") == string(o)})
	}
	codes, err := c.Store.StatusCodes(ctx)
	if err != nil {
		c.Log.ErrorContext(ctx, "the status codes could not be read", "err", err)
	}
	for _, n := range codes {
		f.Codes = append(f.Codes, strconv.Itoa(n))
	}
	return f
}

// sourceOptions offers the configured sources, those that letters have besides, and the one that was asked for.
func (c *Console) sourceOptions(names []string, selected string) []ui.Option {
	options := []ui.Option{{Label: "Any source"}}
	seen := map[string]bool{"": true}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			options = append(options, ui.Option{Value: name, Label: name, Selected: name == selected})
		}
	}
	for _, s := range c.Sources {
		add(s.Name)
	}
	for _, name := range names {
		add(name)
	}
	add(selected)
	return options
}

var chipLabels = map[string]string{"source": "Source", "code": "Code", "outcome": "Outcome", "from": "From", "to": "To", "q": "Text"}

func chips(query url.Values) []ui.Chip {
	var list []ui.Chip
	for _, name := range filterNames {
		label, ok := chipLabels[name]
		if value := query.Get(name); ok && value != "" {
			list = append(list, ui.Chip{Label: label, Value: value, RemoveURL: listPath(without(query, name).Encode())})
		}
	}
	return list
}

// tabs are the statuses with how many letters of the filter are in each.
func (c *Console) tabs(query url.Values, q store.LetterQuery, counts store.Counts) []page.StatusTab {
	total := 0
	var tabs []page.StatusTab
	for _, s := range deadletter.Statuses() {
		n := counts.ByStatus[s]
		total += n
		tabs = append(tabs, c.tab(query, string(s), string(s), n, counts.Capped, q.Status == s))
	}
	return append(tabs, c.tab(query, "", allStatus, total, counts.Capped, q.Status == ""))
}

func (c *Console) tab(query url.Values, status, value string, n int, capped, current bool) page.StatusTab {
	to := without(query, "status")
	if value != string(deadletter.Failed) {
		to.Set("status", value)
	}
	count := number(n)
	if capped && n > 0 {
		count += "+"
	}
	return page.StatusTab{Status: status, Count: count, URL: listPath(to.Encode()), Current: current}
}
