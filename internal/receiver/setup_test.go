package receiver_test

import (
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/queue"
)

// queues returns the embedded queues of a file that goes with the test.
func queues(t *testing.T) func(name string) *queue.Embedded {
	t.Helper()
	file, err := queue.OpenFile(t.Context(), filepath.Join(t.TempDir(), "queue.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return func(name string) *queue.Embedded { return queue.NewEmbedded(file, name, 1<<20, time.Now) }
}

func newClient(t *testing.T) *delivery.Client {
	t.Helper()
	client := delivery.NewClient(t.Context(), time.Now)
	t.Cleanup(client.Close)
	return client
}

type answer struct {
	status int
	body   string
	header http.Header
}

// ask sends a request and returns the response.
func ask(t *testing.T, req *http.Request) answer {
	t.Helper()
	got, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{got.StatusCode, string(text), got.Header}
}

// kept takes what is on a queue off it.
func kept(t *testing.T, q *queue.Embedded) []deadletter.Capture {
	t.Helper()
	messages, err := q.Receive(t.Context(), 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	var list []deadletter.Capture
	for _, m := range messages {
		list = append(list, envelope.Decode(envelope.Raw{Body: m.Body, MessageID: m.ID}, time.Now()))
	}
	return list
}
