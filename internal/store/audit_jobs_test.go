package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// trailOfJobs records what two jobs did: each starts, causes two events of each of its messages, and ends. In between
// are events of nothing.
func trailOfJobs(t *testing.T, s *store.Store, messages int, at time.Time) {
	t.Helper()
	anna := deadletter.User("anna", deadletter.Operator, "")
	record := func(by deadletter.Actor, action, kind, target string, job deadletter.JobID) deadletter.Event {
		e, err := deadletter.NewEvent(by, action, kind, target, "", nil, map[string]int{"done": 1}, at)
		if err != nil {
			t.Fatal(err)
		}
		return e.OfJob(job)
	}
	for job := deadletter.JobID(1); job <= 2; job++ {
		list := []deadletter.Event{
			record(deadletter.System(), "message.received", "message", "m-0", 0),
			record(anna, "job.start", "job", job.String(), 0),
		}
		for n := range messages {
			id := fmt.Sprintf("m-%d-%d", job, n)
			list = append(list,
				record(anna, "message.replay", "message", id, job),
				record(deadletter.System(), "attempt.started", "message", id, job),
			)
		}
		list = append(list, record(deadletter.System(), "job.done", "job", job.String(), 0))
		if err := s.Record(t.Context(), list...); err != nil {
			t.Fatal(err)
		}
	}
}

// A page that folds jobs has every event but those of messages that jobs caused, and a filter by a job has all of those.
func TestEventsOfJobsAreFolded(t *testing.T) {
	t.Parallel()
	s, clock := desktest.NewStore(t), desktest.NewClock()
	trailOfJobs(t, s, 3, clock.Now())
	now := clock.Now()
	for name, want := range map[string]struct {
		filter              store.EventFilter
		all, folded, ofJobs int
	}{
		"all":       {store.EventFilter{}, 18, 6, 4},
		"by anna":   {store.EventFilter{By: "anna"}, 8, 2, 2},
		"by system": {store.EventFilter{By: deadletter.System().Name}, 10, 4, 2},
		"people":    {store.EventFilter{Actors: store.People}, 8, 2, 2},
		"program":   {store.EventFilter{Actors: store.Program}, 10, 4, 2},
		"both":      {store.EventFilter{By: "anna", Actors: store.People}, 8, 2, 2},
		"neither":   {store.EventFilter{By: "anna", Actors: store.Program}, 0, 0, 0},
		"time":      {store.EventFilter{From: now, To: now.Add(time.Second)}, 18, 6, 4},
		"person and time": {
			store.EventFilter{By: "anna", From: now, To: now.Add(time.Second)}, 8, 2, 2,
		},
		"later": {store.EventFilter{From: now.Add(time.Second)}, 0, 0, 0},

		// What singles out messages is never folded.
		"replays":         {store.EventFilter{Action: "message.replay"}, 6, 6, 0},
		"of messages":     {store.EventFilter{Action: "message."}, 8, 8, 0},
		"of jobs":         {store.EventFilter{Action: "job."}, 4, 4, 4},
		"message":         {store.EventFilter{Target: "m-1-0"}, 2, 2, 0},
		"job":             {store.EventFilter{Job: 1}, 8, 8, 2},
		"job and person":  {store.EventFilter{Job: 1, By: "anna"}, 4, 4, 1},
		"job and action":  {store.EventFilter{Job: 2, Action: "attempt."}, 3, 3, 0},
		"job and message": {store.EventFilter{Job: 2, Target: "m-2-1"}, 2, 2, 0},
		"job alone":       {store.EventFilter{JobAlone: 2}, 2, 2, 2},
		"other job":       {store.EventFilter{Job: 3}, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for fold, n := range map[bool]int{false: want.all, true: want.folded} {
				q, seen, ofJobs := store.EventQuery{EventFilter: want.filter, FoldJobs: fold, Limit: 2}, 0, 0
				for more := true; more; more = q.Cursor != "" {
					page, err := s.Events(t.Context(), q)
					if err != nil {
						t.Fatal(err)
					}
					for _, e := range page.Items {
						if seen++; e.TargetKind == "job" {
							ofJobs++
						}
					}
					q.Cursor = page.Older
				}
				if seen != n || ofJobs != want.ofJobs {
					t.Errorf("folded %v: %d events, %d of jobs, want %d and %d", fold, seen, ofJobs, n, want.ofJobs)
				}
			}
		})
	}
	if _, err := s.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
}

