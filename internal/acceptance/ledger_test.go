package acceptance_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dlqdesk/internal/app"
	"dlqdesk/internal/config"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/store"
)

// beginCheckingOften starts a program that checks often whether its ledger balances.
func beginCheckingOften(t *testing.T, cfg config.Config) *app.App {
	t.Helper()
	often := app.Options{Log: desktest.Log(t), LedgerEvery: 50 * time.Millisecond, LedgerSettle: 500 * time.Millisecond}
	a := app.New(cfg, often)
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, a) })
	return a
}

// A queue message that is deleted from SQS makes the page red, and the page says in which hour it was received. After
// a restart it still does.
func TestMessageDeletedFromSQSMakesTheLedgerRed(t *testing.T) { //nolint:paralleltest // environment
	endpoint := desktest.StartSQS(t)
	desktest.UseSQS(t, endpoint)
	// Queue messages are delayed, so that they can be deleted before the desk has it.
	queueURL := desktest.CreateQueue(t, endpoint, "dlq", map[string]string{"DelaySeconds": "900"})
	d := desktest.NewDestination(t)
	d.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"field id is missing"}`))
	cfg := settings(t, d)
	cfg.Queue.DLQURL, cfg.Sources[0].MaxBody = queueURL, 8<<20
	p := program{beginCheckingOften(t, cfg), cfg, d}
	client := p.signIn(t)
	p.await(t, client, "/reconciliation", "Every hour balances")

	status, told := p.post(t, `{"id":"lost"}`, nil)
	hour := ledger.HourOf(time.Now())
	kept(t, status, told)
	aws := desktest.SQSClient(t, endpoint)
	if _, err := aws.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &queueURL}); err != nil {
		t.Fatal(err)
	}
	show(t, endpoint, queueURL)
	status, told = p.post(t, `{"id":"kept"}`, nil)
	id := kept(t, status, told)
	// too large for SQS
	status, told = p.post(t, desktest.Noise(3<<20), http.Header{"Content-Type": {"application/octet-stream"}})
	p.holds(t, []string{id, kept(t, status, told)})

	for range 2 {
		page := p.await(t, client, "/reconciliation", "1 message is missing")
		for _, want := range []string{
			hour.Format("2006-01-02 15:04:05") + " UTC", `data-result="fault"`, "1 missing",
			"genesys", "bar-fault",
		} {
			if !strings.Contains(page, want) {
				t.Errorf("the page does not say %q", want)
			}
		}
		end(t, p.App)
		p.App = beginCheckingOften(t, cfg)
		client = p.signInAgain(t)
	}
}

// A message that is lost before the counts of its second are saved, because the program is killed, is missing as
// well, after any number of kills; and where none is lost the ledger balances.
func TestLossBeforeAKillMakesTheLedgerRed(t *testing.T) { //nolint:paralleltest // environment
	endpoint := desktest.StartSQS(t)
	desktest.UseSQS(t, endpoint)
	aws := desktest.SQSClient(t, endpoint)
	for name, lose := range map[string]bool{"one is lost": true, "none is lost": false} {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // as above
			queueURL := desktest.CreateQueue(
				t, endpoint, strings.ReplaceAll(name, " ", "-"), map[string]string{"DelaySeconds": "900"},
			)
			d := desktest.NewDestination(t)
			d.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"field id is missing"}`))
			cfg := settings(t, d)
			cfg.Queue.DLQURL = queueURL
			p := program{cfg: cfg, destination: d}
			hour := ledger.HourOf(time.Now())
			dies := serve(t, write(t, cfg), desktest.SQSEnvironment(endpoint)...)
			deliver(t, dies.url, "lost")
			if lose {
				if _, err := aws.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &queueURL}); err != nil {
					t.Fatal(err)
				}
			}
			show(t, endpoint, queueURL)
			deliver(t, dies.url, "kept")
			dies.kill()
			for n := range 2 {
				dies := serve(t, write(t, cfg), desktest.SQSEnvironment(endpoint)...)
				deliver(t, dies.url, fmt.Sprint("later ", n))
				dies.kill()
			}
			p.App = beginCheckingOften(t, cfg)
			client := p.signIn(t)
			if !lose {
				page := p.await(t, client, "/reconciliation", "Every hour balances")
				if strings.Contains(page, "explained") {
					t.Error("a run that was killed is explained, though all its messages are known")
				}
				return
			}
			page := p.await(t, client, "/reconciliation", "1 message is missing")
			for _, want := range []string{
				hour.Format("2006-01-02 15:04:05") + " UTC", `data-result="fault"`,
				"1 missing",
			} {
				if !strings.Contains(page, want) {
					t.Errorf("the page does not say %q", want)
				}
			}
		})
	}
}

// deliver posts a webhook to a process, which has to keep it.
func deliver(t *testing.T, url, id string) {
	t.Helper()
	body := strings.NewReader(fmt.Sprintf(`{"id":%q}`, id))
	answer, err := http.Post(url+"/webhooks/genesys", "application/json", body) //nolint:noctx // ends with the process
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("a webhook is answered %s", answer.Status)
	}
}

// show has a queue hand out from now on what is sent to it.
func show(t *testing.T, endpoint, queueURL string) {
	t.Helper()
	_, err := desktest.SQSClient(t, endpoint).SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{
		QueueUrl: &queueURL, Attributes: map[string]string{"DelaySeconds": "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// awaitBalance waits until the ledger of a store balances, taking all that was sent for what has to have arrived.
func awaitBalance(t *testing.T, s *store.Store) {
	t.Helper()
	recorder, err := ledger.Begin(t.Context(), s, time.Now, desktest.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	nothing := func(context.Context) (ledger.Waiting, error) { return ledger.Waiting{}, nil }
	settings := ledger.Settings{DLQ: nothing, Processing: nothing}
	c := ledger.NewChecker(s, recorder, settings, time.Now, desktest.Log(t))
	limit := time.After(30 * time.Second)
	for look := time.NewTicker(100 * time.Millisecond); ; {
		for range 2 {
			c.Once(t.Context())
		}
		state := c.State()
		if state.Unchecked == nil && len(state.Wrong()) == 0 {
			break
		}
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("the ledger does not balance: %+v", state)
		}
	}
	if err := recorder.End(t.Context()); err != nil {
		t.Error(err)
	}
}
