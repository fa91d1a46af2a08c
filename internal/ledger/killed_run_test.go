package ledger_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/queue"
)

// doubtful is a queue that may keep messages and not say so.
type doubtful struct {
	*queue.Embedded
	silent, full bool
}

func (q *doubtful) Send(ctx context.Context, list []queue.Outgoing) []error {
	errs := make([]error, len(list))
	if !q.full {
		errs = q.Embedded.Send(ctx, list)
	}
	if q.silent || q.full {
		for i := range errs {
			errs[i] = errors.Join(errs[i], errors.New("no answer"))
		}
	}
	return errs
}

// sequence is what an envelope reports of a message's place.
var sequence = regexp.MustCompile(`"sequence":\{[^}]*\},`)

// refused sends a webhook that the handler refuses, and that the platform is to send again.
func (h *house) refused() {
	h.t.Helper()
	url := h.run.url + "/webhooks/genesys"
	answer, err := http.Post(url, "application/json", http.NoBody) //nolint:noctx // the server is the test's
	if err != nil {
		h.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusInternalServerError {
		h.t.Fatalf("a webhook that is kept nowhere is answered %s", answer.Status)
	}
}

// save saves what was counted so far.
func (h *house) save() {
	h.t.Helper()
	if err := h.run.recorder.Save(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// The messages of a killed run show the counts of its last second.
func TestKilledRunIsNoAlarm(t *testing.T) {
	t.Parallel()
	h := setup(t)
	at := h.clock.Now()
	h.post("genesys", 2, http.StatusServiceUnavailable)
	h.save()
	h.post("genesys", 3, http.StatusServiceUnavailable) // kept, and not counted
	h.begin()
	h.balances()
	h.ingest()
	h.post("genesys", 1, http.StatusServiceUnavailable)
	h.ingest()
	h.balances()
	if l := h.line("genesys", at); l.Received != 6 || l.Queued != 6 || l.Arrived != 6 || l.Unsettled() != 0 {
		t.Errorf("the hour is %+v", l)
	}
}

func TestLossInTheLastSecondOfAKilledRunShows(t *testing.T) {
	t.Parallel()
	for name, saved := range map[string]int{"nothing was saved": 0, "some was saved": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			h.post("genesys", saved, http.StatusServiceUnavailable)
			h.save()
			h.ingest()
			lost := h.clock.Now()
			h.post("genesys", 3, http.StatusServiceUnavailable)
			h.take(h.dlq) // the first of the three
			h.begin()
			h.clock.Add(time.Hour)
			h.post("genesys", 1, http.StatusServiceUnavailable) // a later run hides nothing
			h.ingest()
			found := h.verdict()
			if len(found) != 1 || found[0].Missing != 1 || found[0].Source != "genesys" ||
				!found[0].Hour.Equal(ledger.HourOf(lost)) ||
				found[0].Stage != ledger.StageMessages ||
				found[0].Explained() {
				t.Errorf("found %+v", found)
			}
			if l := h.line("genesys", lost); l.Received != saved+3 || l.Unsettled() != 1 {
				t.Errorf("the hour is %+v", l)
			}
		})
	}
}

// A webhook that was answered with an error is not missing, whether the queue has it or not, and whether the run was
// killed or not.
func TestRefusedWebhookOfAKilledRunIsNotOwed(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.post("genesys", 1, http.StatusServiceUnavailable)
	h.doubtful.full = true
	h.refused()
	h.doubtful.full = false
	h.post("genesys", 2, http.StatusServiceUnavailable)
	h.doubtful.silent = true
	h.refused()
	h.doubtful.silent = false
	h.post("genesys", 1, http.StatusServiceUnavailable)
	h.begin()
	h.ingest()
	for _, i := range h.verdict() {
		if !i.Explained() {
			t.Errorf("%d are missing: %+v", i.Missing, i)
		}
	}
}

// A loss of a later run in the same hour is not hidden by a run before it that was killed.
func TestKilledRunHidesNoLossOfALaterOne(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.post("genesys", 3, http.StatusServiceUnavailable)
	h.begin()
	h.ingest()
	h.post("genesys", 1, http.StatusServiceUnavailable)
	h.take(h.dlq)
	if found := h.verdict(); len(found) != 1 || found[0].Missing != 1 || found[0].Explained() {
		t.Errorf("found %+v", found)
	}
}

// Messages without a number from a killed run are an explained surplus.
func TestUnnumberedMessagesOfAKilledRunAreExplained(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.post("genesys", 2, http.StatusServiceUnavailable)
	for range 2 {
		m := h.take(h.dlq)
		if err := h.dlq.Send(t.Context(), []queue.Outgoing{{Body: sequence.ReplaceAll(m.Body, nil)}})[0]; err != nil {
			t.Fatal(err)
		}
	}
	h.begin()
	h.ingest()
	found := h.verdict()
	if len(found) != 1 || found[0].Missing != -2 || !found[0].Explained() || found[0].Killed.IsZero() {
		t.Errorf("found %+v", found)
	}
}

// A run processed a webhook and was killed before it deleted the message from the processing queue, so the webhook is
// processed again. Its two messages count as one webhook in any order.
func TestWebhookStoredAgainAfterAKillIsNotMissing(t *testing.T) {
	t.Parallel()
	for name, swapped := range map[string]bool{"in order": false, "the second first": true} {
		for _, source := range []string{"later", "shared"} {
			t.Run(source+" "+name, func(t *testing.T) {
				t.Parallel()
				h := setup(t)
				at := h.clock.Now()
				h.post(source, 1, http.StatusServiceUnavailable)
				h.clings.Failing = true
				if err := h.run.processor.Once(t.Context(), 0); err == nil {
					t.Fatal("a message that cannot be deleted is no error")
				}
				h.clings.Failing = false
				h.begin() // killed
				h.process()
				if swapped {
					m := h.take(h.dlq)
					h.ingestWith(twice{h.dlq})
					if err := h.dlq.Send(t.Context(), []queue.Outgoing{{Body: m.Body}})[0]; err != nil {
						t.Fatal(err)
					}
				}
				h.ingestWith(twice{h.dlq})
				for _, i := range h.verdict() {
					if !i.Explained() || i.Stage != ledger.StageProcessing {
						t.Errorf("%d are missing: %+v", i.Missing, i)
					}
				}
				if l := h.line(source, at); l.Queued != 2 || l.Arrived != 2 || l.Repeated != 1 ||
					l.Messages[deadletter.Failed] != 1 {
					t.Errorf("the hour is %+v", l)
				}
			})
		}
	}
}

// The same holds of a run that was killed before it had counted them: those that it had numbered, because it accounts
// for them itself, are known, and of the others more came than were counted, which the kill explains.
func TestUncountedWebhookStoredAgainIsNoAlarm(t *testing.T) {
	t.Parallel()
	for source, more := range map[string]int{"later": 2, "shared": 0} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			h.post(source, 2, http.StatusServiceUnavailable)
			h.end()
			h.begin()
			h.clings.Failing, h.forgets = true, true
			if err := h.run.processor.Once(t.Context(), 0); err == nil {
				t.Fatal("a message that cannot be deleted is no error")
			}
			h.clings.Failing, h.forgets = false, false
			h.begin() // killed
			h.process()
			h.ingest()
			for _, i := range h.verdict() {
				if i.Missing != -more || i.Stage != ledger.StageMessages || !i.Explained() || i.Killed.IsZero() {
					t.Errorf("found %+v", i)
				}
				more = 0
			}
			if more > 0 {
				t.Errorf("%d messages that nobody counted are not told of", more)
			}
		})
	}
}

// A message of a shared processing queue that is lost after a kill shows, and one that no queue took is not owed.
func TestLossOfABufferedMessageOfAKilledRunShows(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.forgets = true
	h.post("shared", 1, http.StatusServiceUnavailable)
	h.doubtful.full = true
	if err := h.run.processor.Once(t.Context(), 0); err == nil {
		t.Fatal("a message that no queue takes is no error")
	}
	h.doubtful.full = false
	h.process()
	h.post("shared", 2, http.StatusServiceUnavailable)
	h.process()
	h.forgets = false
	h.begin() // killed
	m := h.take(h.dlq)
	h.ingest()
	if found := h.verdict(); len(found) != 1 || found[0].Missing != 1 || found[0].Stage != ledger.StageMessages ||
		found[0].Explained() {
		t.Errorf("found %+v", found)
	}
	if err := h.dlq.Send(t.Context(), []queue.Outgoing{{Body: m.Body}})[0]; err != nil {
		t.Fatal(err)
	}
	h.ingest()
	h.balances()
}
