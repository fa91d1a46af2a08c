package desk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

type bundle struct {
	*desk.Desk
	store *store.Store
	clock *desktest.Clock
	kicks chan struct{}
	probe chan struct{}
	waits *atomic.Bool    // whether the circuit breaker makes retries wait
	ctx   context.Context // of the test
}

func setup(t *testing.T) bundle {
	t.Helper()
	path, err := payload.ParsePath("$.customer.ssn")
	if err != nil {
		t.Fatal(err)
	}
	b := bundle{
		store: desktest.NewStore(t),
		clock: desktest.NewClock(),
		kicks: make(chan struct{}, 100),
		probe: make(chan struct{}, 1),
		waits: new(atomic.Bool),
		ctx:   t.Context(),
	}
	genesys := desk.Source{Name: "genesys", Probe: func() { b.probe <- struct{}{} }, Waits: b.waits.Load}
	masks := desktest.Masks("genesys", redact.Options{Headers: []string{"X-Tenant"}, Paths: []payload.Path{path}})
	b.Desk = desk.New(desk.Deps{
		Store:   b.store,
		Sources: desktest.Always([]desk.Source{genesys}),
		Masks:   desktest.Always(masks),
		Origins: map[string]desk.Origin{"orders": ordersQueue{}},
		Kick:    func() { b.kicks <- struct{}{} },
		Now:     b.clock.Now,
	})
	return b
}

func (b bundle) receive(t *testing.T, id string, change func(*deadletter.Capture)) deadletter.Message {
	t.Helper()
	c := desktest.Failure(id, 422, b.clock.Now())
	if change != nil {
		change(&c)
	}
	return desktest.Receive(t, b.store, c)
}

// ordersQueue is the queue that the messages of a DLQ go back to.
type ordersQueue struct{}

func (ordersQueue) To(deadletter.Message) (string, error) { return "https://sqs.example/1/orders", nil }

func ref(m deadletter.Message) desk.Ref { return desk.Ref{ID: m.ID, Version: m.Version} }

var (
	anna  = deadletter.User("anna", deadletter.Operator, "192.0.2.7")
	bert  = deadletter.User("bert", deadletter.Operator, "192.0.2.8")
	vera  = deadletter.User("vera", deadletter.Viewer, "192.0.2.9")
	noone = deadletter.Actor{}
)

func TestReplayRequestsADeliveryAndWakesTheWorker(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", nil)
	if _, err := b.Replay(t.Context(), anna, ref(m), desk.SendCommand{}); err != nil {
		t.Fatal(err)
	}
	got := desktest.Message(t, b.store, "a-1")
	if got.Status != deadletter.Replaying || !got.DueAt.Equal(b.clock.Now()) || got.Request.By != "anna" ||
		got.Request.Trigger != deadletter.TriggerReplay {
		t.Errorf("message %+v", got)
	}
	if len(b.kicks) != 1 {
		t.Errorf("the worker was kicked %d times", len(b.kicks))
	}
}

func TestOneOfManySimultaneousReplaysWins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", nil)
	errs := make([]error, 16)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { _, errs[i] = b.Replay(t.Context(), anna, ref(m), desk.SendCommand{}) })
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case deadletter.KindOf(err) != deadletter.Conflict || !strings.Contains(
			deadletter.TextOf(err), "already replayed by anna",
		):
			t.Errorf("a loser is told %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d replays were ordered, want 1", won)
	}
}

func TestStaleVersionIsAConflictThatNamesWhoActed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", nil)
	if _, err := b.Archive(t.Context(), anna, ref(m), "known fault"); err != nil {
		t.Fatal(err)
	}
	b.clock.Add(3e9)
	for name, order := range orders() {
		if name == "redrive" || name == "edit and redrive" {
			continue // it came from no queue
		}
		_, err := order(b, bert, ref(m), input{})
		if deadletter.KindOf(err) != deadletter.Conflict ||
			!strings.Contains(deadletter.TextOf(err), "archived by anna 3 s ago") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestViewerChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", nil)
	refs := []desk.Ref{ref(m)}
	draft, archived := b.draft(t, deadletter.ActReplay, refs...), b.draft(t, deadletter.ActArchive, refs...)
	b.start(t, archived, deadletter.JobInput{Reason: "known fault"})
	for _, who := range []struct {
		actor deadletter.Actor
		want  deadletter.Kind
	}{{vera, deadletter.Forbidden}, {noone, deadletter.Unauthenticated}} {
		t.Run(fmt.Sprint(who.want), func(t *testing.T) {
			freeze := func(a deadletter.Action) error {
				_, selected := b.FreezeSelected(t.Context(), who.actor, a, refs)
				_, matching := b.FreezeMatching(t.Context(), who.actor, a, store.Filter{}, "")
				return errors.Join(selected, matching)
			}
			_, undo := b.UndoArchive(t.Context(), who.actor, archived)
			for name, order := range orders() {
				if _, err := order(b, who.actor, ref(m), input{}); deadletter.KindOf(err) != who.want {
					t.Errorf("%s by %q: %v", name, who.actor.Role, err)
				}
			}
			for name, err := range map[string]error{
				"replay many":  freeze(deadletter.ActReplay),
				"patch many":   freeze(deadletter.ActEdit),
				"archive many": freeze(deadletter.ActArchive),
				"restore many": freeze(deadletter.ActRestore),
				"start":        b.StartJob(t.Context(), who.actor, draft, deadletter.JobInput{}),
				"pause":        b.PauseJob(t.Context(), who.actor, archived),
				"resume":       b.ResumeJob(t.Context(), who.actor, archived, ""),
				"cancel":       b.CancelJob(t.Context(), who.actor, archived),
				"undo":         undo,
			} {
				if deadletter.KindOf(err) != who.want {
					t.Errorf("%s by %q: %v", name, who.actor.Role, err)
				}
			}
		})
	}
	if got := desktest.Message(t, b.store, "a-1"); got.Status != m.Status || got.Version != 0 {
		t.Errorf("the message changed: %+v", got)
	}
}

