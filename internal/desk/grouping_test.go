package desk_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// The rules of the configuration are in force as they are written, until they are no longer in it.
func TestConfiguredRulesGroupFailures(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 10, 15, 5, 0, time.UTC)
	path := filepath.Join(t.TempDir(), "desk.db")
	s, err := store.Open(t.Context(), path, bytes.Repeat([]byte{7}, 32), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, id := range []deadletter.ID{"blue", "red"} {
		c := deadletter.Capture{ID: id, Source: "genesys", ReceivedAt: at, Reason: "shard " + string(id) + " is down"}
		change := deadletter.NewMessage(c, deadletter.RetryPolicy{}, 0, at)
		err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.Apply(ctx, change) })
		if err != nil {
			t.Fatal(err)
		}
	}
	join := deadletter.GroupRule{Kind: deadletter.GroupJoin, Source: "genesys", Pattern: `shard \w+`, Title: "A shard"}
	ignore := deadletter.GroupRule{Kind: deadletter.GroupIgnore, Source: "genesys", Pattern: `blue|red`}
	for _, test := range []struct {
		rules  []deadletter.GroupRule
		causes int
	}{
		{nil, 2},
		{[]deadletter.GroupRule{join}, 1},
		{[]deadletter.GroupRule{join}, 1}, // a restart
		{[]deadletter.GroupRule{ignore}, 1},
		{nil, 2},
	} {
		if err := desk.ConfigureGrouping(t.Context(), s, test.rules, at); err != nil {
			t.Fatal(err)
		}
		if page, err := s.Causes(t.Context(), store.CauseQuery{Limit: 10}); err != nil ||
			len(page.Items) != test.causes {
			t.Errorf("with %v there are %d causes, %v", test.rules, len(page.Items), err)
		}
	}
	rules, err := s.GroupRules(t.Context(), "genesys")
	if err != nil || len(rules) != 2 || rules[0].InForce() || rules[0].By != "system" {
		t.Errorf("rules %+v, %v", rules, err)
	}
}

func TestRulesAreTriedByThoseWhoMayMakeThem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.receive(t, "a-1", nil).Fingerprint
	rule := deadletter.GroupRule{Kind: deadletter.GroupIgnore, Source: "genesys", Pattern: "id"}
	_, byOperator := b.TryGroupRule(t.Context(), anna, rule)
	_, byViewer := b.TrySplit(t.Context(), vera, c, "id", "")
	if deadletter.KindOf(byOperator) != deadletter.Forbidden || deadletter.KindOf(byViewer) != deadletter.Forbidden {
		t.Errorf("a rule by an operator: %v; a split by a viewer: %v", byOperator, byViewer)
	}
}

// The error of a cause may have values that later masks hide: its trial shows none of it.
func TestTrialHidesErrorsFromBeforeTheMasks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.receive(t, "a-1", func(c *deadletter.Capture) { c.Reason = "no customer 078-05-1120" }).Fingerprint
	masks := redact.NewMasks(nil, nil).InForceSince(b.clock.Now().Add(time.Hour))
	later := desk.New(desk.Deps{
		Store: b.store, Sources: desktest.Always([]desk.Source{{Name: "genesys"}}), Masks: desktest.Always(masks),
		Now: b.clock.Now,
	})
	trial, err := later.TrySplit(t.Context(), anna, c, "customer", "")
	if err != nil || len(trial.Moves) != 1 || strings.Contains(trial.Moves[0].Title+trial.Moves[0].To, "078") {
		t.Errorf("%+v, %v", trial, err)
	}
}
