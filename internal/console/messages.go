package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func (c *Console) messages(w http.ResponseWriter, r *http.Request) error {
	return c.showMessages(w, r, ui.Notice{}, r.URL.Query())
}

// showMessages renders the list for a query, with a notice about the action before it.
func (c *Console) showMessages(w http.ResponseWriter, r *http.Request, notice ui.Notice, values url.Values) error {
	table, status := c.table(r, values)
	table.Notice = notice
	if isPartial(r) {
		return c.render(w, r, status, page.MessagesTable(table))
	}
	return c.render(w, r, status, page.Messages(c.chrome(r, "Messages"), table))
}

// list is the data of a list page.
type list struct {
	query   url.Values // of the address, without cursor
	after   int64      // the newest event of the audit trail before it was read
	cursor  string
	asked   store.MessageQuery
	page    store.Page[deadletter.Message]
	groups  []store.MessageGroup // of the page, if the list is grouped by cause
	partly  bool                 // there may be more groups, and more messages of each
	counts  store.Counts
	empty   bool // no message was ever stored
	sources []string
	queues  []string // of the configured list, that messages came from
	types   []string // of events
	codes   []int
	// snippets are the parts of payloads in which the text that was looked for stands, where nothing else of the
	// message has it.
	snippets   map[deadletter.ID]string
	causes     map[string]deadletter.Cause // of the messages, by fingerprint
	views      []page.SavedView
	cause      string      // the reason of the cause that is asked for, in short
	fault      string      // the error of the job that is asked for
	notes      []ui.Notice // what the search does not reach
	onTheirWay ui.Notice
}

// table returns the list. If it cannot, the view says why.
func (c *Console) table(r *http.Request, values url.Values) (page.MessagesTableView, int) {
	l := list{query: pickFields(values, messageFields()), cursor: values.Get("cursor")}
	err := c.readList(r.Context(), &l)
	v := c.tableView(r, l)
	inSight, fault := c.userJobs(r, address("/messages", replaceParam(l.query, "cursor", l.cursor)))
	v.Jobs, err = inSight, cmp.Or(err, fault)
	v.Denied = errorText(auth.Actor(r.Context()).May(deadletter.ActReplay))
	v.CopiesTo = c.Desk.CopyNames()
	status := http.StatusOK
	switch kind := deadletter.KindOf(err); {
	case err == nil:
	case kind == deadletter.Invalid || kind == deadletter.NotFound:
		// Rather show nothing than messages that do not match.
		v.State, v.Filter.Error, status = page.StateNoMatch, errorText(err), statusOf(kind)
		v.Filter.Faulty = faulty(l.query.Get("q"), err)
	default:
		v.State, v.Fault, status = c.unreadable(r, err)
	}
	return v, status
}

func (c *Console) readList(ctx context.Context, l *list) error {
	var err error
	if l.after, err = c.Store.LatestSequence(ctx); err != nil {
		return err
	}
	if l.sources, err = c.Store.Sources(ctx); err != nil {
		return err
	}
	if l.queues, err = c.Store.Queues(ctx); err != nil {
		return err
	}
	if l.codes, err = c.Store.StatusCodes(ctx); err != nil {
		return err
	}
	if l.types, err = c.Store.EventTypes(ctx); err != nil {
		return err
	}
	if l.views, err = c.views(ctx, l.query); err != nil {
		return err
	}
	if l.asked, err = messageQuery(ctx, l.query, l.cursor); err != nil {
		return err
	}
	if l.asked.Filter, err = c.Store.Lookup(ctx, l.asked.Filter); err != nil {
		return err
	}
	if l.cause, err = c.cause(ctx, l.asked.Cause); err != nil {
		return err
	}
	if l.fault, err = c.faultText(ctx, l.asked.Filter); err != nil {
		return err
	}
	if err = c.readPage(ctx, l); err != nil {
		return err
	}
	if err = c.Desk.Hider().Messages(ctx, l.page.Items); err != nil {
		return err
	}
	if l.causes, err = c.causesOf(ctx, l.page.Items); err != nil {
		return err
	}
	if err = c.mark(ctx, l); err != nil {
		return err
	}
	if l.onTheirWay, err = c.onTheirWayNotice(ctx); err != nil {
		return err
	}
	if l.counts, err = c.Store.Counts(ctx, l.asked.Filter); err != nil {
		return err
	}
	if l.notes, err = c.searchNotes(ctx, *l); err != nil {
		return err
	}
	if len(l.page.Items) > 0 {
		return nil
	}
	all, err := c.Store.Counts(ctx, store.Filter{})
	stored, _ := all.Total()
	l.empty = stored == 0
	return err
}

