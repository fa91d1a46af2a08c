package acceptance_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// behindLine is a dlqdesk whose SQS queue is reached over a line that can be disturbed.
func behindLine(
	t *testing.T, disturbFirst func(*flakyProxy), change func(*config.Config),
) (program, *flakyProxy) {
	t.Helper()
	endpoint := desktest.StartSQS(t)
	// Queue messages in flight when the connection broke come again soon.
	queueURL := desktest.CreateQueue(t, endpoint, "dlq", map[string]string{"VisibilityTimeout": "3"})
	line := newFlakyProxy(t, endpoint)
	desktest.UseSQS(t, line.URL)
	if disturbFirst != nil {
		disturbFirst(line)
	}
	p := setup(t, func(c *config.Config) {
		c.Queue.DLQURL = queueURL
		if change != nil {
			change(c)
		}
	})
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"field id is missing"}`))
	return p, line
}

// load posts webhooks that fail, from several platforms at a time, until it ends. It remembers the messages that were
// promised.
type load struct {
	stop     chan struct{}
	running  sync.WaitGroup
	mu       sync.Mutex
	promised []string
	refused  []string
}

func (p program) load(t *testing.T, platforms int) *load {
	t.Helper()
	return loadOn(t, p.URL(), platforms)
}

func loadOn(t *testing.T, url string, platforms int) *load {
	t.Helper()
	l := &load{stop: make(chan struct{})}
	t.Cleanup(l.running.Wait)
	for platform := range platforms {
		l.running.Go(func() {
			pace := time.NewTicker(25 * time.Millisecond) // so that what piles up is gone soon
			defer pace.Stop()
			for n := 0; ; n++ {
				select {
				case <-l.stop:
					return
				case <-pace.C:
					l.post(t, url, fmt.Sprintf(`{"platform":%d,"n":%d}`, platform, n))
				}
			}
		})
	}
	return l
}

func (l *load) post(t *testing.T, url, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(
		t.Context(), http.MethodPost, url+"/webhooks/genesys", strings.NewReader(body),
	)
	if err != nil {
		t.Error(err)
		return
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	var told struct{ MessageID string }
	err = json.NewDecoder(answer.Body).Decode(&told)
	l.mu.Lock()
	defer l.mu.Unlock()
	if answer.StatusCode != http.StatusOK || err != nil {
		l.refused = append(l.refused, answer.Status)
		return
	}
	l.promised = append(l.promised, told.MessageID)
}

// end stops the load and returns the messages that were promised; none may have been refused.
func (l *load) end(t *testing.T) []string {
	t.Helper()
	close(l.stop)
	l.running.Wait()
	if len(l.refused) > 0 {
		t.Errorf("%d webhooks were kept, %d refused: %s", len(l.promised), len(l.refused), l.refused)
	}
	return l.promised
}

// soFar returns the messages that were promised up to now.
func (l *load) soFar() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.promised)
}

// holds waits until the store has exactly these messages.
func (p program) holds(t *testing.T, ids []string) {
	t.Helper()
	if n := p.holdsAtLeast(t, ids); n != len(ids) {
		t.Errorf("there are %d messages of %d webhooks", n, len(ids))
	}
}

// holdsAtLeast waits until the store has these messages, and returns how many it has.
func (p program) holdsAtLeast(t *testing.T, ids []string) int {
	t.Helper()
	s := p.beside(t)
	limit := time.After(30 * time.Second)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for _, id := range ids {
		for _, err := s.Message(t.Context(), deadletter.ID(id)); err != nil; _, err = s.Message(
			t.Context(), deadletter.ID(id),
		) {
			select {
			case <-look.C:
			case <-limit:
				t.Fatalf("message %q was promised: %v; there are %d", id, err, count(t, s))
			}
		}
	}
	if _, err := s.VerifyAudit(t.Context()); err != nil {
		t.Errorf("the audit trail: %v", err)
	}
	return count(t, s)
}

// beside opens the program's store while it runs.
func (p program) beside(t *testing.T) *store.Store {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(p.cfg.DataDir, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), filepath.Join(p.cfg.DataDir, "desk.db"), key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func count(t *testing.T, s *store.Store) (n int) {
	t.Helper()
	counts, err := s.Counts(t.Context(), store.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, messages := range counts.ByStatus {
		n += messages
	}
	return n
}

func TestQueueOutageLosesNothing(t *testing.T) { //nolint:paralleltest // the SQS server is found by environment
	p, line := behindLine(t, nil, nil)
	l := p.load(t, 3)
	l.await(t, 50)
	line.Cut()
	<-time.After(outageTime)
	line.Mend(t)
	l.await(t, 50)
	p.holds(t, l.end(t))
}

// outageTime is how long the queue is away: longer than the pause between two tries at it, so that several of them
// fail.
const outageTime = 10 * time.Second

// await waits until so many more webhooks were answered.
func (l *load) await(t *testing.T, more int) {
	t.Helper()
	answered := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.promised) + len(l.refused)
	}
	until := answered() + more
	limit := time.After(30 * time.Second)
	for look := time.NewTicker(time.Millisecond); answered() < until; {
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("%d webhooks were answered, not %d", answered(), until)
		}
	}
}

func TestSlowQueueLosesNothing(t *testing.T) { //nolint:paralleltest // the SQS server is found by environment
	for name, disturb := range map[string]func(t *testing.T, line *flakyProxy){
		"slow":   func(t *testing.T, line *flakyProxy) { line.Slow(t, 300) },
		"stuck":  func(t *testing.T, line *flakyProxy) { line.Slow(t, 5000) },
		"breaks": func(t *testing.T, line *flakyProxy) { line.Break(t, 300) },
	} {
		t.Run(name, func(t *testing.T) {
			p, line := behindLine(t, nil, nil)
			l := p.load(t, 3)
			l.await(t, 20)
			disturb(t, line)
			l.await(t, 100)
			line.Calm(t)
			l.await(t, 20)
			p.holds(t, l.end(t))
		})
	}
}

// The environment leads to the SQS server, so the test cannot be parallel.
func TestWebhooksAreAcceptedBeforeTheQueueExists(t *testing.T) { //nolint:paralleltest // environment
	p, line := behindLine(t, func(line *flakyProxy) { line.Cut() }, nil)
	l := p.load(t, 2)
	l.await(t, 10)
	promised := l.end(t)
	end(t, p.App)
	p.App = begin(t, p.cfg)
	line.Mend(t)
	p.holds(t, promised)
}

// The environment leads to the SQS server, so the test cannot be parallel.
func TestWebhookTooLargeForTheQueueBecomesAMessage(t *testing.T) { //nolint:paralleltest // environment
	p, _ := behindLine(t, nil, func(c *config.Config) { c.Sources[0].MaxBody = 8 << 20 })
	var ids []string
	for name, body := range map[string]string{
		"that shrinks":  `{"text":"` + strings.Repeat("the same again ", 300_000) + `"}`,
		"that does not": desktest.Noise(3 << 20),
	} {
		status, told := p.post(t, body, http.Header{"Content-Type": {"application/octet-stream"}})
		id := kept(t, status, told)
		ids = append(ids, id)
		p.holds(t, ids)
		r, err := p.beside(t).Revision(t.Context(), deadletter.ID(id), 0)
		if err != nil || string(r.Body) != body {
			t.Errorf("of a webhook of %d bytes %s there are %d bytes: %v", len(body), name, len(r.Body), err)
		}
	}
}
