package acceptance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"dlqdesk/internal/app"
	"dlqdesk/internal/config"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
)

// sqsFront is a proxy of an SQS server that also lists the sources of a DLQ, which the server cannot. On request it
// loses the response to the next SendMessage to a source queue.
type sqsFront struct {
	endpoint string
	sources  []string
	lose     atomic.Bool
	// holding is closed once SQS has the next send, whose sender then gets no response.
	holding atomic.Pointer[chan struct{}]
}

// holdSend keeps back the answer to the next send. It closes reached when SQS has that.
func (f *sqsFront) holdSend() (reached chan struct{}) {
	reached = make(chan struct{}, 1)
	f.holding.Store(&reached)
	return reached
}

func newFront(t *testing.T, server string) *sqsFront {
	t.Helper()
	to, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	f := &sqsFront{}
	proxy := httputil.NewSingleHostReverseProxy(to)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		switch action := r.Header.Get("X-Amz-Target"); {
		case action == "AmazonSQS.ListDeadLetterSourceQueues": // words:ok, a name of AWS
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			_ = json.NewEncoder(w).Encode(map[string]any{"queueUrls": f.sources})
		case action == "AmazonSQS.SendMessage" && f.lose.CompareAndSwap(true, false):
			proxy.ServeHTTP(httptest.NewRecorder(), r) // it is on the queue, and the client is not told
			panic(http.ErrAbortHandler)
		case action == "AmazonSQS.SendMessage" && f.holding.Load() != nil:
			reached := f.holding.Swap(nil)
			proxy.ServeHTTP(httptest.NewRecorder(), r)
			*reached <- struct{}{}
			<-r.Context().Done()
		default:
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	f.endpoint = front.URL
	return f
}

// redriveLine is a queue with its DLQ, and a consumer that the test works by hand.
type redriveLine struct {
	client      *sqs.Client
	source, dlq string
}

func newRedriveLine(t *testing.T, server, name, suffix string) redriveLine {
	t.Helper()
	attributes := map[string]string{}
	if suffix != "" {
		attributes["FifoQueue"] = "true"
	}
	l := redriveLine{client: desktest.SQSClient(t, server)}
	attributes["VisibilityTimeout"] = "2" // the server may hand a message to a reader that has gone
	l.dlq = desktest.CreateQueue(t, server, name+"-dlq"+suffix, attributes)
	delete(attributes, "VisibilityTimeout")
	answer, err := l.client.GetQueueAttributes(
		t.Context(),
		&sqs.GetQueueAttributesInput{QueueUrl: &l.dlq, AttributeNames: []types.QueueAttributeName{"QueueArn"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	policy := map[string]string{
		"RedrivePolicy": redrivePolicy(answer.Attributes["QueueArn"], 1),
	}
	for k, v := range attributes {
		policy[k] = v
	}
	l.source = desktest.CreateQueue(t, server, name+suffix, policy)
	return l
}

// receive returns the next message of the source queue, waiting for it.
func (l redriveLine) receive(ctx context.Context, t *testing.T) types.Message {
	t.Helper()
	for {
		answer, err := l.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &l.source, WaitTimeSeconds: 5, VisibilityTimeout: 0, MessageAttributeNames: []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(answer.Messages) > 0 {
			return answer.Messages[0]
		}
	}
}

// failOnce is a consumer that fails: it does not delete the message that it got, and SQS moves it to the DLQ when it is
// asked for again.
func (l redriveLine) failOnce(t *testing.T) types.Message {
	t.Helper()
	m := l.receive(t.Context(), t)
	if _, err := l.client.ChangeMessageVisibility(
		t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &l.source, ReceiptHandle: m.ReceiptHandle},
	); err != nil {
		t.Fatal(err)
	}
	again, err := l.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &l.source})
	if err != nil || len(again.Messages) > 0 {
		t.Fatalf("SQS gives it out again: %v, %v", again, err)
	}
	return m
}

func listed(name, dlq string) func(*config.Config) {
	return func(c *config.Config) { c.Queues = []config.DLQ{{Name: name, URL: dlq}} }
}

func checkOriginal(t *testing.T, m types.Message, body string) {
	t.Helper()
	if aws.ToString(m.Body) != body {
		t.Errorf("the consumer got %q", aws.ToString(m.Body))
	}
	want := orderAttributes()
	for name, a := range m.MessageAttributes {
		w, ok := want[name]
		if !ok && name != "Dlqdesk-Message" {
			t.Errorf("the consumer got an attribute %s that nobody sent", name)
		}
		if ok &&
			(aws.ToString(a.DataType) != aws.ToString(w.DataType) ||
				aws.ToString(a.StringValue) != aws.ToString(w.StringValue) || !bytes.Equal(a.BinaryValue,
				w.BinaryValue)) {
			t.Errorf("attribute %s is %v", name, a)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("the consumer misses %v", want)
	}
}

func orderAttributes() map[string]types.MessageAttributeValue {
	return map[string]types.MessageAttributeValue{
		"tenant": {DataType: aws.String("String"), StringValue: aws.String("acme")},
		"weight": {DataType: aws.String("Number.kg"), StringValue: aws.String("12.50")},
		"trace":  {DataType: aws.String("Binary.raw"), BinaryValue: []byte{0, 1, 0xff}},
	}
}

// A message fails, becomes a message, is sent back, and its consumer gets what it got before; it fails again, and is
// the same message. The test cannot be parallel: the environment leads to the SQS server.
func TestRedriveAndBack(t *testing.T) {
	server := desktest.StartSQS(t)
	front := newFront(t, server)
	desktest.UseSQS(t, front.endpoint)
	l := newRedriveLine(t, server, "orders", "")
	front.sources = []string{l.source}
	const body = " {\"order\": 12345678901234567890, \"text\":\"größer\"}\n"
	sent, err := l.client.SendMessage(
		t.Context(),
		&sqs.SendMessageInput{QueueUrl: &l.source, MessageBody: aws.String(body), MessageAttributes: orderAttributes()},
	)
	if err != nil {
		t.Fatal(err)
	}
	l.failOnce(t)
	p := setup(t, listed("shop", l.dlq))
	anna := p.signIn(t)
	path := "/messages/" + aws.ToString(sent.MessageId)
	page := p.await(t, anna, path, "redrives to")
	for _, want := range []string{"Number.kg", "Binary.raw", "3 bytes: 0001ff", "shop"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not tell %q", want)
		}
	}
	p.submit(t, anna, path+"/redrive", url.Values{"version": {"0"}, "revision": {"0"}})
	p.await(t, anna, path, "Redriven to its queue")
	checkOriginal(t, l.failOnce(t), body)
	p.await(t, anna, path, "came to the DLQ again")
	if _, list := p.get(t, anna, "/messages?status=all&queue=shop"); strings.Count(list, `class="row-link`) != 1 {
		t.Errorf("the message that came back is another message")
	}
	// The response to the second one is lost: the desk asks before a third.
	front.lose.Store(true)
	p.submit(t, anna, path+"/redrive", url.Values{"version": {"1"}, "revision": {"0"}})
	p.await(t, anna, path, "SQS did not confirm it")
	again := url.Values{"version": {"2"}, "revision": {"0"}}
	status, page := p.postForm(t, anna, path+"/redrive", again)
	if status != http.StatusPreconditionRequired || !strings.Contains(page, "Redrive anyway") {
		t.Errorf("the desk does not ask before it sends once more")
	}
	checkOriginal(t, l.failOnce(t), body)
	p.await(t, anna, path, "3 times")
}

// Messages of a listed queue move to another machine. Its desk sends back the edited body with the attributes of the
// sender.
func TestDrainedMessageOfAQueueIsRedrivenElsewhere(t *testing.T) {
	server := desktest.StartSQS(t)
	front := newFront(t, server)
	desktest.UseSQS(t, front.endpoint)
	l, dlq := newRedriveLine(t, server, "orders", ""), shortlyHidden(t, server, "moving")
	front.sources = []string{l.source}
	sent, err := l.client.SendMessage(
		t.Context(),
		&sqs.SendMessageInput{
			QueueUrl:          &l.source,
			MessageBody:       aws.String(`{"n":1}`),
			MessageAttributes: orderAttributes(),
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	l.failOnce(t)
	here := setup(t, func(c *config.Config) {
		listed("shop", l.dlq)(c)
		c.Queue.DLQURL = dlq
	})
	anna, path := here.signIn(t), "/messages/"+aws.ToString(sent.MessageId)
	here.await(t, anna, path, "redrives to")
	here.submit(
		t,
		anna,
		path+"/edit",
		url.Values{
			"version":  {"0"},
			"revision": {"0"},
			"body":     {`{"n":2}`},
			"reason":   {"one was wrong"},
			"then":     {"redrive"},
		},
	)
	checkOriginal(t, l.failOnce(t), `{"n":2}`)
	here.await(t, anna, path, "came to the DLQ again")
	end(t, here.App)
	drained, err := app.New(here.cfg, app.Options{Log: desktest.Log(t)}).Drain(t.Context(), "dlq", desk.DrainRequest{})
	if err != nil || drained.Messages != 1 {
		t.Fatalf("drained %+v, %v", drained, err)
	}

	there := setup(t, func(c *config.Config) {
		listed("shop", l.dlq)(c)
		c.Queue.DLQURL = dlq
	})
	bert := there.signIn(t)
	page := there.await(t, bert, path, "redrives to")
	for _, want := range []string{"Number.kg", "3 bytes: 0001ff", "Moved here by", `data-status="failed"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not tell %q", want)
		}
	}
	there.submit(t, bert, path+"/redrive", url.Values{"version": {"0"}, "revision": {"0"}})
	checkOriginal(t, l.failOnce(t), `{"n":2}`)
	there.await(t, bert, path, "came to the DLQ again")
}