// The causes on a page of a grouped list, and how many messages of each it shows.
const (
	groupsOfPage   = 20
	newestOfAGroup = 3
)

// readPage reads the messages of the page: in the order of time, or the newest of each cause.
func (c *Console) readPage(ctx context.Context, l *list) (err error) {
	if !l.isGrouped() {
		l.page, err = c.Store.Messages(ctx, l.asked)
		return err
	}
	err = c.readGroups(ctx, l, newestOfAGroup)
	for _, g := range l.groups {
		l.page.Items = append(l.page.Items, g.Newest...)
	}
	return err
}

// readGroups reads the causes of the page, each with so many of its newest messages.
func (c *Console) readGroups(ctx context.Context, l *list, newest int) error {
	groups, partly, err := c.Store.MessageGroups(ctx, store.GroupQuery{
		Filter: l.asked.Filter, Cursor: l.cursor, Limit: groupsOfPage, Newest: newest,
	})
	l.groups, l.partly, l.page.Newer, l.page.Older = groups.Items, partly, groups.Newer, groups.Older
	return err
}

// isGrouped reports whether the list is grouped by cause.
func (l list) isGrouped() bool { return l.query.Get("group") == groupByCause }

// maxCause bounds the error text in a chip, in characters.
const maxCause = 60

// cause returns the error text of a cause; "" if there is none with that fingerprint.
func (c *Console) cause(ctx context.Context, fingerprint string) (string, error) {
	if fingerprint == "" {
		return "", nil
	}
	group, err := c.Store.Cause(ctx, fingerprint)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return "", nil
	}
	if err == nil {
		causes := []deadletter.Cause{group}
		err = c.Desk.Hider().Causes(ctx, causes)
		group = causes[0]
	}
	return shortTitle(group), err
}

// shortTitle returns the beginning of a cause's title.
func shortTitle(c deadletter.Cause) string {
	title := printable(c.Title)
	if runes := []rune(title); len(runes) > maxCause {
		return string(runes[:maxCause-1]) + "…"
	}
	return title
}

func (c *Console) tableView(r *http.Request, l list) page.MessagesTableView {
	status := url.Values{}
	if s := l.query.Get("status"); s != "" {
		status.Set("status", s)
	}
	v := page.MessagesTableView{
		RetryURL: address("/messages", replaceParam(l.query, "cursor", l.cursor)),
		Query:    l.query.Encode(),
		Tabs:     tabs(l),
		Filter:   c.filterView(l),
		Chips: append(
			chips("/messages", l.query, messageFields(), l.describeFilter),
			termChips("/messages", l.query, l.asked.Query(), l.describeTerm)...,
		),
		Presets: append(
			[]page.Preset{hourPreset("/messages", l.query, c.Now())}, dayPresets("/messages", l.query, c.Now())...,
		),
		ClearURL: address("/messages", status),
		NewerURL: pageURL("/messages", l.query, l.page.Newer),
		OlderURL: pageURL("/messages", l.query, l.page.Older),
	}
	if !l.isGrouped() {
		v.ByReceived, v.ByAttempt = sortLink(l, "receipt", store.ByReceipt), sortLink(l, "attempt", store.ByAttempt)
	}
	if v.NewerURL != "" {
		v.NewestURL = address("/messages", l.query)
	}
	back := replaceParam(l.query, "cursor", l.cursor).Encode()
	v.Views, v.Layout = l.views, c.readLayout(r.Context()).view()
	v.Redrives = len(c.DLQs)+len(l.queues) > 0
	v.FirstURL = address("/messages", l.query)
	v.Live = address(
		livePath,
		replaceParam(replaceParam(l.query, "cursor", l.cursor), "after", strconv.FormatInt(l.after, 10)),
	)
	v.Rows = make([]page.MessageRow, 0, len(l.page.Items))
	for _, message := range l.page.Items {
		row := c.rowView(r.Context(), message, l.causes[message.Fingerprint], back)
		l.markRow(&row)
		v.Rows = append(v.Rows, row)
	}
	v.Group = preset("/messages", "Group by cause", l.query, url.Values{"group": {groupByCause}})
	v.Grouped = l.isGrouped()
	l.addGroups(v.Rows)
	if n, atLeast := matching(l); n > len(v.Rows) {
		v.Matching = messages(n, atLeast)
	}
	v.OnTheirWay = l.onTheirWay
	v.SearchNotes = l.notes
	switch {
	case l.empty:
		v.State, v.Curl = page.StateNothing, c.tryCurl(r)
	case len(v.Rows) == 0:
		v.State = page.StateNoMatch
		if n, atLeast := l.counts.Total(); n > 0 && l.asked.Status != "" {
			v.OtherStatus = messages(n, atLeast)
			v.OtherStatusURL = address("/messages", l.withStatus(allStatus))
		}
	}
	return v
}

