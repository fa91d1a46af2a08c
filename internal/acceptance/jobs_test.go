package acceptance_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"dlqdesk/internal/app"
	"dlqdesk/internal/desktest"
)

// fill sends webhooks that the destination refuses, until all of them need a person.
func (p program) fill(t *testing.T, client *http.Client, n int) {
	t.Helper()
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"field id is missing"}`))
	for i := range n {
		status, told := p.post(t, fmt.Sprintf(`{"n":%d}`, i), nil)
		kept(t, status, told)
	}
	p.await(t, client, "/messages", fmt.Sprintf("Select all %d messages that match", n))
}

// A job that was under way when dlqdesk was stopped goes on at the next start, and every message is delivered once.
func TestJobSurvivesARestart(t *testing.T) {
	t.Parallel()
	const messages = 90
	d := desktest.NewDestination(t)
	cfg := settings(t, d)
	first := app.New(cfg, app.Options{Log: desktest.Log(t)})
	if err := first.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := program{first, cfg, d}
	client := before.signIn(t)
	before.fill(t, client, messages)
	release := make(chan struct{})
	d.Set(func(http.ResponseWriter, *http.Request) { <-release })
	for range messages {
		d.Await(t) // the webhooks themselves
	}
	draft := before.submit(
		t, client, "/messages/bulk",
		url.Values{"action": {"replay"}, "scope": {"all"}, "back": {"status=failed"}},
	)
	if !strings.Contains(draft, "Replay 90 messages") {
		t.Fatalf("the draft says %s", draft)
	}
	before.submit(t, client, "/jobs/1/start", url.Values{})
	for range 24 { // as many as a job may have in flight at a time
		d.Await(t)
	}
	stopped := make(chan struct{})
	go func() {
		end(t, first)
		close(stopped)
	}()
	close(release)
	<-stopped

	second := program{begin(t, cfg), cfg, d}
	signedIn := &http.Client{Jar: client.Jar}
	second.submit(t, signedIn, "/signin", url.Values{"name": {"anna"}, "password": {password}})
	page := second.await(t, signedIn, "/jobs/1", "Replayed 90 messages")
	if !strings.Contains(page, "90 delivered") {
		t.Errorf("the job says %s", page)
	}
	seen := map[string]int{}
	for _, delivery := range d.Received() {
		seen[string(delivery.Body)]++
	}
	for i := range messages {
		if n := seen[fmt.Sprintf(`{"n":%d}`, i)]; n != 2 {
			t.Errorf("message %d was delivered %d times, want the webhook and one replay", i, n)
		}
	}
}

func TestBrowserReplaysAllThatMatch(t *testing.T) {
	t.Parallel()
	const messages = 64
	p := setup(t, nil)
	anna := sitDown(t, p)
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"field id is missing"}`))
	for i := range messages {
		status, told := p.post(t, fmt.Sprintf(`{"n":%d}`, i), nil)
		kept(t, status, told)
	}
	release := make(chan struct{})
	p.destination.Set(func(w http.ResponseWriter, r *http.Request) {
		<-release
		if strings.HasSuffix(r.Header.Get("X-Dlqdesk-Attempt"), "2") && r.ContentLength == 7 { // {"n":0} to {"n":9}
			w.WriteHeader(http.StatusConflict)
		}
	})
	anna.awaits("/messages", `#messages [data-all-matching="64 messages"]`)
	anna.does(
		"select all that match",
		chromedp.Click(chromedp.CSS(`[data-select-all]`)),
		chromedp.Click(chromedp.CSS(`#scope-all`)),
		chromedp.Click(chromedp.CSS(`#bulk [value="replay"]`)),
		chromedp.WaitVisible(chromedp.CSS(`#job-dialog[open] #job-confirm`)),
	)
	anna.sees("64 messages received from")
	anna.sees("No new messages since you selected.")
	anna.does("choose no steps", chromedp.Evaluate[chromedp.Void](`document.getElementById('steps').value = ''`))
	anna.does(
		"confirm", chromedp.Click(chromedp.CSS(`#job-confirm [type="submit"]`)),
		chromedp.WaitVisible(chromedp.CSS(`.job-strip[data-job-state="running"] .job-bar`)),
	)
	anna.sees("Replaying 64 messages")
	anna.sees("24 in flight")
	close(release)
	anna.sees("Replayed 64 messages")
	anna.sees("54 delivered")
	anna.sees("10 failed")
	anna.does("see the error", chromedp.Click(chromedp.CSS(`.job-errors summary`)))
	anna.sees("Conflict")
	anna.does(
		"refresh the list", chromedp.Click(chromedp.CSS(`#job-1-refresh`)),
		chromedp.WaitVisible(chromedp.CSS(`#messages tr[data-message]:nth-child(10):last-child`)),
	)
	anna.does(
		"see those that failed", chromedp.Click(chromedp.CSS(`.job-part.tone-fault a`)),
		chromedp.WaitVisible(chromedp.CSS(`.chip-row`)),
	)
	anna.sees("failed")
	if n, err := chromedp.Run(
		anna.tab, chromedp.Evaluate[int](`document.querySelectorAll('tr[data-message]').length`),
	); err != nil || n != 10 {
		t.Errorf("the list shows %d messages, want the 10 that failed (%v)", n, err)
	}
}
