package redrive_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/redrive"
)

// secondSQS is an SQS server that can list source queues, and says where it moved a message from. It knows
// the attributes that a receive asks for by the name alone that the API had for them before.
func secondSQS(t *testing.T) (endpoint string) {
	t.Helper()
	program, err := filepath.Abs("testdata/second-sqs.cjs")
	if err != nil {
		t.Fatal(err)
	}
	address, _ := desktest.StartNode(t, program)
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		body = bytes.ReplaceAll(body, []byte("MessageSystemAttributeNames"), []byte("AttributeNames"))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// A second SQS server, by other authors, reports the origin of a message so that Find returns its queue.
func TestOriginWithASecondSQSServer(t *testing.T) {
	t.Parallel()
	endpoint := secondSQS(t)
	client := desktest.SQSClient(t, endpoint)
	dlq := desktest.CreateQueue(t, endpoint, "orders-dlq", nil)
	policy := map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn":"` + // words:ok, AWS's own name
			`arn:aws:sqs:eu-central-1:123456789012:orders-dlq",` +
			`"maxReceiveCount":1}`,
		"VisibilityTimeout": "1",
	}
	orders := desktest.CreateQueue(t, endpoint, "orders", policy)
	q, err := queue.NewSQS(t.Context(), dlq, "", desktest.AWS(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	o := redrive.NewOrigin(q, "", "set it")
	o.Refresh(t.Context())
	if got, err := o.Find(""); err != nil || path.Base(got) != "orders" {
		t.Errorf("of the DLQ: %q, %v", got, err)
	}
	body := "x"
	if _, err := client.SendMessage(
		t.Context(), &sqs.SendMessageInput{QueueUrl: &orders, MessageBody: &body},
	); err != nil {
		t.Fatal(err)
	}
	var moved []queue.Message
	for len(moved) == 0 { // it is moved when its consumer asks once more
		if _, err := client.ReceiveMessage(
			t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &orders, WaitTimeSeconds: 1},
		); err != nil {
			t.Fatal(err)
		}
		if moved, err = q.Receive(t.Context(), 1, 0); err != nil {
			t.Fatal(err)
		}
	}
	arn := moved[0].System["DeadLetterQueueSourceArn"] // words:ok, AWS's own name
	got, err := o.Find(arn)
	if err != nil || path.Base(got) != "orders" {
		t.Errorf("of the message, from %q: %q, %v", arn, got, err)
	}
	if confirmed, err := o.FindConfirmed(arn); err != nil || confirmed != got {
		t.Errorf("confirmed is %q, %v", confirmed, err)
	}
	if _, err := q.SendTo(t.Context(), got, queue.Outgoing{Body: []byte("back")}); err != nil {
		t.Fatal(err)
	}
	if back, err := client.ReceiveMessage(
		t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &orders},
	); err != nil || len(back.Messages) != 1 || *back.Messages[0].Body != "back" {
		t.Errorf("on its queue is %+v, %v", back, err)
	}
}
