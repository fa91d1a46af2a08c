package acceptance_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

var (
	crashRounds = flag.Int("crash.rounds", 3, "how often each dlqdesk is killed")
	crashSeed   = flag.Uint64("crash.seed", 0, "what decides when; 0: something else each time")
)

// TestKilledProcessLosesNothing kills the program at random points under load, again and again on one data folder,
// and looks for everything that was answered 200. Stored messages are grouped anew meanwhile, as after an upgrade.
func TestKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	endpoint := desktest.StartSQS(t)
	for name, queues := range map[string]config.Queue{
		"embedded": {SpoolLimit: 1 << 30},
		"SQS": {
			SpoolLimit:    1 << 30,
			DLQURL:        shortlyHidden(t, endpoint, "dlq"),
			ProcessingURL: shortlyHidden(t, endpoint, "processing"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrash(t, queues, desktest.SQSEnvironment(endpoint))
			moment := moments(t)
			for range *crashRounds {
				c.round(t, moment(700*time.Millisecond))
				c.outdateCauses(t)
				c.falter(t, moment(300*time.Millisecond))
			}
			c.settle(t, serve(t, c.file, c.environ...))
		})
	}
}

// moments returns what chooses random moments within a time, and logs the command that repeats the test with the same.
func moments(t *testing.T) func(within time.Duration) time.Duration {
	t.Helper()
	seed := *crashSeed
	for seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("go test -run '^%s$' ./internal/acceptance -crash.rounds %d -crash.seed %d", t.Name(), *crashRounds, seed)
	chance := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // not secret
	return func(within time.Duration) time.Duration { return time.Duration(chance.Int64N(int64(within))) }
}

// shortlyHidden makes a queue on which what a dead process had in its hands comes again soon.
func shortlyHidden(t *testing.T, endpoint, name string) (queueURL string) {
	t.Helper()
	return desktest.CreateQueue(t, endpoint, name, map[string]string{"VisibilityTimeout": "2"})
}

// crash is a dlqdesk that is killed, with platforms in front of it and a destination behind it.
type crash struct {
	cfg     config.Config
	file    string
	environ []string
	behind  *handler
	sent    platforms
}

func newCrash(t *testing.T, queues config.Queue, environ []string) *crash {
	t.Helper()
	c := &crash{behind: newHandler(t), environ: environ, sent: platforms{told: map[string]told{}}}
	source := config.Source{
		Name:          "direct",
		Destination:   c.behind.url,
		Mode:          config.Direct,
		Timeout:       5 * time.Second,
		MaxBody:       1 << 20,
		MaxConcurrent: 64,
		Retry: deadletter.RetryPolicy{
			MaxAttempts: 100,
			Base:        50 * time.Millisecond,
			Cap:         500 * time.Millisecond,
		},
	}
	buffered := source
	buffered.Name, buffered.Mode = "buffered", config.Buffered
	c.cfg = config.Config{
		Listen:  "127.0.0.1:0",
		DataDir: t.TempDir(),
		Queue:   queues,
		Sources: []config.Source{source, buffered},
	}
	c.file = write(t, c.cfg)
	return c
}

// round starts the process, loads it, and kills it after a while.
func (c *crash) round(t *testing.T, after time.Duration) {
	t.Helper()
	p := serve(t, c.file, c.environ...)
	end := c.load(p.url)
	<-time.After(after)
	p.kill()
	end()
	if report, err := auditOf(c.cfg).Verify(t.Context()); err != nil {
		t.Errorf("killed after %s, the audit trail says %v: %+v", after, err, report)
	}
}

// load sends webhooks to some receivers until it is stopped.
func (c *crash) load(urls ...string) (end func()) {
	stop := make(chan struct{})
	var running sync.WaitGroup
	for n := range 8 {
		running.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
					c.sent.post(urls[n/2%len(urls)], []string{"direct", "buffered"}[n%2])
				}
			}
		})
	}
	return func() {
		close(stop)
		running.Wait()
	}
}

// falter starts the process and kills it after a while, which may be before it is ready.
func (c *crash) falter(t *testing.T, after time.Duration) {
	t.Helper()
	p, _ := spawn(t, "serve", c.file, c.environ...)
	<-time.After(after)
	p.kill()
}

// oldKey begins the keys of causes that the rules of an older version made.
const oldKey = "old "

