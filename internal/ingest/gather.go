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

	// carefulBatch is the number of messages of a first receive, and of a whole batch after one that failed.
	carefulBatch = 10

	// maxBatchBytes bounds the bodies of a batch: no more is received beyond it. Several batches, decoded, are in
	// memory at once.
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
	limit := maxBatch
	if i.failures.Load() > 0 {
		limit = carefulBatch
	}
	// A queue may have bodies of any size: the first messages say how many more there is room for.
	list, err := i.Queue.Receive(ctx, carefulBatch, wait)
	ctx, cancel := context.WithTimeout(ctx, min(gatherLimit, i.Queue.Visibility()/4))
	defer cancel()
	expected := (i.latest - len(list) + carefulBatch - 1) / carefulBatch * carefulBatch
	i.backlog = len(list) == carefulBatch
	for further := carefulBatch; i.backlog; further *= 2 {
		n := min(max(further, expected), room(list, limit))
		if n < carefulBatch {
			break
		}
		var more []queue.Message
		more, i.backlog = i.receiveAtOnce(ctx, n)
		list, expected = append(list, more...), 0
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

// receiveAtOnce receives up to n messages, by several receives side by side if one returns fewer. It reports whether
// all of them returned as many as they can. A receive that fails is no error: the next one that is made alone meets the
// same error.
func (i *Ingest) receiveAtOnce(ctx context.Context, n int) (list []queue.Message, full bool) {
	each := min(n, i.Queue.MaxReceive())
	lists := make([][]queue.Message, n/each)
	var receiving sync.WaitGroup
	for k := range lists {
		receiving.Go(func() { lists[k], _ = i.Queue.Receive(ctx, each, 0) })
	}
	receiving.Wait()
	list = slices.Concat(lists...)
	return list, len(list) == len(lists)*each
}