func TestEditKeepsTheOriginalAndMaskedValues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", func(c *deadletter.Capture) {
		c.Body = []byte(`{"customer":{"ssn":"078-05-1120","name":"A"}}`)
		c.Headers["X-Tenant"] = []string{"t-1"}
	})
	edit := desk.Edit{
		Body:   []byte(`{"id":7,"customer":{"ssn":"•••","name":"B"}}`),
		Reason: "the id was missing",
		Headers: deadletter.Headers{
			"Content-Type":  {"application/json"},
			"Authorization": {"Bearer mine"},
			"X-Note":        {"edited"},
			"X-Tenant":      {"other"},
		},
	}
	if _, err := b.EditAndReplay(t.Context(), anna, ref(m), edit); err != nil {
		t.Fatal(err)
	}
	got, err := b.store.Revision(t.Context(), "a-1", 1)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Body) != `{"id":7,"customer":{"ssn":"078-05-1120","name":"B"}}` {
		t.Errorf("revision 1 is %s", got.Body)
	}
	want := deadletter.Headers{
		"Content-Type":  {"application/json"},
		"Authorization": {"Bearer s3cret"},
		"X-Note":        {"edited"},
		"X-Tenant":      {"t-1"},
	}
	if fmt.Sprint(got.Headers) != fmt.Sprint(want) {
		t.Errorf("headers %v, want %v", got.Headers, want)
	}
	if got.By != "anna" || got.Reason != "the id was missing" {
		t.Errorf("revision %+v", got)
	}
	if original, _ := b.store.Revision(t.Context(), "a-1", 0); !strings.Contains(string(original.Body), `"name":"A"`) {
		t.Errorf("revision 0 is %s", original.Body)
	}
	if after := desktest.Message(t, b.store, "a-1"); after.Revision != 1 || after.Request.Revision != 1 ||
		after.Status != deadletter.Replaying {
		t.Errorf("message %+v", after)
	}
}

func TestEditThatIsRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", nil)
	for name, e := range map[string]desk.Edit{
		"no reason":    {Body: []byte(`{}`), Reason: "  "},
		"bad JSON":     {Body: []byte("{\n  \"id\": }"), Reason: "x"},
		"bad header":   {Body: []byte(`{}`), Reason: "x", Headers: deadletter.Headers{"X Y": {"1"}}},
		"no such base": {Body: []byte(`{}`), Reason: "x", Base: 4},
		"long reason":  {Body: []byte(`{}`), Reason: strings.Repeat("ä", 1001)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.EditAndReplay(t.Context(), anna, ref(m), e)
			if kind := deadletter.KindOf(err); kind != deadletter.Invalid && kind != deadletter.NotFound {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	if got := desktest.Message(t, b.store, "a-1"); got.Revision != 0 || got.Status != m.Status {
		t.Errorf("the message changed: %+v", got)
	}
}

func TestMessageWithoutDestinationIsShownButNotReplayed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for source, want := range map[string]string{
		"":     "set queue.default_source to the source that they belong to and reload",
		"gone": `the source "gone" is not configured: add it under sources and reload`,
	} {
		t.Run("source "+source, func(t *testing.T) {
			m := b.receive(t, "of-"+source, func(c *deadletter.Capture) { c.Source = source })
			_, err := b.Replay(t.Context(), anna, ref(m), desk.SendCommand{})
			if deadletter.KindOf(err) != deadletter.Conflict || !strings.Contains(deadletter.TextOf(err), want) {
				t.Errorf("source %q: %v", source, err)
			}
			if _, err := b.Archive(t.Context(), anna, ref(m), "no longer needed"); err != nil {
				t.Errorf("source %q: archive: %v", source, err)
			}
		})
	}
}

func TestEveryActionLeavesItsAuditEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", nil)
	if _, err := b.Archive(t.Context(), anna, ref(m), "known fault"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Restore(t.Context(), bert, desk.Ref{ID: "a-1", Version: 1}); err != nil {
		t.Fatal(err)
	}
	page, err := b.store.Events(t.Context(), store.EventQuery{EventFilter: store.EventFilter{Target: "a-1"}, Limit: 10})
	if err != nil || len(page.Items) != 3 {
		t.Fatalf("%d events, %v", len(page.Items), err)
	}
	restore, archive := page.Items[0], page.Items[1]
	if restore.By != "bert" || restore.Action != "message.restore" || archive.By != "anna" ||
		archive.Reason != "known fault" ||
		archive.Addr != "192.0.2.7" {
		t.Errorf("events %+v", page.Items)
	}
}
