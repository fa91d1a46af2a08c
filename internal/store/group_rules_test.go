package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

var admin = deadletter.User("root", deadletter.Admin, "192.0.2.8")

// failing is a capture of a webhook that failed with an error.
func failing(id, reason string, at time.Time) deadletter.Capture {
	c := failure(id, 503, at)
	c.Reason, c.FirstAttempt.Error = reason, reason
	return c
}

// receiveMany receives messages that fail with an error, a minute between them. Their ids have the prefix.
func receiveMany(t *testing.T, s *store.Store, prefix, reason string, n int) {
	t.Helper()
	changes := make([]*deadletter.Change, n)
	for i := range changes {
		at := start.Add(time.Duration(i%90) * time.Minute)
		change := deadletter.NewMessage(failing(fmt.Sprintf("%s-%d", prefix, i), reason, at), policy, 0.5, at)
		change.After.Status, change.After.DueAt = deadletter.Failed, time.Time{}
		changes[i] = &change
	}
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Add(ctx, changes...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// causesByTitle returns every cause by its title, without what only says when it was counted.
func causesByTitle(t *testing.T, s *store.Store) map[string]deadletter.Cause {
	t.Helper()
	page, err := s.Causes(t.Context(), store.CauseQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]deadletter.Cause{}
	for _, c := range page.Items {
		c.CountedAt = time.Time{}
		all[c.Title] = c
	}
	return all
}

// order makes a rule in the store, and returns it.
func order(
	t *testing.T, s *store.Store, decide func(inForce []deadletter.GroupRule) (deadletter.GroupRuleChange, error),
) deadletter.GroupRule {
	t.Helper()
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		grouping, err := tx.Grouping(ctx)
		if err != nil {
			return err
		}
		change, err := decide(grouping.Rules())
		if err != nil {
			return err
		}
		return tx.ApplyGroupRule(ctx, change)
	})
	if err != nil {
		t.Fatal(err)
	}
	rules, err := s.GroupRules(t.Context(), "")
	if err != nil || len(rules) == 0 {
		t.Fatalf("%d rules, %v", len(rules), err)
	}
	return rules[0]
}

func mergeCauses(t *testing.T, s *store.Store, into deadletter.Cause, causes ...deadletter.Cause) deadletter.GroupRule {
	t.Helper()
	return order(t, s, func(inForce []deadletter.GroupRule) (deadletter.GroupRuleChange, error) {
		return deadletter.MergeCauses(anna, causes, into, inForce, start)
	})
}

func undo(t *testing.T, s *store.Store, r deadletter.GroupRule) {
	t.Helper()
	order(t, s, func([]deadletter.GroupRule) (deadletter.GroupRuleChange, error) { return r.Undo(admin, start) })
}

