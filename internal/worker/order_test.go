package worker_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// things stores messages about things, oldest first: message l-00003 is about the fourth of the keys. 0 is none.
func (b bundle) things(t *testing.T, keys ...deadletter.OrderKey) {
	t.Helper()
	b.employ(t, deadletter.Operator)
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for i, key := range keys {
			c := desktest.Failure(fmt.Sprintf("l-%05d", i), 422, b.clock.Now().Add(time.Duration(i)*time.Second))
			c.OrderKey = key
			if err := tx.Apply(ctx, deadletter.NewMessage(c, desktest.Policy(), 0, b.clock.Now())); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// deliveredOf stores that an event of a thing was delivered, received so long after the first message.
func (b bundle) deliveredOf(t *testing.T, key deadletter.OrderKey, after time.Duration) {
	t.Helper()
	events := []store.DeliveredEvent{{Key: key, ReceivedAt: b.clock.Now().Add(after)}}
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.AddDelivered(ctx, events)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sent records what the destination gets, in order. It refuses the messages with these numbers.
type sent struct {
	mu       sync.Mutex
	numbers  []int
	refused  []int
	inFlight map[int]int // by the key of a message: its number modulo keys
	keys     int
	most     int
}

func (s *sent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(strings.TrimLeft(r.Header.Get("Webhook-Id"), "hok-l"))
	s.mu.Lock()
	s.numbers = append(s.numbers, n)
	s.inFlight[n%s.keys]++
	s.most = max(s.most, s.inFlight[n%s.keys])
	refused := slices.Contains(s.refused, n)
	s.mu.Unlock()
	if refused {
		w.WriteHeader(http.StatusUnprocessableEntity)
	}
	s.mu.Lock()
	s.inFlight[n%s.keys]--
	s.mu.Unlock()
}

func (b bundle) record(keys int, refused ...int) *sent {
	s := &sent{inFlight: map[int]int{}, keys: keys, refused: refused}
	b.destination.Set(s.ServeHTTP)
	return s
}

// The messages of one thing go out one after the other, as they were received, however many go out at once.
func TestJobSendsMessagesOfOneThingInOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const n, keys = 60, 7
	var list []deadletter.OrderKey
	for i := range n {
		list = append(list, deadletter.OrderKey(1+i%keys))
	}
	b.things(t, list...)
	got := b.record(keys)
	b.run(t)
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{})
	if j := b.finished(t, id); j.Items.Done != n {
		t.Errorf("the job ended as %+v", j.Items)
	}
	latest := map[int]int{}
	for _, number := range got.numbers {
		if before, ok := latest[number%keys]; ok && before != number-keys {
			t.Errorf("%d went out after %d", number, before)
		}
		latest[number%keys] = number
	}
	if got.most != 1 || len(got.numbers) != n {
		t.Errorf("%d of one thing were in flight at once, %d were sent", got.most, len(got.numbers))
	}
}

func TestJobDoesWithLateMessagesWhatItsOrderSays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		order         deadletter.JobOrder
		resume        deadletter.JobOrder
		done, skipped int
	}{
		{order: deadletter.OrderSkip, done: 2, skipped: 2},
		{order: deadletter.OrderSend, done: 4},
		{order: deadletter.OrderAsk, resume: deadletter.OrderSkip, done: 2, skipped: 2},
		{order: deadletter.OrderAsk, resume: deadletter.OrderSend, done: 4},
	} {
		t.Run(string(test.order)+" "+string(test.resume), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.things(t, 1, 2, 1, 0)
			b.deliveredOf(t, 1, time.Minute)
			b.record(10)
			b.run(t)
			id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{Order: test.order})
			if test.resume != "" {
				j := b.awaitJob(t, id, "paused", func(j deadletter.Job) bool { return j.State == deadletter.JobPaused })
				const want = "message l-00000: 1 newer event of this order key was delivered. Resume"
				if !strings.HasPrefix(j.PauseReason, want) || !j.AsksOrder() || j.Items.Skipped > 0 {
					t.Errorf("it paused as %+v", j)
				}
				if err := b.ResumeJob(t.Context(), anna, id, test.resume); err != nil {
					t.Fatal(err)
				}
			}
			if j := b.finished(t, id); j.Items.Done != test.done || j.Items.Skipped != test.skipped {
				t.Errorf("the job ended as %+v", j.Items)
			}
			faults, err := b.store.JobFaults(t.Context(), id)
			if err != nil || len(faults) != min(1, test.skipped) {
				t.Fatalf("the faults are %+v, %v", faults, err)
			}
			for _, f := range faults {
				if f.Text != "1 newer event of this order key was delivered" || f.Messages != 2 {
					t.Errorf("they were skipped for %+v", f)
				}
			}
		})
	}
}

