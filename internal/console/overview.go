package console

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// timeRange is a time range of the overview, with the step of its plots.
type timeRange struct {
	value, label, name string
	span, step         time.Duration
}

func timeRanges() []timeRange {
	const day = 24 * time.Hour
	return []timeRange{
		{"1h", "1 h", "hour", time.Hour, time.Minute},
		{"24h", "24 h", "24 hours", day, 15 * time.Minute},
		{"7d", "7 d", "7 days", 7 * day, 2 * time.Hour},
		{"30d", "30 d", "30 days", 30 * day, 6 * time.Hour},
	}
}

// defaultTimeRange is the default time range.
const defaultTimeRange = "24h"

// openCap is where counting the open messages of an age or a cause stops.
const openCap = 10_000

// topCauses is how many causes the page lists.
const topCauses = 6

// overview is the data of the page.
type overview struct {
	query    url.Values
	back     timeRange
	source   string
	now      time.Time
	from, to time.Time

	tallies []store.Tally
	counts  map[string]map[deadletter.Status]int
	ages    []ageCount
	causes  []deadletter.Cause
	queues  []queueDepth

	waitingJobs  map[string]deadletter.JobID // by source
	latestCauses map[string]string           // the pages of the causes of the latest failed deliveries, by source
}

// ageCount counts the open messages of an age.
type ageCount struct {
	age              string
	from, to         time.Time // zero: open
	failed, retrying int
}

type queueDepth struct {
	desk.Queue
	depth queue.Depth
	err   error
}

// fault returns why the numbers of a queue are incomplete.
func (q queueDepth) fault() page.QueueFault {
	switch {
	case q.UnconfirmedSince != nil && !q.UnconfirmedSince().IsZero():
		return page.QueueFault{
			Text:  "SQS does not confirm messages: they wait on this machine's disk",
			Since: ui.At(q.UnconfirmedSince()),
		}
	case q.err != nil:
		return page.QueueFault{Text: "The queue could not be read. It is read again in a few seconds."}
	}
	return page.QueueFault{}
}

func (c *Console) overview(w http.ResponseWriter, r *http.Request) error {
	figures, status := c.overviewFigures(r, pickFields(r.URL.Query(), overviewFields()))
	figures.Notices, figures.Grouping = c.overviewNotices(r), c.groupProgress(r)
	figures.RulesOff, figures.Suggested = c.rulesOff(r.Context()), c.suggested(r.Context(), "")
	if isPartial(r) {
		return c.render(w, r, status, page.OverviewContent(figures))
	}
	return c.render(w, r, status, page.Overview(c.chrome(r, "Overview"), figures))
}

// overviewFigures returns the numbers of the page. If it cannot, the view says why.
func (c *Console) overviewFigures(r *http.Request, query url.Values) (page.OverviewFigures, int) {
	o, err := c.readOverview(r.Context(), query)
	if err != nil {
		v, status := page.OverviewFigures{RetryURL: "/overview"}, 0
		v.State, v.Fault, status = c.unreadable(r, err)
		if deadletter.KindOf(err) != deadletter.Invalid {
			v.RetryURL, v.URL = address("/overview", query), address("/overview", query) // the page polls
		}
		return v, status
	}
	if len(o.counts) == 0 && !o.anyWaits() {
		return page.OverviewFigures{
			State: page.StateNothing,
			Curl:  c.tryCurl(r),
			URL:   address("/overview", o.query),
		}, http.StatusOK
	}
	v := c.overviewView(o)
	v.Breakers = c.openBreakers(auth.Actor(r.Context()), o)
	return v, http.StatusOK
}

// overviewNotices returns what stays on the page until its reason is gone.
func (c *Console) overviewNotices(r *http.Request) []page.StandingNotice {
	notices := append(c.configNotices(), c.sinkNotices(r)...)
	notice, err := c.onTheirWayNotice(r.Context())
	if err != nil {
		c.logFailure(r, deadletter.KindOf(err), err)
	}
	if notice.Text != "" {
		notices = append(notices, page.StandingNotice{Kind: notice.Kind, Text: notice.Text, Hint: notice.Hint})
	}
	return notices
}