// A page of the trail reads the events that it shows, and not those of a job's messages in between.
func TestPagesOfTheTrailUseTheirIndexes(t *testing.T) {
	t.Parallel()
	_, path := setup(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	const folded, after = "(e.job IS NULL OR e.target_kind = 'job')", " AND e.seq < 9 ORDER BY e.seq DESC LIMIT 51"
	for where, want := range map[string]string{
		"INDEXED BY audit_folded WHERE " + folded: "audit_folded (seq<?)",
		"INDEXED BY audit_folded_by_actor WHERE e.by = 'a' AND e.actor <> 'system' AND " +
			folded: "audit_folded_by_actor (by=? AND seq<?)",
		"INDEXED BY audit_folded_by_people WHERE e.actor <> 'system' AND " + folded: "audit_folded_by_people (seq<?)",
		"INDEXED BY audit_by_job WHERE e.job = 12":                                  "audit_by_job (job=? AND seq<?)",
	} {
		plan, err := planOf(t, db, "SELECT e.after FROM audit_events e "+where+after, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(plan, "\n")
		if !strings.Contains(got, want) || strings.Contains(got, "SCAN") || strings.Contains(got, "TEMP") {
			t.Errorf("%s\nis done by\n%s\nwant %s", where, got, want)
		}
	}
	plan, err := planOf(t, db, store.JobsUnderWay, []any{1, 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(plan, "\n"); strings.Count(got, "USING INDEX jobs_ended (") != 2 ||
		strings.Contains(got, "SCAN jobs") {
		t.Errorf("jobs under way are found by\n%s", got)
	}
}

// A job is under way from its begin to its end, whatever its state is then.
func TestJobsUnderWayAtATime(t *testing.T) {
	t.Parallel()
	s, clock := desktest.NewStore(t), desktest.NewClock()
	began := clock.Now()
	j := startedJob(t, s, 1, began)
	found := func(at time.Time) int {
		list, err := s.JobsUnderWay(t.Context(), at, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if before, in := found(began), found(began.Add(time.Hour)); before != 0 || in != 1 {
		t.Errorf("at its begin %d are found, later %d", before, in)
	}
	items, err := s.PendingItems(t.Context(), j, "genesys", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.SettleItem(ctx, items[0], deadletter.ItemDone, "", began.Add(time.Hour))
	}); err != nil {
		t.Fatal(err)
	}
	if in, after := found(began.Add(time.Minute)), found(began.Add(2*time.Hour)); in != 1 || after != 0 {
		t.Errorf("before its end %d are found, later %d", in, after)
	}
}

// A trail of a version that knew no jobs in it verifies after the migration, and goes on. Requests of jobs named them
// before, so they are found.
func TestTrailOfAnOlderVersionKnowsItsJobs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "desk.db")
	old, err := store.OpenWith(t.Context(), path, key, slog.New(slog.DiscardHandler), migrationsBefore(t, "00087"))
	if err != nil {
		t.Fatal(err)
	}
	trailOfJobs(t, old, 2, start)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), path, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	trailOfJobs(t, s, 2, start)
	if report, err := s.VerifyAudit(t.Context()); err != nil || report.Events != 28 {
		t.Errorf("%d events, %v", report.Events, err)
	}
	page, err := s.Events(t.Context(), store.EventQuery{EventFilter: store.EventFilter{Job: 2}, Limit: 50})
	if err != nil || len(page.Items) != 12 {
		t.Errorf("job 2 has %d events, %v", len(page.Items), err)
	}
}
