package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"
)

const (
	// entryTries and firstPause bound how often an entry is tried again at which SQS failed while it accepted others of
	// the same call.
	entryTries = 4
	firstPause = 100 * time.Millisecond

	// changesAtOnce bounds the calls made side by side for the messages of one delete or change of visibility.
	changesAtOnce = 8

	// minCallBytes is how many bytes one call may always carry: SQS has never accepted less, even if the queue's
	// messages are smaller.
	minCallBytes = 256 << 10
)

// batchResult is the response of SQS to the entries of one call, whose ids are their indexes in the caller's list.
type batchResult struct {
	done   []string
	failed []types.BatchResultErrorEntry
}

// resultOf returns the result of a call that SQS responded to. id returns the id of an entry that succeeded: each
// operation of SQS has its own type for them.
func resultOf[T any](succeeded []T, id func(T) *string, failed []types.BatchResultErrorEntry) batchResult {
	result := batchResult{failed: failed}
	for _, entry := range succeeded {
		result.done = append(result.done, aws.ToString(id(entry)))
	}
	return result
}

// batchCall makes one call for the entries at the given indexes.
type batchCall func(ctx context.Context, indexes []int) (batchResult, error)

// Send sends messages in as few calls as possible. It returns an error for each message that SQS has not confirmed.
func (q *SQS) Send(ctx context.Context, list []Outgoing) []error {
	errs := make([]error, len(list))
	q.SendEach(ctx, list, func(i int, err error) { errs[i] = err })
	return errs
}

// SendEach is Send that calls settled for each message, by its index in the list, as soon as SQS has it or it is given
// up: a message that is tried again does not delay the others.
func (q *SQS) SendEach(ctx context.Context, list []Outgoing, settled func(i int, err error)) {
	if q.fifo {
		list = withFIFOFields(list)
	}
	b := batch{
		errs:        make([]error, len(list)),
		what:        "send to " + q.name,
		call:        q.sender(list),
		senderFault: ErrRefused,
		settled:     settled,
	}
	b.fits = func(indexes []int, next int) bool {
		size := list[next].size()
		for _, i := range indexes {
			size += list[i].size()
		}
		return size <= max(q.maxMessageBytes, minCallBytes)
	}
	var open []int
	for i, o := range list {
		if err := o.check(q.maxMessageBytes); err != nil {
			settled(i, err)
			continue
		}
		open = append(open, i)
	}
	b.run(ctx, open)
}

func (q *SQS) sender(list []Outgoing) batchCall {
	return func(ctx context.Context, indexes []int) (batchResult, error) {
		entries := make([]types.SendMessageBatchRequestEntry, len(indexes))
		for n, i := range indexes {
			entries[n] = q.entry(strconv.Itoa(i), list[i])
		}
		answer, err := q.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: entries})
		if err != nil {
			return batchResult{}, err
		}
		id := func(e types.SendMessageBatchResultEntry) *string { return e.Id }
		return resultOf(answer.Successful, id, answer.Failed), nil
	}
}

func (q *SQS) entry(id string, o Outgoing) types.SendMessageBatchRequestEntry {
	e := types.SendMessageBatchRequestEntry{Id: &id, MessageBody: aws.String(string(o.Body))}
	if len(o.Attributes) > 0 {
		e.MessageAttributes = make(map[string]types.MessageAttributeValue, len(o.Attributes))
	}
	for name, a := range o.Attributes {
		v := types.MessageAttributeValue{DataType: aws.String(a.Type), BinaryValue: a.Binary}
		if a.Binary == nil {
			v.StringValue = aws.String(a.String)
		}
		e.MessageAttributes[name] = v
	}
	if o.Trace != "" {
		e.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{
			string(types.MessageSystemAttributeNameForSendsAWSTraceHeader): {
				DataType:    aws.String("String"),
				StringValue: &o.Trace,
			},
		}
	}
	if q.fifo {
		e.MessageGroupId, e.MessageDeduplicationId = &o.GroupID, &o.DeduplicationID
	}
	return e
}

// ExtendVisibility keeps messages in flight for d from now, in whole seconds, 12 hours at most.
func (q *SQS) ExtendVisibility(ctx context.Context, messages []Message, d time.Duration) []error {
	hide := seconds(min(max(d, 0), maxVisibility))
	return q.change(
		ctx,
		"change visibility on "+q.name,
		messages,
		func(ctx context.Context, indexes []int) (batchResult, error) {
			entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(indexes))
			for n, i := range indexes {
				entries[n] = types.ChangeMessageVisibilityBatchRequestEntry{
					Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &messages[i].ReceiptHandle, VisibilityTimeout: hide,
				}
			}
			answer, err := q.client.ChangeMessageVisibilityBatch(
				ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url, Entries: entries},
			)
			if err != nil {
				return batchResult{}, err
			}
			id := func(e types.ChangeMessageVisibilityBatchResultEntry) *string { return e.Id }
			return resultOf(answer.Successful, id, answer.Failed), nil
		},
	)
}

// Release makes received messages visible at once.
func (q *SQS) Release(ctx context.Context, messages []Message) []error {
	return q.ExtendVisibility(ctx, messages, 0)
}

