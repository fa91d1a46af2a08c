package acceptance_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dlqdesk/internal/app"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/envelope"
)

// Messages are sent as envelopes, once, and are open again where they are received. The environment leads to the SQS
// server, so the test cannot be parallel.
func TestDrainPutsMessagesBackOnTheQueue(t *testing.T) {
	server := desktest.StartSQS(t)
	desktest.UseSQS(t, server)
	dlq := desktest.CreateQueue(t, server, "webhooks-dlq", nil)
	p := setup(t, nil)
	p.destination.Set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnprocessableEntity) })
	name := []string{"caf\xe9", "café", "\xff\xfe"} // bytes that are not UTF-8 stay as they are
	p.post(t, `{"n":1}`, http.Header{"Webhook-Id": {"hook-1"}, "X-Name": name})
	p.post(t, "{\"n\": 2}\n", http.Header{"Webhook-Id": {"hook-2"}, "X-Name": name})
	anna := p.signIn(t)
	p.await(t, anna, "/messages?status=failed&q=hook-1", "row-link")
	p.await(t, anna, "/messages?status=failed&q=hook-2", "row-link")

	cfg := p.cfg
	cfg.Queue.DLQURL = dlq
	drain := func(to string, r desk.DrainRequest) (desk.DrainResult, error) {
		return app.New(cfg, app.Options{Log: desktest.Log(t)}).Drain(context.WithoutCancel(t.Context()), to, r)
	}
	if _, err := drain("dlq", desk.DrainRequest{}); err == nil || !strings.Contains(err.Error(), "stop dlqdesk serve") {
		t.Errorf("a drain beside a server returns %v", err)
	}
	end(t, p.App)
	if _, err := drain("https://sqs.eu-west-1.amazonaws.com/1/mine", desk.DrainRequest{}); err == nil {
		t.Error("messages are drained to a queue that is not configured")
	}
	if _, err := drain("dlq", desk.DrainRequest{Status: deadletter.Resolved}); err == nil {
		t.Error("resolved messages are drained")
	}
	if dry, err := drain("dlq", desk.DrainRequest{DryRun: true}); err != nil || dry.Messages != 2 {
		t.Errorf("a dry run counts %+v, %v", dry, err)
	}
	if none, err := drain("dlq", desk.DrainRequest{Source: "cxone"}); deadletter.KindOf(err) != deadletter.Invalid {
		t.Errorf("of an unknown source it drained %+v, %v", none, err)
	}
	if all, err := drain(dlq, desk.DrainRequest{}); err != nil || all.Messages != 2 || all.Skipped != 0 {
		t.Errorf("drained %+v, %v", all, err)
	}
	if again, err := drain("dlq", desk.DrainRequest{}); err != nil || again.Messages != 0 {
		t.Errorf("a second drain drained %+v, %v", again, err)
	}
	ids := checkEnvelopes(t, desktest.SQSClient(t, server), dlq, name)
	// The same desk reads them again, because they are on its queue: they are open as they were.
	back := program{begin(t, cfg), cfg, p.destination}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	back.submit(t, client, "/signin", url.Values{"name": {"anna"}, "password": {password}})
	for _, id := range ids {
		back.await(t, client, "/messages/"+id, `data-status="failed"`)
	}
}

// checkEnvelopes looks at the messages and lets them be.
func checkEnvelopes(t *testing.T, client *sqs.Client, queueURL string, name []string) (ids []string) {
	t.Helper()
	answer, err := client.ReceiveMessage(
		t.Context(),
		&sqs.ReceiveMessageInput{QueueUrl: &queueURL, MaxNumberOfMessages: 10, VisibilityTimeout: 1},
	)
	if err != nil || len(answer.Messages) != 2 {
		t.Fatalf("on the queue are %v, %v", answer, err)
	}
	for _, m := range answer.Messages {
		var six struct {
			MessageID, Timestamp, ErrorReason string
			OriginalPayload                   map[string]int
			OriginalHeaders                   map[string]any
			RetryCount                        *int
		}
		if err := json.Unmarshal(
			[]byte(aws.ToString(m.Body)), &six,
		); err != nil || six.MessageID == "" || six.Timestamp == "" || six.OriginalPayload["n"] == 0 ||
			len(six.OriginalHeaders) == 0 || !strings.Contains(six.ErrorReason, "422") || six.RetryCount == nil ||
			*six.RetryCount != 0 {
			t.Errorf("the envelope is %s (%v)", aws.ToString(m.Body), err)
		}
		got := envelope.Decode(envelope.Raw{Body: []byte(aws.ToString(m.Body))}, time.Now()).Headers
		if !slices.Equal(got["X-Name"], name) {
			t.Errorf("the envelope has the header %q, want %q", got["X-Name"], name)
		}
		ids = append(ids, six.MessageID)
	}
	return ids
}
