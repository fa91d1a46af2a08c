package store_test

import (
	"context"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// tried is what was tried on the messages of a cause, and what it came to.
type tried struct {
	unedited, edited deadletter.Replays
	editReason       string
	jobDone, skipped int
}

func checkTried(t *testing.T, s *store.Store, what string, want map[string]tried) {
	t.Helper()
	all := causesByTitle(t, s)
	if len(all) != len(want) {
		t.Errorf("%s: %d causes, want %d", what, len(all), len(want))
	}
	for title, c := range all {
		got := tried{unedited: c.Unedited, edited: c.Edited, editReason: c.EditReason}
		jobs, err := s.CauseJobs(t.Context(), c.Fingerprint, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			got.jobDone, got.skipped = got.jobDone+j.Done, got.skipped+j.Skipped
			if j.Done+j.Failed+j.Skipped == 0 {
				t.Errorf("%s: %q has a job that did nothing for it", what, title)
			}
		}
		if c.Edited.Tried == 0 {
			got.editReason = ""
		}
		if got != want[title] {
			t.Errorf("%s: %q\n got %+v\nwant %+v", what, title, got, want[title])
		}
	}
}

// archiveByJob archives messages by a job, which skips the first one.
func archiveByJob(t *testing.T, s *store.Store, ids ...deadletter.ID) {
	t.Helper()
	draft, err := deadletter.NewJob(anna, deadletter.ActArchive, start)
	if err != nil {
		t.Fatal(err)
	}
	j, err := s.DraftJob(t.Context(), draft, store.Filter{Status: deadletter.Failed})
	if err != nil {
		t.Fatal(err)
	}
	change, err := j.Start(anna, deadletter.JobInput{Reason: "a test"}, start)
	if err != nil {
		t.Fatal(err)
	}
	items, err := s.PendingItems(t.Context(), j, "genesys", 100)
	if err != nil || len(items) != len(ids) {
		t.Fatalf("%d items, %v", len(items), err)
	}
	err = s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if err := tx.ApplyJob(ctx, change); err != nil {
			return err
		}
		for _, item := range items {
			state := deadletter.ItemDone
			if item.Message == ids[0] {
				state = deadletter.ItemSkipped
			}
			if err := tx.SettleItem(ctx, item, state, "", start); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Replays and jobs of a merged cause belong to the causes of their messages once the merge is undone.
func TestReplaysFollowMessagesThroughMergeAndUndo(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	receiveMany(t, s, "a", "shard blue is down", 4)
	receiveMany(t, s, "b", "no shard", 4)
	const blue, none = "503 shard blue is down", "503 no shard"
	before := causesByTitle(t, s)
	replay(t, s, "a-0", false, 200)
	replay(t, s, "b-0", false, 200)
	one := deadletter.Replays{Tried: 1, Delivered: 1}
	checkTried(t, s, "apart", map[string]tried{blue: {unedited: one}, none: {unedited: one}})

	merge := mergeCauses(t, s, before[blue], before[none])
	two := deadletter.Replays{Tried: 2, Delivered: 2}
	checkTried(t, s, "merged", map[string]tried{blue: {unedited: two}})
	replay(t, s, "a-1", false, 200)
	replay(t, s, "b-1", false, 200)
	replay(t, s, "b-2", true, 200)
	archiveByJob(t, s, "a-2", "a-3", "b-3")
	four := deadletter.Replays{Tried: 4, Delivered: 4}
	checkTried(t, s, "while merged", map[string]tried{
		blue: {unedited: four, edited: one, editReason: "fix", jobDone: 2, skipped: 1},
	})

	undo(t, s, merge)
	apart := map[string]tried{
		blue: {unedited: two, jobDone: 1, skipped: 1},
		none: {unedited: two, edited: one, editReason: "fix", jobDone: 1},
	}
	checkTried(t, s, "undone", apart)
	checkCounts(t, s)
	merge = mergeCauses(t, s, causesByTitle(t, s)[blue], causesByTitle(t, s)[none])
	undo(t, s, merge)
	checkTried(t, s, "merged and undone again", apart)
}

// A replay that ended in another error stays with the cause that it was made for.
func TestReplaysFollowMessagesThroughSplit(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	receiveMany(t, s, "a", "order 17 of tenant 1 failed", 2)
	receiveMany(t, s, "b", "order 17 of tenant 2 failed", 3)
	const title, missing = "503 order 17 of tenant 1 failed", "500 field id is missing (500)"
	replay(t, s, "a-0", false, 200)
	replay(t, s, "b-0", true, 200)
	replay(t, s, "b-1", false, 500)
	archiveByJob(t, s, "b-2", "a-1")
	whole := causesByTitle(t, s)[title]
	one, failed := deadletter.Replays{Tried: 1, Delivered: 1}, deadletter.Replays{Tried: 2, Delivered: 1}
	together := map[string]tried{
		title: {unedited: failed, edited: one, editReason: "fix", jobDone: 1, skipped: 1}, missing: {},
	}
	checkTried(t, s, "whole", together)
	split := order(t, s, func(inForce []deadletter.GroupRule) (deadletter.GroupRuleChange, error) {
		return deadletter.SplitCause(anna, whole, deadletter.LiteralPattern("Tenant 2"), "Tenant two", inForce, start)
	})
	checkTried(t, s, "split", map[string]tried{
		title: {unedited: failed, jobDone: 1}, "Tenant two": {edited: one, editReason: "fix", skipped: 1}, missing: {},
	})
	undo(t, s, split)
	checkTried(t, s, "together again", together)
}
