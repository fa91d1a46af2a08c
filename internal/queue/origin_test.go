package queue_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
)

// answering is an SQS endpoint that gives each action one answer; what it has none for is refused.
func answering(t *testing.T, answers map[string]string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		answer, ok := answers[strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")]
		if !ok || strings.HasPrefix(answer, "!") {
			w.WriteHeader(http.StatusBadRequest)
			answer = `{"__type":"com.amazonaws.sqs#` + strings.TrimPrefix(answer, "!") + `","message":"no"}`
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

const attributesAnswer = `{"Attributes":{"MaximumMessageSize":"1024","VisibilityTimeout":"30"}}`

func openAt(t *testing.T, endpoint string) *queue.SQS {
	t.Helper()
	q, err := queue.NewSQS(
		t.Context(),
		"https://sqs.eu-central-1.amazonaws.com/123456789012/orders-dlq",
		"",
		desktest.AWS(endpoint),
	)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestOriginIsToldByMessageQueueOrConfiguration(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		list, configured, arn, want, fault string
	}{
		"the message":           {"", "", "arn:aws:sqs:eu-central-1:123456789012:orders", "https://sqs.eu-central-1.amazonaws.com/123456789012/orders", ""},
		"another account":       {"", "", "arn:aws:sqs:eu-central-1:999999999999:orders", "", "no queue of this account"},
		"no ARN of a queue":     {"", "", "arn:aws:sns:eu-central-1:123456789012:orders", "", "no queue of this account"},
		"SQS":                   {`{"queueUrls":["https://q/1/a"]}`, "", "", "https://q/1/a", ""},
		"SQS, of several":       {`{"queueUrls":["https://q/1/a","https://q/1/b"]}`, "", "", "", "2 queues have this DLQ"},
		"SQS, of none":          {`{"queueUrls":[]}`, "", "", "", "names no source queue: set it"},
		"SQS, which denies it":  {"!AccessDeniedException", "", "", "", "allow sqs:ListDeadLetterSourceQueues, or set it"},
		"the configuration":     {"!AccessDeniedException", "https://q/1/c", "", "https://q/1/c", ""},
		"the configuration too": {"", "https://q/1/c", "arn:aws:sqs:eu-central-1:123456789012:orders", "https://q/1/c", ""},
	} {
		o := queue.NewOrigin(
			openAt(
				t,
				answering(
					t,
					map[string]string{"GetQueueAttributes": attributesAnswer, "ListDeadLetterSourceQueues": c.list},
				),
			),
			c.configured,
			"set it",
		)
		o.Ask(t.Context())
		got, err := o.Of(c.arn)
		if got != c.want || (err == nil) != (c.fault == "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if c.fault != "" && (!errors.Is(err, queue.ErrNoOrigin) || !strings.Contains(err.Error(), c.fault)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What somebody else than SQS says of a message has to be confirmed by SQS.
func TestOriginThatAnEnvelopeTellsIsConfirmed(t *testing.T) {
	t.Parallel()
	const orders, arn = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders", "arn:aws:sqs:eu-central-1:123456789012:orders"
	for name, c := range map[string]struct{ list, configured, arn, want, fault string }{
		"one of several":    {`{"queueUrls":["https://sqs.eu-central-1.amazonaws.com/123456789012/a","` + orders + `"]}`, "", arn, orders, ""},
		"not one of them":   {`{"queueUrls":["https://sqs.eu-central-1.amazonaws.com/123456789012/a"]}`, "", arn, "", "has another DLQ"},
		"SQS denies it":     {"!AccessDeniedException", "", arn, "", "allow sqs:ListDeadLetterSourceQueues"},
		"nothing is told":   {`{"queueUrls":["` + orders + `"]}`, "", "", orders, ""},
		"another account":   {`{"queueUrls":["` + orders + `"]}`, "", "arn:aws:sqs:eu-central-1:999999999999:orders", "", "no queue of this account"},
		"the configuration": {"!AccessDeniedException", "https://q/1/c", arn, "https://q/1/c", ""},
	} {
		o := queue.NewOrigin(
			openAt(
				t,
				answering(
					t,
					map[string]string{"GetQueueAttributes": attributesAnswer, "ListDeadLetterSourceQueues": c.list},
				),
			),
			c.configured,
			"set it",
		)
		o.Ask(t.Context())
		got, err := o.Confirmed(c.arn)
		if got != c.want || (err == nil) != (c.fault == "") ||
			c.fault != "" && (!errors.Is(err, queue.ErrNoOrigin) || !strings.Contains(err.Error(), c.fault)) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestSendBackTellsWhatIsKnown(t *testing.T) {
	t.Parallel()
	o := queue.NewOrigin(
		openAt(
			t,
			answering(
				t,
				map[string]string{"GetQueueAttributes": attributesAnswer, "SendMessage": "!AccessDeniedException"},
			),
		),
		"",
		"",
	)
	for name, c := range map[string]struct {
		body string
		want error
	}{"refused": {"x", queue.ErrRefused}, "empty": {"", queue.ErrIllegalBody}, "too large": {strings.Repeat("x", 1<<20+1), queue.ErrTooLarge}} {
		if _, err := o.Send(
			t.Context(),
			"https://sqs.eu-central-1.amazonaws.com/123456789012/orders",
			queue.Outgoing{Body: []byte(c.body)},
		); !errors.Is(
			err,
			c.want,
		) {
			t.Errorf("%s: %v", name, err)
		}
	}
	nobody := queue.NewOrigin(openAt(t, "http://127.0.0.1:1"), "", "")
	if _, err := nobody.Send(
		t.Context(),
		"https://sqs.eu-central-1.amazonaws.com/123456789012/orders",
		queue.Outgoing{Body: []byte("x")},
	); !errors.Is(
		err,
		queue.ErrUnsent,
	) {
		t.Errorf("nobody there: %v", err)
	}
}

// The trace of a message travels beside it, and takes none of its room.
func TestMessageIsSentWithItsTrace(t *testing.T) {
	t.Parallel()
	const trace = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1"
	calls := make(chan string, 2)
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		body, _ := io.ReadAll(r.Body)
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".SendMessage") {
			calls <- string(body)
			body = []byte(`{"MessageId":"m-1"}`)
		} else {
			body = []byte(attributesAnswer)
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(endpoint.Close)
	o := queue.NewOrigin(openAt(t, endpoint.URL), "https://q/1/a", "")
	for _, sent := range []string{trace, ""} {
		if id, err := o.Send(
			t.Context(),
			"https://q/1/a",
			queue.Outgoing{Body: []byte("x"), Trace: sent},
		); id != "m-1" ||
			err != nil {
			t.Fatalf("sent as %q, %v", id, err)
		}
		want := `"MessageSystemAttributes":{"AWSTraceHeader":{"DataType":"String","StringValue":"` + trace + `"}}`
		if got := <-calls; strings.Contains(got, want) != (sent != "") ||
			strings.Contains(got, "AWSTraceHeader") != (sent != "") {
			t.Errorf("with trace %q SQS was sent %s", sent, got)
		}
	}
}
