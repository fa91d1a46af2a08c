package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dlqdesk/internal/app"
	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
)

// impatient is a program that looks often whether its ledger balances.
func impatient(t *testing.T, cfg config.Config) *app.App {
	t.Helper()
	a := app.New(cfg, desktest.Log(t))
	a.CheckLedger(50*time.Millisecond, 500*time.Millisecond)
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, a) })
	return a
}

// A letter that somebody deletes from SQS makes the page red, and the page says in which hour it was received. After a restart it
// still does.
func TestLetterDeletedFromSQSMakesTheLedgerRed(t *testing.T) { //nolint:paralleltest // the SQS server is found by environment
	endpoint := desktest.StartSQS(t)
	desktest.UseSQS(t, endpoint)
	// What is sent is held back, so that it can be deleted before the desk has it.
	queueURL := desktest.CreateQueue(t, endpoint, "dlq", map[string]string{"DelaySeconds": "900"})
	d := desktest.NewDestination(t)
	d.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"field id is missing"}`))
	cfg := settings(t, d)
	cfg.Queue.DLQURL, cfg.Sources[0].MaxBody = queueURL, 8<<20
	p := program{impatient(t, cfg), cfg, d}
	client := p.signIn(t)
	p.await(t, client, "/ledger", "Every hour balances")

	status, told := p.post(t, `{"id":"lost"}`, nil)
	hour := deadletter.LedgerHour(time.Now())
	kept(t, status, told)
	aws := desktest.SQSClient(t, endpoint)
	if _, err := aws.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &queueURL}); err != nil {
		t.Fatal(err)
	}
	if _, err := aws.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &queueURL, Attributes: map[string]string{"DelaySeconds": "0"}}); err != nil {
		t.Fatal(err)
	}
	status, told = p.post(t, `{"id":"kept"}`, nil)
	id := kept(t, status, told)
	status, told = p.post(t, desktest.Noise(3<<20), http.Header{"Content-Type": {"application/octet-stream"}}) // too large for SQS
	p.holds(t, []string{id, kept(t, status, told)})

	for range 2 {
		page := p.await(t, client, "/ledger", "1 letter is missing")
		for _, want := range []string{hour.Format("2006-01-02 15:04:05") + " UTC", `data-verdict="fault"`, "1 missing", "genesys", "bar-fault"} {
			if !strings.Contains(page, want) {
				t.Errorf("the page does not say %q", want)
			}
		}
		end(t, p.App)
		p.App = impatient(t, cfg)
		client = p.signInAgain(t)
	}
}
