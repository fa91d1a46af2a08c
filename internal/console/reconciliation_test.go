package console_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/store"
)

// recordCounts puts webhooks into the ledger.
func (b bundle) recordCounts(t *testing.T, source string, at time.Time, n ledger.Counts) {
	t.Helper()
	if err := b.store.BeginRun(t.Context(), source+at.String(), at); err != nil {
		t.Fatal(err)
	}
	a := ledger.Account{Run: source + at.String(), Source: source, Hour: ledger.HourOf(at)}
	if err := b.store.SaveRun(t.Context(), a.Run, map[ledger.Account]ledger.Counts{a: n}, true, at); err != nil {
		t.Fatal(err)
	}
}

func TestLedgerShowsEachHourOfEachSource(t *testing.T) {
	t.Parallel()
	b := setup(t)
	anna := b.member(t, "anna", deadletter.Viewer)
	if got := anna.get(
		"/reconciliation",
	); got.says("#reconciliation h2.font-semibold") != "No webhooks received yet" ||
		!strings.Contains(got.says(".result"), "Every hour balances") {
		t.Errorf("an empty ledger says %s", got.says("#reconciliation"))
	}
	b.recordCounts(t, "genesys", b.clock.Now(), ledger.Counts{Received: 1402, Delivered: 1400, Queued: 2, Refused: 3})
	b.receive(t, "a-1")
	got := anna.get("/reconciliation")
	row := got.says(".reconciliation-table tbody tr")
	for _, want := range []string{"genesys", "1,402", "and 3 refused with 500", "1,400", "Difference none"} {
		if !strings.Contains(row, want) {
			t.Errorf("the row has no %q: %s", want, row)
		}
	}
	list, _ := got.doc().Find("#hour-0-failed").Attr("href")
	if messages := anna.get(list); !strings.Contains(messages.text, "a-1") {
		t.Errorf("%s does not list the message", list)
	}
	if got.doc().Find(".bar-fault").Length() != 0 {
		t.Error("the navigation is red")
	}
	if partial := anna.get(
		"/reconciliation",
		htmx()...); partial.doc().Find(".bar").Length() != 0 ||
		partial.doc().Find("#reconciliation").Length() != 1 {
		t.Error("the partial is not the ledger alone")
	}
}

func TestLedgerPagesBackThroughHours(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for hour := range 30 {
		b.recordCounts(
			t, "genesys", b.clock.Now().Add(-time.Duration(hour)*time.Hour),
			ledger.Counts{Received: 1, Delivered: 1},
		)
	}
	b.recordCounts(t, "cxone", b.clock.Now(), ledger.Counts{Received: 1, Delivered: 1})
	anna := b.member(t, "anna", deadletter.Viewer)
	first := anna.get("/reconciliation")
	if n := first.doc().Find(".reconciliation-table tbody tr").Length(); n != 25 {
		t.Errorf("the first page has %d rows", n)
	}
	older, _ := first.doc().Find("#reconciliation-older").Attr("href")
	second := anna.get(older)
	if n := second.doc().
		Find(".reconciliation-table tbody tr").
		Length(); n != 6 || second.doc().Find("#reconciliation-older").Length() != 0 ||
		second.doc().Find("#reconciliation-newest").Length() != 1 {
		t.Errorf("%s has %d rows", older, n)
	}
	if n := anna.get("/reconciliation?source=cxone").doc().Find(".reconciliation-table tbody tr").Length(); n != 1 {
		t.Errorf("of one source there are %d rows", n)
	}
	if got := anna.get("/reconciliation?before=never"); got.status != http.StatusUnprocessableEntity &&
		got.status != http.StatusBadRequest {
		t.Errorf("a time that is none is answered %d", got.status)
	}
}

