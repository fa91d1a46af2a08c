package worker_test

import (
	"net/http"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/worker"
)

// signer signs with a text that contains the body. Like the signer of a source, it has a func field.
type signer struct{ Func func() }

func (*signer) Resign(r *http.Request, body []byte, edited bool, _ time.Time) error {
	r.Header.Set("X-Signature", "as received "+string(body))
	if edited {
		r.Header.Set("X-Signature", "edited "+string(body))
	}
	return nil
}

// TestEveryDeliveryMayBeSignedAnew has the signing told, by the order of its deliveries, which are edited.
func TestEveryDeliveryMayBeSignedAnew(t *testing.T) {
	t.Parallel()
	handler := desktest.NewDestination(t)
	handler.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	b := setupWith(t, nil, worker.Source{
		Name: "slow",
		Destination: delivery.Destination{
			Source: "slow", URL: handler.URL, Timeout: 5 * time.Second,
			Signer: &signer{},
		},
		Retry: desktest.Policy(), Slots: 1,
	})
	b.employ(t, deadletter.Operator)
	c := desktest.Failure("a-1", 503, b.clock.Now())
	c.Source, c.Body = "slow", []byte(`{}`)
	c.Headers["X-Signature"] = []string{"of the platform"}
	desktest.Receive(t, b.store, c)
	b.run(t)
	b.clock.Add(time.Hour)
	b.worker.Kick()
	m := b.becomes(t, "a-1", deadletter.Failed) // after the automatic retry
	edit := desk.Edit{Body: []byte(`{"n":1}`), Headers: c.Headers, Reason: "n was missing"}
	if _, err := b.EditAndReplay(t.Context(), anna, desk.Ref{ID: m.ID, Version: m.Version}, edit); err != nil {
		t.Fatal(err)
	}
	b.replay(t, b.becomes(t, "a-1", deadletter.Failed), 0)
	b.becomes(t, "a-1", deadletter.Failed)
	b.finished(t, b.begin(t, deadletter.ActReplay, deadletter.JobInput{}))
	b.finished(
		t,
		b.begin(t, deadletter.ActEdit, deadletter.JobInput{Recipe: deadletter.Recipe{Text: `{"n":2}`}, Reason: "two"}),
	)
	want := []string{
		"as received {}", `edited {"n":1}`, "as received {}", `edited {"n":1}`, `edited {"n":2}`,
	}
	got := handler.Received()
	if len(got) != len(want) {
		t.Fatalf("it received %d deliveries, want %d", len(got), len(want))
	}
	for i := range want {
		if signature := got[i].Header.Get("X-Signature"); signature != want[i] {
			t.Errorf("delivery %d was signed as %q, want %q", i, signature, want[i])
		}
	}
}
