package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// found returns the ids of the messages that a text finds.
func found(t *testing.T, s *store.Store, text string) []string {
	t.Helper()
	return ids(t, s, store.MessageQuery{Filter: store.Filter{Text: text}, Limit: 10})
}

// searched waits until everything that is stored can be found. A search has the index hurry.
func searched(t *testing.T, s *store.Store) {
	t.Helper()
	for {
		n, err := s.Unindexed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
		found(t, s, "x")
	}
}

func TestMessageIsFoundByItsPayload(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	path, err := payload.ParsePath("$.customer.ssn")
	if err != nil {
		t.Fatal(err)
	}
	desktest.Search(t, s, desktest.Masks("genesys", redact.Options{Paths: []payload.Path{path}}))
	for i, body := range []string{
		`{"conversationId":"c0ffee00-1111-4222-8333-444455556666",` +
			`"customer":{"ssn":"078-05-1120","name":"Größe"},"n":4711}`,
		`{"conversationId":"c0ffee00-1111-4222-8333-444455556667"}`, "plain text of a webhook", "\x00\x01binary4711",
	} {
		c := failure(fmt.Sprintf("a-%d", i), 422, start.Add(time.Duration(i)*time.Second))
		c.Body, c.EventType = []byte(body), "conversation:updated"
		receive(t, s, c)
	}
	for text, want := range map[string][]string{
		"c0ffee00-1111-4222-8333-444455556666": {"a-0"}, "c0ffee00-1111": {"a-1", "a-0"},
		"C0FFEE00 4711": {"a-0"}, "grosse": nil, "GRÖSS": nil, "groß": {"a-0"},
		"078-05-1120": nil, "ssn": nil, "plain web": {"a-2"}, "4711": {"a-0"},
		"conversation:upd": {"a-3", "a-2", "a-1", "a-0"},
		"missing 4711":     {"a-0"}, `"; DROP"`: nil, "NEAR(a b)": nil, "we": nil,
	} {
		t.Run(text, func(t *testing.T) {
			if got := found(t, s, text); !slices.Equal(got, want) {
				t.Errorf("%q finds %v, want %v", text, got, want)
			}
		})
	}
}

// A beginning finds the messages of all its words, few or many.
func TestPrefixMatchesEveryWord(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	desktest.Search(t, s, nil)
	for i := range 40 {
		c := failure(fmt.Sprintf("a-%d", i), 422, start.Add(time.Duration(i)*time.Second))
		c.Body = fmt.Appendf(nil, `["pre%02d","pre"]`, i)
		if i%2 == 0 {
			c.Body = fmt.Appendf(nil, `["PRE%02d","Prä%02d"]`, i, i)
		}
		receive(t, s, c)
	}
	for text, want := range map[string]int{
		"pre": 40, "pre0": 10, "pre00": 1, "PRE3": 10, "pre9": 0, "prä0": 5, "pre1 prä": 5, "prf": 0, "pr": 0,
	} {
		t.Run(text, func(t *testing.T) {
			if got := found(t, s, text); len(got) != want {
				t.Errorf("%q finds %d messages, want %d", text, len(got), want)
			}
		})
	}
}

func TestMessageIsFoundByItsLatestReasonAndEdit(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	desktest.Search(t, s, nil)
	c := failure("a-1", 422, start)
	c.Body = []byte(`{"name":"before"}`)
	receive(t, s, c)
	replay(t, s, "a-1", false, 503)
	for text, want := range map[string]int{"422": 0, "503": 1, "before": 1} {
		t.Run(text, func(t *testing.T) {
			if got := found(t, s, text); len(got) != want {
				t.Errorf("after another failure %q finds %v", text, got)
			}
		})
	}
	m, err := s.Message(t.Context(), "a-1")
	if err != nil {
		t.Fatal(err)
	}
	change, err := m.EditAndReplay(
		anna, deadletter.TriggerEdit, deadletter.Revision{Body: []byte(`{"name":"after"}`), Reason: "fix"},
		m.Version, start,
	)
	apply(t, s, change, err)
	for _, text := range []string{"before", "after", "503"} {
		t.Run(text, func(t *testing.T) {
			if got := found(t, s, text); len(got) != 1 {
				t.Errorf("after an edit %q finds %v", text, got)
			}
		})
	}
}