// manyOnTheirWay is how many webhooks on their way to the store are worth a notice. Fewer arrive within a second.
const manyOnTheirWay = 100

// onTheirWayNotice says how many webhooks failed and are not shown yet, if they are many.
func (c *Console) onTheirWayNotice(ctx context.Context) (ui.Notice, error) {
	n, err := c.OnTheirWay(ctx)
	if n < manyOnTheirWay || err != nil {
		return ui.Notice{}, err
	}
	return ui.Notice{
		Kind: ui.Info,
		Text: number(n) + " failed webhooks are on their way to the desk.",
		Hint: "They are safe on the queue. While very many fail, receiving goes before showing.",
	}, nil
}

// messages formats a number of messages, of which there may be more.
func messages(n int, atLeast bool) string {
	if atLeast {
		return number(n) + "+ messages"
	}
	return plural(n, "message")
}

func sortLink(l list, name string, by store.Sort) page.SortLink {
	return page.SortLink{
		Name:    name,
		URL:     address("/messages", replaceParam(l.query, "sort", string(by))),
		Current: l.asked.Sort == by,
	}
}

// describeFilter returns the text of a filter's chip.
func (l list) describeFilter(name, value string) string {
	if name == "cause" && l.cause != "" {
		return printable(l.cause)
	}
	if name == "error" && l.fault != "" {
		return printable(sentence(l.fault))
	}
	return filterValueText(name, value)
}

// faultText returns the error of a job that a filter asks for, without what is masked; "" if it asks for none.
func (c *Console) faultText(ctx context.Context, f store.Filter) (string, error) {
	if f.Job == 0 || f.Fault == "" {
		return "", nil
	}
	j, err := c.Store.Job(ctx, f.Job)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	text, err := c.Store.JobFaultText(ctx, f.Job, f.Fault)
	return c.Desk.Hider().Text(text, j.StartedAt), err
}

// matching returns the number of messages in the list, on all pages.
func matching(l list) (n int, atLeast bool) {
	if l.asked.Status == "" {
		return l.counts.Total()
	}
	return l.counts.ByStatus[l.asked.Status], l.counts.AtLeast[l.asked.Status]
}

// causesOf returns the causes of messages as they may be shown, by fingerprint.
func (c *Console) causesOf(
	ctx context.Context, messages []deadletter.Message,
) (map[string]deadletter.Cause, error) {
	causes, err := c.Desk.CausesOf(ctx, auth.Actor(ctx), messages)
	of := make(map[string]deadletter.Cause, len(causes))
	for _, cause := range causes {
		of[cause.Fingerprint] = cause
	}
	return of, err
}

// groupByCause is the value of the query that groups the list.
const groupByCause = "cause"

// addGroups puts the heads of the groups above their rows.
func (l list) addGroups(rows []page.MessageRow) {
	first := 0
	for _, g := range l.groups {
		if n := len(g.Newest); n > 0 {
			rows[first].Group = l.groupView(g, l.causes[g.Cause])
			first += n
		}
	}
}