// configNotices returns what a reload of the configuration left to do.
func (c *Console) configNotices() (notices []page.StandingNotice) {
	status := c.Reload()
	if len(status.Fault) > 0 {
		n := page.StandingNotice{
			Kind: ui.Fault,
			Text: "The changed configuration was not applied.",
			At:   ui.At(status.At),
		}
		n.Hint = "The settings from before stay in force. Mend the file, then reload again."
		n.Items = status.Fault[:min(len(status.Fault), maxFaults)]
		if more := len(status.Fault) - len(n.Items); more > 0 {
			n.Items = append(slices.Clone(n.Items), "And "+plural(more, "more fault")+": see the log")
		}
		notices = append(notices, n)
	}
	if len(status.Restart) > 0 {
		notices = append(notices, page.StandingNotice{
			Kind:  ui.Warn,
			Text:  "Restart dlqdesk to apply " + plural(len(status.Restart), "changed key") + ".",
			Hint:  "Everything else that changed is in force.",
			Items: status.Restart,
		})
	}
	return notices
}

// maxFaults is how many faults of a configuration the page lists.
const maxFaults = 5

// anyWaits reports whether any queue has messages.
func (o overview) anyWaits() bool {
	return slices.ContainsFunc(o.queues, func(q queueDepth) bool { return q.depth.Total() > 0 })
}

func (c *Console) readOverview(ctx context.Context, query url.Values) (overview, error) {
	o := overview{query: query, now: c.Now().UTC()}
	var err error
	if o.back, err = parseTimeRange(query.Get("range")); err != nil {
		return o, err
	}
	if o.source, err = parseText("source", query.Get("source")); err != nil {
		return o, err
	}
	// The current step is included, as far as it has come.
	o.to = o.now.Truncate(o.back.step).Add(o.back.step)
	o.from = o.to.Add(-o.back.span)
	if o.counts, err = c.Store.CountsBySource(ctx); err != nil {
		return o, err
	}
	if o.tallies, err = c.Store.Tallies(
		ctx, store.TallyQuery{Source: o.source, From: o.from, To: o.to, Step: o.back.step},
	); err != nil {
		return o, err
	}
	if o.ages, err = c.countAges(ctx, o); err != nil {
		return o, err
	}
	if o.causes, err = c.countCauses(ctx, o); err != nil {
		return o, err
	}
	o.queues = c.queueDepths(ctx)
	if o.waitingJobs, err = c.waitingJobs(ctx); err != nil {
		return o, err
	}
	o.latestCauses = map[string]string{}
	for _, s := range c.Settings().Sources {
		if o.latestCauses[s.Name], err = c.latestCause(ctx, s); err != nil {
			return o, err
		}
	}
	return o, nil
}

func parseTimeRange(value string) (timeRange, error) {
	if value == "" {
		value = defaultTimeRange
	}
	for _, b := range timeRanges() {
		if b.value == value {
			return b, nil
		}
	}
	return timeRange{}, deadletter.Errorf(deadletter.Invalid, "there is no range %q: use 1h, 24h, 7d or 30d", value)
}

// countAges counts the open messages by age. Its times are whole minutes, as in the addresses of the lists.
func (c *Console) countAges(ctx context.Context, o overview) ([]ageCount, error) {
	minute := o.now.Truncate(time.Minute)
	hour, day, week := minute.Add(-time.Hour), minute.Add(-24*time.Hour), minute.Add(-7*24*time.Hour)
	ages := []ageCount{
		{age: "Under 1 hour", from: hour},
		{age: "1 to 24 hours", from: day, to: hour},
		{age: "1 to 7 days", from: week, to: day},
		{age: "Over 7 days", to: week},
	}
	for i := range ages {
		a := &ages[i]
		var err error
		if a.failed, a.retrying, err = c.countOpen(
			ctx, store.Filter{Source: o.source, From: a.from, To: a.to},
		); err != nil {
			return nil, err
		}
	}
	return ages, nil
}