// outdateCauses gives the causes other keys, as the rules of an older version made them, unless the killed process was
// grouping them anew.
func (c *crash) outdateCauses(t *testing.T) {
	t.Helper()
	file, err := sql.Open("sqlite", "file:"+filepath.Join(c.cfg.DataDir, "desk.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{
		"messages SET fingerprint = '" + oldKey + "' || fingerprint",
		"causes SET fingerprint = '" + oldKey + "' || fingerprint",
		"cause_rules SET version = 0",
	} {
		statement := "UPDATE " + change + " WHERE NOT EXISTS (SELECT 1 FROM regrouping)"
		if _, err := file.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
}

// settle leaves the process, started once more, alone until everything is where it belongs; then it looks at all of it.
func (c *crash) settle(t *testing.T, p *process) {
	t.Helper()
	s := program{cfg: c.cfg}.beside(t)
	deadline := time.Now().Add(40 * time.Second)
	missing := c.missing(messagesOf(t, s))
	for missing != "" && time.Now().Before(deadline) {
		<-time.After(100 * time.Millisecond)
		missing = c.missing(messagesOf(t, s))
	}
	if missing != "" {
		t.Errorf("%s\n%s", missing, p.log)
	}
	awaitBalance(t, s)
	awaitGrouping(t, s)
	checkCauses(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	p.stop(t)
	c.sound(t)
	t.Logf(
		"%d webhooks were answered 200, %d not; %d deliveries", len(c.sent.told), c.sent.unanswered.Load(),
		c.behind.deliveries.Load(),
	)
}

// awaitGrouping waits until no stored message has a key from outdateCauses.
func awaitGrouping(t *testing.T, s *store.Store) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		now, err := s.Regrouping(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		old := 0
		for _, list := range messagesOf(t, s) {
			for _, m := range list {
				if strings.HasPrefix(m.Fingerprint, oldKey) {
					old++
				}
			}
		}
		if old == 0 && !now.Active() {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-limit:
			t.Fatalf("%d messages have the causes of older rules: %+v", old, now)
		}
	}
}

// checkCauses compares the counts of the causes with the messages.
func checkCauses(t *testing.T, s *store.Store) {
	t.Helper()
	type counts struct{ failed, retrying int }
	want, got := map[string]counts{}, map[string]counts{}
	for _, list := range messagesOf(t, s) {
		for _, m := range list {
			n := want[m.Fingerprint]
			switch m.Status {
			case deadletter.Failed:
				n.failed++
			case deadletter.Retrying, deadletter.Replaying:
				n.retrying++
			case deadletter.Resolved, deadletter.Redriven, deadletter.Archived:
			}
			want[m.Fingerprint] = n
		}
	}
	for fingerprint := range want {
		c, err := s.Cause(t.Context(), fingerprint)
		if err != nil {
			t.Error(err)
		}
		got[fingerprint] = counts{c.Failed, c.Retrying}
	}
	if !maps.Equal(got, want) {
		t.Errorf("the causes count %v, there are %v", got, want)
	}
}

// sound looks at the files and the audit trail, with no process at work.
func (c *crash) sound(t *testing.T) {
	t.Helper()
	if code, out := run(t, "audit", "verify", "--config", c.file); code != 0 {
		t.Errorf("the audit trail: %s", out)
	}
	checkFiles(t, c.cfg.DataDir)
	for _, fault := range c.behind.atOnce {
		t.Errorf("two deliveries of one webhook were in flight at once: %s", fault)
	}
}

// missing returns what is not as it was promised; "": everything is.
func (c *crash) missing(messages map[string][]deadletter.Message) string {
	c.sent.mu.Lock()
	defer c.sent.mu.Unlock()
	for id, promise := range c.sent.told {
		if fault := c.fault(id, promise, messages[id]); fault != "" {
			return fault
		}
	}
	for id, list := range messages {
		if !c.sent.knows(id) || len(list) != 1 {
			return fmt.Sprintf("of webhook %s there are %d messages", id, len(list))
		}
		if s := list[0].Status; s != deadletter.Resolved && s != deadletter.Failed {
			return fmt.Sprintf("the message of webhook %s is %s", id, s)
		}
	}
	return ""
}

// told is what a platform was answered: the message's id, or "" where the webhook was accepted.
type told struct{ message deadletter.ID }

// fault returns what is wrong with one webhook that was answered 200: it is delivered or a message, once.
func (c *crash) fault(id string, promise told, messages []deadletter.Message) string {
	delivered := c.behind.took(id)
	switch {
	case promise.message != "" && (len(messages) != 1 || messages[0].ID != promise.message):
		return fmt.Sprintf("webhook %s was promised to be message %s, and there are %d", id, promise.message,
			len(messages))
	case kindOf(id) == "bad" && (delivered || len(messages) != 1 || messages[0].Status != deadletter.Failed):
		return fmt.Sprintf("webhook %s that no handler takes: delivered %t, messages %d", id, delivered, len(messages))
	case kindOf(id) == "good" && (!delivered || len(messages) != 0):
		return fmt.Sprintf("webhook %s that the handler takes: delivered %t, messages %d", id, delivered, len(messages))
	case kindOf(id) == "later" && (!delivered || len(messages) > 1):
		// There is no message where each failure was followed by a kill before it was noted.
		return fmt.Sprintf("webhook %s that the handler takes later: delivered %t, messages %d", id, delivered,
			len(messages))
	}
	return ""
}

// kindOf returns what a webhook's handler thinks of it: its id begins so.
func kindOf(id string) string {
	kind, _, _ := strings.Cut(id, "-")
	return kind
}

// platforms remember what they sent and what they were told.
type platforms struct {
	next       atomic.Int64
	unanswered atomic.Int64

	mu   sync.Mutex
	told map[string]told
}

func (p *platforms) post(url, source string) {
	n := p.next.Add(1)
	id := fmt.Sprintf("%s-%d", []string{"good", "later", "bad"}[n%3], n)
	body := fmt.Sprintf(`{"id":%q,"pad":%q}`, id, strings.Repeat("x", int(n%7)*300))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/webhooks/"+source, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.unanswered.Add(1)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	var said struct{ MessageID deadletter.ID }
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || answer.StatusCode != http.StatusOK {
		p.unanswered.Add(1)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told[id] = told{said.MessageID}
}

// await waits until so many more webhooks were answered 200.
func (p *platforms) await(t *testing.T, more int) {
	t.Helper()
	until := p.answered() + more
	limit := time.After(30 * time.Second)
	for look := time.NewTicker(time.Millisecond); p.answered() < until; {
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("%d webhooks were answered 200, not %d", p.answered(), until)
		}
	}
}

func (p *platforms) answered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.told)
}

