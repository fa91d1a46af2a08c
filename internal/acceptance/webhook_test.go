package acceptance_test

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/auth"
	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
)

// kept reads the message id out of the receiver's answer to a webhook that failed.
func kept(t *testing.T, status int, body string) string {
	t.Helper()
	var answer struct{ Status, MessageID string }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK ||
		answer.Status != "queued_for_retry" {
		t.Fatalf("the platform was told %d %s", status, body)
	}
	return answer.MessageID
}

// rejected posts a webhook to a handler that refuses it for good, and returns the id of its message.
func (p program) rejected(t *testing.T, body string) string {
	t.Helper()
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"field id is missing"}`))
	status, told := p.post(t, body, nil)
	return kept(t, status, told)
}

func TestFailedWebhookIsListedReplayedAndAudited(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	body := `{ "n": 12345678901234567890, "n": 2,  "text": "Größe" }`
	status, told := p.post(t, body, http.Header{"Authorization": {"Bearer s3cret"}})
	id := kept(t, status, told)
	client := p.signIn(t)
	message := p.await(t, client, "/messages/"+id, "CRM is down")
	if strings.Contains(message, "s3cret") {
		t.Error("the page shows a secret")
	}
	p.await(t, client, "/messages?status=retrying", id)

	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	p.submit(t, client, "/messages/"+id+"/replay", url.Values{"version": {"0"}, "revision": {"0"}})
	p.await(t, client, "/messages/"+id+"/panel", "Delivered: 200")
	p.await(t, client, "/messages?status=resolved", id)
	trail := p.await(t, client, "/audit?message="+id, "message.replay")
	if !strings.Contains(trail, "anna") || !strings.Contains(trail, "127.0.0.1") {
		t.Error("the audit page does not say who replayed it and from where")
	}
	received := p.destination.Received()
	if len(received) != 2 || string(received[1].Body) != body ||
		received[1].Header.Get("Authorization") != "Bearer s3cret" {
		t.Fatalf("the destination got %d deliveries, the last %+v", len(received), received[len(received)-1])
	}
	if first, second := received[0].Header, received[1].Header; first.Get("Webhook-Id") != second.Get("Webhook-Id") ||
		second.Get("X-Dlqdesk-Attempt") != "2" {
		t.Errorf("headers of the attempts: %v and %v", first, second)
	}
	if r, err := auditOf(p.cfg).Verify(t.Context()); err != nil || r.Events < 5 {
		t.Errorf("audit trail of %d events: %v", r.Events, err)
	}
}

func TestTransientFailureIsRetriedAutomatically(t *testing.T) {
	t.Parallel()
	p := setup(t, func(c *config.Config) {
		c.Sources[0].Retry = deadletter.RetryPolicy{MaxAttempts: 5, Base: time.Millisecond, Cap: time.Millisecond}
	})
	answers := 0
	p.destination.Set(func(w http.ResponseWriter, r *http.Request) {
		if answers++; answers < 3 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	status, told := p.post(t, `{}`, nil)
	p.await(t, p.signIn(t), "/messages?status=resolved", kept(t, status, told))
	if n := len(p.destination.Received()); n != 3 {
		t.Errorf("%d deliveries, want 3", n)
	}
}

func TestPermanentFailureIsNotRetried(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"field id is missing"}`))
	status, told := p.post(t, `{}`, nil)
	p.await(t, p.signIn(t), "/messages", kept(t, status, told))
}

func TestBufferedSourceRespondsBeforeDelivery(t *testing.T) {
	t.Parallel()
	p := setup(t, func(c *config.Config) { c.Sources[0].Mode = config.Buffered })
	release := make(chan struct{})
	p.destination.Set(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		w.WriteHeader(http.StatusUnprocessableEntity)
	})
	status, told := p.post(t, `{"id":1}`, nil)
	close(release)
	if status != http.StatusOK || told != `{"status":"accepted"}` {
		t.Fatalf("the platform was told %d %s", status, told)
	}
	p.await(t, p.signIn(t), "/messages", "Unprocessable Entity")
}

func TestMessagesSurviveARestart(t *testing.T) {
	t.Parallel()
	d := desktest.NewDestination(t)
	cfg := settings(t, d)
	first := app.New(cfg, app.Options{Log: desktest.Log(t)})
	if err := first.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	status, told := program{first, cfg, d}.post(t, `{}`, nil)
	id := kept(t, status, told)
	end(t, first)
	second := program{begin(t, cfg), cfg, d}
	second.await(t, second.signIn(t), "/messages?status=all", id)
}

func TestSecondProcessOnADataFolderIsRefused(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	err := app.New(p.cfg, app.Options{Log: desktest.Log(t)}).Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "another dlqdesk runs on the data folder") {
		t.Errorf("the second start answers %v", err)
	}
}

func TestUserIsAddedWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	command := app.New(p.cfg, app.Options{Log: desktest.Log(t)})
	add := func(name, role string) error {
		return command.Users(t.Context(), func(users *auth.Auth) error {
			return users.AddUser(t.Context(), deadletter.CLI("root"), name, role, password)
		})
	}
	if err := add("vera", "viewer"); err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	if page := p.submit(
		t, client, "/signin", url.Values{"name": {"vera"}, "password": {password}},
	); !strings.Contains(page, "vera") {
		t.Error("vera is not signed in")
	}
	if err := add("VERA", "admin"); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("the same name again answers %v", err)
	}
}

func TestStopFinishesDeliveriesInFlight(t *testing.T) {
	t.Parallel()
	d := desktest.NewDestination(t)
	cfg := settings(t, d)
	a := app.New(cfg, app.Options{Log: desktest.Log(t)})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := program{a, cfg, d}
	release := make(chan struct{})
	d.Set(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	type answer struct {
		status int
		body   string
	}
	answered := make(chan answer, 1)
	go func() {
		status, body := p.post(t, `{}`, nil)
		answered <- answer{status, body}
	}()
	d.Await(t)
	stopped := make(chan struct{})
	go func() {
		end(t, a)
		close(stopped)
	}()
	close(release)
	<-stopped
	got := <-answered
	id := kept(t, got.status, got.body)
	again := program{begin(t, cfg), cfg, d}
	again.await(t, again.signIn(t), "/messages?status=all", id)
}

func TestMissingAuditKeyIsNotReplaced(t *testing.T) {
	t.Parallel()
	d := desktest.NewDestination(t)
	cfg := settings(t, d)
	end(t, begin(t, cfg))
	if err := os.Remove(cfg.DataDir + "/audit.key"); err != nil {
		t.Fatal(err)
	}
	err := app.New(cfg, app.Options{Log: desktest.Log(t)}).Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "Restore it from its copy") {
		t.Errorf("the start answers %v", err)
	}
}