// groupView shows the head of the messages of a cause.
func (l list) groupView(g store.MessageGroup, cause deadletter.Cause) page.MessageGroup {
	v := page.MessageGroup{MessageCause: messageCause(cause), ID: g.Cause, Messages: messages(g.Messages, l.partly)}
	if g.Messages > newestOfAGroup || l.partly {
		v.Number, _, _ = strings.Cut(v.Messages, " ")
		v.AllURL = address("/messages", replaceParam(replaceParam(l.query, "group", ""), "cause", g.Cause))
	}
	return v
}

// messageCause shows the cause of a message in the list; the zero Cause shows nothing.
func messageCause(cause deadletter.Cause) page.MessageCause {
	if cause.Fingerprint == "" {
		return page.MessageCause{}
	}
	return page.MessageCause{
		URL: page.CauseURL(cause.Fingerprint), State: string(cause.State), Title: printable(cause.Title),
		Open: number(cause.Open()),
	}
}

func (c *Console) rowView(
	ctx context.Context, m deadletter.Message, cause deadletter.Cause, back string,
) page.MessageRow {
	return page.MessageRow{
		ID:          string(m.ID),
		Version:     strconv.Itoa(m.Version),
		URL:         messageURL(m.ID, back),
		Status:      string(m.Status),
		Source:      printable(m.Source),
		Queue:       printable(m.Queue.ConfigName),
		EventType:   printable(m.EventType),
		Reason:      printable(m.Reason),
		Cause:       messageCause(cause),
		Code:        code(m.StatusCode),
		Outcome:     string(m.Outcome),
		Attempts:    c.attempts(m),
		NextRetry:   nextRetry(m),
		WaitsFor:    c.waitsFor(m),
		Received:    ui.At(m.ReceivedAt),
		LastAttempt: ui.At(m.LastAttemptAt),
		Arrived:     arrivedMore(m),
		Undeleted:   c.undeletedCopy(ctx, m.ID),
		Refused:     bulkRefusals(c.Desk.View(auth.Actor(ctx), m)),
	}
}

// bulkRefusals returns why the desk refuses actions on a message, each reason once.
func bulkRefusals(seen desk.View) []page.Refusal {
	var list []page.Refusal
	for _, act := range deadletter.JobActions() {
		err := seen.Refused[act]
		if err == nil {
			continue
		}
		reason := errorText(err)
		i := slices.IndexFunc(list, func(r page.Refusal) bool { return r.Reason == reason })
		if i < 0 {
			i, list = len(list), append(list, page.Refusal{Reason: reason})
		}
		list[i].Actions = append(list[i].Actions, act.Name())
	}
	return list
}

// arrivedMore returns how often the webhook arrived; "" for once.
func arrivedMore(m deadletter.Message) string {
	if m.Arrivals < 2 {
		return ""
	}
	return number(m.Arrivals)
}

// messageURL returns the address of a message, with the query of the list to go back to.
func messageURL(id deadletter.ID, back string) string {
	to := "/messages/" + url.PathEscape(string(id))
	if back == "" {
		return to
	}
	return to + "?" + url.Values{"back": {back}}.Encode()
}

// attempts returns how many deliveries of a message were attempted: "3 of 5" while it is retried automatically. For a
// message of another program it returns how often its service tried: "3 by Lambda".
func (c *Console) attempts(m deadletter.Message) string {
	made := max(m.Attempts, m.AutoAttempts)
	s, ok := c.sourceOf(m)
	switch {
	case m.Queue.IsForeign() && m.Attempts == 0 && m.Queue.RetryCount > 0:
		return fmt.Sprintf("%d by %s", m.Queue.RetryCount, m.Queue.Service)
	case m.Queue.IsForeign() && m.Attempts == 0:
		return "none"
	case m.Queue.IsForeign():
		return number(m.Attempts)
	case ok && m.Status == deadletter.Retrying:
		return fmt.Sprintf("%d of %d", m.AutoAttempts, max(s.MaxAttempts, m.AutoAttempts))
	}
	return number(made)
}

// slotDelay is how long a retry may be due before the page says that all slots of its destination are taken.
const slotDelay = 5 * time.Second

