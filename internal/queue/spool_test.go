package queue_test

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
)

// outage is an SQS queue that can be away, with a spool in front of it.
type outage struct {
	*queue.Spool
	direct *queue.SQS // the same queue, never away
	calls  *desktest.SQSProxy
	clock  *desktest.Clock
	away   atomic.Pointer[string] // the refusal of every call; nil: none
	file   *queue.File
}

func setupOutage(t *testing.T, name string) *outage {
	t.Helper()
	o := &outage{clock: desktest.NewClock(), file: openQueueFile(t)}
	var q *queue.SQS
	q, o.direct, o.calls = faulty(
		t,
		name,
		nil,
		func(w http.ResponseWriter, _ *http.Request, action string, _ int) bool {
			code := o.away.Load()
			if action != "SendMessageBatch" || code == nil {
				return false
			}
			desktest.Refuse(w, http.StatusBadRequest, *code)
			return true
		},
	)
	o.Spool = queue.NewSpool(q, queuesIn(o.file, o.clock.Now), "dlq", o.clock.Now, slog.New(slog.DiscardHandler))
	t.Cleanup(o.Close)
	return o
}

func queuesIn(file *queue.File, now func() time.Time) func(name string) *queue.Embedded {
	return func(name string) *queue.Embedded { return queue.NewEmbedded(file, name, queue.MaxEmbedded, now) }
}

func (o *outage) begin(code string) { o.away.Store(&code) }

func (o *outage) end() { o.away.Store(nil) }

// drain runs the drainer until the test ends.
func (o *outage) drain(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := o.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

func (o *outage) send(t *testing.T, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		ok(t, o.Send(t.Context(), []queue.Outgoing{{Body: []byte(body), DeduplicationID: body}}))
	}
}

func (o *outage) holds(t *testing.T, waiting, stranded int) queue.SpoolState {
	t.Helper()
	s, err := o.State(t.Context())
	if err != nil || s.Waiting.Visible != waiting || s.Stranded.Visible != stranded {
		t.Errorf("the spool holds %+v, want %d waiting and %d stranded; %v", s, waiting, stranded, err)
	}
	return s
}

// becomes waits until the spool is as it should be.
func (o *outage) becomes(t *testing.T, right func(queue.SpoolState) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	for look := time.NewTicker(time.Millisecond); ; {
		s, err := o.State(ctx)
		if err != nil {
			t.Fatalf("the spool holds %+v: %v", s, err)
		}
		if right(s) {
			look.Stop()
			return
		}
		<-look.C
	}
}

func bodiesOf(messages []queue.Message) string {
	var list []string
	for _, m := range messages {
		list = append(list, string(m.Body))
	}
	return strings.Join(list, " ")
}

// refusals are what a queue may answer while it cannot be used; none of them is tried again by the SDK.
func refusals() []string {
	return []string{"AccessDeniedException", "ExpiredTokenException", "QueueDoesNotExist"}
}

func TestUnconfirmedMessageIsSpooledAndMoved(t *testing.T) {
	t.Parallel()
	for _, code := range refusals() {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			o := setupOutage(t, "dlq")
			o.send(t, "before")
			o.begin(code)
			o.send(t, "1", "2", "3")
			state := o.holds(t, 3, 0)
			if state.Outage.Since != o.clock.Now() || !strings.Contains(state.Outage.Err.Error(), code) ||
				state.Waiting.Oldest != o.clock.Now() {
				t.Errorf("away since %v for %v", state.Outage.Since, state.Outage.Err)
			}
			o.end()
			o.drain(t)
			if got := bodiesOf(receiveAll(t, o.direct, 4)); got != "before 1 2 3" {
				t.Errorf("the queue has %s", got)
			}
			o.becomes(t, func(s queue.SpoolState) bool { return s.Outage.Err == nil && s.Waiting == queue.Depth{} })
		})
	}
}

func TestOneSenderAtATimeTriesAnUnavailableQueue(t *testing.T) {
	t.Parallel()
	o := setupOutage(t, "dlq")
	o.begin("AccessDeniedException")
	for range 20 {
		o.send(t, "x")
	}
	if n := o.calls.Counted("SendMessageBatch"); n != 1 {
		t.Errorf("%d webhooks of 20 waited for the queue", n)
	}
	o.clock.Add(time.Second)
	o.send(t, "x", "x")
	o.clock.Add(time.Second)
	o.send(t, "x")
	if n := o.calls.Counted("SendMessageBatch"); n != 2 {
		t.Errorf(
			"the queue was asked %d times, want once after a second and not again after another: the pause doubles",
			n,
		)
	}
	o.end()
	o.clock.Add(time.Second)
	o.send(t, "a", "b")
	if got := bodiesOf(receiveAll(t, o.direct, 2)); got != "a b" && got != "b a" {
		t.Errorf("once it is back the queue has %s", got)
	}
}

