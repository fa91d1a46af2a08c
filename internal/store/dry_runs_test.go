package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

var olga = deadletter.User("olga", deadletter.Operator, "192.0.2.7")

// drafted returns the draft of an edit of so many messages, with a dry run.
func drafted(t *testing.T, s *store.Store, messages int) (deadletter.Job, store.DryRun) {
	t.Helper()
	for i := range messages {
		receive(t, s, failure(fmt.Sprintf("a-%d", i), 422, start.Add(time.Duration(i)*time.Second)))
	}
	j, err := deadletter.NewJob(olga, deadletter.ActEdit, start)
	if err == nil {
		j, err = s.DraftJob(t.Context(), j, store.Filter{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return j, tryOut(t, s, j)
}

func tryOut(t *testing.T, s *store.Store, j deadletter.Job) store.DryRun {
	t.Helper()
	recipe := deadletter.Recipe{Kind: deadletter.JQ, Text: ".", Table: "k,v\n1,2"}
	run, err := j.TryOut(olga, recipe, start.Add(30*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.AddDryRun(ctx, run) })
	running, err := s.RunningDryRuns(t.Context())
	if err != nil || len(running) == 0 {
		t.Fatalf("running are %+v, %v", running, err)
	}
	got := running[len(running)-1]
	if got.Job != j.ID || !got.IsOf(recipe) || got.By.Name != "olga" || got.Messages != j.Items.Total() ||
		got.Last != -1 {
		t.Fatalf("it is stored as %+v", got)
	}
	if table, err := s.DryRunTable(t.Context(), got.ID); err != nil || table != recipe.Table {
		t.Errorf("its table is %q, %v", table, err)
	}
	return got
}

func itemsOf(t *testing.T, s *store.Store, id deadletter.JobID, after int64, limit int) []store.DryRunItem {
	t.Helper()
	items, err := s.DryRunItems(t.Context(), id, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	return items
}

func save(t *testing.T, s *store.Store, r store.DryRunResults, want bool) {
	t.Helper()
	if saved, err := s.SaveDryRun(t.Context(), r); err != nil || saved != want {
		t.Errorf("results are saved: %t, %v; want %t", saved, err, want)
	}
}

func TestResultsOfADryRunCountOnce(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j, run := drafted(t, s, 4)
	items := itemsOf(t, s, j.ID, -1, 3)
	if len(items) != 3 || items[0].Message != "a-0" || items[0].Size == 0 {
		t.Fatalf("its items are %+v", items)
	}
	group := deadletter.DryRunGroup{Refusal: "no customer", Messages: 2, Examples: []deadletter.ID{"a-0", "a-1"}}
	first := store.DryRunResults{
		Run: run.ID, Job: j.ID, After: -1, Last: items[2].Row, At: start,
		Counts:  deadletter.DryRunCounts{Changed: 1, Failed: 2, Differing: 1},
		Refused: map[string][]int64{"no customer": {items[0].Row, items[1].Row}},
		Groups:  map[string]*deadletter.DryRunGroup{group.Key(): &group},
	}
	save(t, s, first, true)
	save(t, s, first, false) // they are written already
	rest := itemsOf(t, s, j.ID, items[2].Row, 3)
	if len(rest) != 1 {
		t.Fatalf("%d items are left", len(rest))
	}
	last := first
	last.After, last.Last, last.Done = items[2].Row, rest[0].Row, true
	last.Counts = deadletter.DryRunCounts{Failed: 1}
	last.Refused = map[string][]int64{"no customer": {rest[0].Row}}
	last.Groups[group.Key()].Messages = 1
	save(t, s, last, true)
	got, err := s.DryRun(t.Context(), j.ID)
	want := deadletter.DryRunCounts{Changed: 1, Failed: 3, Differing: 1}
	if err != nil || got.DryRunCounts != want || got.State != deadletter.DryRunDone || got.EndedAt.IsZero() {
		t.Errorf("it came to %+v, %v", got, err)
	}
	groups, err := s.DryRunGroups(t.Context(), run.ID)
	if err != nil || len(groups) != 1 || groups[0].Messages != 3 || len(groups[0].Examples) != 2 {
		t.Errorf("its groups are %+v, %v", groups, err)
	}

	j.DryRun = run.ID
	refused, err := s.RefusedItems(t.Context(), j, 10)
	if err != nil || len(refused) != 3 || refused[2].Message != "a-3" || refused[2].Refusal != "no customer" {
		t.Errorf("refused are %+v, %v", refused, err)
	}
	if shares, err := s.JobShares(t.Context(), j); err != nil || len(shares) != 1 || shares[0].Messages != 1 {
		t.Errorf("it sends %+v, %v", shares, err)
	}
	if steps, err := s.ChooseSteps(t.Context(), j, []int{1, 2}, ""); err != nil || fmt.Sprint(steps.Sizes()) != "[1]" {
		t.Errorf("its steps are %v, %v", steps, err)
	}
	j.DryRun = run.ID + 1
	if refused, err := s.RefusedItems(t.Context(), j, 10); err != nil || len(refused) > 0 {
		t.Errorf("another dry run has %+v, %v", refused, err)
	}
}

func TestStoppedAndReplacedDryRunsTakeNoResults(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	j, run := drafted(t, s, 2)
	result := store.DryRunResults{
		Run: run.ID, Job: j.ID, After: -1, Last: 1, At: start, Counts: deadletter.DryRunCounts{Changed: 2}, Done: true,
	}
	write(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.StopDryRun(ctx, j.ID, start) })
	save(t, s, result, false)
	newer := tryOut(t, s, j)
	save(t, s, result, false)
	result.Run = newer.ID
	save(t, s, result, true)
	if _, err := s.DryRunTable(t.Context(), run.ID); deadletter.KindOf(err) != deadletter.NotFound {
		t.Errorf("the older one is still there: %v", err)
	}
}

// A draft with a dry run is removed an hour after that began, and its dry run with it.
func TestDraftIsRemovedWithItsDryRun(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	j, run := drafted(t, s, 2)
	groups := map[string]*deadletter.DryRunGroup{"k": {Refusal: "x", Messages: 1}}
	result := store.DryRunResults{Run: run.ID, Job: j.ID, After: -1, Last: 1, At: start, Groups: groups}
	save(t, s, result, true)
	if shown, err := s.ShownJobs(t.Context(), "olga"); err != nil || len(shown) != 1 || shown[0].ID != j.ID {
		t.Errorf("shown are %+v, %v", shown, err)
	}
	if removed, err := s.DeleteOldDraft(t.Context(), start.Add(29*time.Minute)); removed || err != nil {
		t.Errorf("it is removed while its dry run is new: %v", err)
	}
	for more := true; more; {
		var err error
		if more, err = s.DeleteOldDraft(t.Context(), start.Add(31*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	db := open(t, path)
	for _, table := range []string{"jobs", "job_items", "dry_runs", "dry_run_groups"} {
		var n int
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil || n > 0 {
			t.Errorf("%s has %d rows, %v", table, n, err)
		}
	}
}

func TestSampleOfAJobHasEveryCause(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	for i := range 20 {
		c := failure(fmt.Sprintf("a-%02d", i), 422, start.Add(time.Duration(i)*time.Second))
		if i > 17 {
			c.Reason = "another cause"
		}
		receive(t, s, c)
	}
	j, _ := drafted(t, s, 0)
	var got []string
	sample, err := s.JobSample(t.Context(), j.ID, 4)
	for _, latest := range sample {
		got = append(got, string(latest.Message.ID)+" "+fmt.Sprint(len(latest.Revision.Body) > 0))
	}
	if want := "a-00 true a-18 true a-01 true a-19 true"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("it is %v, %v, want %s", got, err, want)
	}
}

// No query about dry runs reads past the rows that it returns.
func TestQueriesAboutDryRunsUseTheirIndexes(t *testing.T) {
	t.Parallel()
	_, path := setup(t)
	useIndexes(t, path, map[string]string{
		store.RunningDryRuns: "USING INDEX dry_runs_running",
		store.DryRunItems:    "SEARCH i USING PRIMARY KEY (job=? AND message>?)",
		store.DryRunGroups:   "SEARCH dry_run_groups USING PRIMARY KEY (run=?)",
		store.RefusedItems:   "SEARCH i USING INDEX job_items_refused (job=? AND dry_run=?)",
		store.OldDraft:       "SEARCH d USING INDEX sqlite_autoindex_dry_runs_1 (job=?)",
	}, "m", "i")
}