func (c *Console) countCauses(ctx context.Context, o overview) ([]deadletter.Cause, error) {
	groups, err := c.Store.TopCauses(ctx, o.source, topCauses)
	if err == nil {
		err = c.Desk.Hider().Causes(ctx, groups)
	}
	if err != nil {
		return nil, err
	}
	return groups, nil
}

// countOpen counts the failed and the retrying messages of a filter, each up to openCap+1.
func (c *Console) countOpen(ctx context.Context, f store.Filter) (failed, retrying int, err error) {
	f.Status = deadletter.Failed
	if failed, err = c.Store.CountUpTo(ctx, f, openCap+1); err != nil {
		return 0, 0, err
	}
	f.Status = deadletter.Retrying
	retrying, err = c.Store.CountUpTo(ctx, f, openCap+1)
	return failed, retrying, err
}

func (c *Console) overviewView(o overview) page.OverviewFigures {
	all := newSeries(o)
	bySource := map[string]*series{}
	for _, t := range o.tallies {
		if bySource[t.Source] == nil {
			bySource[t.Source] = newSeries(o)
		}
		bySource[t.Source].add(t)
		all.add(t)
	}
	v := page.OverviewFigures{
		URL:       address("/overview", o.query),
		Span:      o.back.name,
		Source:    printable(o.source),
		AllURL:    address("/overview", replaceParam(o.query, "source", "")),
		AsOf:      ui.At(o.now),
		Headlines: headlines(o, all),
		Plot:      all.plot(o, o.source),
		Steps:     stepRows(o, all),
		Ages:      ageRows(o),
		Causes:    reasonRows(o),
		Queues:    queueRows(o),
	}
	for _, b := range timeRanges() {
		v.Ranges = append(v.Ranges, page.RangeLink{
			Value:   b.value,
			Label:   b.label,
			Name:    b.name,
			URL:     address("/overview", replaceParam(o.query, "range", b.value)),
			Current: b.value == o.back.value,
		})
	}
	for _, name := range c.sourcesOf(o) {
		of := bySource[name]
		if of == nil {
			of = newSeries(o)
		}
		v.Sources = append(v.Sources, c.sourceRow(o, name, of))
	}
	return v
}