func TestLedgerShowsImbalancesByHourAndSource(t *testing.T) {
	t.Parallel()
	var state ledger.State
	b := setup(t, func(d *console.Deps) { d.Ledger = func() ledger.State { return state } })
	hour := ledger.HourOf(b.clock.Now())
	b.recordCounts(t, "genesys", b.clock.Now(), ledger.Counts{Received: 9, Delivered: 5, Queued: 4})
	anna := b.member(t, "anna", deadletter.Viewer)
	killed := hour.Add(4 * time.Minute)
	for name, c := range map[string]struct {
		imbalance ledger.Imbalance
		red       bool
		off       string
		says      []string
	}{
		"missing": {
			ledger.Imbalance{Stage: ledger.StageMessages, Missing: 3},
			true, "3 missing",
			[]string{
				"3 messages are missing", "2026-03-02 10:00:00 UTC", "genesys", "another program",
				"send what it sent in that hour again",
			},
		},
		"expired": {
			ledger.Imbalance{Stage: ledger.StageMessages, Missing: 1, Expired: true},
			true, "",
			[]string{"1 message expired on SQS", "MessageRetentionPeriod"},
		},
		"processing": {
			ledger.Imbalance{Stage: ledger.StageProcessing, Missing: 1},
			true, "1 missing",
			[]string{"1 webhook is missing", "processing queue"},
		},
		"more": {
			ledger.Imbalance{Stage: ledger.StageMessages, Missing: -2},
			true, "2 more",
			[]string{"2 messages more than was counted", "desk.db"},
		},
		"killed": {
			ledger.Imbalance{Stage: ledger.StageMessages, Missing: -2, Killed: killed},
			false, "2 more",
			[]string{"killed", "10:04:00 UTC on 2 March"},
		},
		"refused": {
			ledger.Imbalance{Stage: ledger.StageMessages, Missing: -1, Refused: 1},
			false, "1 more",
			[]string{"asked to send them again"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.imbalance.Hour, c.imbalance.Source = hour, "genesys"
			state = ledger.State{At: b.clock.Now(), Imbalances: []ledger.Imbalance{c.imbalance}}
			got := anna.get("/reconciliation")
			red := got.doc().Find(`.result[data-result="fault"]`).Length() == 1
			if red != c.red || red != (got.doc().Find(".bar-fault").Length() == 1) ||
				red != (got.doc().Find(".row-alarm").Length() == 1) {
				t.Errorf("%s: red is %t", name, red)
			}
			if off := got.says("[data-difference]"); off != c.off {
				t.Errorf("%s: the row says %q", name, off)
			}
			if got.doc().Find("[data-expired]").Length() == 1 != c.imbalance.Expired {
				t.Errorf("%s: in the column of what expired there is %q", name, got.says("[data-expired]"))
			}
			for _, want := range c.says {
				if !strings.Contains(got.says("[data-imbalance]"), want) {
					t.Errorf("%s: it does not say %q: %s", name, want, got.says("[data-imbalance]"))
				}
			}
		})
	}
}

func TestLedgerShowsQueuedMessagesAndTheirExpiry(t *testing.T) {
	t.Parallel()
	depths := map[string]queue.Depth{
		"dlq": {
			Visible:   2,
			InFlight:  1,
			Retention: 4 * 24 * time.Hour,
		},
		"spool":    {Visible: 7, Oldest: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)},
		"stranded": {},
	}
	queueOf := func(name string, spool bool) desk.Queue {
		return desk.Queue{
			Name:  name,
			Holds: "in " + name,
			Spool: spool,
			Depth: func(context.Context) (queue.Depth, error) {
				d, ok := depths[name]
				if !ok {
					return d, errors.New("no answer")
				}
				return d, nil
			},
		}
	}
	var state ledger.State
	sent := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	left := []queue.Undeleted{
		{ID: "gone-0", SentAt: sent.Add(-90 * 24 * time.Hour)},
		{ID: "kept-1", SentAt: sent, Stored: true},
		{ID: "lost-2", SentAt: sent.Add(time.Hour)},
	}
	b := setup(t, func(d *console.Deps) {
		d.Queues = []desk.Queue{
			queueOf("dlq", false), queueOf("spool", true), queueOf("stranded", true), queueOf("gone", false),
		}
		d.Queues[0].Undeleted = func() []queue.Undeleted { return left }
		d.Ledger = func() ledger.State { return state }
	})
	anna := b.member(t, "anna", deadletter.Viewer)
	got := anna.get("/reconciliation")
	for _, want := range []string{
		"in dlq", "3", "4 days", "the oldest that were read", "in spool", "7",
		"2026-03-02 09:00:00 UTC", "never", "could not be read",
	} {
		if !strings.Contains(got.says(".queue-table"), want) {
			t.Errorf("there is no %q: %s", want, got.says(".queue-table"))
		}
	}
	for n, want := range []string{"kept-1 is on the desk, and its message waits to be deletedExpires2026-03-05 " +
		"08:00:00 UTC", "lost-2 could not be written to the store yetExpires2026-03-05 09:00:00 UTC"} {
		if row := strings.Join(strings.Fields(got.doc().Find(".undeleted-row").Eq(n).Text()), " "); row != want {
			t.Errorf("of a message on SQS it says %q", row)
		}
	}
	if strings.Contains(got.says(".queue-table"), "stranded") {
		t.Error("an empty spool is shown")
	}
	if !strings.Contains(got.says(".result"), "has not been checked yet") {
		t.Errorf("before the first check: %s", got.says(".result"))
	}
	state = ledger.State{At: b.clock.Now(), Unchecked: errors.New("SQS is away")}
	if got := anna.get("/reconciliation").
		says(".result"); !strings.Contains(got, "cannot be checked now") ||
		strings.Contains(got, "SQS is away") {
		t.Errorf("while a queue is away: %s", got)
	}
}

