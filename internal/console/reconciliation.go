package console

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// reconciliationRows bounds the rows of a page, unless a single hour has more.
const reconciliationRows = 240

// reconciliation is the data of the reconciliation page.
type reconciliation struct {
	query  url.Values
	now    time.Time
	state  ledger.State
	page   store.LedgerPage
	counts map[string]map[deadletter.Status]int
	queues []queueDepth
}

func (c *Console) reconciliation(w http.ResponseWriter, r *http.Request) error {
	shown, status := c.reconciliationTable(r)
	if isPartial(r) {
		return c.render(w, r, status, page.ReconciliationTable(shown))
	}
	chrome := c.chrome(r, "Reconciliation")
	if status == http.StatusOK { // a check may have finished since: all of the page shows the same one
		chrome.Unbalanced = len(shown.Imbalances) > 0
	}
	return c.render(w, r, status, page.Reconciliation(chrome, shown))
}

// reconciliationTable returns the account for a query. If it cannot, the view says why.
func (c *Console) reconciliationTable(r *http.Request) (page.ReconciliationTableView, int) {
	b, err := c.readReconciliation(r.Context(), pickFields(r.URL.Query(), []field{{name: "source"}, {name: "before"}}))
	if err != nil {
		v, status := page.ReconciliationTableView{RetryURL: "/reconciliation"}, 0
		v.State, v.Fault, status = c.unreadable(r, err)
		return v, status
	}
	return c.reconciliationView(b), http.StatusOK
}

func (c *Console) readReconciliation(ctx context.Context, query url.Values) (reconciliation, error) {
	b := reconciliation{query: query, now: c.Now().UTC(), state: c.Ledger()}
	var q store.LedgerQuery
	var errs [2]error
	q.Source, errs[0] = parseText("source", query.Get("source"))
	q.Before, errs[1] = parseTime("time", query.Get("before"))
	if err := cmp.Or(errs[:]...); err != nil {
		return b, err
	}
	q.Rows = reconciliationRows
	var err error
	if b.page, err = c.Store.Ledger(ctx, q); err != nil {
		return b, err
	}
	if b.counts, err = c.Store.CountsBySource(ctx); err != nil {
		return b, err
	}
	b.queues = c.queueDepths(ctx)
	return b, nil
}

// queueDepths reads the depth of every queue that gets a row.
func (c *Console) queueDepths(ctx context.Context) []queueDepth {
	var list []queueDepth
	buffered := c.Settings().buffered()
	for _, q := range c.Queues {
		depth, err := q.Depth(ctx)
		if idle := q.Spool || q.Buffered && !buffered; idle && err == nil && depth.Total() == 0 {
			continue
		}
		list = append(list, queueDepth{q, depth, err})
	}
	return list
}

func (c *Console) reconciliationView(b reconciliation) page.ReconciliationTableView {
	v := page.ReconciliationTableView{
		URL: address("/reconciliation", b.query), Result: verdictOf(b), Queues: c.reconciliationQueues(b),
		Sources: c.sourceOptions(slices.Sorted(maps.Keys(b.counts)), b.query.Get("source")),
	}
	v.Imbalances, v.MoreImbalances = c.imbalanceViews(b.state.Wrong())
	v.Acknowledged, v.MoreAcknowledged = c.imbalanceViews(b.state.Acknowledged())
	v.Explained, v.MoreExplained = c.imbalanceViews(b.state.Explained())
	for _, l := range b.page.Lines {
		v.Rows = append(v.Rows, reconciliationRow(l, b.state))
	}
	if len(v.Rows) == 0 {
		v.State = page.StateNothing
	}
	if b.query.Get("before") != "" {
		v.NewestURL = address("/reconciliation", replaceParam(b.query, "before", ""))
	}
	if !b.page.Older.IsZero() {
		v.OlderURL = address("/reconciliation", replaceParam(b.query, "before", b.page.Older.Format(formTime)))
	}
	return v
}

// maxImbalances bounds how many imbalances of a kind are listed, newest first.
const maxImbalances = 50

func (c *Console) imbalanceViews(list []ledger.Imbalance) (views []page.ImbalanceView, more string) {
	for _, i := range list[:min(len(list), maxImbalances)] {
		views = append(views, c.imbalanceView(i))
	}
	if n := len(list) - len(views); n > 0 {
		more = "and " + number(n) + " of earlier hours"
	}
	return views, more
}

