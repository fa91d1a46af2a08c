package ingest_test

import (
	"bytes"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/ingest"
)

// Bodies that grow when they are unpacked wait for memory. Other messages do not wait for them.
func TestBodiesWaitForRoom(t *testing.T) {
	t.Parallel()
	b := setup(t, settings)
	d := newDeps(b.queue, b.store, settings, b.clock.Now)
	b.Ingest = ingest.New(d)
	large := bytes.Repeat([]byte("x"), 2<<20)
	for _, id := range []string{"large-1", "large-2"} {
		c := desktest.Failure(id, 422, b.clock.Now())
		c.Body = large
		text, err := envelope.EncodeWithin(c, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		b.send(t, string(text))
	}
	b.send(t, encode(t, desktest.Failure("small", 422, b.clock.Now())))
	if err := d.UnpackMemory.Acquire(t.Context(), envelope.MaxUnpacked); err != nil {
		t.Fatal(err)
	}
	moved := make(chan int, 1)
	go func() {
		n, err := b.Once(t.Context(), 0)
		if err != nil {
			t.Error(err)
		}
		moved <- n
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(20 * time.Second); ; {
		if _, err := b.store.Message(t.Context(), "small"); err == nil {
			break
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("what needs no room waits for it")
		}
	}
	for _, id := range []string{"large-1", "large-2"} {
		if _, err := b.store.Message(t.Context(), deadletter.ID(id)); err == nil {
			t.Errorf("%s was unpacked where there is no room", id)
		}
	}
	d.UnpackMemory.Release(envelope.MaxUnpacked)
	if n := <-moved; n != 3 {
		t.Errorf("%d messages were moved", n)
	}
	for _, id := range []string{"large-1", "large-2"} {
		r, err := b.store.Revision(t.Context(), desktest.Message(t, b.store, deadletter.ID(id)).ID, 0)
		if err != nil || !bytes.Equal(r.Body, large) {
			t.Errorf("%s has %d bytes, %v", id, len(r.Body), err)
		}
	}
	if !d.UnpackMemory.TryAcquire(envelope.MaxUnpacked) {
		t.Error("room is not given back")
	}
	b.isEmpty(t)
}
