package worker_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// growing are the steps of most jobs here.
func growing() deadletter.JobSteps { return deadletter.JobSteps{Sizes: []int{1, 10}} }

func (b bundle) awaitHalt(t *testing.T, id deadletter.JobID) deadletter.Job {
	t.Helper()
	return b.awaitJob(t, id, "halted", func(j deadletter.Job) bool {
		return j.State == deadletter.JobPaused && j.Items.InFlight == 0
	})
}

// sent returns how many messages were delivered to the handler, whatever it answered.
func (b bundle) sent() int { return len(b.destination.Received()) }

func TestJobGrowsInSteps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 60)
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	b.run(t)
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{Steps: growing()})
	if j := b.finished(t, id); j.Items.Done != 60 || j.Step != 3 {
		t.Errorf("in the end it is at step %d with %+v", j.Step, j.Items)
	}
	var steps []string
	for _, e := range b.trail(t, store.EventFilter{}) {
		if e.Action == "job.step" {
			steps = append(steps, fmt.Sprint(e.Actor))
		}
	}
	if len(steps) != 2 {
		t.Errorf("the audit trail has the steps %v", steps)
	}
}

func TestJobHaltsAtTheStepThatGoesBadly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bad  func(n int) bool // of the n-th delivery, from 1
		sent [2]int           // least and most
		says string
	}{
		"at once": {func(int) bool { return true }, [2]int{1, 1}, "halted at step 1 of 3 (1 message): 1 of 1 results failed"},
		"in the second step": {
			func(n int) bool { return n > 1 && n%2 == 0 }, [2]int{4, 11}, "halted at step 2 of 3 (10 messages):",
		},
		"in the rest": {func(n int) bool { return n > 300 }, [2]int{360, 600}, "halted at step 3 of 3 (the rest):"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.employ(t, deadletter.Operator)
			b.failed(t, 800)
			var n atomic.Int64
			b.destination.Set(func(w http.ResponseWriter, _ *http.Request) {
				if c.bad(int(n.Add(1))) {
					w.WriteHeader(http.StatusUnprocessableEntity)
					_, _ = fmt.Fprintf(w, `{"error":"another field %c is missing"}`, 'a'+rand.IntN(26))
				}
			})
			b.run(t)
			id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{Steps: growing()})
			j := b.awaitHalt(t, id)
			if sent := b.sent(); sent < c.sent[0] || sent > c.sent[1] {
				t.Errorf("%d were sent", sent)
			}
			if !strings.Contains(j.PauseReason, c.says) {
				t.Errorf("it says %q", j.PauseReason)
			}
			// A person has the last word.
			b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
			if err := b.ResumeJob(t.Context(), anna, id, ""); err != nil {
				t.Fatal(err)
			}
			if j := b.finished(t, id); j.Items.Pending != 0 {
				t.Errorf("in the end it is %+v", j.Items)
			}
		})
	}
}

// Of two causes one is mended: few fail of all, and many of the other cause.
func TestJobHaltsWhenACauseComesBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 400)
	for i := range 20 {
		c := desktest.Failure(fmt.Sprintf("other-%02d", i), 422, b.clock.Now())
		c.FirstAttempt.ResponseBody = []byte(`{"error":"the account is closed"}`)
		c.FirstAttempt.Error = "422: the account is closed"
		c.Reason = c.FirstAttempt.Error
		desktest.Receive(t, b.store, c)
	}
	b.destination.Set(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Webhook-Id"), "other-") {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = fmt.Fprint(w, `{"error":"the account is closed"}`)
		}
	})
	b.run(t)
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{Steps: deadletter.JobSteps{Sizes: []int{1, 100}}})
	if j := b.awaitHalt(t, id); !strings.Contains(j.PauseReason, "account is closed") ||
		!strings.Contains(j.PauseReason, "failed for it again") {
		t.Errorf("it says %q", j.PauseReason)
	}
}

// The first step has a message of each source and cause, whatever number each has.
func TestStepsTakeMessagesOfEveryCause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 50)
	for i, thing := range []string{"account", "contact", "shipment"} {
		c := desktest.Failure(fmt.Sprintf("rare-%d", i), 422, b.clock.Now())
		c.FirstAttempt.ResponseBody = fmt.Appendf(nil, `{"error":"the %s is closed"}`, thing)
		c.FirstAttempt.Error = "422: the " + thing + " is closed"
		c.Reason = c.FirstAttempt.Error
		desktest.Receive(t, b.store, c)
	}
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	b.run(t)
	b.begin(t, deadletter.ActReplay, deadletter.JobInput{Steps: asking(4)})
	b.received(t, 4)
	var ids []string
	for _, d := range b.destination.Received() {
		ids = append(ids, d.Header.Get("Webhook-Id"))
	}
	slices.Sort(ids)
	if got := strings.Join(ids, " "); !strings.HasPrefix(got, "l-") || !strings.HasSuffix(got, "rare-0 rare-1 rare-2") {
		t.Errorf("the first step has %s", got)
	}
}