// A message that fails holds the later ones of its thing back, unless the order does not matter.
func TestFailureInAJobHoldsTheRestOfItsThingBack(t *testing.T) {
	t.Parallel()
	for order, want := range map[deadletter.JobOrder]struct {
		items deadletter.JobItems
		sent  []int
	}{
		deadletter.OrderSkip: {deadletter.JobItems{Done: 2, Failed: 1, Skipped: 2}, []int{0, 1, 2}},
		deadletter.OrderSend: {deadletter.JobItems{Done: 4, Failed: 1}, []int{0, 1, 2, 3, 4}},
	} {
		t.Run(string(order), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.things(t, 1, 2, 1, 1, 1)
			got := b.record(10, 2)
			b.run(t)
			j := b.finished(t, b.begin(t, deadletter.ActReplay, deadletter.JobInput{Order: order}))
			slices.Sort(got.numbers)
			if j.Items != want.items || !slices.Equal(got.numbers, want.sent) {
				t.Errorf("the job ended as %+v, and sent %v", j.Items, got.numbers)
			}
			held := "an older event of this order key is in this job and was not delivered"
			faults, err := b.store.JobFaults(t.Context(), j.ID)
			if found := slices.ContainsFunc(faults, func(f store.Fault) bool { return f.Text == held }); err != nil ||
				found != (want.items.Skipped > 0) {
				t.Errorf("the faults are %+v, %v", faults, err)
			}
		})
	}
}

// A draft says how many of its messages newer events have overtaken, and its start has to say what becomes of them.
func TestDraftCountsOvertakenMessages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.things(t, 1, 2, 1, 0)
	b.deliveredOf(t, 1, time.Second)
	j, err := b.FreezeMatching(t.Context(), anna, deadletter.ActReplay, store.Filter{}, "status=all")
	if err != nil || j.Overtaken != 1 || !j.NeedsReview() {
		t.Fatalf("the draft is %+v, %v", j, err)
	}
	err = b.StartJob(t.Context(), anna, j.ID, deadletter.JobInput{})
	if deadletter.KindOf(err) != deadletter.NeedsConfirmation || deadletter.FieldOf(err) != deadletter.FieldOrder {
		t.Errorf("it starts without an order: %v", err)
	}
	err = b.StartJob(t.Context(), anna, j.ID, deadletter.JobInput{Order: "later"})
	if deadletter.KindOf(err) != deadletter.Invalid || deadletter.FieldOf(err) != deadletter.FieldOrder {
		t.Errorf("it starts in an order that there is not: %v", err)
	}
	if err := b.StartJob(t.Context(), anna, j.ID, deadletter.JobInput{Order: deadletter.OrderAsk}); err != nil {
		t.Error(err)
	}
	archive, err := b.FreezeMatching(t.Context(), anna, deadletter.ActArchive, store.Filter{}, "status=all")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.StartJob(t.Context(), anna, archive.ID, deadletter.JobInput{Reason: "old"}); err != nil {
		t.Errorf("archiving asks about the order: %v", err)
	}
}
