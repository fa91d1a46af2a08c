package worker_test

import (
	"context"
	"net/http"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// A platform sends webhooks again while a job delivers them: those in flight, those that the job has read and is
// about to begin with, and all others. Each arrival is counted, and none makes the job begin twice.
func TestMessagesOfAJobArriveAgainMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	ids := b.failed(t, 40)
	b.destination.Set(func(http.ResponseWriter, *http.Request) {
		err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			for _, id := range ids {
				l, err := tx.Message(ctx, id)
				if err != nil {
					return err
				}
				c := desktest.Failure(string(id), 422, b.clock.Now())
				if err := tx.Apply(ctx, l.ArriveAgain(c, b.clock.Now())); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	b.run(t)
	j := b.finished(t, b.begin(t, deadletter.ActReplay, deadletter.JobInput{}))
	if got := len(b.destination.Received()); j.Items.Done != len(ids) || got != len(ids) {
		t.Errorf("%d requests for the job %+v", got, j.Items)
	}
	for _, id := range ids {
		l := desktest.Message(t, b.store, id)
		arrivals, err := b.store.Arrivals(t.Context(), id)
		if err != nil || l.Status != deadletter.Resolved || l.Arrivals != 1+len(ids) || len(arrivals) != len(ids) {
			t.Errorf("message %s is %s after %d arrivals, of which %d were later ones, %v", id, l.Status,
				l.Arrivals, len(arrivals), err)
		}
		// Each was received, replayed, started and delivered once.
		if events := b.trail(t, store.EventFilter{Target: string(id)}); len(events) != 4+len(ids) {
			t.Errorf("%d events of message %s", len(events), id)
		}
	}
}
