package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
)

// update is one event that a page receives.
type update struct {
	Tabs       string
	OnTheirWay string
	Rows       map[string]string
	Top        []struct{ ID, HTML string }
	Parts      map[string]string
	New        string
	Failed     string
	Quiet      bool
}

// listener is a page that follows a list.
type listener struct {
	t      *testing.T
	status int
	lines  chan string
}

// followed runs the live updates of a console until the test ends.
func (b bundle) followed(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	live, ok := b.handler.(*console.Console)
	if !ok {
		t.Fatal("the handler is no console")
	}
	running.Go(func() {
		if err := live.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		live.CloseStreams()
		running.Wait()
	})
}

// follows opens the stream that a page of the list names.
func (p person) follows(list, rows string) *listener {
	p.t.Helper()
	address, ok := p.get(list).doc().Find("[data-live]").Attr("data-live")
	if !ok {
		p.t.Fatalf("%s names no live updates", list)
	}
	return p.listens(address + "&rows=" + rows)
}

func (p person) listens(address string) *listener {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.base+address, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := p.client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	l := &listener{p.t, answer.StatusCode, make(chan string, 100)}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(l.lines)
		for text := bufio.NewScanner(answer.Body); text.Scan(); {
			if strings.HasPrefix(text.Text(), "data: ") {
				l.lines <- strings.TrimPrefix(text.Text(), "data: ")
			}
		}
	})
	p.t.Cleanup(func() {
		_ = answer.Body.Close()
		reading.Wait()
	})
	return l
}

// next returns the next update about something that happened.
func (l *listener) next() update {
	l.t.Helper()
	for {
		if u := l.any(); !u.Quiet {
			return u
		}
	}
}

// any returns the next update, also if time alone changed the page.
func (l *listener) any() update {
	l.t.Helper()
	select {
	case line, ok := <-l.lines:
		var u update
		if err := json.Unmarshal([]byte(line), &u); !ok || err != nil {
			l.t.Fatalf("it was told %q: %v", line, err)
		}
		return u
	case <-time.After(20 * time.Second):
		l.t.Fatal("the page was told nothing")
		return update{}
	}
}

func TestOpenListReceivesChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.followed(t)
	m := b.receive(t, "g-1")
	b.receive(t, "g-2")
	p := b.member(t, "olga", deadletter.Operator)
	page := p.follows("/messages?source=genesys", "g-1,g-2")
	if page.status != http.StatusOK {
		t.Fatalf("the stream answers %d", page.status)
	}
	b.receive(t, "g-3")
	if u := page.next(); u.New != "1" || len(u.Rows) != 0 ||
		!strings.Contains(u.Tabs, `<span class="tab-count">3</span>`) {
		t.Errorf("after a new message: %+v", u)
	}
	p.post("/messages/g-1/replay", form("version", "0", "revision", "0"))
	if u := page.next(); u.New != "1" || len(u.Rows) != 1 || !strings.Contains(u.Rows["g-1"], "Replaying") {
		t.Errorf("after an order: %+v", u)
	}
	b.finish(t, m.ID, deadletter.Delivered, 200)
	if u := page.next(); !strings.Contains(u.Rows["g-1"], "Resolved") ||
		!strings.Contains(u.Rows["g-1"], "/messages/g-1?back=") {
		t.Errorf("after the delivery: %+v", u)
	}
	// A message that matches another filter is not counted as new.
	b.receive(t, "c-1", func(c *deadletter.Capture) { c.Source = "cxone" })
	if u := page.next(); u.New != "1" || u.Failed != "3" {
		t.Errorf("after a message of another source: %+v", u)
	}
}

func TestPermanentFailureIsNewInTheFailedList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.followed(t)
	b.receive(t, "g-1")
	p := b.member(t, "olga", deadletter.Operator)
	b.receive(t, "g-2")
	p.post("/messages/g-2/replay", form("version", "0", "revision", "0"))
	failed, all := p.follows("/messages", "g-1"), p.follows("/messages?status=all", "g-1")
	b.finish(t, "g-2", deadletter.ErrorResponse, 500)
	if u := failed.next(); u.New != "1" {
		t.Errorf("the list of those that need a person is told %+v", u)
	}
	if u := all.next(); u.New != "" {
		t.Errorf("the list of all messages is told %+v", u)
	}
}

func TestReconnectedPageReceivesMissedChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.followed(t)
	b.receive(t, "g-1")
	p := b.member(t, "vera", deadletter.Viewer)
	address, _ := p.get("/messages").doc().Find("[data-live]").Attr("data-live")
	b.receive(t, "g-2")
	if u := p.listens(address + "&rows=g-1").next(); u.New != "1" {
		t.Errorf("it is told %+v", u)
	}
}

func TestStreamNeedsSignIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if got := b.stranger(t).
		get("/live?after=0"); got.status != http.StatusSeeOther &&
		got.status != http.StatusUnauthorized {
		t.Errorf("a stranger is answered %d", got.status)
	}
	p := b.member(t, "vera", deadletter.Viewer)
	for _, address := range []string{"/live", "/live?after=x", "/live?after=1&status=none", "/live?after=1&rows=" +
		strings.Repeat("a,", 101) + "b"} {
		t.Run(fmt.Sprintf("%.30s", address), func(t *testing.T) {
			if got := p.get(
				address,
			); got.status != http.StatusUnprocessableEntity && got.status != http.StatusBadRequest &&
				got.status != http.StatusOK {
				t.Errorf("%.40s answers %d", address, got.status)
			} else if got.status == http.StatusOK {
				t.Errorf("%.40s is followed", address)
			}
		})
	}
}

func TestStreamsEndWhenTheDeskStops(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "g-1")
	p := b.member(t, "vera", deadletter.Viewer)
	page := p.follows("/messages", "g-1")
	live, ok := b.handler.(*console.Console)
	if !ok {
		t.Fatal("the handler is no console")
	}
	live.CloseStreams()
	live.CloseStreams()
	select {
	case line, open := <-page.lines:
		if open {
			t.Errorf("it was told %q", line)
		}
	case <-time.After(20 * time.Second):
		t.Error("the stream goes on")
	}
}
