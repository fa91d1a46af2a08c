package queue

import (
	"context"
	"errors"
	"slices"
	"time"
)

// drainBudget bounds sending one stored batch. No caller waits for it.
const drainBudget = 10 * time.Second

// Run moves stored messages to the queue, in order, whenever the queue is available. It ends with ctx.
func (s *Spool) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		messages, err := s.waiting.Receive(ctx, maxBatch, maxWait)
		if err == nil && len(messages) > 0 {
			err = s.drain(ctx, messages)
		}
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "messages that wait on disk could not be moved to the queue; trying again",
				"queue", s.to.Name(), "err", err)
			s.sleep(ctx)
		}
	}
	return nil
}

// sleep waits until the queue is due to be tried again.
func (s *Spool) sleep(ctx context.Context) {
	s.mu.Lock()
	pause := max(minPause, s.nextTry.Sub(s.now()))
	s.mu.Unlock()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// drain moves one batch. A message that the queue refuses is stranded, so that the others go on.
func (s *Spool) drain(ctx context.Context, messages []Message) error {
	// A batch that was begun is finished: each step has its limit.
	ctx = context.WithoutCancel(ctx)
	list := make([]Outgoing, len(messages))
	for i, m := range messages {
		list[i] = Outgoing{
			Body:            m.Body,
			Attributes:      m.Attributes,
			GroupID:         m.GroupID,
			DeduplicationID: m.DeduplicationID,
		}
	}
	sending, cancel := context.WithTimeout(ctx, drainBudget)
	results := s.sendInOrder(sending, list)
	cancel()
	settling, cancel := context.WithTimeout(ctx, drainBudget)
	defer cancel()
	return s.settle(settling, messages, list, results)
}

// sendInOrder sends messages and returns the result of each. Once the queue did not accept a message, the later ones of
// its group are not sent.
func (s *Spool) sendInOrder(ctx context.Context, list []Outgoing) []error {
	results, stuck := make([]error, len(list)), map[string]bool{}
	for _, indexes := range s.groupCalls(list) {
		indexes = slices.DeleteFunc(indexes, func(i int) bool {
			if stuck[list[i].GroupID] {
				results[i] = errBehind
			}
			return stuck[list[i].GroupID]
		})
		sent := make([]error, len(indexes))
		begun := s.now()
		s.to.SendEach(ctx, messagesAt(list, indexes), func(n int, err error) { sent[n] = err })
		if s.now().Sub(begun) < sendBudget {
			s.recordResults(sent) // a slower queue is no use to senders, who wait for sendBudget only
		}
		for n, i := range indexes {
			results[i] = sent[n]
			stuck[list[i].GroupID] = sent[n] != nil && !isPermanent(sent[n])
		}
	}
	return results
}

// groupCalls returns the indexes of messages that may be sent in one call. On a FIFO queue that is one message of each
// group: one entry of a call may fail while the next is accepted, and the group's order would be lost.
func (s *Spool) groupCalls(list []Outgoing) [][]int {
	var calls [][]int
	next := map[string]int{} // by group, the call for its next message
	for i, o := range list {
		n := 0
		if s.fifo {
			n = next[o.GroupID]
			next[o.GroupID]++
		}
		if n == len(calls) {
			calls = append(calls, nil)
		}
		calls[n] = append(calls[n], i)
	}
	return calls
}

// settle strands, deletes or releases each message of a batch, according to its result.
func (s *Spool) settle(ctx context.Context, messages []Message, list []Outgoing, results []error) error {
	var done, open []Message
	for i, err := range results {
		if isPermanent(err) {
			err = s.stranded.Send(ctx, list[i:i+1])[0]
			results[i] = err
		}
		if err == nil {
			done = append(done, messages[i])
		} else {
			open = append(open, messages[i])
		}
	}
	if len(done) > 0 {
		results = append(results, s.waiting.Delete(ctx, done)...)
	}
	if len(open) > 0 {
		results = append(results, s.waiting.Release(ctx, open)...)
	}
	return errors.Join(results...)
}