func TestJobTakesUpItsMessagesInItsSequence(t *testing.T) {
	t.Parallel()
	for sequence, right := range map[deadletter.JobSequence]func([]string) bool{
		deadletter.SequenceOldest: slices.IsSorted[[]string],
		deadletter.SequenceNewest: func(ids []string) bool {
			slices.Reverse(ids)
			return slices.IsSorted(ids)
		},
		deadletter.SequenceRandom: func(ids []string) bool { // one of 40! is either
			return !slices.IsSorted(ids)
		},
		deadletter.SequenceKey: func(ids []string) bool { // all of a key, then all of another
			keys := slices.Compact(keysOf(ids))
			return len(keys) == 4 && slices.IsSorted(ids[:10])
		},
	} {
		t.Run(string(sequence), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.employ(t, deadletter.Operator)
			for i := range 40 {
				c := desktest.Failure(fmt.Sprintf("m-%02d", i), 422, b.clock.Now())
				if sequence == deadletter.SequenceKey {
					c.OrderKey = deadletter.OrderKey(i%4 + 1)
				}
				desktest.Receive(t, b.store, c)
			}
			b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
			b.run(t)
			id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{
				Sequence: sequence, JobPace: deadletter.JobPace{Places: 1}, Order: deadletter.OrderSend,
			})
			b.finished(t, id)
			var ids []string
			for _, d := range b.destination.Received() {
				ids = append(ids, d.Header.Get("Webhook-Id"))
			}
			if len(ids) != 40 || !right(slices.Clone(ids)) {
				t.Errorf("%s: %v", sequence, ids)
			}
		})
	}
}

// keysOf returns the order key of each message of TestJobTakesUpItsMessagesInItsSequence.
func keysOf(ids []string) (keys []int) {
	for _, id := range ids {
		var n int
		if _, err := fmt.Sscanf(id, "m-%d", &n); err != nil {
			panic(err)
		}
		keys = append(keys, n%4)
	}
	return keys
}

// holding has the destination hold what arrives until release lets it go, or is closed.
func (b bundle) holding() (arrived, release chan bool) {
	arrived, release = make(chan bool, 100), make(chan bool)
	b.destination.Set(func(http.ResponseWriter, *http.Request) {
		arrived <- true
		<-release
	})
	return arrived, release
}

func TestPaceOfARunningJobIsChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 30)
	arrived, release := b.holding()
	b.run(t)
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{JobPace: deadletter.JobPace{Places: 2}})
	<-arrived
	<-arrived
	j := b.awaitJob(t, id, "in flight", func(j deadletter.Job) bool { return j.Items.InFlight == 2 })
	if len(arrived) != 0 {
		t.Errorf("%d more are in flight: %+v", len(arrived), j.Items)
	}
	if err := b.SetJobPace(t.Context(), anna, id, deadletter.JobPace{Places: 4}); err != nil {
		t.Fatal(err)
	}
	<-arrived
	<-arrived
	b.awaitJob(t, id, "in flight", func(j deadletter.Job) bool { return j.Items.InFlight == 4 })
	close(release)
	b.finished(t, id)
}

func TestRateOfARunningJobIsMeasured(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 12)
	arrived, release := b.holding()
	b.run(t)
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{JobPace: deadletter.JobPace{Places: 1}})
	<-arrived
	if rate := b.worker.JobRate(id); rate != 0 {
		t.Errorf("before its first result it is %g a second", rate)
	}
	for range 4 {
		b.clock.Add(5 * time.Second)
		release <- true
		<-arrived
	}
	b.until(t, func() bool {
		rate := b.worker.JobRate(id)
		return rate > 0.1 && rate <= 0.2 // one in five seconds
	})
	close(release)
	b.finished(t, id)
	if rate := b.worker.JobRate(deadletter.JobID(99)); rate != 0 {
		t.Errorf("of a job that is not running it is %g", rate)
	}
}

// A scheduled job is begun with once, by a program that was started meanwhile.
func TestScheduledJobBeginsOnceAfterARestart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 12)
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{Begins: b.clock.Now().Add(time.Hour)})
	if j, err := b.store.Job(t.Context(), id); err != nil || j.State != deadletter.JobScheduled || b.sent() != 0 {
		t.Fatalf("it is %+v, %v, and sent %d", j, err, b.sent())
	}
	if counts, err := b.store.JobCounts(t.Context()); err != nil || counts[deadletter.JobScheduled] != 1 {
		t.Errorf("jobs by state: %v, %v", counts, err)
	}
	b.clock.Add(time.Hour)
	b.run(t)
	b.finished(t, id)
	b.received(t, 12)
	begun := 0
	for _, e := range b.trail(t, store.EventFilter{}) {
		if e.Action == "job.begin" {
			begun++
		}
	}
	if begun != 1 {
		t.Errorf("it began %d times", begun)
	}
}

func TestScheduledJobBeginsByItself(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 3)
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	b.run(t)
	const wait = 50 * time.Millisecond // the loop looks at the clock again after that
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{Begins: b.clock.Now().Add(wait)})
	b.clock.Add(wait)
	b.finished(t, id)
}

func TestScheduledJobIsCancelledOrStartedEarly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 3)
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	b.run(t)
	later := deadletter.JobInput{Begins: b.clock.Now().Add(time.Hour)}
	cancelled := b.begin(t, deadletter.ActReplay, later)
	if err := b.CancelJob(t.Context(), anna, cancelled); err != nil {
		t.Fatal(err)
	}
	if b.clock.Add(2 * time.Hour); b.sent() != 0 {
		t.Errorf("%d were sent", b.sent())
	}
	early := b.begin(t, deadletter.ActReplay, deadletter.JobInput{Begins: b.clock.Now().Add(time.Hour)})
	if err := b.ResumeJob(t.Context(), anna, early, ""); err != nil {
		t.Fatal(err)
	}
	if j := b.finished(t, early); j.Items.Done != 3 {
		t.Errorf("it came to %+v", j.Items)
	}
	if j, err := b.store.Job(t.Context(), cancelled); err != nil || j.State != deadletter.JobCancelled {
		t.Errorf("the other one is %+v, %v", j, err)
	}
}