// The index is made again from the desk's file if it is missing, damaged or of another desk.
func TestSearchIndexIsRebuilt(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(index string) error{
		"gone": os.Remove,
		"damaged": func(index string) error {
			return os.WriteFile(index, []byte("no database, and longer than its header"), 0o600)
		},
		"of another trail": func(index string) error {
			db, err := sql.Open("sqlite", index)
			if err != nil {
				return err
			}
			_, err = db.ExecContext(context.Background(), `INSERT INTO message_search (message_search)
				VALUES ('delete-all'); UPDATE position SET link = x'01'`)
			return errors.Join(err, db.Close())
		},
		"as it was": func(string) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, path := setup(t)
			stop := desktest.Search(t, s, nil)
			for i := range 3 {
				receive(t, s, failure(fmt.Sprintf("a-%d", i), 422, start.Add(time.Duration(i)*time.Second)))
			}
			replay(t, s, "a-1", false, 503)
			if got := found(t, s, "422"); len(got) != 2 {
				t.Errorf("before there are found %v", got)
			}
			stop()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := harm(filepath.Join(filepath.Dir(path), "search.db")); err != nil {
				t.Fatal(err)
			}
			again, err := store.Open(t.Context(), path, key, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := again.Close(); err != nil {
					t.Error(err)
				}
			})
			desktest.Search(t, again, nil)
			if a, b := found(t, again, "422"), found(t, again, "503"); len(a) != 2 || len(b) != 1 {
				t.Errorf("there are found %v and %v", a, b)
			}
		})
	}
}

// A value that is masked from now on is not found any more, whenever its message came.
func TestNewMaskHidesIndexedText(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	stop := desktest.Search(t, s, nil)
	c := failure("a-1", 422, start)
	c.Body = []byte(`{"customer":{"nr":"078-05-1120"},"n":4711}`)
	receive(t, s, c)
	searched(t, s)
	if got := found(t, s, "078-05-1120"); len(got) != 1 {
		t.Errorf("what is not masked finds %v", got)
	}
	stop()
	if got := found(t, s, "078-05-1120"); got != nil {
		t.Errorf("an index of which nobody knows whether it has what is masked finds %v", got)
	}
	path, err := payload.ParsePath("$.customer.nr")
	if err != nil {
		t.Fatal(err)
	}
	desktest.Search(t, s, desktest.Masks("genesys", redact.Options{Paths: []payload.Path{path}}))
	searched(t, s)
	if secret, other := found(t, s, "078-05-1120"), found(t, s, "4711"); secret != nil || len(other) != 1 {
		t.Errorf("a masked value finds %v, another %v", secret, other)
	}
}

// A search that cannot wait for what came just now says how much that is.
func TestSearchReportsUnindexedMessages(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	receive(t, s, failure("a-1", 422, start))
	if got := found(t, s, "missing"); got != nil {
		t.Errorf("what nobody indexed is found: %v", got)
	}
	if n, err := s.Unindexed(t.Context()); n != 1 || err != nil {
		t.Errorf("%d changes are not searched, %v", n, err)
	}
	desktest.Search(t, s, nil)
	if got := found(t, s, "missing"); len(got) != 1 {
		t.Errorf("there are found %v", got)
	}
	if n, err := s.Unindexed(t.Context()); n != 0 || err != nil {
		t.Errorf("%d changes are not searched, %v", n, err)
	}
}

func FuzzSearch(f *testing.F) {
	for _, text := range []string{
		"missing", `"`, "a* OR b", "NEAR(x, 1)", "größe", "\x00", "\xff", "-", "🙏", "x:y", "ﷺ", "e\u0301",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, _ := setup(t)
		desktest.Search(t, s, nil)
		if _, err := s.Messages(
			t.Context(), store.MessageQuery{Filter: store.Filter{Text: text + "x"}, Limit: 1},
		); err != nil && deadletter.KindOf(err) != deadletter.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// A retry that fails with another status and the same text makes the message found by the new status.
func TestMessageIsFoundByTheStatusOfItsLatestFailure(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	desktest.Search(t, s, nil)
	c := failure("a-1", 422, start)
	c.Reason, c.FirstAttempt.Error = "it is broken", "it is broken"
	receive(t, s, c)
	searched(t, s)
	m := messageOf(t, s, "a-1")
	requested, err := m.Replay(deadletter.User("anna", deadletter.Operator, ""), deadletter.TriggerReplay, 0,
		m.Version, start)
	apply(t, s, requested, err)
	claimed, err := requested.After.Claim(deadletter.Lease{Token: "t", Until: start.Add(time.Minute)}, "", start)
	apply(t, s, claimed, err)
	failed := *claimed.Attempt
	failed.Outcome, failed.StatusCode, failed.Error = deadletter.ErrorResponse, 409, "it is broken"
	finished, err := claimed.After.Finish("t", failed, deadletter.RetryPolicy{}, 0, start)
	apply(t, s, finished, err)
	searched(t, s)
	if now, before := found(t, s, "409"), found(t, s, "422"); !slices.Equal(now, []string{"a-1"}) || len(before) != 0 {
		t.Errorf("409 finds %v, 422 finds %v", now, before)
	}
}

func messageOf(t *testing.T, s *store.Store, id deadletter.ID) deadletter.Message {
	t.Helper()
	m, err := s.Message(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