func verdictOf(b reconciliation) page.ReconciliationResult {
	v := page.ReconciliationResult{At: ui.At(b.state.At)}
	wrong, known := b.state.Wrong(), len(b.state.Acknowledged())
	switch {
	case len(wrong) > 0 && !slices.ContainsFunc(wrong, func(i ledger.Imbalance) bool { return !i.Expired }):
		v.Tone, v.Text = ui.Fault, "Webhooks are lost: they expired on their queue before they reached the desk."
		v.Hint = "All other webhooks that got 200 are delivered, waiting or stored as messages."
	case len(wrong) > 0:
		v.Tone, v.Text = ui.Fault, "The ledger does not balance."
		v.Hint = "The webhooks received in these hours are not all delivered, waiting or stored as messages."
	case b.state.Unchecked != nil:
		v.Tone, v.Text = ui.Warn, "The ledger cannot be checked now: a queue does not report its depth."
		v.Hint = "The check is repeated every few seconds. Until then these are the counts without a check."
	case b.state.At.IsZero():
		v.Tone, v.Text = ui.Info, "The ledger has not been checked yet."
		v.Hint = "The first check ends a few seconds after a start."
	case known > 0:
		v.Tone, v.Text = ui.Info, "Every hour balances, except for acknowledged ones: "+plural(known, "imbalance")+"."
		v.Hint = "All other webhooks that got 200 are delivered, waiting or stored as messages."
	default:
		v.Tone, v.Text = ui.Done, "Every hour balances."
		v.Hint = "All webhooks that got 200 are delivered, waiting or stored as messages."
	}
	return v
}

func (c *Console) imbalanceView(i ledger.Imbalance) page.ImbalanceView {
	v := page.ImbalanceView{
		From:    ui.At(i.Hour),
		To:      ui.At(i.Hour.Add(time.Hour)),
		Source:  printable(i.Source),
		Summary: imbalanceText(i),
	}
	if i.Source != "" {
		v.URL = address("/messages", between(i.Hour, i.Hour.Add(time.Hour), i.Source, "status", allStatus))
	}
	if !i.Explained() {
		v.AckURL = acknowledgeURL(i)
	}
	if !i.Ack.At.IsZero() {
		v.AckBy, v.AckAt, v.AckNote = printable(i.Ack.By), ui.At(i.Ack.At), printable(i.Ack.Note)
		if v.AckURL = ""; !i.Acknowledged() {
			v.AckURL, v.AckAmount = acknowledgeURL(i), number(i.Ack.Amount)
		}
	}
	switch {
	case i.Missing > 0:
		v.Meaning, v.Remedy = whyMissing(i)
	case !i.Killed.IsZero():
		v.Meaning = fmt.Sprintf(
			"dlqdesk was killed: it was last active at %s, and had not saved the counts of its last second. The "+
				"messages are here; a loss of up to %d in the same hour would not show beside them.",
			i.Killed.Format("15:04:05 UTC on 2 January"),
			i.Amount(),
		)
	case i.Explained():
		v.Meaning = "The queue stored them but did not confirm in time, so the platform was asked to send them again."
	default:
		v.Meaning, v.Remedy = whyMore(i)
	}
	return v
}

func imbalanceText(i ledger.Imbalance) string {
	one := "message"
	if i.Stage == ledger.StageProcessing {
		one = "webhook"
	}
	n, verb := i.Missing, "is"
	if n < 0 {
		n = -n
	}
	if n > 1 {
		verb = "are"
	}
	switch {
	case i.Expired:
		return plural(n, one) + " expired on SQS"
	case i.Missing > 0:
		return plural(n, one) + " " + verb + " missing"
	}
	return plural(n, one) + " more than was counted"
}

