package acceptance_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// TestKilledProcessActsForRulesOnce kills the program while a rule replays messages and another one archives those that
// arrive, again and again on one data folder. No message is replayed twice: one that was on its way at a kill has
// failed, because its handler may have processed it. In the end no message is forgotten.
func TestKilledProcessActsForRulesOnce(t *testing.T) {
	t.Parallel()
	destination := desktest.NewDestination(t)
	destination.Set(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Webhook-Id"), "later-") {
			w.WriteHeader(http.StatusGone)
		}
	})
	d := ruled{program: program{cfg: settings(t, destination), destination: destination}}
	d.cfg.Sources[0].MaxPerSecond = 150 // so that kills come in the midst
	file := write(t, d.cfg)
	addOperator(t, d.cfg)
	d.begin(t)
	moment := moments(t)
	for range *crashRounds {
		p := serve(t, file)
		arrived := d.arrive(p.url)
		<-time.After(moment(800 * time.Millisecond))
		p.kill()
		d.promised = append(d.promised, <-arrived...)
		d.check(t)
	}
	p := serve(t, file)
	s := d.beside(t)
	eventually(t, func() bool {
		replays, archives := d.counts(t, s)
		done := replays[deadletter.RuleDelivered] + replays[deadletter.RuleFailed]
		return done == toReplay && archives[deadletter.RuleWaiting] == 0 && d.isArchived(t, s)
	})
	p.stop(t)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	d.check(t)
	checkFiles(t, d.cfg.DataDir)
}

// toReplay is how many messages a rule replays.
const toReplay = 400

// ruled is a dlqdesk with two rules.
type ruled struct {
	program
	replays, archives deadletter.Rule
	promised          []string // messages that a platform was told of
}

// begin makes the rules and the messages to replay, which failed two minutes ago, while no process runs.
func (d *ruled) begin(t *testing.T) {
	t.Helper()
	s := d.beside(t)
	olga := deadletter.User("olga", deadletter.Operator, "")
	on := func(spec deadletter.RuleSpec) (r deadletter.Rule) {
		spec.PerHour = deadletter.MaxRuleHourly
		err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			made, err := deadletter.NewRule(olga, spec, 0, time.Now())
			if err != nil {
				return err
			}
			if r, err = tx.ApplyRule(ctx, made); err != nil {
				return err
			}
			switched, err := r.Switch(olga, deadletter.RuleOn, r.Version, time.Now())
			if err != nil {
				return err
			}
			r, err = tx.ApplyRule(ctx, switched)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	d.replays = on(deadletter.RuleSpec{
		Name: "later", Match: deadletter.RuleMatch{Source: "genesys", Code: "422"}, Action: deadletter.ActReplay,
		After: time.Minute, Times: 1, MaxFailed: 100,
	})
	d.archives = on(deadletter.RuleSpec{
		Name: "away", Match: deadletter.RuleMatch{Source: "genesys", Code: "410"}, Action: deadletter.ActArchive,
		Reason: "the conversation is over",
	})
	var list []deadletter.Capture
	for n := range toReplay {
		at := time.Now().Add(-2 * time.Minute)
		list = append(list, desktest.Failure(fmt.Sprintf("later-%d", n), http.StatusUnprocessableEntity, at))
	}
	desktest.ReceiveAll(t, s, list)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// arrive posts webhooks until the process is dead, and returns the messages that it promised to keep. In all there are
// no more than a rule archives in an hour.
func (d *ruled) arrive(url string) <-chan []string {
	all, most := make(chan []string, 1), deadletter.MaxRuleHourly-100-len(d.promised)
	go func() {
		var ids []string
		defer func() { all <- ids }()
		for n := range most {
			body := fmt.Sprintf(`{"n":%d,"at":%d}`, n, time.Now().UnixNano())
			id, err := post(url, body)
			if err != nil {
				return
			}
			ids = append(ids, id)
		}
	}()
	return all
}

// isArchived reports whether every message that a platform was told of is archived.
func (d *ruled) isArchived(t *testing.T, s *store.Store) bool {
	t.Helper()
	for _, id := range d.promised {
		m, err := s.Message(t.Context(), deadletter.ID(id))
		if deadletter.KindOf(err) == deadletter.NotFound {
			return false // it is still on the queue
		}
		if err != nil {
			t.Fatal(err)
		}
		if m.Status != deadletter.Archived {
			return false
		}
	}
	return true
}

// counts counts what the rules did, by state.
func (d *ruled) counts(t *testing.T, s *store.Store) (replays, archives map[deadletter.RuleActionState]int) {
	t.Helper()
	count := func(r deadletter.Rule) map[deadletter.RuleActionState]int {
		c, err := s.RuleCounts(t.Context(), r, time.Time{}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return c.States
	}
	return count(d.replays), count(d.archives)
}

// check looks at what the killed process has sent and written.
func (d *ruled) check(t *testing.T) {
	t.Helper()
	sent := map[string]int{}
	for _, one := range d.destination.Received() {
		if id := one.Header.Get("Webhook-Id"); strings.HasPrefix(id, "later-") {
			if sent[id]++; sent[id] > 1 {
				t.Errorf("message %s was sent %d times", id, sent[id])
			}
		}
	}
	s := d.beside(t)
	defer func() { _ = s.Close() }()
	replays, _ := d.counts(t, s)
	if n := replays[deadletter.RuleWaiting] + replays[deadletter.RuleInFlight] + replays[deadletter.RuleDelivered] +
		replays[deadletter.RuleFailed]; n != toReplay {
		t.Errorf("of %d messages there are %v", toReplay, replays)
	}
	for id := range sent {
		m, err := s.Message(t.Context(), deadletter.ID(id))
		if err != nil {
			t.Fatal(err)
		}
		if m.Attempts != 2 {
			t.Errorf("message %s was sent, and has %d attempts", id, m.Attempts)
		}
	}
	events, err := s.Events(t.Context(), store.EventQuery{
		EventFilter: store.EventFilter{Action: "message.archive"}, Limit: 10_000,
	})
	if err != nil {
		t.Fatal(err)
	}
	archived := map[string]bool{}
	for _, e := range events.Items {
		if archived[e.Target] || e.By != "rule 'away' of olga" {
			t.Errorf("message %s was archived by %s, before: %v", e.Target, e.By, archived[e.Target])
		}
		archived[e.Target] = true
	}
}

// post sends a webhook, and returns the message that was promised.
func post(url, body string) (string, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url+"/webhooks/genesys",
		strings.NewReader(body))
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	var said struct{ MessageID string }
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || answer.StatusCode != http.StatusOK {
		return "", errors.Join(fmt.Errorf("it answers %d", answer.StatusCode), err)
	}
	return said.MessageID, nil
}
