package ingest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/store"
)

// threefold hands what it received once to three receivers at the same time, as SQS may.
type threefold struct {
	*queue.SQS
	receive func() ([]queue.Message, error)
	all     *sync.WaitGroup
}

func (q threefold) Receive(context.Context, int, time.Duration) ([]queue.Message, error) {
	messages, err := q.receive()
	q.all.Done()
	q.all.Wait()
	return messages, err
}

func TestThreeSimultaneousArrivalsAreOneMessage(t *testing.T) {
	t.Parallel()
	endpoint, clock := desktest.StartSQS(t), desktest.NewClock()
	q, err := queue.NewSQS(t.Context(), desktest.CreateQueue(t, endpoint, "dlq", nil), "", desktest.AWS(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	s := desktest.NewStore(t)
	first, second := desktest.Failure("a-1", 422, clock.Now()), desktest.Failure("b-2", 422, clock.Now())
	if err := errors.Join(
		q.Send(
			t.Context(),
			[]queue.Outgoing{{Body: []byte(encode(t, first))}, {Body: []byte(encode(t, second))}},
		)...); err != nil {
		t.Fatal(err)
	}
	const times = 3
	var all, running sync.WaitGroup
	all.Add(times)
	receive := sync.OnceValues(func() ([]queue.Message, error) {
		var list []queue.Message
		for len(list) < 2 {
			messages, err := q.Receive(t.Context(), 10, 10*time.Second)
			if err != nil {
				return nil, err
			}
			list = append(list, messages...)
		}
		return list, nil
	})
	for range times {
		running.Go(func() {
			if n, err := newIngest(
				threefold{q, receive, &all}, s, settings, clock, desktest.Log(t),
			).Once(t.Context(), 0); n != 2 ||
				err != nil {
				t.Errorf("%d messages were moved, %v", n, err)
			}
		})
	}
	running.Wait()
	page, err := s.Messages(t.Context(), store.MessageQuery{Limit: 10})
	if err != nil || len(page.Items) != 2 {
		t.Fatalf("%d messages, %v", len(page.Items), err)
	}
	for _, l := range page.Items {
		if l.Arrivals != times {
			t.Errorf("message %s arrived %d times", l.ID, l.Arrivals)
		}
	}
	if r, err := s.VerifyAudit(t.Context()); r.Events != 2*times || err != nil {
		t.Errorf("audit trail of %d events, %v", r.Events, err)
	}
	if d, err := q.Depth(t.Context()); d.Total() != 0 || err != nil {
		t.Errorf("the queue holds %+v, %v", d, err)
	}
}
