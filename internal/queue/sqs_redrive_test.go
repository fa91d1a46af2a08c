package queue_test

import (
	"errors"
	"fmt"
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
		t.Context(), "https://sqs.eu-central-1.amazonaws.com/123456789012/orders-dlq", "",
		desktest.AWS(endpoint),
	)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestSendToErrorReportsTheOutcome(t *testing.T) {
	t.Parallel()
	answers := map[string]string{"GetQueueAttributes": attributesAnswer, "SendMessage": "!AccessDeniedException"}
	q := openAt(t, answering(t, answers))
	const orders = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders"
	for name, c := range map[string]struct {
		body string
		want error
	}{
		"refused": {"x", queue.ErrRefused}, "empty": {"", queue.ErrIllegalBody},
		"too large": {strings.Repeat("x", 1<<20+1), queue.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := q.SendTo(t.Context(), orders, queue.Outgoing{Body: []byte(c.body)})
			if !errors.Is(err, c.want) {
				t.Error(err)
			}
		})
	}
	t.Run("unreachable", func(t *testing.T) {
		t.Parallel()
		q := openAt(t, "http://127.0.0.1:1")
		if _, err := q.SendTo(t.Context(), orders, queue.Outgoing{Body: []byte("x")}); !errors.Is(
			err, queue.ErrUnsent,
		) {
			t.Error(err)
		}
	})
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
	q := openAt(t, endpoint.URL)
	for _, sent := range []string{trace, ""} {
		t.Run(fmt.Sprintf("trace %q", sent), func(t *testing.T) {
			id, err := q.SendTo(t.Context(), "https://q/1/a", queue.Outgoing{Body: []byte("x"), Trace: sent})
			if id != "m-1" || err != nil {
				t.Fatalf("sent as %q, %v", id, err)
			}
			want := `"MessageSystemAttributes":{"AWSTraceHeader":{"DataType":"String","StringValue":"` + trace + `"}}`
			if got := <-calls; strings.Contains(got, want) != (sent != "") ||
				strings.Contains(got, "AWSTraceHeader") != (sent != "") {
				t.Errorf("with trace %q SQS was sent %s", sent, got)
			}
		})
	}
}