// checkedLedger is a ledger with the result of a check.
type checkedLedger struct {
	state ledger.State
	store *store.Store
}

func (b *checkedLedger) State() ledger.State { return b.state }

func (b *checkedLedger) Reload(ctx context.Context) error {
	acks, err := b.store.Acknowledgements(ctx, time.Time{})
	for n, i := range b.state.Imbalances {
		b.state.Imbalances[n].Ack = acks[i.Key()]
	}
	return err
}

func TestImbalanceIsAcknowledgedWithANote(t *testing.T) {
	t.Parallel()
	checked := &checkedLedger{}
	b := setup(t, func(d *console.Deps) {
		d.Ledger = checked.State
		withDesk(d, func(orders *desk.Deps) { orders.Ledger = checked })
	})
	checked.store = b.store
	hour := ledger.HourOf(b.clock.Now())
	checked.state = ledger.State{
		At: b.clock.Now(),
		Imbalances: []ledger.Imbalance{
			{Hour: hour, Source: "genesys", Stage: ledger.StageMessages, Missing: 3},
		},
	}
	b.recordCounts(t, "genesys", b.clock.Now(), ledger.Counts{Received: 9, Delivered: 5, Queued: 4})
	olga, vera := b.member(t, "olga", deadletter.Operator), b.member(t, "vera", deadletter.Viewer)
	path, ok := olga.get("/reconciliation").doc().Find("#imbalance-0-ack").Attr("href")
	if !ok {
		t.Fatal("there is no way to acknowledge it")
	}
	asked := olga.get(path)
	if !strings.Contains(asked.says("[data-imbalance]"), "3 messages are missing") {
		t.Errorf("it is asked of %q", asked.says("main"))
	}
	fields := asked.fields("form.acknowledge")
	send := func(p person, note string) answer {
		fields.Set("note", note)
		return p.post("/reconciliation/acknowledge", fields)
	}
	if a := vera.get(path); a.count("form.acknowledge button") != 0 ||
		!strings.Contains(a.says(".denied"), "A viewer may not") {
		t.Errorf("a viewer is shown %q", a.says("form"))
	}
	if a := send(vera, "I may not"); a.status != http.StatusForbidden {
		t.Errorf("a viewer is answered %d", a.status)
	}
	if a := send(olga, "  "); a.status != http.StatusUnprocessableEntity ||
		!strings.Contains(a.says("#note-fault"), "Say what you found out") {
		t.Errorf("without a note: %d %q", a.status, a.says("form"))
	}
	if a := send(olga, "Purged by <i>ops</i>: ticket 4711"); a.status != http.StatusSeeOther {
		t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	got := olga.get("/reconciliation")
	if got.count(".bar-fault") != 0 || got.count(".row-alarm") != 0 ||
		!strings.Contains(got.says(".result"), "except for acknowledged ones: 1 imbalance.") {
		t.Errorf("it is still red: %s", got.says(".result"))
	}
	if ack := got.says(
		"#acknowledged [data-ack]",
	); !strings.Contains(ack, "olga acknowledged this 2026-03-02 10:15:05 UTC") ||
		!strings.Contains(ack, "Purged by <i>ops</i>: ticket 4711") {
		t.Errorf("it says %q", ack)
	}
	if trail := olga.get("/audit?action=ledger.acknowledge").
		says("tbody, .audit"); !strings.Contains(trail, "olga acknowledged an imbalance of") ||
		!strings.Contains(trail, "ticket 4711") {
		t.Errorf("the trail says %q", trail)
	}
	checked.state.Imbalances[0].Missing = 4
	again := olga.get("/reconciliation")
	if again.count(".row-alarm") != 1 ||
		!strings.Contains(again.says("[data-ack]"), "olga acknowledged 3 of this hour") ||
		again.count("#imbalance-0-ack") != 1 {
		t.Errorf("when it is another amount: %s", again.says("[data-imbalance]"))
	}
	if a := send(olga, "the old one"); a.status != http.StatusConflict ||
		!strings.Contains(a.says("#note-fault"), "It was 3 when you looked and is 4 now") {
		t.Errorf("a form of before: %d %q", a.status, a.says("form"))
	}
	checked.state.Imbalances = nil
	if a := send(olga, "late"); a.status != http.StatusNotFound {
		t.Errorf("when it balances: %d", a.status)
	}
}
