package ingest_test

import (
	"testing"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/ingest"
)

// A message that stays on a queue is reported until it is deleted, because it may expire there.
func TestUndeletedMessagesAreReported(t *testing.T) {
	t.Parallel()
	b := setup(t, settings)
	q := &desktest.UndeletableQueue{Embedded: b.queue, Failing: true}
	d := newDeps(q, b.store, settings, b.clock.Now)
	d.Log = desktest.Log(t)
	b.Ingest = ingest.New(d)
	sent := b.clock.Now()
	b.send(t, encode(t, desktest.Failure("a-1", 503, b.clock.Now())))
	b.once(t)
	if list := d.Undeleted.List(); len(list) != 1 || list[0].ID != "a-1" || !list[0].Stored ||
		!list[0].SentAt.Equal(sent) {
		t.Errorf("what could not be deleted: %+v", list)
	}
	q.Failing = false
	b.once(t)
	if list := d.Undeleted.List(); len(list) != 0 {
		t.Errorf("what was deleted at last: %+v", list)
	}
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	b.send(t, encode(t, desktest.Failure("b-2", 503, b.clock.Now())))
	if _, err := b.Once(t.Context(), 0); err == nil {
		t.Error("a store that takes nothing is no error")
	}
	if list := d.Undeleted.List(); len(list) != 1 || list[0].ID != "b-2" || list[0].Stored {
		t.Errorf("what could not be kept: %+v", list)
	}
}
