package ingest

import (
	"context"
	"slices"
	"sync"
	"time"

	"dlqdesk/internal/queue"
)

const (
	// maxBatch is the largest number of messages of a batch: so many that the costs of a batch do not count.
	maxBatch = 300

	// carefulBatch is maxBatch after a batch that failed.
	carefulBatch = 10

	// maxBatchBytes bounds the bodies of a batch: no more is received beyond it. Several batches, decoded, are in memory
	// at once.
	maxBatchBytes = 1 << 20

	// gatherLimit bounds how long the first messages of a batch wait for the others.
	gatherLimit = time.Second
)

// gather receives a batch. It waits for its first messages at most so long. While the queue has more, it makes several
// receives at once: as many as the latest batch needed, then more and more.
//
// Example: an SQS queue has 75 messages, and each receive returns ten at most. gather makes one receive, then one, two
// and four at once. The last four return 35 messages, which is all. The next batch of 75 takes one receive, then seven.
func (i *Ingest) gather(ctx context.Context, wait time.Duration) ([]queue.Message, error) {
	limit, each := maxBatch, i.Queue.MaxReceive()
	if i.failures.Load() > 0 {
		limit = carefulBatch
	}
	list, err := i.Queue.Receive(ctx, limit, wait)
	ctx, cancel := context.WithTimeout(ctx, min(gatherLimit, i.Queue.Visibility()/4))
	defer cancel()
	expected := (i.latest - len(list) + each - 1) / each
	i.backlog = len(list) == min(limit, each)
	for receives := 1; i.backlog; receives *= 2 {
		n := min(max(receives, expected), room(list, limit)/each)
		if n <= 0 {
			break
		}
		more := i.receiveAtOnce(ctx, n)
		list, expected, i.backlog = append(list, more...), 0, len(more) == n*each
	}
	i.latest = len(list)
	return list, err
}

// room returns how many messages of the same size a batch can take besides.
func room(list []queue.Message, limit int) int {
	bytes := 0
	for _, m := range list {
		bytes += len(m.Body)
	}
	return min(limit-len(list), (maxBatchBytes-bytes)*len(list)/max(bytes, 1))
}

// receiveAtOnce makes receives side by side, and returns the messages of all. A receive that fails is no error: the
// next one that is made alone meets the same error.
func (i *Ingest) receiveAtOnce(ctx context.Context, receives int) []queue.Message {
	lists := make([][]queue.Message, receives)
	var receiving sync.WaitGroup
	for n := range lists {
		receiving.Go(func() { lists[n], _ = i.Queue.Receive(ctx, i.Queue.MaxReceive(), 0) })
	}
	receiving.Wait()
	return slices.Concat(lists...)
}
