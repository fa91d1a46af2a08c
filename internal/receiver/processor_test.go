package receiver_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/receiver"
)

// Bodies that grow when they are unpacked wait for memory. Other bodies do not wait for them.
func TestBufferedBodiesWaitForMemory(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	delivered := make(chan string, 3)
	b.destination.Set(func(w http.ResponseWriter, r *http.Request) {
		delivered <- r.Header.Get("Webhook-Id")
		w.WriteHeader(http.StatusOK)
	})
	large := bytes.Repeat([]byte("x"), 2<<20)
	for _, id := range []string{"large-1", "large-2"} {
		text, err := envelope.EncodeWithin(
			deadletter.Capture{ID: deadletter.ID(id), WebhookID: id, Source: "later", Method: "POST", Body: large},
			1<<20,
		)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.processing.Send(t.Context(), []queue.Outgoing{{Body: text}})[0]; err != nil {
			t.Fatal(err)
		}
	}
	b.send(t, "POST", "/webhooks/later", strings.NewReader("{}"))
	memory := b.processor.UnpackMemory()
	const left = 1 << 20 // too little for either
	if err := memory.Acquire(t.Context(), receiver.UnpackLimit-left); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- b.processor.Once(t.Context(), 0) }()
	if id := <-delivered; strings.HasPrefix(id, "large") {
		t.Fatalf("%s was unpacked without memory", id)
	}
	for waits := false; !waits; {
		select {
		case id := <-delivered:
			t.Fatalf("%s was unpacked without memory", id)
		case err := <-done:
			t.Fatalf("nothing waited: %v", err)
		default:
		}
		if waits = !memory.TryAcquire(left); !waits { // a later claim does not overtake one that waits
			memory.Release(left)
		}
	}
	memory.Release(receiver.UnpackLimit - left)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if id := <-delivered; !strings.HasPrefix(id, "large") {
			t.Errorf("%s was delivered twice", id)
		}
	}
	sent := b.destination.Received()
	if len(sent) != 3 || !bytes.Equal(sent[2].Body, large) {
		t.Errorf("%d were delivered", len(sent))
	}
	if !memory.TryAcquire(receiver.UnpackLimit) {
		t.Error("memory is not released")
	}
}
