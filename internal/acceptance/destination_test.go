package acceptance_test

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// arrivals notes when a destination that is up gets requests.
type arrivals struct {
	mu sync.Mutex
	at []time.Time
}

func (a *arrivals) answer(http.ResponseWriter, *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = append(a.at, time.Now())
}

// first returns how many requests came within the second after the first.
func (a *arrivals) first() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, at := range a.at {
		if at.Sub(a.at[0]) < time.Second {
			n++
		}
	}
	return n
}

// A destination goes down under load: what fails is held and not burnt, the page says so, also after a kill, an
// operator probes, and the backlog goes on the ramp. Every request that arrived is an attempt that is on
// record.
func TestDestinationGoesDownUnderLoad(t *testing.T) {
	t.Parallel()
	const release, maxAttempts = 40, 3
	p := setup(t, func(c *config.Config) {
		s := &c.Sources[0]
		s.Retry = deadletter.RetryPolicy{MaxAttempts: maxAttempts, Base: time.Millisecond, Cap: 5 * time.Millisecond}
		s.Breaker = config.Breaker{
			FailureRate:   0.5,
			Window:        time.Minute,
			MinDeliveries: 5,
			Probe:         time.Hour,
			RampStart:     release,
		}
	})
	client := p.signIn(t)
	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	l := p.load(t, 2)
	l.await(t, 20)
	p.destination.Set(desktest.Answer(http.StatusServiceUnavailable, `{"error":"CRM is down"}`))
	p.await(t, client, "/overview", `data-breaker="open"`)
	l.await(t, 80)
	messages := kinds(l.end(t))
	p.holds(t, messages)
	s := p.beside(t)
	waiting, burnt := p.countOf(t, s, deadletter.Retrying), p.countOf(t, s, deadletter.Failed)
	if waiting < len(messages)/2 {
		t.Errorf("%d of %d messages are held, %d used up their attempts", waiting, len(messages), burnt)
	}
	p.await(t, client, "/overview", ">"+strconv.Itoa(waiting)+"</a> messages waiting")

	end(t, p.App)
	p.App = begin(t, p.cfg)
	p.await(t, client, "/overview", `data-breaker="open"`)

	back := &arrivals{}
	p.destination.Set(back.answer)
	p.submit(t, client, "/destinations/genesys/probe", url.Values{})
	p.await(t, client, "/overview", `data-health="up"`)
	limit := time.After(30 * time.Second)
	for look := time.NewTicker(50 * time.Millisecond); p.countOf(t, s, deadletter.Resolved) < waiting; {
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("%d of %d messages were delivered", p.countOf(t, s, deadletter.Resolved), waiting)
		}
	}
	// The ramp doubles within the second, and the probe goes besides.
	if n := back.first(); n > 2*release+1 {
		t.Errorf("%d messages were let go within the first second, %d may be", n, 2*release+1)
	}
	if n := p.countOf(t, s, deadletter.Failed); n != burnt {
		t.Errorf("%d messages were burnt while the destination was down", n-burnt)
	}
	p.checkAttempts(t, s, messages, maxAttempts)
	events, err := s.Events(
		t.Context(), store.EventQuery{EventFilter: store.EventFilter{Action: "destination.probe"}, Limit: 5},
	)
	if err != nil || len(events.Items) != 1 || events.Items[0].By != "anna" {
		t.Errorf("the trail has %+v, %v", events.Items, err)
	}
}

// kinds returns the messages among what platforms were promised: what was delivered at once has no id.
func kinds(promised []string) (messages []string) {
	for _, id := range promised {
		if id != "" {
			messages = append(messages, id)
		}
	}
	return messages
}