func whyMissing(i ledger.Imbalance) (why, do string) {
	it, is, was := "it", "is", "was"
	if i.Missing > 1 {
		it, is, was = "they", "are", "were"
	}
	switch {
	case i.Expired:
		return fmt.Sprintf(
				"The queue confirmed that it had %s, and had %s until their retention ended; %s never reached "+
					"the desk.",
				them(it),
				them(it),
				it,
			),
			"Ask the platform to send what it sent in that hour again. Lengthen the queue's MessageRetentionPeriod, " +
				"and find in the log why messages were not received from it."
	case i.Stage == ledger.StageProcessing:
		return fmt.Sprintf(
				"%s %s put on the processing queue, and %s neither delivered nor a message, nor on that queue any "+
					"more.",
				capital(it),
				was,
				is,
			),
			"Check whether messages were deleted or queue.db was restored from a copy. Ask the platform to send " +
				"what it sent in that hour again."
	}
	return fmt.Sprintf(
			"The queue confirmed that it had %s, and %s %s missing from the queue and the desk: deleted from the "+
				"queue, "+
				"received by another program, or gone because desk.db was restored from an older copy.",
			them(it),
			it,
			is,
		),
		"Check who else may receive, delete or purge on this queue. Ask the platform to send what it sent in that " +
			"hour again."
}

func them(they string) string {
	if they == "they" {
		return "them"
	}
	return they
}

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func whyMore(i ledger.Imbalance) (why, do string) {
	if i.Stage == ledger.StageProcessing {
		return "The processing queue handed out webhooks more than once, so that they were delivered more than once.",
			"Destinations recognise repeated deliveries by their Webhook-Id. Check whether the visibility timeout is " +
				"shorter than a delivery takes."
	}
	return "More messages came from the queue than this receiver put there: a copy of desk.db was restored, or " +
			"messages were sent to it again.",
		"Check whether the data folder was restored, and who else may send to this queue."
}

// reconciliationRow shows one source and hour with its imbalances.
func reconciliationRow(l ledger.Line, state ledger.State) page.ReconciliationRow {
	row := page.ReconciliationRow{
		From:       ui.At(l.Hour),
		Source:     printable(l.Source),
		Received:   number(l.Received),
		Delivered:  number(l.Delivered),
		Duplicates: number(l.Repeated),
		Explained:  true,
	}
	if l.Refused > 0 {
		row.Refused = number(l.Refused)
	}
	var off []string
	waiting, expired := l.Unsettled(), 0
	for _, i := range state.Imbalances {
		if !i.Hour.Equal(l.Hour) || i.Source != l.Source {
			continue
		}
		waiting -= i.Missing
		row.Explained = row.Explained && (i.Explained() || i.Acknowledged())
		if i.Expired {
			expired += i.Missing
		} else {
			off = append(off, offOf(i))
		}
	}
	row.Waiting, row.Expired, row.Difference = number(max(0, waiting)), number(expired), strings.Join(off, ", ")
	for _, status := range page.ReconciliationStatuses() {
		n := l.Messages[deadletter.Status(status)]
		count := counted(n, "/messages", between(l.Hour, l.Hour.Add(time.Hour), l.Source, "status", status))
		if l.Source == "" {
			count.URL = "" // no query selects only the messages without a source
		}
		row.Messages = append(row.Messages, count)
	}
	return row
}

func offOf(i ledger.Imbalance) string {
	if i.Missing > 0 {
		return number(i.Missing) + " missing"
	}
	return number(-i.Missing) + " more"
}

func (c *Console) reconciliationQueues(b reconciliation) []page.ReconciliationQueue {
	var rows []page.ReconciliationQueue
	for _, q := range b.queues {
		waiting := q.depth.Total()
		row := page.ReconciliationQueue{
			Name:      q.Name,
			Content:   q.Holds,
			Waiting:   number(waiting),
			Retention: retentionText(q.depth.Retention),
			Oldest:    ui.At(q.depth.Oldest),
			Fault:     q.fault(),
		}
		if q.Shared {
			row.Shared = "Other receivers may deliver from here: a webhook is accounted for by the one that does, " +
				"so one that is lost here does not show."
		}
		switch {
		case row.Fault.Text != "":
		case waiting == 0:
			row.Note = "Nothing waits."
		case !q.depth.Oldest.IsZero() && q.depth.Retention > 0:
			row.Expires = ui.At(q.depth.Oldest.Add(q.depth.Retention))
		case q.depth.Oldest.IsZero():
			row.Note = "SQS does not report it. A message expires " + retentionText(
				q.depth.Retention,
			) + " after it was sent."
		}
		if q.Undeleted != nil && q.depth.Retention > 0 {
			row.Undeleted = undeletedRows(q.Undeleted(), q.depth.Retention, b.now)
		}
		if row.Expires.IsZero() && len(row.Undeleted) > 0 && row.Fault.Text == "" {
			row.Note = "These are the oldest that were read."
		}
		rows = append(rows, row)
	}
	return rows
}

