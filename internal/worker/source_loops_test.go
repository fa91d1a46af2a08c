package worker_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/worker"
)

// configure puts other sources in force, as a reload does.
func (b bundle) configure(sources ...worker.Source) {
	b.sources.Store(&sources)
	b.worker.Kick()
}

// A delivery in flight finishes at the destination where it began; the next one goes to the new destination.
func TestChangedDestinationIsUsedForTheNextDelivery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	b.destination.Set(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-finish
		w.WriteHeader(http.StatusOK)
	})
	b.run(t)
	slow := desktest.Receive(t, b.store, desktest.Failure("a-1", 422, b.clock.Now()))
	b.replay(t, slow, 0)
	<-begun

	other := desktest.NewDestination(t)
	other.Set(desktest.Answer(http.StatusOK, "{}"))
	source := (*b.sources.Load())[0]
	source.Destination.URL = other.URL
	b.configure(source)
	b.replay(t, desktest.Receive(t, b.store, desktest.Failure("b-2", 422, b.clock.Now())), 0)
	b.becomes(t, "b-2", deadletter.Resolved)
	if n := len(other.Received()); n != 1 {
		t.Errorf("the new destination has received %d", n)
	}
	close(finish)
	b.becomes(t, "a-1", deadletter.Resolved)
	if n := len(b.destination.Received()); n != 1 {
		t.Errorf("the old destination has received %d", n)
	}
}

// Waiting messages of a removed source fail once no delivery of it is in flight. When the source is back, they can be
// replayed.
func TestRemovedSourceFailsWhatWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	b.destination.Set(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-finish
		w.WriteHeader(http.StatusOK)
	})
	b.run(t)
	b.replay(t, desktest.Receive(t, b.store, desktest.Failure("a-1", 422, b.clock.Now())), 0)
	<-begun
	desktest.Receive(t, b.store, desktest.Failure("b-2", 503, b.clock.Now().Add(time.Hour))) // its retry is not due
	sources := *b.sources.Load()
	b.configure()
	if l := desktest.Message(t, b.store, "b-2"); l.Status != deadletter.Retrying {
		t.Errorf("while a delivery is in flight the waiting message is %s", l.Status)
	}
	close(finish)
	b.becomes(t, "a-1", deadletter.Resolved)
	failed := b.becomes(t, "b-2", deadletter.Failed)
	last := b.attempts(t, "b-2")[0]
	if !strings.Contains(last.Error, "not configured") || last.Outcome != deadletter.Unreachable {
		t.Errorf("its latest attempt is %+v", last)
	}
	b.destination.Set(desktest.Answer(http.StatusOK, "{}"))
	b.configure(sources...)
	b.replay(t, failed, 0)
	b.becomes(t, "b-2", deadletter.Resolved)
}