// Delete removes received messages. SQS does not always report an invalid receipt handle.
func (q *SQS) Delete(ctx context.Context, messages []Message) []error {
	return q.change(
		ctx,
		"delete from "+q.name,
		messages,
		func(ctx context.Context, indexes []int) (batchResult, error) {
			entries := make([]types.DeleteMessageBatchRequestEntry, len(indexes))
			for n, i := range indexes {
				entries[n] = types.DeleteMessageBatchRequestEntry{
					Id:            aws.String(strconv.Itoa(i)),
					ReceiptHandle: &messages[i].ReceiptHandle,
				}
			}
			answer, err := q.client.DeleteMessageBatch(
				ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: entries},
			)
			if err != nil {
				return batchResult{}, err
			}
			id := func(e types.DeleteMessageBatchResultEntry) *string { return e.Id }
			return resultOf(answer.Successful, id, answer.Failed), nil
		},
	)
}

// change makes calls whose entries have nothing but receipt handles, so that a fault of the sender is an invalid
// receipt handle.
func (q *SQS) change(ctx context.Context, what string, messages []Message, call batchCall) []error {
	b := batch{
		errs: make([]error, len(messages)), what: what, call: call, senderFault: ErrStaleReceipt,
		fits: func([]int, int) bool { return true }, settled: func(int, error) {},
	}
	open := make([]int, len(messages))
	for i := range open {
		open[i] = i
	}
	var calls errgroup.Group
	calls.SetLimit(changesAtOnce)
	for some := range slices.Chunk(open, maxBatch) {
		calls.Go(func() error { b.run(ctx, some); return nil })
	}
	_ = calls.Wait() // each message has its own error
	return b.errs
}

// batch is a list of entries to send to SQS, ten in a call. Several goroutines may run different entries of it.
type batch struct {
	errs        []error // for each entry what became of it
	what        string
	call        batchCall
	fits        func(indexes []int, next int) bool
	senderFault error // joined to an entry's error that SQS calls the sender's fault
	settled     func(i int, err error)
}

// run makes calls until each open entry is done or given up. Entries at which SQS failed are tried again without the
// others.
func (b *batch) run(ctx context.Context, open []int) {
	pause := firstPause
	for try := 1; len(open) > 0; try++ {
		again := b.callAll(ctx, open)
		if try == entryTries {
			again = nil
		}
		b.settle(open, again)
		open = again
		if len(open) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			b.settle(open, nil)
			return
		case <-time.After(time.Duration((0.5 + rand.Float64()/2) * float64(pause))):
		}
		pause *= 2
	}
}

// settle calls settled for the entries that are not tried again.
func (b *batch) settle(open, again []int) {
	for _, i := range open {
		if !slices.Contains(again, i) {
			b.settled(i, b.errs[i])
		}
	}
}

// callAll makes the calls for the open entries. It returns those that may be tried again.
func (b *batch) callAll(ctx context.Context, open []int) (again []int) {
	for len(open) > 0 {
		n := 1
		for n < len(open) && n < maxBatch && b.fits(open[:n], open[n]) {
			n++
		}
		again = append(again, b.callOnce(ctx, open[:n])...)
		open = open[n:]
	}
	return again
}

func (b *batch) callOnce(ctx context.Context, indexes []int) (again []int) {
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	answer, err := b.callSafely(limited, indexes)
	cancel()
	if err != nil && len(indexes) > 1 && isEntryFault(err) {
		for _, i := range indexes {
			again = append(again, b.callOnce(ctx, []int{i})...)
		}
		return again
	}
	switch {
	case err == nil:
		err = errors.New("SQS did not answer for this entry")
	case isEntryFault(err):
		err = fmt.Errorf("%w: %w", b.senderFault, err)
	default:
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	err = fmt.Errorf("%s: %w", b.what, err)
	for _, i := range indexes {
		b.errs[i] = err
	}
	return b.recordResult(answer)
}

// callSafely makes a call. The SDK panics at a response that lacks what SQS always sends.
func (b *batch) callSafely(ctx context.Context, indexes []int) (answer batchResult, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the answer is none of SQS: %v", p)
		}
	}()
	return b.call(ctx, indexes)
}

// isEntryFault reports whether SQS may have refused a whole call because of one entry.
func isEntryFault(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	switch api.ErrorCode() {
	case "InvalidMessageContents",
		"InvalidParameterValue",
		"InvalidParameterCombination",
		"InvalidAttributeValue",
		"MissingParameter",
		"ReceiptHandleIsInvalid",
		"SerializationException",
		"ValidationException",
		"BatchRequestTooLong",
		"AWS.SimpleQueueService.BatchRequestTooLong":
		return true
	}
	return false
}

// recordResult records the result of each entry. A call that failed as a whole has no entries here; the SDK has tried
// it again already.
func (b *batch) recordResult(answer batchResult) (again []int) {
	for _, id := range answer.done {
		if i, ok := b.place(id); ok {
			b.errs[i] = nil
		}
	}
	for _, failed := range answer.failed {
		i, ok := b.place(aws.ToString(failed.Id))
		if !ok {
			continue
		}
		b.errs[i] = fmt.Errorf("%s: %s: %s", b.what, aws.ToString(failed.Code), aws.ToString(failed.Message))
		if !failed.SenderFault {
			again = append(again, i)
			continue
		}
		b.errs[i] = errors.Join(b.senderFault, b.errs[i])
	}
	return again
}

func (b *batch) place(id string) (int, bool) {
	i, err := strconv.Atoi(id)
	return i, err == nil && i >= 0 && i < len(b.errs)
}