// maxUndeletedRows bounds how many messages of a queue are listed.
const maxUndeletedRows = 10

// undeletedRows lists messages that are still on a queue, those that expire first at the top.
func undeletedRows(left []queue.Undeleted, retention time.Duration, now time.Time) []page.UndeletedMessage {
	var list []page.UndeletedMessage
	for _, l := range left[:min(len(left), maxUndeletedRows)] {
		if now.Sub(l.SentAt) > retention {
			continue // it has expired already
		}
		m := page.UndeletedMessage{
			ID:      l.ID,
			Reason:  "could not be written to the store yet",
			Expires: ui.At(l.SentAt.Add(retention)),
		}
		if l.Stored {
			m.URL, m.Reason = "/messages/"+l.ID, "is on the desk, and its message waits to be deleted"
		}
		list = append(list, m)
	}
	return list
}

// retentionText describes the retention of a queue.
func retentionText(d time.Duration) string {
	switch {
	case d == 0:
		return "until processed"
	case d >= 48*time.Hour:
		return plural(int(d/(24*time.Hour)), "day")
	case d >= 2*time.Hour:
		return plural(int(d/time.Hour), "hour")
	}
	return plural(int(d/time.Minute), "minute")
}

const acknowledgePath = "/reconciliation/acknowledge"

// acknowledgeURL returns the address where an imbalance is acknowledged.
func acknowledgeURL(i ledger.Imbalance) string {
	key := i.Key()
	return address(acknowledgePath, url.Values{
		"hour":   {key.Hour.UTC().Format(formTime)},
		"source": {key.Source},
		"stage":  {string(key.Stage)},
		"kind":   {string(key.Kind)},
	})
}

// imbalanceAsked returns the imbalance that a query or form names; NotFound if it is gone.
func (c *Console) imbalanceAsked(values url.Values) (ledger.Imbalance, error) {
	hour, err := parseTime("time", values.Get("hour"))
	if err != nil {
		return ledger.Imbalance{}, err
	}
	key := ledger.Key{
		Hour:   hour,
		Source: values.Get("source"),
		Stage:  ledger.Stage(values.Get("stage")),
		Kind:   ledger.Kind(values.Get("kind")),
	}
	i, ok := c.Ledger().Find(key)
	if !ok {
		return i, deadletter.Errorf(deadletter.NotFound, "this hour balances now: there is nothing to acknowledge")
	}
	return i, nil
}

func (c *Console) acknowledgeForm(w http.ResponseWriter, r *http.Request) error {
	i, err := c.imbalanceAsked(r.URL.Query())
	if err != nil {
		return err
	}
	return c.showAcknowledge(w, r, http.StatusOK, i, "", "")
}

func (c *Console) showAcknowledge(
	w http.ResponseWriter, r *http.Request, status int, i ledger.Imbalance, note, fault string,
) error {
	key := i.Key()
	v := page.AcknowledgeView{
		Chrome:    c.chrome(r, "Acknowledge an imbalance"),
		Imbalance: c.imbalanceView(i),
		Note:      note,
		Fault:     fault,
		Denied:    errorText(auth.Actor(r.Context()).May(deadletter.ActAcknowledge)),
		Hour:      key.Hour.UTC().Format(formTime),
		Source:    key.Source,
		Stage:     string(key.Stage),
		Kind:      string(key.Kind),
		Amount:    strconv.Itoa(i.Amount()),
	}
	return c.render(w, r, status, page.Acknowledge(v))
}

// acknowledge records a note on an imbalance. A missing field is reported in the form.
func (c *Console) acknowledge(w http.ResponseWriter, r *http.Request) error {
	i, err := c.imbalanceAsked(r.PostForm)
	if err != nil {
		return err
	}
	note := r.PostForm.Get("note")
	err = c.Desk.Acknowledge(r.Context(), auth.Actor(r.Context()), i.Key(), formNumber(r, "amount"), note)
	switch kind := deadletter.KindOf(err); {
	case err == nil:
		c.redirect(w, r, "/reconciliation", ui.Notice{
			Kind: ui.Done, Text: "Acknowledged: this hour is no longer an alarm, unless its amount changes.",
		})
		return nil
	case kind == deadletter.Invalid, kind == deadletter.Conflict:
		return c.showAcknowledge(w, r, statusOf(kind), i, note, errorText(err))
	}
	return err
}
