package acceptance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// TestKilledProcessKeepsWhatItLearned kills the program while webhooks are delivered, again and again on one data
// folder. Samples of deliveries, and the times of delivered events, that were saved stay; nothing is counted that was
// not delivered; and each start goes on with what is there.
func TestKilledProcessKeepsWhatItLearned(t *testing.T) {
	t.Parallel()
	l := newLearning(t)
	moment := moments(t)
	for range *crashRounds {
		p := serve(t, l.file)
		end := l.load(t.Context(), p.url)
		l.awaitMore(t)
		<-time.After(moment(300 * time.Millisecond))
		p.kill()
		end()
		l.check(t)
	}

	// A message that the first process stored is known to the last one.
	p := serve(t, l.file)
	first := l.opened()[0]
	before := l.known
	if err := l.send(
		t.Context(),
		p.url,
		event{Conversation: first.Conversation, Event: "closed", Type: "last"},
	); err != nil {
		t.Fatal(err)
	}
	s := l.beside(t)
	eventually(t, func() bool { return newerOf(t, s, first.message) == before.newer[first.message]+1 })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	p.stop(t)
	l.check(t)
	if l.known.shaped != before.shaped+1 {
		t.Errorf("an orderly end saved %d of 1 delivery", l.known.shaped-before.shaped)
	}
	if report, err := auditOf(l.cfg).Verify(t.Context()); err != nil {
		t.Errorf("the audit trail says %v: %+v", err, report)
	}
	checkFiles(t, l.cfg.DataDir)
}

// keptWhole is how many delivered webhooks the source keeps whole.
const keptWhole = 5

// learning is a dlqdesk that is killed while it learns from deliveries.
type learning struct {
	program
	file  string
	known learned // after the latest kill

	mu   sync.Mutex
	sent []event
}

// event is a webhook. The first of a conversation fails, and no other does.
type event struct {
	Number       int    `json:"number"`
	Conversation string `json:"conversation"`
	Event        string `json:"event"`
	Type         string `json:"type"`

	message deadletter.ID // that it was promised to be, if it failed
}

const opens = "opened"

// learned is what the store knows of deliveries.
type learned struct {
	shaped int                   // deliveries that the shapes are made of
	newer  map[deadletter.ID]int // delivered events of its conversation, by message
}

func newLearning(t *testing.T) *learning {
	t.Helper()
	d := desktest.NewDestination(t)
	d.Set(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Event") == opens {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	})
	l := &learning{program: program{cfg: settings(t, d), destination: d}}
	l.file = write(t, l.cfg)
	text, err := os.ReadFile(l.file)
	if err != nil {
		t.Fatal(err)
	}
	const learns = "    event_type: [$.type]\n    order_key: [$.conversation]\n    keep_delivered: %d\n"
	text = fmt.Appendf(text, learns, keptWhole)
	if err := os.WriteFile(l.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return l
}

// load sends conversations until it is stopped. There are more event types than the sampler holds before it saves.
func (l *learning) load(ctx context.Context, url string) (end func()) {
	stop := make(chan struct{})
	var running sync.WaitGroup
	for worker := range 3 {
		running.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
				conversation := fmt.Sprintf("talk-%d-%d-%s", worker, n, url)
				for i, name := range []string{opens, "changed", "closed"} {
					e := event{Conversation: conversation, Event: name, Type: fmt.Sprint(worker, n, i)}
					if err := l.send(ctx, url, e); err != nil {
						return // it is killed
					}
				}
			}
		})
	}
	return func() {
		close(stop)
		running.Wait()
	}
}

// send sends an event, and notes its message if it was promised to be one.
func (l *learning) send(ctx context.Context, url string, e event) error {
	l.mu.Lock()
	e.Number = len(l.sent)
	l.sent = append(l.sent, e)
	l.mu.Unlock()
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/webhooks/genesys", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Event", e.Event)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	var said struct{ MessageID deadletter.ID }
	err = errors.Join(json.NewDecoder(answer.Body).Decode(&said), answer.Body.Close())
	e.message = said.MessageID
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[e.Number] = e
	return err
}

// opened returns the events that were promised to be messages.
func (l *learning) opened() (list []event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.sent {
		if e.message != "" {
			list = append(list, e)
		}
	}
	return list
}

// awaitMore waits until the running process has saved something of this round.
func (l *learning) awaitMore(t *testing.T) {
	t.Helper()
	s := l.beside(t)
	eventually(t, func() bool {
		now := l.read(t, s)
		return now.shaped > l.known.shaped && len(now.newer) > len(l.known.newer)
	})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// read reads what the store has learned.
func (l *learning) read(t *testing.T, s *store.Store) learned {
	t.Helper()
	shape, err := s.ShapeOfSource(t.Context(), "genesys", l.masks())
	if err != nil {
		t.Fatal(err)
	}
	now := learned{shaped: shape.Bodies, newer: map[deadletter.ID]int{}}
	for _, e := range l.opened() {
		if n := newerOf(t, s, e.message); n > 0 {
			now.newer[e.message] = n
		}
	}
	return now
}

func (l *learning) masks() string { return l.cfg.Masks().Of("", "genesys").Name() }

// newerOf returns how many newer events of a message's conversation were delivered; 0 if it is not stored yet.
func newerOf(t *testing.T, s *store.Store, id deadletter.ID) int {
	t.Helper()
	m, err := s.Message(t.Context(), id)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	newer, err := s.Newer(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return newer.Count
}

// check looks at the store of a process that has ended.
func (l *learning) check(t *testing.T) {
	t.Helper()
	s := l.beside(t)
	now := l.read(t, s)
	delivered, byConversation := l.delivered(t)
	if now.shaped < l.known.shaped || now.shaped > len(delivered) {
		t.Errorf("the shapes are of %d deliveries, before of %d; there were %d", now.shaped, l.known.shaped,
			len(delivered))
	}
	for id, n := range l.known.newer {
		if now.newer[id] < n {
			t.Errorf("message %s comes after %d events, before %d", id, now.newer[id], n)
		}
	}
	for _, e := range l.opened() {
		if n := now.newer[e.message]; n > byConversation[e.Conversation] {
			t.Errorf("message %s comes after %d events, and %d were delivered", e.message, n,
				byConversation[e.Conversation])
		}
	}
	l.checkWhole(t, s, delivered)
	l.known = now
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// checkWhole looks at the delivered webhooks that are kept whole.
func (l *learning) checkWhole(t *testing.T, s *store.Store, delivered map[event]bool) {
	t.Helper()
	whole, err := s.DeliveredBodies(t.Context(), "genesys", l.masks())
	if err != nil || len(whole) == 0 || len(whole) > keptWhole {
		t.Errorf("%d delivered webhooks are kept whole, %v", len(whole), err)
	}
	for _, b := range whole {
		var e event
		if err := json.Unmarshal(b.Content, &e); err != nil || !delivered[e] {
			t.Errorf("it keeps %s, which was not delivered: %v", b.Content, err)
		}
	}
}

// delivered returns the events that the destination took, and their number by conversation.
func (l *learning) delivered(t *testing.T) (events map[event]bool, byConversation map[string]int) {
	t.Helper()
	events, byConversation = map[event]bool{}, map[string]int{}
	for _, d := range l.destination.Received() {
		var e event
		if err := json.Unmarshal(d.Body, &e); err != nil {
			t.Fatal(err)
		}
		if e.Event != opens && !events[e] {
			events[e] = true
			byConversation[e.Conversation]++
		}
	}
	return events, byConversation
}
