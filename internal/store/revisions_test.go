package store_test

import (
	"reflect"
	"slices"
	"strconv"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// A page reads the first part of a body only. A delivery reads all parts.
func TestLongBodiesAreStoredInParts(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	for _, size := range []int{0, 1, store.BodyPart - 1, store.BodyPart, store.BodyPart + 1, 3*store.BodyPart + 7} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			c := failure("long-"+strconv.Itoa(size), 422, start)
			c.Body = []byte(desktest.Noise(size))
			receive(t, s, c)
			whole, err := s.Revision(t.Context(), c.ID, 0)
			if err != nil || string(whole.Body) != string(c.Body) || whole.IsHead() {
				t.Errorf("%d bytes of %d, %v", len(whole.Body), size, err)
			}
			checkHead(t, s, c)
		})
	}
	t.Run("stored by an earlier version", func(t *testing.T) {
		c := failure("old", 422, start)
		c.Body = []byte(desktest.Noise(3 * store.BodyPart))
		short := c
		short.Body = []byte("x")
		receive(t, s, short)
		db := open(t, path)
		if _, err := db.ExecContext(t.Context(), `DROP TRIGGER revisions_never_change`); err != nil {
			t.Fatal(err)
		}
		const replace = `UPDATE revisions SET body = ? WHERE message = (SELECT n FROM messages WHERE id = 'old')`
		if _, err := db.ExecContext(t.Context(), replace, c.Body); err != nil {
			t.Fatal(err)
		}
		whole, err := s.Revision(t.Context(), c.ID, 0)
		if err != nil || string(whole.Body) != string(c.Body) {
			t.Errorf("%d bytes of %d, %v", len(whole.Body), len(c.Body), err)
		}
		checkHead(t, s, c)
	})
}

func checkHead(t *testing.T, s *store.Store, c deadletter.Capture) {
	t.Helper()
	want := c.Body[:min(len(c.Body), store.BodyPart)]
	head, err := s.RevisionHead(t.Context(), c.ID, 0)
	if err != nil || string(head.Body) != string(want) || head.Size != len(c.Body) ||
		head.IsHead() != (len(c.Body) > store.BodyPart) {
		t.Errorf("the head has %d bytes of %d, %v", len(head.Body), head.Size, err)
	}
}

func TestFirstAndLatestRevisionsOfManyMessagesAreRead(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	edited := receive(t, s, failure("edited", 422, start)).ID
	for range 4 {
		replay(t, s, edited, true, 422)
	}
	long := failure("long", 422, start)
	long.Body = []byte(desktest.Noise(store.BodyPart + 1))
	receive(t, s, long)
	receive(t, s, failure("not asked for", 422, start))

	got := map[deadletter.ID][]int{}
	ids := []deadletter.ID{edited, "none", long.ID}
	err := s.RevisionHeads(t.Context(), ids, 2, func(m deadletter.Message, r deadletter.Revision) {
		got[m.ID] = append(got[m.ID], r.Number)
		if m.ID == long.ID && (len(r.Body) != store.BodyPart || r.Size != store.BodyPart+1) {
			t.Errorf("the long body has %d bytes of %d", len(r.Body), r.Size)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got[edited])
	want := map[deadletter.ID][]int{edited: {0, 3, 4}, long.ID: {0}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