// decide claims a cause and writes a note about it.
func decide(t *testing.T, s *store.Store, c deadletter.Cause, note string) {
	t.Helper()
	change, err := c.Claim(anna, time.Hour, c.Version, start)
	if err != nil {
		t.Fatal(err)
	}
	written, event, err := c.AddNote(anna, note, start)
	if err == nil {
		err = s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return errors.Join(tx.AddCauseNote(ctx, written, event), tx.ApplyCause(ctx, change))
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func noteTexts(t *testing.T, s *store.Store, fingerprint string) (texts []string) {
	t.Helper()
	notes, err := s.CauseNotes(t.Context(), fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range notes {
		texts = append(texts, n.Text)
	}
	return texts
}

// Three causes are merged, get a message more, and come back with all that people said about them and their counts.
func TestMergedCausesComeBackByUndo(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	for prefix, reason := range map[string]string{"a": "shard blue is down", "b": "shard red is down", "c": "no shard"} {
		receiveMany(t, s, prefix, reason, 4)
	}
	replay(t, s, "b-0", false, 200)
	replay(t, s, "c-0", true, 200)
	before := causesByTitle(t, s)
	blue, red, none := before["503 shard blue is down"], before["503 shard red is down"], before["503 no shard"]
	decide(t, s, red, "red is leased")
	decide(t, s, blue, "blue is ours")
	before = causesByTitle(t, s)

	merge := mergeCauses(t, s, before["503 shard blue is down"], red, none)
	merged := causesByTitle(t, s)
	got := merged["503 shard blue is down"]
	if len(merged) != 1 || got.Messages != 12 || got.Failed != 10 || got.Unedited.Delivered != 1 ||
		got.Edited.Delivered != 1 || got.Owner != "anna" {
		t.Fatalf("merged: %+v", merged)
	}
	if texts := noteTexts(t, s, red.Fingerprint); !slices.Equal(texts, []string{"red is leased", "blue is ours"}) {
		t.Errorf("notes of the merged cause, by an old link: %q", texts)
	}
	if m := receive(t, s, failing("b-9", "shard red is down", start)); m.Fingerprint == "" {
		t.Error("a message without a cause")
	}
	if c := causesByTitle(t, s)["503 shard blue is down"]; c.Messages != 13 {
		t.Errorf("a new failure does not join: %+v", c)
	}

	undo(t, s, merge)
	after := causesByTitle(t, s)
	want := maps.Clone(before)
	grown := want["503 shard red is down"]
	grown.Messages, grown.Retrying = grown.Messages+1, grown.Retrying+1
	want["503 shard red is down"] = grown
	for title, c := range want {
		if after[title] != c {
			t.Errorf("after undo\n got %+v\nwant %+v", after[title], c)
		}
	}
	if texts := noteTexts(t, s, red.Fingerprint); !slices.Equal(texts, []string{"red is leased"}) {
		t.Errorf("notes of red: %q", texts)
	}
	if texts := noteTexts(t, s, blue.Fingerprint); !slices.Equal(texts, []string{"blue is ours"}) {
		t.Errorf("notes of blue: %q", texts)
	}
	checkCounts(t, s)
}

// checkCounts compares the counts of causes with their messages.
func checkCounts(t *testing.T, s *store.Store) {
	t.Helper()
	grouping, err := s.Grouping(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range causesByTitle(t, s) {
		for status, want := range map[deadletter.Status]int{deadletter.Failed: c.Failed, deadletter.Retrying: c.Retrying} {
			f := store.Filter{Cause: c.Fingerprint, Status: status}
			if n, err := s.CountUpTo(t.Context(), f, 1_000_000); err != nil || n != want {
				t.Errorf("%q: %d messages are %s, and %d are counted, %v", c.Title, n, status, want, err)
			}
		}
		f := deadletter.Failure{Source: c.Source, Destination: c.Destination, Error: c.Error}
		if found, _ := grouping.Cause(f, ""); found != c.Fingerprint {
			t.Errorf("the error of %q is that of another cause", c.Title)
		}
	}
}

func TestSplitCauseComesTogetherByUndo(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	receiveMany(t, s, "a", "order 17 of tenant 1 failed", 3)
	receiveMany(t, s, "b", "order 17 of tenant 2 failed", 2)
	const title = "503 order 17 of tenant 1 failed"
	before := causesByTitle(t, s)
	whole := before[title]
	decide(t, s, whole, "who is tenant 2?")
	before = causesByTitle(t, s)
	split := order(t, s, func(inForce []deadletter.GroupRule) (deadletter.GroupRuleChange, error) {
		return deadletter.SplitCause(anna, whole, deadletter.LiteralPattern("Tenant 2"), "Tenant two", inForce, start)
	})
	apart := causesByTitle(t, s)
	if rest, other := apart[title], apart["Tenant two"]; len(apart) != 2 || rest.Messages != 3 || rest.Failed != 3 ||
		other.Messages != 2 || other.Failed != 2 || rest.Owner != "anna" || other.Owner != "" {
		t.Fatalf("split: %+v", apart)
	}
	receive(t, s, failing("b-9", "order 4 of tenant 2 failed", start))
	if c := causesByTitle(t, s)["Tenant two"]; c.Messages != 3 {
		t.Errorf("a new failure does not join: %+v", c)
	}
	checkCounts(t, s)
	undo(t, s, split)
	after := causesByTitle(t, s)
	want := before[title]
	want.Messages, want.Retrying = want.Messages+1, 1
	if len(after) != 1 || after[title] != want {
		t.Errorf("after undo\n got %+v\nwant %+v", after, want)
	}
	c, err := s.Cause(t.Context(), apart["Tenant two"].Fingerprint)
	if err != nil || c.Fingerprint != want.Fingerprint {
		t.Errorf("a link to the cause that was split off leads to %+v, %v", c, err)
	}
}

// A rule joins causes that have more messages than one transaction groups, beside changes of messages, and after the
// program was killed in between.
func TestRegroupingContinuesBesideChanges(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	const each = 400
	for _, shard := range []string{"blue", "red", "green"} {
		receiveMany(t, s, shard, "shard "+shard+" is down", each)
	}
	before := causesByTitle(t, s)
	decide(t, s, before["503 shard red is down"], "red is leased")
	before = causesByTitle(t, s)
	rule := order(t, s, func(inForce []deadletter.GroupRule) (deadletter.GroupRuleChange, error) {
		r := deadletter.GroupRule{Kind: deadletter.GroupJoin, Source: "genesys", Pattern: `shard \w+`, Title: "A shard"}
		return deadletter.NewOwnRule(admin, r, inForce, start)
	})
	now, err := s.Regrouping(t.Context())
	if err != nil || !now.Active() || now.Done == 0 || now.Done >= now.Messages || now.Messages != 3*each {
		t.Fatalf("%+v, %v", now, err)
	}
	// These go to statuses that were passed, or fail again, in each of the causes.
	for _, shard := range []string{"blue", "red", "green"} {
		for i := range 5 {
			m, err := s.Message(t.Context(), deadletter.ID(fmt.Sprintf("%s-%d", shard, each-1-i)))
			if err != nil {
				t.Fatal(err)
			}
			change, err := m.Archive(anna, "no use", m.Version, start)
			apply(t, s, change, err)
		}
		replay(t, s, deadletter.ID(shard+"-1"), false, 200)
		replay(t, s, deadletter.ID(shard+"-2"), false, 500)
	}
	// The files are as a killed process leaves them: nothing was closed.
	checkKilled := func() {
		t.Helper()
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(filepath.Dir(path))); err != nil {
			t.Fatal(err)
		}
		killed, err := store.Open(t.Context(), filepath.Join(dir, filepath.Base(path)), key,
			slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = killed.Close() })
		s, path = killed, filepath.Join(dir, filepath.Base(path))
		if now, err := s.Regrouping(t.Context()); err != nil || !now.Active() || now.Done >= now.Messages {
			t.Fatalf("after the kill %+v, %v", now, err)
		}
		regroup(t, s)
		checkCounts(t, s)
	}
	checkKilled()
	joined := causesByTitle(t, s)
	if c := joined["A shard"]; len(joined) != 2 || c.Messages != 3*each || c.Failed != 3*(each-7) ||
		c.Unedited.Tried != 6 {
		t.Errorf("joined: %+v", joined)
	}

	undo(t, s, rule)
	checkKilled()
	after := causesByTitle(t, s)
	if len(after) != 4 { // the three, and that of the other error
		t.Fatalf("after undo: %+v", after)
	}
	for title, want := range before {
		got := after[title]
		if got.Fingerprint != want.Fingerprint || got.Owner != want.Owner || got.State != want.State ||
			got.Failed != each-7 || got.FirstAt != want.FirstAt || got.LastAt != want.LastAt {
			t.Errorf("after undo\n got %+v\nwant %+v", got, want)
		}
	}
	if texts := noteTexts(t, s, before["503 shard red is down"].Fingerprint); len(texts) != 1 {
		t.Errorf("notes of red: %q", texts)
	}
}
