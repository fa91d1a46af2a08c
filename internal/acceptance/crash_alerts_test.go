package acceptance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// TestKilledProcessTellsOfEachCauseOnce kills the program while causes appear and alerts about them are sent, again and
// again on one data folder. In the end every cause was told, alone or with others, and a receiver that drops what has
// an id which it knows was told of each once.
func TestKilledProcessTellsOfEachCauseOnce(t *testing.T) {
	t.Parallel()
	destination := desktest.NewDestination(t)
	destination.Set(func(w http.ResponseWriter, r *http.Request) {
		desktest.Answer(http.StatusUnprocessableEntity, `{"error":"no `+r.Header.Get("X-Word")+` here"}`)(w, r)
	})
	on := newPager(t)
	d := alerted{program: program{cfg: settings(t, destination), destination: destination}, pager: on}
	file := write(t, d.cfg)
	d.addAlerts(t, file)
	moment := moments(t)
	for range *crashRounds {
		p := serve(t, file)
		arrived := d.arrive(p.url)
		<-time.After(2*time.Second + moment(3*time.Second)) // an alert waits for some seconds
		p.kill()
		d.words += <-arrived
		d.check(t)
	}
	p := serve(t, file)
	s := d.beside(t)
	within(t, 2*time.Minute, func() bool { return d.isToldOf(t, s) }) // what is too much in a minute comes in the next
	p.stop(t)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	d.check(t)
	checkFiles(t, d.cfg.DataDir)
}

// alerted is a dlqdesk that tells a pager of alerts.
type alerted struct {
	program
	pager *pager
	words int // how many webhooks were answered, each of a cause of its own
}

func (d *alerted) addAlerts(t *testing.T, file string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0) //nolint:gosec // of this test
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(f, "alerts:\n  sinks:\n    pager: { kind: webhook, url: %q }\n  routes:\n    all: "+
		"{ to: [pager] }\n  thresholds: { disk: 100 }\n", d.pager.url)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// arrive posts webhooks, each of a cause of its own, until the process is dead, and returns how many were answered.
func (d *alerted) arrive(url string) <-chan int {
	answered, first := make(chan int, 1), d.words
	go func() {
		n := 0
		defer func() { answered <- n }()
		for word := range slices.Values(words(first, 12)) {
			r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url+"/webhooks/genesys",
				strings.NewReader(`{}`))
			if err != nil {
				return
			}
			r.Header.Set("X-Word", word)
			r.Header.Set("Webhook-Id", word)
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				return
			}
			_ = answer.Body.Close()
			n++
			<-time.After(200 * time.Millisecond)
		}
	}()
	return answered
}

// words returns words that no rule of causes takes for the same.
func words(first, n int) (list []string) {
	for i := first; i < first+n; i++ {
		list = append(list, fmt.Sprintf("wo%crd%cs", 'a'+rune(i/26), 'a'+rune(i%26)))
	}
	return list
}

// isToldOf reports whether every cause was told, alone or with others.
func (d *alerted) isToldOf(t *testing.T, s *store.Store) bool {
	t.Helper()
	list, err := s.TopCauses(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		alerts, err := s.AlertsOfCause(t.Context(), c.Fingerprint, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(alerts) == 0 {
			return false
		}
		if sent := d.sent(t, s, alerts[0]); sent == "" {
			return false
		}
	}
	return len(list) >= d.words
}

// sent returns the id by which an alert was sent, alone or with others; "" if it was not.
func (d *alerted) sent(t *testing.T, s *store.Store, a deadletter.Alert) string {
	t.Helper()
	id := a.ID
	if a.PartOf != 0 {
		id = a.PartOf
	}
	all, err := s.AlertDeliveries(t.Context(), []deadletter.AlertID{id})
	if err != nil {
		t.Fatal(err)
	}
	if list := all[id]; len(list) == 1 && list[0].State == deadletter.AlertSent {
		return list[0].Notice
	}
	return ""
}

// check looks at what the killed process has written and sent.
func (d *alerted) check(t *testing.T) {
	t.Helper()
	s := d.beside(t)
	defer func() { _ = s.Close() }()
	told := d.pager.told()
	for key, ids := range told {
		if len(ids) > 1 {
			t.Errorf("%s came with the ids %v", key, ids)
		}
	}
	list, err := s.TopCauses(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		alerts, err := s.AlertsOfCause(t.Context(), c.Fingerprint, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(alerts) > 1 {
			t.Errorf("the cause %s has %d alerts", c.Title, len(alerts))
		}
		for _, a := range alerts {
			if id := d.sent(t, s, a); id != "" && !d.pager.has(id) {
				t.Errorf("the alert of the cause %s counts as sent, and did not arrive", c.Title)
			}
		}
	}
}

// pager is a receiver of alerts that drops what has an id which it knows.
type pager struct {
	url string

	mu  sync.Mutex
	ids map[string]string // what was told, by the id of the webhook
}

// newPager starts a pager that takes its time. It notes an alert at once, or when it answers, if the sender is there
// still; and now and then it answers that it failed.
func newPager(t *testing.T) *pager {
	t.Helper()
	p := &pager{ids: map[string]string{}}
	moment := moments(t)
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var told struct {
			Type string
			Data struct{ ID, Key string }
		}
		if err != nil || json.Unmarshal(body, &told) != nil || r.Header.Get("Webhook-Id") == "" {
			t.Errorf("the pager got %s, %v", body, err)
		}
		mu.Lock()
		wait := moment(2 * time.Second)
		mu.Unlock()
		note := func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.ids[r.Header.Get("Webhook-Id")] = told.Type + " " + told.Data.ID + " " + told.Data.Key
		}
		early, again := wait%2 == 0, p.has(r.Header.Get("Webhook-Id"))
		if early {
			note()
		}
		select {
		case <-time.After(wait):
		case <-r.Context().Done(): // who sent it was killed
			return
		}
		if !early {
			note()
		}
		if wait%5 == 0 && !again {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// told returns the ids with which each event of each alert came.
func (p *pager) told() map[string][]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	events := map[string][]string{}
	for id, event := range p.ids {
		events[event] = append(events[event], id)
	}
	return events
}

func (p *pager) has(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ids[id] != ""
}