// sourcesOf returns the configured sources and the other sources of stored messages, or the selected one.
func (c *Console) sourcesOf(o overview) []string {
	if o.source != "" {
		return []string{o.source}
	}
	var names, others []string
	for _, s := range c.Settings().Sources {
		names = append(names, s.Name)
	}
	for name := range o.counts {
		if !slices.Contains(names, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	return append(names, others...)
}

// series are the counts of each step of the time range.
type series struct {
	from                       time.Time
	step                       time.Duration
	failed, byItself, byPeople []int
	total                      store.Tally
}

func newSeries(o overview) *series {
	n := int(o.back.span / o.back.step)
	return &series{
		from:     o.from,
		step:     o.back.step,
		failed:   make([]int, n),
		byItself: make([]int, n),
		byPeople: make([]int, n),
	}
}

func (s *series) add(t store.Tally) {
	i := int(t.At.Sub(s.from) / s.step)
	s.failed[i] += t.Failed
	s.byItself[i] += t.ByRetry
	s.byPeople[i] += t.ByPeople
	s.total.Failed += t.Failed
	s.total.ByRetry += t.ByRetry
	s.total.ByPeople += t.ByPeople
}

func (s *series) plot(o overview, source string) page.Plot {
	query := url.Values{"status": {allStatus}}
	if source != "" {
		query.Set("source", source)
	}
	// Marshalling numbers and a string cannot fail.
	data, _ := json.Marshal(map[string]any{
		"from":      s.from.UnixMilli(),
		"step":      s.step.Milliseconds(),
		"failed":    s.failed,
		"byRetries": s.byItself,
		"byPeople":  s.byPeople,
		"url":       address("/messages", query),
	})
	summary := fmt.Sprintf("In the last %s %s failed, %s recovered by retries and %s by people.", o.back.name,
		number(s.total.Failed), number(s.total.ByRetry), number(s.total.ByPeople))
	if s.total.Failed > 0 {
		most := slices.Max(s.failed)
		at := s.from.Add(time.Duration(slices.Index(s.failed, most)) * s.step)
		summary += fmt.Sprintf(" Most failed from %s: %s.", at.Format("2 January 15:04 UTC"), number(most))
	}
	return page.Plot{Summary: summary, Data: string(data)}
}

// counted returns a number with a link to what it counts; no link for 0.
func counted(n int, path string, query url.Values) page.Count {
	if n == 0 {
		return page.Count{Text: "0"}
	}
	return page.Count{Text: number(n), URL: address(path, query)}
}

// openURL returns the address of the messages of a source, or of all, that have a status now.
func openURL(source string, s deadletter.Status) string {
	return address("/messages", between(time.Time{}, time.Time{}, source, "status", string(s)))
}

// countedOpen returns a number of messages that have a status now, with a link to them.
func countedOpen(n int, source string, s deadletter.Status) page.Count {
	return counted(n, "/messages", between(time.Time{}, time.Time{}, source, "status", string(s)))
}

// countedUpTo returns a number where counting stopped at a limit.
func countedUpTo(limit, n int, query url.Values) page.Count {
	count := counted(min(n, limit), "/messages", query)
	if n > limit {
		count.Text += "+"
	}
	return count
}

// nameOf returns the name of a source in a query.
func nameOf(source string) string { return cmp.Or(source, noSource) }

// between returns the query of a list within a time range, of one source unless it is empty.
func between(from, to time.Time, source string, more ...string) url.Values {
	query := url.Values{}
	for i := 0; i+1 < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	if source != "" {
		query.Set("source", source)
	}
	if !from.IsZero() {
		query.Set("from", from.Format(formTime))
	}
	if !to.IsZero() {
		query.Set("to", to.Format(formTime))
	}
	return query
}

// talliesOf returns the three numbers of a tally: received messages link to the list, deliveries to the audit trail.
func talliesOf(t store.Tally, from, to time.Time, source string) (failed, byItself, byPeople page.Count) {
	failed = counted(t.Failed, "/messages", between(from, to, source, "status", allStatus))
	byItself = counted(
		t.ByRetry, "/audit",
		between(from, to, source, "action", "attempt.delivered", "by", string(store.Program)),
	)
	byPeople = counted(
		t.ByPeople, "/audit",
		between(from, to, source, "action", "attempt.delivered", "by", string(store.People)),
	)
	return failed, byItself, byPeople
}

func headlines(o overview, all *series) []page.Headline {
	open := map[deadletter.Status]int{}
	for source, counts := range o.counts {
		if o.source == "" || o.source == source {
			open[deadletter.Failed] += counts[deadletter.Failed]
			open[deadletter.Retrying] += counts[deadletter.Retrying]
		}
	}
	ofStatus := func(s deadletter.Status) page.Count { return countedOpen(open[s], o.source, s) }
	failed, byItself, byPeople := talliesOf(all.total, o.from, o.to, o.source)
	list := []page.Headline{
		{Label: "Failed now", Count: ofStatus(deadletter.Failed), Tone: "tone-failed"},
		{Label: "Retrying now", Count: ofStatus(deadletter.Retrying), Tone: "tone-retrying"},
		{Label: "Failed, last " + o.back.name, Count: failed},
		{Label: "Recovered by retries", Count: byItself, Tone: "tone-resolved"},
		{Label: "Recovered by people", Count: byPeople, Tone: "tone-replaying"},
	}
	if recovered := all.total.ByRetry + all.total.ByPeople; recovered > 0 {
		share := all.total.ByRetry * 100 / recovered
		list[3].Note, list[4].Note = fmt.Sprintf("%d %% of what recovered", share), fmt.Sprintf("%d %%", 100-share)
	}
	for i := range list {
		if list[i].Count.URL == "" {
			list[i].Tone, list[i].Note = "", ""
		}
	}
	return list
}

func stepRows(o overview, all *series) []page.StepRow {
	var rows []page.StepRow
	for i := range all.failed {
		t := store.Tally{Failed: all.failed[i], ByRetry: all.byItself[i], ByPeople: all.byPeople[i]}
		if t == (store.Tally{}) {
			continue
		}
		from := all.from.Add(time.Duration(i) * all.step)
		row := page.StepRow{From: ui.At(from)}
		row.Failed, row.ByRetries, row.ByPeople = talliesOf(t, from, from.Add(all.step), o.source)
		rows = append(rows, row)
	}
	slices.Reverse(rows)
	return rows
}

func (c *Console) sourceRow(o overview, name string, of *series) page.SourceRow {
	row := page.SourceRow{Name: printable(name), Plot: of.plot(o, nameOf(name))}
	row.Failed, row.ByRetries, row.ByPeople = talliesOf(of.total, o.from, o.to, nameOf(name))
	counts := o.counts[name]
	row.FailedNow = countedOpen(counts[deadletter.Failed], nameOf(name), deadletter.Failed)
	row.Retrying = countedOpen(counts[deadletter.Retrying], nameOf(name), deadletter.Retrying)
	if name != "" && o.source == "" {
		row.URL = address("/overview", replaceParam(o.query, "source", name))
	}
	if s, ok := c.Settings().Source(name); ok {
		row.SourceHealth = c.sourceHealth(s, o.latestCauses[name])
	}
	return row
}

// sourceHealth shows the health of a source's destination.
func (c *Console) sourceHealth(s Source, latestCause string) page.SourceHealth {
	v := page.SourceHealth{Destination: s.host(), CauseURL: latestCause}
	v.Health, v.Since, v.Note = healthView(c.health(s.Name))
	return v
}

// healthView describes the health of a destination: the state, since when, and why.
func healthView(h delivery.DestinationHealth) (health string, since ui.Moment, note string) {
	responded, open := latestError(h), h.Breaker.State == delivery.Open
	switch {
	case open && h.Failures == 0:
		return page.HealthOpen, ui.At(h.Breaker.Since), ""
	case open:
		return page.HealthOpen, ui.At(h.Breaker.Since), deliveries(h.Failures) + " in a row: " + responded
	case h.LatestAt.IsZero():
		return page.HealthUnknown, ui.Moment{}, "No delivery since dlqdesk started."
	case h.Failures > 0:
		return page.HealthFailing, ui.At(h.FailingSince), deliveries(h.Failures) + " in a row: " + responded
	case h.ErrorResponses == 1:
		return page.HealthErrors, ui.Moment{}, "The latest delivery: " + responded
	case h.ErrorResponses > 1:
		latest := deliveries(h.ErrorResponses)
		return page.HealthErrors, ui.Moment{}, "The latest " + latest + ": " + responded
	}
	return page.HealthUp, ui.Moment{}, ""
}

// health returns the health of a source's destination, with its latest error as it may be shown.
func (c *Console) health(source string) delivery.DestinationHealth {
	h := c.Health(source)
	h.Latest.Error = c.Desk.Hider().Text(h.Latest.Error, h.LatestAt)
	return h
}

// latestCause returns the page of the cause of the latest failed delivery to a destination; "" if there is none.
func (c *Console) latestCause(ctx context.Context, s Source) (string, error) {
	h := c.Health(s.Name)
	if h.Failures+h.ErrorResponses == 0 {
		return "", nil
	}
	return c.causeOf(ctx, s, deadletter.FailureText(h.Latest.StatusCode, h.Latest.Error))
}

// causeOf returns the page of the cause of an error of a source's destination; "" if no message failed for it.
func (c *Console) causeOf(ctx context.Context, s Source, failure string) (string, error) {
	grouping, err := c.Store.Grouping(ctx)
	if err != nil {
		return "", err
	}
	fingerprint, _ := grouping.Cause(deadletter.Failure{Source: s.Name, Destination: s.URL, Error: failure}, "")
	causes, err := c.Store.CausesAmong(ctx, []string{fingerprint})
	if err != nil || len(causes) == 0 {
		return "", err
	}
	return page.CauseURL(causes[0].Fingerprint), nil
}

// latestError describes how the latest delivery to a destination failed, as in "503: upstream is restarting".
func latestError(h delivery.DestinationHealth) string {
	return printable(deadletter.WithStatus(h.Latest.StatusCode, h.Latest.Error))
}

func deliveries(n int) string {
	if n == 1 {
		return "1 delivery"
	}
	return number(n) + " deliveries"
}

func ageRows(o overview) []page.AgeRow {
	most := 1
	for _, a := range o.ages {
		most = max(most, a.failed)
	}
	var rows []page.AgeRow
	for _, a := range o.ages {
		rows = append(rows, page.AgeRow{
			Age: a.age,
			FailedNow: countedUpTo(
				openCap, a.failed, between(a.from, a.to, o.source, "status", string(deadletter.Failed)),
			),
			Retrying: countedUpTo(
				openCap, a.retrying, between(a.from, a.to, o.source, "status", string(deadletter.Retrying)),
			),
			Share: a.failed * 100 / most,
		})
	}
	return rows
}

func reasonRows(o overview) []page.TopCause {
	var rows []page.TopCause
	for _, cause := range o.causes {
		list := func(status deadletter.Status) url.Values {
			return url.Values{"status": {string(status)}, "cause": {cause.Fingerprint}}
		}
		row := page.TopCause{
			Text:      printable(cause.Title),
			URL:       page.CauseURL(cause.Fingerprint),
			Source:    printable(cause.Source),
			First:     ui.At(cause.FirstAt),
			Newest:    ui.At(cause.LastAt),
			FailedNow: countedUpTo(openCap, cause.Failed, list(deadletter.Failed)),
			Retrying:  countedUpTo(openCap, cause.Retrying, list(deadletter.Retrying)),
			Share:     cause.Open() * 100 / o.causes[0].Open(),
		}
		if r := cause.Unedited; r.Tried > 0 {
			row.Replays = fmt.Sprintf("%s of %s succeeded", number(r.Delivered), plural(r.Tried, "unedited replay"))
		}
		rows = append(rows, row)
	}
	return rows
}

func queueRows(o overview) []page.QueueRow {
	var rows []page.QueueRow
	for _, q := range o.queues {
		waiting := q.depth.Total()
		row := page.QueueRow{
			Name:     q.Name,
			Content:  q.Holds,
			Waiting:  queueCount(q.depth.Visible, q.Queue, nil),
			InFlight: queueCount(q.depth.InFlight, q.Queue, url.Values{"tab": {inFlightTab}}),
			Oldest:   ui.At(q.depth.Oldest),
			Fault:    q.fault(),
		}
		if !q.ReportsOldest && waiting > 0 {
			row.NoListReason = "SQS cannot list messages: each appears under Messages once it is received."
			if q.depth.Retention > 0 {
				row.NoListReason += " A message expires " + retentionText(q.depth.Retention) + " after it was sent."
			}
		}
		if q.depth.Delayed > 0 {
			row.Delayed = number(q.depth.Delayed)
		}
		switch {
		case row.Fault.Text != "":
		case waiting == 0:
			row.NoOldestReason = "empty"
		case !q.ReportsOldest:
			row.NoOldestReason = "not reported by SQS"
		}
		row.Expires = nextToExpire(q, o.now)
		rows = append(rows, row)
	}
	return rows
}

// nextToExpire returns when a queue forgets the oldest of its undeleted messages.
func nextToExpire(q queueDepth, now time.Time) ui.Moment {
	if q.Undeleted == nil || q.depth.Retention == 0 {
		return ui.Moment{}
	}
	for _, l := range q.Undeleted() {
		if expires := l.SentAt.Add(q.depth.Retention); expires.After(now) {
			return ui.At(expires)
		}
	}
	return ui.Moment{}
}