// knows reports whether a webhook was sent.
func (p *platforms) knows(id string) bool {
	var n int64
	_, err := fmt.Sscanf(id[strings.Index(id, "-")+1:], "%d", &n)
	return err == nil && n > 0 && n <= p.next.Load()
}

// handler is a destination that takes some webhooks at once, some the third time, and some never. It sees what is
// sent to it twice at the same time.
type handler struct {
	url        string
	deliveries atomic.Int64

	mu       sync.Mutex
	atOnce   []string // deliveries that were not the only one of their webhook
	webhooks map[string]*seen
}

type seen struct {
	deliveries int
	inFlight   []string // what tells one from another
	taken      bool
}

func newHandler(t *testing.T) *handler {
	t.Helper()
	h := &handler{webhooks: map[string]*seen{}}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

func (h *handler) took(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.webhooks[id] != nil && h.webhooks[id].taken
}

// ServeHTTP takes its time, so that a kill finds deliveries in flight.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var webhook struct{ ID string }
	if body, err := io.ReadAll(r.Body); err != nil || json.Unmarshal(body, &webhook) != nil {
		return
	}
	h.deliveries.Add(1)
	this := fmt.Sprintf("attempt %s from %s", r.Header.Get("X-Dlqdesk-Attempt"), r.RemoteAddr)
	nth := h.begin(webhook.ID, this)
	defer h.end(webhook.ID, this)
	select {
	case <-time.After(time.Duration(rand.IntN(20)) * time.Millisecond): //nolint:gosec // not secret
	case <-r.Context().Done():
		return
	}
	switch kind := kindOf(webhook.ID); {
	case kind == "bad":
		w.WriteHeader(http.StatusUnprocessableEntity)
	case kind == "later" && nth%3 == 1:
		w.WriteHeader(http.StatusServiceUnavailable)
	case kind == "later" && nth%3 == 2:
		panic(http.ErrAbortHandler) // the connection breaks
	default:
		h.take(webhook.ID)
	}
}

func (h *handler) begin(id, this string) (nth int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.webhooks[id] == nil {
		h.webhooks[id] = &seen{}
	}
	w := h.webhooks[id]
	if w.inFlight = append(w.inFlight, this); len(w.inFlight) > 1 {
		h.atOnce = append(h.atOnce, fmt.Sprint(id, w.inFlight))
	}
	w.deliveries++
	return w.deliveries
}

func (h *handler) end(id, this string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.webhooks[id]
	w.inFlight = slices.DeleteFunc(w.inFlight, func(other string) bool { return other == this })
}

func (h *handler) take(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.webhooks[id].taken = true
}
