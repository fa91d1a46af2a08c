package acceptance_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dlqdesk/internal/config"
	"dlqdesk/internal/desktest"
)

// Two users who click at once cause one delivery. The later one reads the name of the earlier one.
func TestSimultaneousReplaysMakeOneDelivery(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	id := p.rejected(t, `{}`)
	client := p.signIn(t)
	p.await(t, client, "/messages", id)
	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))

	const people = 8
	answers := make([]int, people)
	texts := make([]string, people)
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			form := url.Values{"version": {"0"}, "revision": {"0"}}
			req, err := http.NewRequestWithContext(
				t.Context(), http.MethodPost, p.ConsoleURL()+"/messages/"+id+"/replay",
				strings.NewReader(form.Encode()),
			)
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("HX-Request", "true")
			answers[i], texts[i] = do(t, client, req)
		})
	}
	all.Wait()
	p.await(t, client, "/messages/"+id+"/panel", "Delivered: 200")
	won := 0
	for i, status := range answers {
		switch {
		case status == http.StatusOK:
			won++
		case status != http.StatusConflict || !strings.Contains(texts[i], "lready replayed by anna"):
			t.Errorf("one who was slower is told %d %s", status, texts[i])
		}
	}
	if n := len(p.destination.Received()); won != 1 || n != 2 {
		t.Errorf("%d replays were taken and %d deliveries made, want 1 and 2 (the webhook and one replay)", won, n)
	}
}

// An unedited replay delivers what was received, to the byte.
func TestUneditedReplayIsByteIdentical(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	bodies := map[string]string{}
	for _, body := range []string{
		"", " ", " {\"a\" : 1 }\r\n", `{"n":12345678901234567890.000,"n":1}`, "\xff\xfe\x00binary",
		`{"t":"\ud83d 🙏 ￿"}`, "plain", "<x/>", `"text"`, "null", "{",
	} {
		status, told := p.post(t, body, http.Header{"Content-Type": {"application/octet-stream"}})
		bodies[kept(t, status, told)] = body
	}
	client := p.signIn(t)
	sent := len(p.destination.Received())
	for id, body := range bodies {
		p.await(t, client, "/messages", id)
		p.submit(t, client, "/messages/"+id+"/replay", url.Values{"version": {"0"}, "revision": {"0"}})
		p.await(t, client, "/messages/"+id+"/panel", "Error response: 422")
		received := p.destination.Received()
		if len(received) != sent+1 {
			t.Fatalf("%d deliveries, want %d", len(received), sent+1)
		}
		sent++
		if got := string(received[sent-1].Body); got != body {
			t.Errorf("%q was replayed as %q", body, got)
		}
	}
}

// The queue is one of a real SQS server.
func TestQueueMessagesOfOtherProgramsAreStored(t *testing.T) { //nolint:paralleltest // environment
	endpoint := desktest.StartSQS(t)
	desktest.UseSQS(t, endpoint)
	queueURL := desktest.CreateQueue(t, endpoint, "dlq", nil)
	p := setup(t, func(c *config.Config) { c.Queue.DLQURL = queueURL })
	interchange := `{"messageId":"7d9e0c1b-2a3f-4e5d-8c6b-0f1e2d3c4b5a","timestamp":"2026-03-02T10:15:05.427Z",` +
		`"originalPayload":{"a": 1},"originalHeaders":{"content-type":"application/json"},` +
		`"errorReason":"HTTP 503 from the old worker","retryCount":2}`
	for _, body := range []string{interchange, interchange, "what is this?"} {
		if _, err := desktest.SQSClient(t, endpoint).
			SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &queueURL, MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
	}
	client := p.signIn(t)
	list := p.await(t, client, "/messages", "HTTP 503 from the old worker")
	message := p.await(t, client, "/messages/7d9e0c1b-2a3f-4e5d-8c6b-0f1e2d3c4b5a", "2 times")
	if !strings.Contains(message, "default_source") {
		t.Error("the message does not say why it cannot be replayed")
	}
	p.await(t, client, "/messages", "no error recorded")
	if strings.Count(list, "7d9e0c1b-2a3f-4e5d-8c6b-0f1e2d3c4b5a@") > 1 {
		t.Error("one message became two messages")
	}
	status, told := p.post(t, `{"id":1}`, nil)
	p.await(t, client, "/messages?status=retrying", kept(t, status, told))
}