func TestConfirmationTimeIsShort(t *testing.T) {
	t.Parallel()
	hanging, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	q, _, _ := faulty(t, "dlq", nil, func(_ http.ResponseWriter, r *http.Request, action string, _ int) bool {
		if action != "SendMessageBatch" {
			return false
		}
		once.Do(func() { close(hanging) })
		select {
		case <-r.Context().Done():
		case <-release:
		}
		return true
	})
	defer close(release)
	spool := queue.NewSpool(q, queuesIn(openQueueFile(t), time.Now), "dlq", time.Now, slog.New(slog.DiscardHandler))
	defer spool.Close()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	ok(t, spool.Send(ctx, []queue.Outgoing{{Body: []byte("x")}}))
	<-hanging
	if state, err := spool.State(ctx); err != nil || state.Waiting.Visible != 1 || state.Outage.Err == nil {
		t.Errorf("the spool holds %+v, %v", state, err)
	}
}

func TestMessageRefusedByTheQueueIsReadFromTheSpool(t *testing.T) {
	t.Parallel()
	o := setupOutage(t, "dlq")
	large := strings.Repeat("x", o.MaxMessageBytes()+1)
	o.send(t, large, "small")
	o.begin("InvalidMessageContents")
	o.send(t, "illegal")
	o.holds(t, 0, 2)
	got := receiveAll(t, o.Stranded(), 2)
	if string(got[0].Body) != large || string(got[1].Body) != "illegal" {
		t.Errorf("stranded are %d and %d bytes", len(got[0].Body), len(got[1].Body))
	}
	if got := receiveOne(t, o.direct); string(got.Body) != "small" {
		t.Errorf("the queue has %s", got.Body)
	}
	o.begin("AccessDeniedException")
	o.send(t, "waits", large) // which need not wait for the queue to be back
	if state, err := o.State(t.Context()); err != nil || state.Waiting.Visible != 1 || state.Stranded.Visible != 1 {
		t.Errorf("while the queue is away the spool holds %+v, %v", state, err)
	}
}

func TestLaterRefusalDelaysNothing(t *testing.T) {
	t.Parallel()
	o := setupOutage(t, "dlq")
	o.begin("AccessDeniedException")
	o.send(t, "1")
	o.begin("InvalidMessageContents")
	o.drain(t)
	if got := receiveOne(t, o.Stranded()); string(got.Body) != "1" {
		t.Errorf("stranded is %s", got.Body)
	}
	o.becomes(t, func(s queue.SpoolState) bool { return s.Waiting == queue.Depth{} })
}

func TestNothingOvertakesOnAFIFOQueue(t *testing.T) {
	t.Parallel()
	o := setupOutage(t, "dlq.fifo")
	o.begin("AccessDeniedException")
	o.send(t, "1", "2")
	o.end()
	o.clock.Add(time.Minute)
	o.send(t, "3")
	o.holds(t, 3, 0)
	o.drain(t)
	for _, want := range []string{"1", "2", "3"} {
		got := receiveOne(t, o.direct)
		ok(t, o.direct.Delete(t.Context(), []queue.Message{got}))
		if string(got.Body) != want {
			t.Errorf("the queue has %s where %s belongs", got.Body, want)
		}
	}
}

func TestSpoolOutlivesTheProgram(t *testing.T) {
	t.Parallel()
	o := setupOutage(t, "dlq")
	path := filepath.Join(t.TempDir(), "spool.db")
	open := func() (*queue.Spool, *queue.File) {
		file, err := queue.OpenFile(t.Context(), path, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return queue.NewSpool(o.direct, queuesIn(file, time.Now), "dlq", time.Now, slog.New(slog.DiscardHandler)), file
	}
	gone, err := queue.NewSQS(
		t.Context(), "https://sqs.eu-central-1.amazonaws.com/000000000000/dlq", "",
		desktest.AWS("http://127.0.0.1:1"),
	)
	if err != nil {
		t.Fatal(err)
	}
	file, err := queue.OpenFile(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	first := queue.NewSpool(gone, queuesIn(file, time.Now), "dlq", time.Now, slog.New(slog.DiscardHandler))
	ok(t, first.Send(t.Context(), []queue.Outgoing{{Body: []byte("kept")}}))
	first.Close()
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	second, file := open()
	defer func() { _ = file.Close() }()
	defer second.Close()
	(&outage{Spool: second}).drain(t)
	if got := receiveOne(t, o.direct); string(got.Body) != "kept" {
		t.Errorf("the queue has %s", got.Body)
	}
}

func TestFullSpoolIsReported(t *testing.T) {
	t.Parallel()
	o := setupOutage(t, "dlq")
	if err := o.file.Limit(t.Context(), 1<<20); err != nil {
		t.Fatal(err)
	}
	o.begin("AccessDeniedException")
	body := strings.Repeat("x", 100<<10)
	var errs []error
	for range 12 {
		errs = append(errs, o.Send(t.Context(), []queue.Outgoing{{Body: []byte(body)}})...)
	}
	full := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	if full < 5 || !strings.Contains(errs[full].Error(), "AccessDenied") ||
		!strings.Contains(errs[full].Error(), "could not be stored on disk") {
		t.Fatalf("of 12 messages of 100 KiB in 1 MiB: %v", errs)
	}
	o.holds(t, full, 0)
	o.end()
	o.drain(t)
	receiveAll(t, o.direct, full)
	o.becomes(t, func(s queue.SpoolState) bool { return s.Outage.Err == nil && s.Waiting == queue.Depth{} })
	o.begin("AccessDeniedException")
	o.send(t, body)
}
