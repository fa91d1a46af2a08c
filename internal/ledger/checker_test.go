package ledger_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/queue"
)

// counting has a checker with given depths of the queue, at the start of a check and at its end.
func (h *house) counting(waits *[2]int) {
	asked := 0
	messages := func(context.Context) (ledger.Waiting, error) {
		asked++
		return ledger.Waiting{Messages: waits[(asked-1)%2]}, nil
	}
	h.run.checker = ledger.NewChecker(
		h.store, h.run.recorder, ledger.Settings{DLQ: messages, Settle: settle}, h.clock.Now,
		desktest.Log(h.t),
	)
}

// check returns how many webhooks one more check misses.
func (h *house) check() (missing int) {
	h.t.Helper()
	h.run.checker.Once(h.t.Context())
	state := h.run.checker.State()
	if state.Unchecked != nil {
		h.t.Fatal(state.Unchecked)
	}
	for _, i := range state.Imbalances {
		missing += i.Missing
	}
	return missing
}

// The figures of one check are not read at the same moment, so an imbalance counts only after a second check.
func TestImbalanceIsConfirmedByASecondCheck(t *testing.T) {
	t.Parallel()
	h := setup(t)
	waits := &[2]int{}
	h.counting(waits)
	h.post("genesys", 3, http.StatusServiceUnavailable)
	h.save()
	h.check()
	h.clock.Add(settle)
	for n, step := range []struct{ waits, missing int }{{1, 0}, {0, 2}, {0, 3}, {2, 1}, {3, 0}, {0, 0}, {0, 3}} {
		waits[0], waits[1] = step.waits, step.waits
		if got := h.check(); got != step.missing {
			t.Errorf("check %d, while %d wait, misses %d, want %d", n, step.waits, got, step.missing)
		}
	}
}

// A surplus of uncounted messages counts only after a second check as well.
func TestSurplusIsConfirmedByASecondCheck(t *testing.T) {
	t.Parallel()
	h := setup(t)
	refusedAndKept := func() {
		h.doubtful.silent = true
		h.refused()
		h.doubtful.silent = false
		h.ingest()
	}
	refusedAndKept()
	for n, want := range []int{0, -2, -3} {
		refusedAndKept()
		h.save()
		if got := h.check(); got != want {
			t.Errorf("check %d finds a surplus of %d, want %d", n, -got, -want)
		}
	}
}

// A message that leaves the queue, or comes to it, while the accounts are read is not missing.
func TestMessageWaitingDuringACheckIsNotMissing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		waits   [2]int
		missing int
	}{{[2]int{0, 0}, 1}, {[2]int{1, 0}, 0}, {[2]int{0, 1}, 0}} {
		t.Run(fmt.Sprint(c.waits), func(t *testing.T) {
			h := setup(t)
			h.counting(&c.waits)
			h.post("genesys", 1, http.StatusServiceUnavailable)
			h.save()
			h.check()
			h.clock.Add(settle)
			h.check()
			if got := h.check(); got != c.missing {
				t.Errorf("where %v wait %d are missing", c.waits, got)
			}
		})
	}
}

// A check includes counts of this run that are not saved yet.
func TestUnsavedCountsAreNotMissing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.post("later", 1, http.StatusOK)
	h.save()
	h.check()
	h.clock.Add(settle)
	h.forgets = true
	h.process()
	h.check()
	if got := h.check(); got != 0 {
		t.Errorf("%d are missing", got)
	}
}

// A queue hands out the oldest first, so the newest wait. Missing messages are reported in that order as well.
func TestOldestAreMissing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	var hours []time.Time
	for range 3 {
		hours = append(hours, ledger.HourOf(h.clock.Now()))
		h.post("genesys", 1, http.StatusServiceUnavailable)
		h.clock.Add(time.Hour)
	}
	h.take(h.dlq)
	h.take(h.dlq)
	found := h.verdict()
	if len(found) != 2 || !found[0].Hour.Equal(hours[1]) || !found[1].Hour.Equal(hours[0]) {
		t.Errorf("of %v are missing %+v", hours, found)
	}
}

// A buffered webhook that a run delivered, and could not take off its queue before it was killed, is delivered and
// counted once more.
func TestSecondDeliveryByAnotherRunIsExplained(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.post("later", 1, http.StatusOK)
	h.clings.Failing = true
	if err := h.run.processor.Once(t.Context(), 0); err == nil {
		t.Fatal("the webhook has left its queue")
	}
	h.clings.Failing = false
	h.begin()
	h.process()
	found := h.verdict()
	if len(found) != 1 || found[0].Missing != -1 || found[0].Stage != ledger.StageProcessing ||
		!found[0].Explained() {
		t.Errorf("found %+v", found)
	}
}

// receipt is what an envelope reports of its arrival.
var receipt = regexp.MustCompile(`"receiveId":"[^"]*"`)

// A run that was killed in the same hour or later explains more messages than were counted, unless the messages are
// numbered. The surplus does not expire.
func TestKillExplainsUncountedMessages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ numbered, killedBefore, explained bool }{
		"not numbered, killed after":  {false, false, true},
		"not numbered, killed before": {false, true, false},
		"numbered, killed after":      {true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			if c.killedBefore {
				h.begin()
				h.clock.Add(2 * time.Hour)
			}
			h.post("genesys", 1, http.StatusServiceUnavailable)
			body := h.take(h.dlq).Body
			if !c.numbered {
				body = sequence.ReplaceAll(body, nil)
			}
			for _, body := range [][]byte{body, receipt.ReplaceAll(body, []byte(`"receiveId":"another"`))} {
				if err := h.dlq.Send(t.Context(), []queue.Outgoing{{Body: body}})[0]; err != nil {
					t.Fatal(err)
				}
			}
			h.ingest()
			h.end()
			h.begin()
			if !c.killedBefore {
				h.begin()
			}
			h.checks()
			for range 2 {
				if found := h.verdict(); len(found) != 1 || found[0].Missing != -1 || found[0].Expired ||
					found[0].Explained() != c.explained {
					t.Errorf("found %+v", found)
				}
				h.clock.Add(kept)
			}
		})
	}
}

// The missing and surplus messages of all runs of an hour are one imbalance.
func TestRunsOfAnHourAreSummed(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for range 2 {
		h.post("genesys", 1, http.StatusServiceUnavailable)
		h.take(h.dlq)
		h.end()
		h.begin()
	}
	if found := h.verdict(); len(found) != 1 || found[0].Missing != 2 {
		t.Errorf("two are missing, found %+v", found)
	}
	h = setup(t)
	for range 2 {
		h.doubtful.silent = true
		h.refused()
		h.refused()
		h.doubtful.silent = false
		h.ingest()
		h.end()
		h.begin()
	}
	if found := h.verdict(); len(found) != 1 || found[0].Missing != -2 || found[0].Refused != 4 {
		t.Errorf("four were refused and arrived, of which two tell of themselves; found %+v", found)
	}
}

// A message that was missing and arrived late is not missing again when its hour expires.
func TestLateMessageMayExpire(t *testing.T) {
	t.Parallel()
	h := forgetful(t)
	h.post("genesys", 2, http.StatusServiceUnavailable)
	h.oneComesLate()
	h.clock.Add(kept)
	h.take(h.dlq)
	h.take(h.dlq)
	if found := h.verdict(); len(found) != 1 || found[0].Missing != 2 || !found[0].Expired {
		t.Errorf("found %+v", found)
	}
}
