package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/ingest"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/memory"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/receiver"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// house is a receiver with its ledger, and the way to the store, step by step.
type house struct {
	t               *testing.T
	clock           *desktest.Clock
	store           *store.Store
	dlq, processing *queue.Embedded
	forgets         bool                       // to save what was processed
	clings          *desktest.UndeletableQueue // what is processed
	doubtful        *doubtful
	destination     *desktest.Destination
	run             run
}

// run is one life of the program.
type run struct {
	recorder  *ledger.Recorder
	checker   *ledger.Checker
	processor *receiver.Processor
	url       string
}

// counts is the ledger of the receiver.
type counts struct {
	*ledger.Recorder
	forgets *bool // to save
}

func (a counts) Save(ctx context.Context) error {
	if *a.forgets {
		return nil
	}
	return a.Recorder.Save(ctx)
}

func (counts) Answered(string, telemetry.Answer) {}

const settle = 2 * time.Minute

func setup(t *testing.T) *house {
	t.Helper()
	file, err := queue.OpenFile(t.Context(), filepath.Join(t.TempDir(), "queue.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	h := &house{t: t, clock: desktest.NewClock(), store: desktest.NewStore(t), destination: desktest.NewDestination(t)}
	h.dlq, h.processing = queue.NewEmbedded(file, "dlq", 1<<20, h.clock.Now), queue.NewEmbedded(
		file, "processing", 1<<20, h.clock.Now,
	)
	h.clings = &desktest.UndeletableQueue{Embedded: h.processing}
	h.doubtful = &doubtful{Embedded: h.dlq}
	h.begin()
	return h
}

// begin starts the program, whatever became of it before.
func (h *house) begin() {
	h.t.Helper()
	log := desktest.Log(h.t)
	recorder, err := ledger.Begin(h.t.Context(), h.store, h.clock.Now, log)
	if err != nil {
		h.t.Fatal(err)
	}
	client := delivery.NewClient(h.t.Context(), time.Now)
	h.t.Cleanup(client.Close)
	to := delivery.Destination{Source: "genesys", URL: h.destination.URL, Timeout: 5 * time.Second}
	r := receiver.New(receiver.Deps{
		Sources: desktest.Always([]receiver.Source{
			{Name: "genesys", Destination: to, MaxBody: 1 << 10},
			{Name: "later", Destination: to, MaxBody: 1 << 10, Buffered: true},
			{Name: "shared", Destination: to, MaxBody: 1 << 10, Buffered: true, Shared: true},
		}),
		Sender:     client,
		DLQ:        h.doubtful,
		Processing: h.processing,
		Ledger:     counts{recorder, &h.forgets},
		Now:        h.clock.Now,
		Log:        log,
	})
	server := httptest.NewServer(r.Handler())
	h.t.Cleanup(server.Close)
	settings := ledger.Settings{DLQ: waiting(h.dlq, 0), Processing: waiting(h.processing, 0), Settle: settle}
	h.run = run{
		recorder, ledger.NewChecker(h.store, recorder, settings, h.clock.Now, log),
		receiver.NewProcessor(r, h.clings), server.URL,
	}
}

// end stops the program properly.
func (h *house) end() {
	h.t.Helper()
	if err := h.run.recorder.End(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

func waiting(q *queue.Embedded, retention time.Duration) ledger.CountWaiting {
	return func(ctx context.Context) (ledger.Waiting, error) {
		d, err := q.Depth(ctx)
		return ledger.Waiting{Messages: d.Total(), Retention: retention}, err
	}
}

// post sends webhooks, which the handler answers with a code.
func (h *house) post(source string, n, code int, headers ...string) {
	h.t.Helper()
	h.destination.Set(desktest.Answer(code, ""))
	for range n {
		req, err := http.NewRequestWithContext(
			h.t.Context(), http.MethodPost, h.run.url+"/webhooks/"+source, strings.NewReader(`{}`),
		)
		if err != nil {
			h.t.Fatal(err)
		}
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			h.t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			h.t.Fatalf("a webhook is answered %s", answer.Status)
		}
	}
}

// ingest moves every message that waits into the store.
func (h *house) ingest() {
	h.t.Helper()
	h.ingestWith(h.dlq)
}

func (h *house) ingestWith(q ingest.Queue) {
	h.t.Helper()
	in := ingest.New(ingest.Deps{
		Queue:        q,
		Store:        h.store,
		Settings:     desktest.Always(ingest.Settings{DefaultSource: "genesys"}),
		Arrived:      func() {},
		UnpackMemory: memory.NewBudget(ingest.UnpackBudget),
		Undeleted:    &ingest.Undeleted{},
		Now:          h.clock.Now,
		Random:       func() float64 { return 0 },
		Log:          desktest.Log(h.t),
	})
	for {
		n, err := in.Once(h.t.Context(), 0)
		if err != nil {
			h.t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// process delivers every buffered webhook that waits.
func (h *house) process() {
	h.t.Helper()
	if err := h.run.processor.Once(h.t.Context(), 0); err != nil {
		h.t.Fatal(err)
	}
}

// take removes a message from a queue, as another program would.
func (h *house) take(q *queue.Embedded) queue.Message {
	h.t.Helper()
	m, err := q.Receive(h.t.Context(), 1, 0)
	if err != nil || len(m) != 1 {
		h.t.Fatalf("%d messages to take, %v", len(m), err)
	}
	if err := errors.Join(q.Delete(h.t.Context(), m)...); err != nil {
		h.t.Fatal(err)
	}
	return m[0]
}

// verdict is what the checker says once everything has had its time.
func (h *house) verdict() []ledger.Imbalance {
	h.t.Helper()
	if err := h.run.recorder.Save(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	for range 3 {
		h.run.checker.Once(h.t.Context())
		h.clock.Add(settle)
	}
	state := h.run.checker.State()
	if state.Unchecked != nil {
		h.t.Fatal(state.Unchecked)
	}
	return state.Imbalances
}

func (h *house) balances() {
	h.t.Helper()
	for _, i := range h.verdict() {
		h.t.Errorf("%d of %s of %s are missing (%s)", i.Missing, i.Source, i.Hour, i.Stage)
	}
}

// line returns the line of an hour.
func (h *house) line(source string, at time.Time) ledger.Line {
	h.t.Helper()
	p, err := h.store.Ledger(h.t.Context(), store.LedgerQuery{Source: source, Rows: 100})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, l := range p.Lines {
		if l.Hour.Equal(ledger.HourOf(at)) {
			return l
		}
	}
	h.t.Fatalf("there is no line of %s at %s in %+v", source, at, p.Lines)
	return ledger.Line{}
}

func TestEveryWebhookIsAccountedForByItsHour(t *testing.T) {
	t.Parallel()
	h := setup(t)
	first := h.clock.Now()
	h.post("genesys", 3, http.StatusOK)
	h.post("genesys", 2, http.StatusServiceUnavailable)
	h.clock.Add(time.Hour)
	h.post("genesys", 1, http.StatusUnprocessableEntity)
	h.balances() // all three wait
	if l := h.line("genesys", first); l.Received != 5 || l.Delivered != 3 || l.Queued != 2 || l.Arrived != 0 ||
		l.Unsettled() != 2 {
		t.Errorf("before they arrive: %+v", l)
	}
	h.ingest()
	h.balances()
	if l := h.line("genesys", first); l.Received != 5 || l.Arrived != 2 || l.Unsettled() != 0 ||
		l.Messages[deadletter.Failed] != 2 {
		t.Errorf("after they arrived: %+v", l)
	}
	if l := h.line("genesys", first.Add(time.Hour)); l.Received != 1 || l.Messages[deadletter.Failed] != 1 {
		t.Errorf("an hour later: %+v", l)
	}
}

// A failed webhook is on its way until it is in the store, whether its counts are saved or not, and after a restart. A
// lost one is not.
func TestWebhooksOnTheirWayAreCounted(t *testing.T) {
	t.Parallel()
	h := setup(t)
	want := func(n int) {
		t.Helper()
		if got, err := h.run.checker.OnTheirWay(t.Context()); got != n || err != nil {
			t.Errorf("%d are on their way, want %d, %v", got, n, err)
		}
	}
	want(0)
	h.post("genesys", 2, http.StatusOK)
	want(0)
	h.post("genesys", 3, http.StatusServiceUnavailable)
	want(3)
	if err := h.run.recorder.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(3)
	h.post("genesys", 1, http.StatusServiceUnavailable)
	want(4)
	h.ingest()
	want(0)
	h.post("genesys", 2, http.StatusServiceUnavailable)
	want(2)
	h.end()
	h.begin()
	want(2)
	h.take(h.dlq)
	if n := len(h.verdict()); n != 1 {
		t.Fatalf("%d imbalances", n)
	}
	want(1)
	h.ingest()
	want(0)
}

func TestMessageDeletedFromTheQueueIsMissingInItsHour(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.post("genesys", 2, http.StatusServiceUnavailable)
	h.ingest()
	h.clock.Add(time.Hour)
	lost := h.clock.Now()
	h.post("genesys", 3, http.StatusServiceUnavailable)
	h.take(h.dlq)
	h.ingest()
	if err := h.run.recorder.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.run.checker.Once(t.Context())
	h.clock.Add(settle / 2)
	h.run.checker.Once(t.Context())
	h.run.checker.Once(t.Context())
	if found := h.run.checker.State().Imbalances; len(found) != 0 {
		t.Errorf("a message that may be on its way is missing: %+v", found)
	}
	found := h.verdict()
	if len(found) != 1 || found[0].Missing != 1 || found[0].Source != "genesys" ||
		!found[0].Hour.Equal(ledger.HourOf(lost)) ||
		found[0].Stage != ledger.StageMessages ||
		found[0].Explained() ||
		found[0].Expired {
		t.Errorf("found %+v", found)
	}
}

// A message that comes after all makes the page right again.
func TestLateMessageIsNoLongerMissing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.post("genesys", 1, http.StatusServiceUnavailable)
	h.oneComesLate()
	h.ingest()
	h.balances()
}

// oneComesLate has a message be away from the queue for so long that it is missing, and then be there after all.
func (h *house) oneComesLate() {
	h.t.Helper()
	m := h.take(h.dlq)
	if found := h.verdict(); len(found) != 1 {
		h.t.Fatalf("found %+v", found)
	}
	if err := h.dlq.Send(h.t.Context(), []queue.Outgoing{{Body: m.Body}})[0]; err != nil {
		h.t.Fatal(err)
	}
	h.balances()
}

func TestRestartKeepsTheLedger(t *testing.T) {
	t.Parallel()
	h := setup(t)
	at := h.clock.Now()
	h.post("genesys", 2, http.StatusOK)
	h.post("genesys", 2, http.StatusServiceUnavailable)
	h.end()
	h.begin()
	h.post("genesys", 1, http.StatusOK)
	h.ingest()
	h.balances()
	if l := h.line("genesys", at); l.Received != 5 || l.Delivered != 3 || l.Arrived != 2 || l.Unsettled() != 0 {
		t.Errorf("after a restart: %+v", l)
	}
	h.post("genesys", 1, http.StatusServiceUnavailable)
	h.end()
	h.begin()
	h.take(h.dlq)
	if found := h.verdict(); len(found) != 1 || found[0].Missing != 1 {
		t.Errorf("what was lost between two runs: %+v", found)
	}
}

func TestBufferedWebhooksAreAccountedFor(t *testing.T) {
	t.Parallel()
	h := setup(t)
	at := h.clock.Now()
	h.post("later", 3, http.StatusOK)
	if l := h.afterSave("later", at); l.Received != 3 || l.Unsettled() != 3 {
		t.Errorf("while they wait: %+v", l)
	}
	h.balances()
	h.clock.Add(time.Hour)
	h.end()
	h.begin() // delivered by a later run, in a later hour
	h.process()
	h.post("later", 2, http.StatusServiceUnavailable)
	h.process()
	h.ingest()
	h.balances()
	if l := h.line("later", at); l.Received != 3 || l.Delivered != 3 || l.Unsettled() != 0 {
		t.Errorf("once they are delivered: %+v", l)
	}
	h.post("later", 2, http.StatusOK)
	h.take(h.processing)
	found := h.verdict()
	if len(found) != 1 || found[0].Missing != 1 || found[0].Stage != ledger.StageProcessing {
		t.Errorf("a webhook was taken off the processing queue: %+v", found)
	}
}

func (h *house) afterSave(source string, at time.Time) ledger.Line {
	h.t.Helper()
	if err := h.run.recorder.Save(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	return h.line(source, at)
}

// A run that is killed while it works on buffered webhooks has counted those which are gone from the queue.
func TestKilledRunCountsDeletionsFromTheProcessingQueue(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.post("later", 3, http.StatusOK)
	h.end()
	h.begin()
	h.process()
	h.begin()
	h.balances()
}

// Another process may deliver from a shared processing queue. Its deliveries are not in this ledger, and nothing is
// missing here.
func TestSharedProcessingQueueIsAccountedForByItsDeliverer(t *testing.T) {
	t.Parallel()
	h := setup(t)
	at := h.clock.Now()
	h.post("shared", 3, http.StatusOK)
	h.take(h.processing) // by another receiver
	h.process()
	h.balances()
	if l := h.line("shared", at); l.Received != 2 || l.Delivered != 2 {
		t.Errorf("delivered here: %+v", l)
	}
}

// twice is a queue that hands out each message twice.
type twice struct{ *queue.Embedded }

func (q twice) Delete(ctx context.Context, messages []queue.Message) []error {
	if messages[0].ReceiveCount == 1 {
		return q.Release(ctx, messages)
	}
	return q.Embedded.Delete(ctx, messages)
}

func TestRedeliveryIsNoSecondWebhook(t *testing.T) {
	t.Parallel()
	h := setup(t)
	at := h.clock.Now()
	h.post("genesys", 1, http.StatusServiceUnavailable, "Webhook-Id", "w-1")
	h.post("genesys", 1, http.StatusServiceUnavailable, "Webhook-Id", "w-1") // the platform sent it again
	h.ingestWith(twice{h.dlq})
	h.balances()
	if l := h.line("genesys", at); l.Received != 2 || l.Arrived != 2 || l.Repeated != 1 ||
		l.Messages[deadletter.Failed] != 1 {
		t.Errorf("two receipts of one webhook, each handed out twice: %+v", l)
	}
}

func TestMessagesOfOthersCountWhenTheyArrive(t *testing.T) {
	t.Parallel()
	h := setup(t)
	sent := h.clock.Now().Add(-3 * time.Hour)
	theirs := fmt.Sprintf(
		`{"messageId":"m-1","timestamp":%q,"originalPayload":{},"originalHeaders":{},"errorReason":"HTTP `+
			`503","retryCount":0}`,
		sent.Format(time.RFC3339),
	)
	for _, body := range []string{theirs, "no envelope"} {
		if err := h.dlq.Send(t.Context(), []queue.Outgoing{{Body: []byte(body)}})[0]; err != nil {
			t.Fatal(err)
		}
	}
	h.ingest()
	h.balances()
	if l := h.line("genesys", sent); l.Received != 1 || l.Unsettled() != 0 || l.Messages[deadletter.Failed] != 1 {
		t.Errorf("another receiver's message: %+v", l)
	}
}

func TestMessagesMoveFromStatusToStatus(t *testing.T) {
	t.Parallel()
	h := setup(t)
	at := h.clock.Now()
	h.post("genesys", 3, http.StatusUnprocessableEntity)
	h.ingest()
	p, err := h.store.Messages(t.Context(), store.MessageQuery{Limit: 10})
	if err != nil || len(p.Items) != 3 {
		t.Fatalf("%d messages, %v", len(p.Items), err)
	}
	anna := deadletter.Actor{Kind: deadletter.ActorUser, Name: "anna"}
	err = h.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		archived, err := p.Items[0].Archive(anna, "a test", 0, h.clock.Now())
		if err != nil {
			return err
		}
		ordered, err := p.Items[1].Replay(anna, deadletter.TriggerReplay, 0, 0, h.clock.Now())
		if err != nil {
			return err
		}
		return errors.Join(tx.Apply(ctx, archived), tx.Apply(ctx, ordered))
	})
	if err != nil {
		t.Fatal(err)
	}
	h.balances()
	l := h.line("genesys", at)
	if l.Messages[deadletter.Failed] != 1 || l.Messages[deadletter.Archived] != 1 ||
		l.Messages[deadletter.Replaying] != 1 {
		t.Errorf("messages stand %v", l.Messages)
	}
}

// If the depth of a queue is unknown, the last result of the check stays.
func TestQueueOfUnknownDepthGivesNoVerdict(t *testing.T) {
	t.Parallel()
	h := setup(t)
	away := false
	messages := func(ctx context.Context) (ledger.Waiting, error) {
		if away {
			return ledger.Waiting{}, errors.New("SQS is away")
		}
		return waiting(h.dlq, 4*24*time.Hour)(ctx)
	}
	h.run.checker = ledger.NewChecker(
		h.store, h.run.recorder, ledger.Settings{DLQ: messages, Settle: settle}, h.clock.Now,
		desktest.Log(h.t),
	)
	h.post("genesys", 1, http.StatusServiceUnavailable)
	h.take(h.dlq)
	if found := h.verdict(); len(found) != 1 || found[0].Expired {
		t.Fatalf("found %+v", found)
	}
	away = true
	h.run.checker.Once(t.Context())
	if state := h.run.checker.State(); state.Unchecked == nil || len(state.Imbalances) != 1 {
		t.Errorf("while SQS is away: %+v", state)
	}
	away = false
	h.clock.Add(5 * 24 * time.Hour)
	if found := h.verdict(); len(found) != 1 || found[0].Expired {
		t.Errorf("after the queue's retention, which what was missing before did not reach: %+v", found)
	}
}

const kept = 4 * 24 * time.Hour

// forgetful has a checker of a queue that keeps a message for some days.
func forgetful(t *testing.T) *house {
	t.Helper()
	h := setup(t)
	h.checks()
	return h
}

// checks begins a new checker, as a restart does.
func (h *house) checks() {
	settings := ledger.Settings{DLQ: waiting(h.dlq, kept), Settle: settle}
	h.run.checker = ledger.NewChecker(h.store, h.run.recorder, settings, h.clock.Now, desktest.Log(h.t))
}

// A message that was on the queue until its retention ended has expired. One that went missing before did not,
// and a restart does not change what is known of it.
func TestExpiredMessagesAreNotMissing(t *testing.T) {
	t.Parallel()
	h := forgetful(t)
	h.post("genesys", 3, http.StatusServiceUnavailable)
	h.take(h.dlq)
	if found := h.verdict(); len(found) != 1 || found[0].Missing != 1 || found[0].Expired {
		t.Fatalf("taken off the queue: %+v", found)
	}
	h.checks()
	h.clock.Add(kept)
	h.take(h.dlq)
	h.take(h.dlq)
	found := h.verdict()
	if len(found) != 2 || found[0].Missing+found[1].Missing != 3 || found[0].Expired == found[1].Expired {
		t.Fatalf("after the queue's retention: %+v", found)
	}
	for _, i := range found {
		if want := map[bool]int{true: 2, false: 1}[i.Expired]; i.Missing != want {
			t.Errorf("%d, expired %t, want %d", i.Missing, i.Expired, want)
		}
	}
}

// An acknowledged imbalance is no alarm until its amount changes.
func TestAcknowledgedImbalanceIsNoAlarmUntilItChanges(t *testing.T) {
	t.Parallel()
	h := forgetful(t)
	h.post("genesys", 3, http.StatusServiceUnavailable)
	h.take(h.dlq)
	found := h.verdict()
	if len(found) != 1 {
		t.Fatalf("found %+v", found)
	}
	anna := deadletter.User("anna", deadletter.Operator, "")
	ack, event, err := found[0].Acknowledge(anna, 1, "ticket 4711", h.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.Acknowledge(ctx, found[0].Key(), ack, event)
	}); err != nil {
		t.Fatal(err)
	}
	if err := h.run.checker.Reload(t.Context()); err != nil || len(h.run.checker.State().Wrong()) != 0 ||
		len(h.run.checker.State().Acknowledged()) != 1 {
		t.Errorf("at once: %+v, %v", h.run.checker.State(), err)
	}
	h.checks()
	h.verdict()
	if state := h.run.checker.State(); len(state.Wrong()) != 0 || len(state.Acknowledged()) != 1 ||
		state.Imbalances[0].Ack.Note != "ticket 4711" {
		t.Errorf("after a restart: %+v", state)
	}
	h.take(h.dlq)
	h.verdict()
	if wrong := h.run.checker.State().Wrong(); len(wrong) != 1 || wrong[0].Missing != 2 || wrong[0].Ack.Amount != 1 {
		t.Errorf("when another one is missing: %+v", wrong)
	}
}

// A clock that is set back takes no webhook out of the hour that it was counted in.
func TestClockSetBackLosesNothing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.clock.Add(90 * time.Minute)
	h.post("genesys", 1, http.StatusServiceUnavailable)
	h.post("later", 1, http.StatusOK)
	h.clock.Add(-time.Hour)
	h.post("genesys", 1, http.StatusServiceUnavailable)
	h.process()
	h.ingest()
	h.balances()
}
