package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/ingest"
	"dlqdesk/internal/memory"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// childFolder names, in the environment, the folder that a child process of this test works on.
const childFolder = "DLQDESK_TEST_INGEST_FOLDER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(childFolder); folder != "" {
		os.Exit(ingestAndHang(folder))
	}
	os.Exit(m.Run())
}

type bundle struct {
	*ingest.Ingest
	queue *queue.Embedded
	store *store.Store
	clock *desktest.Clock
}

var settings = ingest.Settings{Retry: map[string]deadletter.RetryPolicy{"genesys": desktest.Policy()}}

func setup(t *testing.T, s ingest.Settings) bundle {
	t.Helper()
	file, err := queue.OpenFile(t.Context(), filepath.Join(t.TempDir(), "queue.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	b := bundle{store: desktest.NewStore(t), clock: desktest.NewClock()}
	b.queue = queue.NewEmbedded(file, "dlq", 1<<20, b.clock.Now)
	b.Ingest = newIngest(b.queue, b.store, s, b.clock, desktest.Log(t))
	return b
}

// newDeps returns the parts of an ingest that no test of it changes, without a log.
func newDeps(q ingest.Queue, s *store.Store, with ingest.Settings, now func() time.Time) ingest.Deps {
	return ingest.Deps{
		Queue:        q,
		Store:        s,
		Settings:     desktest.Always(with),
		Arrived:      func() {},
		UnpackMemory: memory.NewBudget(ingest.UnpackBudget),
		Undeleted:    &ingest.Undeleted{},
		Now:          now,
		Random:       func() float64 { return 0.5 },
		Log:          slog.New(slog.DiscardHandler),
	}
}

func newIngest(
	q ingest.Queue, s *store.Store, with ingest.Settings, clock *desktest.Clock, log *slog.Logger,
) *ingest.Ingest {
	d := newDeps(q, s, with, clock.Now)
	d.Log = log
	return ingest.New(d)
}

func (b bundle) send(t *testing.T, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if err := b.queue.Send(t.Context(), []queue.Outgoing{{Body: []byte(body)}})[0]; err != nil {
			t.Fatal(err)
		}
	}
}

func encode(t *testing.T, c deadletter.Capture) string {
	t.Helper()
	text, err := envelope.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (b bundle) once(t *testing.T) int {
	t.Helper()
	n, err := b.Once(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// isEmpty proves that nothing is left on the queue, hidden or not.
func (b bundle) isEmpty(t *testing.T) {
	t.Helper()
	if d, err := b.queue.Depth(t.Context()); err != nil || d.Visible+d.InFlight != 0 {
		t.Errorf("the queue holds %+v, %v", d, err)
	}
}

func TestMessageAndFirstAttemptAreStoredBeforeDeletion(t *testing.T) {
	t.Parallel()
	b := setup(t, settings)
	b.send(
		t, encode(t, desktest.Failure("a-1", 503, b.clock.Now())),
		encode(t, desktest.Failure("b-2", 422, b.clock.Now())),
	)
	if n := b.once(t); n != 2 {
		t.Errorf("%d messages were moved", n)
	}
	transient, permanent := desktest.Message(t, b.store, "a-1"), desktest.Message(t, b.store, "b-2")
	if transient.Status != deadletter.Retrying || !transient.DueAt.After(b.clock.Now()) ||
		permanent.Status != deadletter.Failed {
		t.Errorf("messages are %s due %s, and %s", transient.Status, transient.DueAt, permanent.Status)
	}
	attempts, err := b.store.Attempts(t.Context(), "a-1")
	if err != nil || len(attempts) != 1 || attempts[0].StatusCode != 503 || !attempts[0].Done {
		t.Errorf("attempts %+v, %v", attempts, err)
	}
	b.isEmpty(t)
}

func TestEventsAreDeduplicatedAsConfigured(t *testing.T) {
	t.Parallel()
	s := settings
	s.DefaultSource = "genesys"
	byID := payload.Dedup{Path: payload.Path{"id"}, Window: time.Hour}
	s.Dedup = map[string]payload.Dedup{"genesys": byID, "cxone": {}}
	b := setup(t, s)
	// Another program's envelopes name no event: the source's place of the id is looked at.
	const from = `{"messageId":"%s","timestamp":"2026-03-02T10:15:05Z","originalPayload":{"id":"evt-1"},` +
		`"originalHeaders":{},"errorReason":"","retryCount":0}`
	b.send(t, fmt.Sprintf(from, "m-1"), fmt.Sprintf(from, "m-2"))
	unwatched, again := desktest.Failure("a-1", 422, b.clock.Now()), desktest.Failure("b-2", 422, b.clock.Now())
	unwatched.Source, again.Source, again.WebhookID = "cxone", "cxone", unwatched.WebhookID
	b.send(t, encode(t, unwatched), encode(t, again))
	b.once(t)
	if l := desktest.Message(t, b.store, "m-1"); l.Arrivals != 2 || l.WebhookID != "evt-1" {
		t.Errorf("one event arrived %d times as %q", l.Arrivals, l.WebhookID)
	}
	for _, id := range []deadletter.ID{"a-1", "b-2"} {
		t.Run(string(id), func(t *testing.T) {
			if l := desktest.Message(t, b.store, id); l.Arrivals != 1 {
				t.Errorf("%s of a source that tells no events apart arrived %d times", id, l.Arrivals)
			}
		})
	}
}

const interchange = `{"messageId":"m-1","timestamp":"2026-03-02T10:15:05Z","originalPayload":{"id": ` +
	`1},"originalHeaders":{"content-type":"application/json"},` +
	`"errorReason":"HTTP 503","retryCount":%d}`

func TestMessagesOfOtherProgramsAreStored(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source  string
		retries int
		want    deadletter.Status
	}{
		"no default source":     {"", 0, deadletter.Failed},
		"default source":        {"genesys", 0, deadletter.Retrying},
		"all attempts are made": {"genesys", 4, deadletter.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with := settings
			with.DefaultSource = c.source
			b := setup(t, with)
			b.send(t, fmt.Sprintf(interchange, c.retries), "no envelope at all")
			if n := b.once(t); n != 2 {
				t.Errorf("%d messages were moved", n)
			}
			l := desktest.Message(t, b.store, "m-1")
			body, err := b.store.Revision(t.Context(), "m-1", 0)
			if err != nil || l.Status != c.want || l.Source != c.source || string(body.Body) != `{"id": 1}` {
				t.Errorf("message %s of %q with %s, %v", l.Status, l.Source, body.Body, err)
			}
			page, err := b.store.Messages(t.Context(), store.MessageQuery{Limit: 10})
			if err != nil || len(page.Items) != 2 {
				t.Fatalf("%d messages, %v", len(page.Items), err)
			}
			for _, l := range page.Items {
				if l.Queue.Form == envelope.FormForeign && l.Status != deadletter.Failed {
					t.Errorf("a foreign message is %s: only a person can tell", l.Status)
				}
			}
			b.isEmpty(t)
		})
	}
}

func TestFailingStoreLosesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, settings)
	b.send(t, encode(t, desktest.Failure("a-1", 503, b.clock.Now())))
	closed, err := store.Open(
		t.Context(), filepath.Join(t.TempDir(), "desk.db"), desktest.Key(), slog.New(slog.DiscardHandler),
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := newIngest(b.queue, closed, settings, b.clock, desktest.Log(t)).Once(t.Context(), 0); n != 0 ||
		err == nil {
		t.Errorf("%d messages were moved, %v", n, err)
	}
	// It was released: it is visible before its visibility ends.
	if n := b.once(t); n != 1 {
		t.Errorf("%d messages were moved", n)
	}
	desktest.Message(t, b.store, "a-1")
}

// hanging is a queue whose Delete is never reached by the process that was killed.
type hanging struct{ *queue.Embedded }

func (h hanging) Delete(ctx context.Context, _ []queue.Message) []error {
	fmt.Println("committed")
	<-ctx.Done()
	return []error{ctx.Err()}
}

// ingestAndHang is the child: it commits a message and stops right before the message would be deleted.
func ingestAndHang(folder string) int {
	ctx := context.Background()
	s, err := store.Open(ctx, filepath.Join(folder, "desk.db"), desktest.Key(), slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	file, err := queue.OpenFile(ctx, filepath.Join(folder, "queue.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	clock := desktest.NewClock()
	q := hanging{queue.NewEmbedded(file, "dlq", 1<<20, clock.Now)}
	_, err = newIngest(q, s, settings, clock, slog.New(slog.DiscardHandler)).Once(ctx, 0)
	fmt.Println(err)
	return 1
}

func TestKillBetweenCommitAndDeleteMakesNoSecondMessage(t *testing.T) {
	t.Parallel()
	folder, clock := t.TempDir(), desktest.NewClock()
	file, err := queue.OpenFile(t.Context(), filepath.Join(folder, "queue.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	message := queue.Outgoing{Body: []byte(encode(t, desktest.Failure("a-1", 422, clock.Now())))}
	if err := errors.Join(
		queue.NewEmbedded(file, "dlq", 1<<20, clock.Now).Send(t.Context(), []queue.Outgoing{message})...); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	killOnceCommitted(t, folder)

	b := bundle{clock: clock}
	if b.store, err = store.Open(
		t.Context(), filepath.Join(folder, "desk.db"), desktest.Key(), slog.New(slog.DiscardHandler),
	); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.store.Close() })
	if file, err = queue.OpenFile(
		t.Context(), filepath.Join(folder, "queue.db"), slog.New(slog.DiscardHandler),
	); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	b.queue = queue.NewEmbedded(file, "dlq", 1<<20, clock.Now)
	b.Ingest = newIngest(b.queue, b.store, settings, clock, desktest.Log(t))
	clock.Add(time.Hour) // past the visibility timeout: the message comes again
	if n := b.once(t); n != 1 {
		t.Fatalf("%d messages came again", n)
	}
	page, err := b.store.Messages(t.Context(), store.MessageQuery{Limit: 10})
	if err != nil || len(page.Items) != 1 || page.Items[0].Arrivals != 2 {
		t.Errorf("messages %+v, %v", page.Items, err)
	}
	if r, err := b.store.VerifyAudit(t.Context()); err != nil || r.Events != 2 {
		t.Errorf("audit trail of %d events, %v", r.Events, err)
	}
	b.isEmpty(t)
}

// killOnceCommitted lets a child process ingest, and kills it the moment that its message is committed.
func killOnceCommitted(t *testing.T, folder string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childFolder+"="+folder)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 256)
	n, err := out.Read(said)
	if err != nil && !errors.Is(err, io.EOF) || !strings.HasPrefix(string(said[:n]), "committed") {
		t.Errorf("the child says %q, %v", said[:n], err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed, which is an error
}

// The reason that another program gives is shown and searched, so it has none of its webhook's secrets either.
func TestReasonOfAnotherProgramHasNoSecret(t *testing.T) {
	t.Parallel()
	path, err := payload.ParsePath("$.ssn")
	if err != nil {
		t.Fatal(err)
	}
	b := setup(
		t,
		ingest.Settings{
			DefaultSource: "genesys",
			Masks:         desktest.Masks("genesys", redact.Options{Paths: []payload.Path{path}}),
		},
	)
	b.send(
		t,
		`{"messageId":"c0ffee00-1111-4222-8333-444455556666","timestamp":"2026-03-02T10:15:05Z",`+
			`"originalPayload":{"ssn":"078-05-1120"},`+
			`"originalHeaders":{"authorization":"Bearer s3cret-token"},"errorReason":"s3cret-token may not `+
			`write 078-05-1120","retryCount":0}`,
	)
	b.once(t)
	if got := desktest.Message(
		t, b.store, "c0ffee00-1111-4222-8333-444455556666",
	).Reason; got != "••• may not write •••" {
		t.Errorf("the reason is %q", got)
	}
}
