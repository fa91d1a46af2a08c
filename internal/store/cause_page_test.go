package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

func TestSampleOfACauseHasItsNewestMessagesOfEveryStatus(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	for i := range 8 {
		c := failure(fmt.Sprintf("a-%d", i), 422, start.Add(time.Duration(i)*time.Minute))
		c.EventType, c.Body = "order", make([]byte, 10*(i+1))
		receive(t, s, c)
	}
	cause := receive(t, s, failure("b-0", 404, start)).Fingerprint
	replay(t, s, "a-6", false, 200)
	archived, err := s.Message(t.Context(), "a-5")
	if err != nil {
		t.Fatal(err)
	}
	change, err := archived.Archive(anna, "a test", archived.Version, start)
	apply(t, s, change, err)

	first, newest, err := s.CauseSample(t.Context(), archived.Fingerprint, 4)
	if err != nil || first != "a-0" {
		t.Fatalf("the first is %s, %v", first, err)
	}
	var got []string
	for _, m := range newest {
		got = append(got, fmt.Sprintf("%s %d %s %d", m.ID, m.StatusCode, m.EventType, m.Size))
	}
	// One that was delivered keeps the cause of its latest failure.
	want := "a-7 422 order 80, a-6 200 order 70, a-5 422 order 60, a-4 422 order 50"
	if strings.Join(got, ", ") != want {
		t.Errorf("the sample is %v, want %s", got, want)
	}
	if first, newest, err := s.CauseSample(t.Context(), "none", 4); first != "" || newest != nil || err != nil {
		t.Errorf("the sample of no cause is %s, %v, %v", first, newest, err)
	}

	db := open(t, path)
	for query, wanted := range map[string]string{
		store.SampleOfCause: "messages_cause (fingerprint=? AND status=?)",
		store.FirstOfCause:  "messages_cause (fingerprint=? AND status=?)",
		store.JobsOfCause:   "SEARCH c USING PRIMARY KEY (fingerprint=?)",
	} {
		plan, err := planOf(t, db, query, []any{cause, 10})
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(plan, "\n")
		if !strings.Contains(text, wanted) || strings.Contains(text, "SCAN messages") ||
			strings.Contains(text, "SCAN m") ||
			strings.Contains(text, "SCAN j") ||
			strings.Contains(text, "SCAN r") {
			t.Errorf("%s\nis done by\n%s", query, text)
		}
	}
}

func TestResultsOfJobsAreCountedForTheCauseThatMessagesHad(t *testing.T) {
	t.Parallel()
	s, clock := desktest.NewStore(t), desktest.NewClock()
	for i := range 3 {
		desktest.Receive(t, s, desktest.Failure(fmt.Sprintf("l-%d", i), 422, clock.Now()))
	}
	cause := desktest.Receive(t, s, desktest.Failure("l-3", 422, clock.Now())).Fingerprint
	other := desktest.Receive(t, s, desktest.Failure("o-0", 404, clock.Now())).Fingerprint
	draft, err := deadletter.NewJob(anna, deadletter.ActArchive, clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	j, err := s.DraftJob(t.Context(), draft, store.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	change, err := j.Start(anna, deadletter.JobInput{Reason: "a test"}, clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	items, err := s.PendingItems(t.Context(), j, "genesys", 10)
	if err != nil || len(items) != 5 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	err = s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if err := tx.ApplyJob(ctx, change); err != nil {
			return err
		}
		for i, item := range items {
			state := deadletter.ItemDone
			if i == 0 {
				state = deadletter.ItemSkipped
			}
			if err := tx.SettleItem(ctx, item, state, "", clock.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := s.CauseJobs(t.Context(), cause, 10)
	if err != nil || len(jobs) != 1 || jobs[0].ID != j.ID || jobs[0].Done+jobs[0].Skipped != 4 ||
		jobs[0].State != deadletter.JobDone {
		t.Errorf("the jobs of the cause are %+v, %v", jobs, err)
	}
	jobs, err = s.CauseJobs(t.Context(), other, 10)
	if err != nil || len(jobs) != 1 || jobs[0].Done+jobs[0].Skipped != 1 {
		t.Errorf("the jobs of the other cause are %+v, %v", jobs, err)
	}
}
