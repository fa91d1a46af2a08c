package acceptance_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// TestKilledProcessKeepsDecisionsWhole kills the program while people merge and split causes, make rules and undo all
// that, write notes and decide about a cause, again and again on one data folder. Each order is in the store with its
// audit event or not at all, and is there if it was confirmed. When everything is undone, each message is of the cause
// that it was of at first.
func TestKilledProcessKeepsDecisionsWhole(t *testing.T) {
	t.Parallel()
	d := newDecisions(t)
	moment := moments(t)
	for range *crashRounds {
		p := serve(t, d.file)
		end := d.order(t, p.url)
		d.grouping.await(t, 4)
		<-time.After(moment(200 * time.Millisecond))
		p.kill()
		end()
		d.check(t)
	}
	p := serve(t, d.file)
	if d.inForce {
		if err := d.group(t, p.url); err != nil {
			t.Error(err)
		}
	}
	s := d.beside(t)
	eventually(t, func() bool {
		now, err := s.Regrouping(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return !now.Active()
	})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	p.stop(t)
	d.check(t)
	if now := d.causes(t); !maps.Equal(now, d.atFirst) {
		t.Errorf("the messages by cause are %v, at first %v", now, d.atFirst)
	}
	checkFiles(t, d.cfg.DataDir)
}

// decisions is a dlqdesk that is killed while a person decides about causes.
type decisions struct {
	program
	file    string
	browser *http.Client
	atFirst map[string]int // messages by cause

	contact, queue, agent, code string // fingerprints; the contacts can be split

	grouping, states, notes orders
	inForce                 bool  // the newest rule
	rule                    int64 // the number of it
}

// orders counts the orders of one kind. The next one is given when the one before is confirmed.
type orders struct {
	confirmed atomic.Int64
}

// await waits until so many more orders were confirmed.
func (o *orders) await(t *testing.T, more int64) {
	t.Helper()
	until := o.confirmed.Load() + more
	eventually(t, func() bool { return o.confirmed.Load() >= until })
}

// check compares the orders with those in the store: the last may be there without its answer.
func (o *orders) check(t *testing.T, name string, stored int) {
	t.Helper()
	if n := int(o.confirmed.Load()); stored != n && stored != n+1 {
		t.Errorf("%d orders for %s were confirmed, and %d are stored", n, name, stored)
	}
	o.confirmed.Store(int64(stored))
}

// Of each big cause there are more messages than one transaction groups anew.
const ofBigCause, ofSmallCause = 300, 3

func newDecisions(t *testing.T) *decisions {
	t.Helper()
	destination := desktest.NewDestination(t)
	d := &decisions{program: program{cfg: settings(t, destination), destination: destination}, browser: browser(t)}
	d.file = write(t, d.cfg)
	p := serve(t, d.file)
	err := app.New(d.cfg, app.Options{Log: desktest.Log(t)}).Users(t.Context(), func(users *auth.Auth) error {
		return users.AddUser(t.Context(), deadletter.CLI("root"), "olga", "admin", password)
	})
	if err != nil {
		t.Fatal(err)
	}
	p.submit(t, d.browser, "/signin", url.Values{"name": {"olga"}, "password": {password}})
	p.kill()

	s := d.beside(t)
	d.contact = fail(t, s, ofBigCause, "contact %d is unknown")
	d.queue = fail(t, s, ofBigCause, "the queue is full after %d s")
	d.agent = fail(t, s, ofSmallCause, "agent %d is missing")
	d.code = fail(t, s, ofSmallCause, "wrap-up code %d is wrong")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	d.atFirst = d.causes(t)
	return d
}

// fail stores messages that failed for one cause, and returns its fingerprint.
func fail(t *testing.T, s *store.Store, messages int, text string) (cause string) {
	t.Helper()
	var list []deadletter.Capture
	for n := range messages {
		c := desktest.Failure(fmt.Sprintf("%s, %d", text, n), http.StatusUnprocessableEntity, time.Now())
		c.Reason = fmt.Sprintf(text, 100+n)
		c.FirstAttempt.Error = c.Reason
		list = append(list, c)
	}
	desktest.ReceiveAll(t, s, list)
	return desktest.Message(t, s, list[0].ID).Fingerprint
}

// order gives orders of every kind, until the process is killed.
func (d *decisions) order(t *testing.T, url string) (end func()) {
	t.Helper()
	var running sync.WaitGroup
	for _, order := range []func(t *testing.T, url string) error{d.group, d.decide, d.note} {
		running.Go(func() {
			for order(t, url) == nil {
			}
		})
	}
	return running.Wait
}

// group makes a rule, or undoes the latest.
func (d *decisions) group(t *testing.T, base string) error {
	path, form := "", url.Values{}
	switch {
	case d.inForce:
		path = fmt.Sprintf("/causes/grouping/%d/undo", d.rule)
	case d.rule%3 == 0:
		path, form = "/causes/merge", url.Values{"cause": {d.contact, d.queue}, "into": {d.queue}}
	case d.rule%3 == 1:
		path, form = "/causes/split", url.Values{"cause": {d.contact}, "pattern": {"contact 1[0-4]"}}
	default:
		path, form = "/causes/grouping", url.Values{
			"source": {"genesys"}, "kind": {"join"}, "pattern": {"contact|queue"}, "title": {"Routing"},
		}
	}
	err := d.send(t, &d.grouping, base+path, form)
	if err == nil {
		if !d.inForce {
			d.rule++
		}
		d.inForce = !d.inForce
	}
	return err
}

// decide changes the state of a cause: the number of changes so far says which is next.
func (d *decisions) decide(t *testing.T, base string) error {
	version := d.states.confirmed.Load()
	order := []struct {
		path string
		form url.Values
	}{
		{"claim", url.Values{"for": {"4h"}}},
		{"known", url.Values{"ticket": {"OPS-4711"}}},
		{"mute", url.Values{"count": {"1000"}}},
		{"release", url.Values{}},
		{"unmute", url.Values{}},
		{"unmark", url.Values{}},
	}[version%6]
	order.form.Set("version", strconv.FormatInt(version, 10))
	return d.send(t, &d.states, base+"/causes/"+d.agent+"/"+order.path, order.form)
}

// note adds a note, or edits the first one.
func (d *decisions) note(t *testing.T, base string) error {
	n := d.notes.confirmed.Load()
	path := base + "/causes/" + d.code + "/notes"
	if n%8 != 0 {
		path += "/1"
	}
	return d.send(t, &d.notes, path, url.Values{"text": {textOf(n)}})
}

// textOf returns the text of the n-th order for the notes.
func textOf(n int64) string { return fmt.Sprintf("text %d", n) }

// send gives an order. It returns an error if the process was killed meanwhile.
func (d *decisions) send(t *testing.T, o *orders, address string, form url.Values) error {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := d.browser.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusSeeOther {
		t.Errorf("%s %v is answered %d: %s", address, form, answer.StatusCode, text)
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	o.confirmed.Add(1)
	return nil
}

// check looks at the store of a process that has ended.
func (d *decisions) check(t *testing.T) {
	t.Helper()
	s := d.beside(t)
	events := map[string]int{}
	list := causeEvents(t, s)
	for _, e := range list {
		events[e.Action]++
	}
	d.checkRules(t, s, events)
	d.checkNotes(t, s, events)
	d.checkState(t, s, list)
	checkCauses(t, s)
	if _, err := s.VerifyAudit(t.Context()); err != nil {
		t.Errorf("the audit trail: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func (d *decisions) checkRules(t *testing.T, s *store.Store, events map[string]int) {
	t.Helper()
	rules, err := s.GroupRules(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	actions := map[deadletter.GroupKind]string{
		deadletter.GroupMerge: "cause.merge", deadletter.GroupSplit: "cause.split", deadletter.GroupJoin: "cause.rule",
	}
	stored := map[string]int{}
	for _, r := range rules {
		stored[actions[r.Kind]]++
		if !r.InForce() {
			stored["cause.rule_undo"]++
		}
	}
	all := 0
	for action, n := range stored {
		if all += n; events[action] != n {
			t.Errorf("there are %d rules with %s, and %d events", n, action, events[action])
		}
	}
	d.grouping.check(t, "rules", all)
	d.rule, d.inForce = 0, false
	if len(rules) > 0 {
		d.rule, d.inForce = rules[0].ID, rules[0].InForce()
	}
}

func (d *decisions) checkNotes(t *testing.T, s *store.Store, events map[string]int) {
	t.Helper()
	notes, err := s.CauseNotes(t.Context(), d.code)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, n := range notes {
		texts = append(texts, n.Text)
		for _, e := range n.Edits {
			texts = append(texts, e.Text)
		}
	}
	if edits := len(texts) - len(notes); len(notes) != events["cause.note"] || edits != events["cause.note_edit"] {
		t.Errorf("there are %d notes and %d edits, and the events %v", len(notes), edits, events)
	}
	d.notes.check(t, "notes", len(texts))
	for n := range d.notes.confirmed.Load() {
		if !slices.Contains(texts, textOf(n)) {
			t.Errorf("the text %q is in no note", textOf(n))
		}
	}
}

// checkState compares a cause with its latest event.
func (d *decisions) checkState(t *testing.T, s *store.Store, events []store.EventRow) {
	t.Helper()
	c, err := s.Cause(t.Context(), d.agent)
	if err != nil {
		t.Fatal(err)
	}
	type facts struct {
		State         deadletter.CauseState
		Owner, Ticket string
		MutedCount    int
	}
	was := facts{State: deadletter.CauseNew}
	changes := 0
	for _, e := range events { // newest first
		if e.Target != d.agent {
			continue
		}
		if changes++; changes == 1 {
			if err := json.Unmarshal(e.After, &was); err != nil {
				t.Fatal(err)
			}
		}
	}
	if is := (facts{c.State, c.Owner, c.Ticket, c.Mute.Count}); is != was || c.Version != changes {
		t.Errorf("the cause is %+v after %d changes, and by its %d events %+v", is, c.Version, changes, was)
	}
	d.states.check(t, "the state of a cause", c.Version)
}

// causeEvents returns all events of people about causes, newest first.
func causeEvents(t *testing.T, s *store.Store) (list []store.EventRow) {
	t.Helper()
	q := store.EventQuery{EventFilter: store.EventFilter{Action: "cause.", Actors: store.People}, Limit: 200}
	for {
		page, err := s.Events(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, page.Items...)
		if q.Cursor = page.Older; q.Cursor == "" {
			return list
		}
	}
}

// causes returns how many messages there are of each cause, while no process runs.
func (d *decisions) causes(t *testing.T) map[string]int {
	t.Helper()
	s := d.beside(t)
	n := map[string]int{}
	for _, list := range messagesOf(t, s) {
		for _, m := range list {
			n[m.Fingerprint]++
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return n
}