// waitsFor returns why a retry that is due has not begun; "" if none is due or it is about to begin.
func (c *Console) waitsFor(m deadletter.Message) string {
	now := c.Now()
	s, ok := c.sourceOf(m)
	if !ok || m.Status != deadletter.Retrying || m.DueAt.After(now) {
		return ""
	}
	b := c.health(s.Name).Breaker
	switch {
	case b.State == delivery.Open || b.State == delivery.HalfOpen:
		return "the circuit breaker"
	case b.PausedUntil.After(now):
		return "the end of a pause that the destination asked for"
	case now.Sub(m.DueAt) > slotDelay:
		return "a free slot"
	}
	return ""
}

// sourceOf returns the source that a message is delivered by.
func (c *Console) sourceOf(m deadletter.Message) (Source, bool) {
	settings, name := c.Settings(), m.Source
	if name == "" {
		name = settings.DefaultSource
	}
	return settings.Source(name)
}

// nextRetry returns the time of the next automatic retry; zero if there is none.
func nextRetry(m deadletter.Message) ui.Moment {
	if m.Status != deadletter.Retrying {
		return ui.Moment{}
	}
	return ui.At(m.DueAt)
}

// tabs returns the statuses with the number of matching messages in each.
func tabs(l list) []page.StatusTab {
	known := l.counts.ByStatus != nil
	tab := func(status, value string, n int, atLeast bool) page.StatusTab {
		v := page.StatusTab{
			Status:  status,
			URL:     address("/messages", l.withStatus(value)),
			Current: status == string(l.asked.Status),
		}
		switch {
		case !known || n == 0 && atLeast: // not known
		case atLeast:
			v.Count = number(n) + "+"
		default:
			v.Count = number(n)
		}
		return v
	}
	var all []page.StatusTab
	for _, s := range deadletter.Statuses() {
		all = append(all, tab(string(s), string(s), l.counts.ByStatus[s], l.counts.AtLeast[s]))
	}
	n, atLeast := l.counts.Total()
	return append(all, tab("", allStatus, n, atLeast))
}

// filterView shows a query as it was entered, valid or not.
func (c *Console) filterView(l list) page.MessagesFilter {
	f := page.MessagesFilter{
		Status:  l.query.Get("status"),
		Code:    l.query.Get("code"),
		From:    formTimeOf(l.query.Get("from")),
		To:      formTimeOf(l.query.Get("to")),
		Text:    l.query.Get("q"),
		Sources: c.sourceOptions(l.sources, l.query.Get("source")),
		Queues:  options(l.query.Get("queue"), c.DLQs, l.queues),
	}
	for _, name := range l.types {
		if name == printable(name) { // a form could not send any other name back unchanged
			f.Types = append(f.Types, ui.Option{Value: name, Label: name, Selected: name == l.query.Get("type")})
		}
	}
	for _, o := range deadletter.Outcomes() {
		f.Outcomes = append(f.Outcomes, ui.Option{
			Value: string(o), Label: o.Label(), Selected: string(o) == l.query.Get("outcome"),
		})
	}
	for _, n := range l.codes {
		f.Codes = append(f.Codes, strconv.Itoa(n))
	}
	return f
}

// formTimeOf formats a time for a datetime-local field.
func formTimeOf(text string) string {
	at, err := parseTime("", text)
	if err != nil || at.IsZero() {
		return text
	}
	return at.Format(formTime)
}

// sourceOptions returns the configured sources, the sources of stored messages, and the selected one.
func (c *Console) sourceOptions(ofMessages []string, selected string) []ui.Option {
	var names []string
	for _, s := range c.Settings().Sources {
		names = append(names, s.Name)
	}
	none := ui.Option{Value: noSource, Label: "No source", Selected: selected == noSource}
	if none.Selected {
		selected = ""
	}
	return append(options(selected, names, ofMessages), none)
}

// options returns each name once, and the selected one.
func options(selected string, names ...[]string) []ui.Option {
	var offered []ui.Option
	for _, name := range append(slices.Concat(names...), selected) {
		seen := slices.ContainsFunc(offered, func(o ui.Option) bool { return o.Value == name })
		if name != "" && !seen && name == printable(name) { // a form could not send any other name back unchanged
			offered = append(offered, ui.Option{Value: name, Label: name, Selected: name == selected})
		}
	}
	return offered
}
