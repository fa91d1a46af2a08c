package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// A count is right, or says that it is a bound: of 2,444 failed and 6 archived messages none is "116+" or "0".
func TestCountsAreRightOrSayThatTheyAreABound(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	const failed, archived = 2444, 6
	anna := deadletter.User("anna", deadletter.Operator, "")
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for i := range failed + archived {
			c := failure(fmt.Sprintf("m-%d", i), 422, start.Add(time.Duration(i)*time.Second))
			c.EventType = "order.created"
			received := deadletter.NewMessage(c, policy, 0.5, c.ReceivedAt)
			if err := tx.Apply(ctx, received); err != nil {
				return err
			}
			if i >= archived {
				continue
			}
			put, err := received.After.Archive(anna, "a test", 0, start)
			if err != nil {
				return err
			}
			if err := tx.Apply(ctx, put); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	desktest.Search(t, s, nil)
	searched(t, s)
	exact := map[deadletter.Status]int{deadletter.Failed: failed, deadletter.Archived: archived}
	for name, f := range map[string]store.Filter{
		"all":    {},
		"source": {Source: "genesys"},
		"time":   {From: start.Add(-time.Hour)},
		"type":   {EventType: "order.created", Status: deadletter.Archived},
		"cause": {Cause: deadletter.Fingerprint("genesys", "http://127.0.0.1:9090/genesys",
			"422 field id is missing (422)")},
		"text": {Text: "missing", Status: deadletter.Failed},
		"open": {Text: "missing", Status: deadletter.Archived},
		"any":  {Text: "missing"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := s.Counts(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, status := range deadletter.Statuses() {
				n, want := got.ByStatus[status], exact[status]
				switch {
				case got.AtLeast[status] && n > want, !got.AtLeast[status] && n != want:
					t.Errorf("%s: %d, at least: %t; want %d", status, n, got.AtLeast[status], want)
				case status == f.Status && n != min(want, store.CountCap):
					t.Errorf("%s, which is open: %d, want %d", status, n, min(want, store.CountCap))
				}
			}
			if f.Text == "" && got.AtLeast[deadletter.Archived] {
				t.Error("the number of archived messages is no bound")
			}
			if n, atLeast := got.Total(); !atLeast && n != failed+archived || atLeast && n != store.CountCap {
				t.Errorf("in all %d, at least: %t", n, atLeast)
			}
		})
	}
}