func (p program) countOf(t *testing.T, s *store.Store, status deadletter.Status) int {
	t.Helper()
	counts, err := s.Counts(t.Context(), store.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return counts.ByStatus[status]
}

// checkAttempts holds what arrived against what is on record: each attempt once, by its number, and all under one
// Webhook-Id.
func (p program) checkAttempts(t *testing.T, s *store.Store, messages []string, maxAttempts int) {
	t.Helper()
	arrived := map[string]map[string]int{}
	for _, d := range p.destination.Received() {
		id := d.Header.Get("Webhook-Id")
		if arrived[id] == nil {
			arrived[id] = map[string]int{}
		}
		arrived[id][d.Header.Get("X-Dlqdesk-Attempt")]++
	}
	for _, id := range messages {
		l, err := s.Message(t.Context(), deadletter.ID(id))
		if err != nil {
			t.Fatal(err)
		}
		attempts, err := s.Attempts(t.Context(), l.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got := arrived[l.WebhookID]; len(got) != len(attempts) || len(attempts) != l.Attempts ||
			l.AutoAttempts > maxAttempts {
			t.Errorf("of message %s %d requests arrived, %d attempts are on record, it counts %d, %d automatic", id,
				len(got), len(attempts), l.Attempts, l.AutoAttempts)
		}
		for number, times := range arrived[l.WebhookID] {
			if times != 1 {
				t.Errorf("attempt %s of message %s arrived %d times", number, id, times)
			}
		}
	}
}

// The page shows the result of the probe without a reload.
func TestBrowserProbesADestination(t *testing.T) {
	t.Parallel()
	p := setup(t, func(c *config.Config) {
		c.Sources[0].Breaker = config.Breaker{
			FailureRate:   0.5,
			Window:        time.Minute,
			MinDeliveries: 1,
			Probe:         time.Hour,
			RampStart:     10,
		}
	})
	anna := sitDown(t, p)
	status, told := p.post(t, `{"id":"1"}`, nil)
	id := kept(t, status, told)
	anna.awaits("/messages?status=retrying", `tr[data-message="`+id+`"]`)
	anna.does(
		"open the overview", chromedp.Navigate(p.ConsoleURL()+"/overview"),
		chromedp.WaitVisible(chromedp.CSS(`[data-breaker="open"]`)),
	)
	anna.sees("genesys circuit breaker open since")
	anna.sees("CRM is down")
	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	anna.does("probe", chromedp.Click(chromedp.CSS(`[data-breaker] button`)))
	anna.sees("Probe requested")
	anna.does("see it up", chromedp.WaitVisible(chromedp.CSS(`[data-health="up"]`)))
	anna.finds(`document.querySelector('[data-breaker="open"]') === null`)
}

// The program reaches a handler that has an authority of its own, over HTTP/2, and says so where it is not configured.
func TestDestinationWithItsOwnAuthority(t *testing.T) {
	t.Parallel()
	protocols := make(chan int, 8)
	server := httptest.NewUnstartedServer(
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { protocols <- r.ProtoMajor }),
	)
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(
		authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
		0o600,
	); err != nil {
		t.Fatal(err)
	}
	if !server.Certificate().IsCA {
		t.Fatal("the test's certificate is no authority")
	}
	for _, trusted := range []bool{true, false} {
		t.Run(fmt.Sprintf("trusted=%t", trusted), func(t *testing.T) {
			p := setup(t, func(c *config.Config) {
				c.Sources[0].Destination = server.URL
				if trusted {
					c.Sources[0].TLS.CAFile = authority
				}
			})
			status, told := p.post(t, `{"id":"1"}`, nil)
			if trusted {
				if status != http.StatusOK || told != `{"status":"accepted"}` || <-protocols != 2 {
					t.Errorf("answered %d %s", status, told)
				}
				return
			}
			p.holds(t, []string{kept(t, status, told)})
			l, err := p.beside(t).Message(t.Context(), deadletter.ID(kept(t, status, told)))
			if err != nil || l.Outcome != deadletter.Unreachable ||
				!strings.Contains(l.Reason, "its authority is unknown") ||
				l.Status != deadletter.Retrying {
				t.Errorf("message %+v, %v", l, err)
			}
		})
	}
}
