package queue

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
)

// Origin finds the queue that messages of a DLQ came from, and sends them back to it. Its methods may be called from
// many goroutines.
type Origin struct {
	dlq        *SQS
	configured string
	hint       string

	mu      sync.Mutex
	sources []string // URLs of the queues that have this one for their DLQ
	err     error    // why they are not known
}

// Faults of a message that was to be sent back. Anything else means that nobody knows whether SQS has it.
var (
	ErrNoOrigin = errors.New("there is no queue to redrive to")
	ErrUnsent   = errors.New("nothing was sent")
)

const (
	// originsEvery is how often SQS is asked which queues a DLQ serves.
	originsEvery = 5 * time.Minute
	// sendLimit bounds one redrive.
	sendLimit = 15 * time.Second
)

// NewOrigin makes the origin of a DLQ's messages. configured is the URL of the queue that all of them go back to; "":
// SQS tells. hint says what to set where it does not.
func NewOrigin(dlq *SQS, configured, hint string) *Origin {
	return &Origin{dlq: dlq, configured: configured, hint: hint, err: errors.New("it was not asked yet")}
}

// SendLimit is how long one redrive takes at most.
func (o *Origin) SendLimit() time.Duration { return sendLimit }

// FIFO tells whether the messages of a group have an order.
func (o *Origin) FIFO() bool { return o.dlq.fifo }

// Run keeps asking SQS which queues this DLQ serves, until ctx ends.
func (o *Origin) Run(ctx context.Context) error {
	if o.configured != "" {
		<-ctx.Done()
		return nil
	}
	for {
		o.Ask(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(originsEvery):
		}
	}
}

// Ask asks SQS once which queues this DLQ serves. What was known before stays known when SQS does not answer.
func (o *Origin) Ask(ctx context.Context) {
	sources, err := o.dlq.sourceQueues(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil || o.err != nil {
		o.sources, o.err = sources, err
	}
}

// maxSources bounds how many queues are listed that have the same DLQ.
const maxSources = 1000

func (q *SQS) sourceQueues(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	var urls []string
	pages := sqs.NewListDeadLetterSourceQueuesPaginator(
		q.client,
		&sqs.ListDeadLetterSourceQueuesInput{QueueUrl: &q.url},
	)
	for pages.HasMorePages() && len(urls) < maxSources {
		page, err := pages.NextPage(ctx)
		if refusal, ok := errors.AsType[smithy.APIError](err); ok {
			return nil, fmt.Errorf("SQS answered %s", refusal.ErrorCode())
		}
		if err != nil {
			return nil, errors.New("SQS does not answer")
		}
		urls = append(urls, page.QueueUrls...)
	}
	return urls, nil
}

// Of answers the URL of the queue that a message came from. arn is what SQS said of it when it moved the message; "":
// nothing. An ErrNoOrigin says what to do.
func (o *Origin) Of(arn string) (string, error) {
	if o.configured != "" {
		return o.configured, nil
	}
	if arn != "" {
		return o.neighbour(arn)
	}
	return o.only()
}

// Confirmed is Of for what somebody else than SQS says of a message: it has to be among the queues that SQS names.
func (o *Origin) Confirmed(arn string) (string, error) {
	if o.configured != "" || arn == "" {
		return o.Of("")
	}
	to, err := o.neighbour(arn)
	if err != nil {
		return "", err
	}
	o.mu.Lock()
	known, err := slices.ContainsFunc(o.sources, func(u string) bool { return path.Base(u) == path.Base(to) }), o.err
	o.mu.Unlock()
	switch {
	case err != nil:
		return "", fmt.Errorf(
			"%w: the message says that it came from %s, and SQS did not confirm it (%w): allow sqs:ListDeadLetterSourceQueues, or %s",
			ErrNoOrigin,
			path.Base(to),
			err,
			o.hint,
		)
	case !known:
		return "", fmt.Errorf(
			"%w: the message says that it came from %s, which has another DLQ: %s",
			ErrNoOrigin,
			path.Base(to),
			o.hint,
		)
	}
	return to, nil
}

// only answers the one queue that has this DLQ.
func (o *Origin) only() (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.err != nil:
		return "", fmt.Errorf(
			"%w: the message does not say where it came from, and SQS did not tell (%w): allow sqs:ListDeadLetterSourceQueues, or %s",
			ErrNoOrigin,
			o.err,
			o.hint,
		)
	case len(o.sources) == 0:
		return "", fmt.Errorf("%w: this queue names no source queue: %s", ErrNoOrigin, o.hint)
	case len(o.sources) > 1:
		return "", fmt.Errorf("%w: %d queues have this DLQ, and the message does not say which it came from: %s",
			ErrNoOrigin, len(o.sources), o.hint)
	}
	return o.sources[0], nil
}

var queueARN = regexp.MustCompile(`^arn:[a-z0-9-]+:sqs:[a-z0-9-]+:([0-9]+):([A-Za-z0-9_.-]{1,80})$`)

// neighbour answers the URL of another queue of the DLQ's account and region, in which its source must be: see "Using
// DLQs" in the SQS developer guide.
func (o *Origin) neighbour(arn string) (string, error) {
	u, err := url.Parse(o.dlq.url)
	found := queueARN.FindStringSubmatch(arn)
	if err != nil || found == nil || path.Base(path.Dir(u.Path)) != found[1] {
		return "", fmt.Errorf("%w: %q is no queue of this account: %s", ErrNoOrigin, arn, o.hint)
	}
	u.Path = path.Join("/", path.Dir(path.Dir(u.Path)), found[1], found[2])
	return u.String(), nil
}

// Send puts a message on a queue that Of answered, and answers what SQS calls it then. It is tried once, except where
// SQS says that it is too busy, so that an error tells what is known: ErrRefused, ErrTooLarge, ErrIllegalBody and
// ErrIllegalAttribute say that SQS does not have the message, ErrUnsent that it was never sent.
func (o *Origin) Send(ctx context.Context, queueURL string, m Outgoing) (messageID string, err error) {
	if err := m.check(maxSQS); err != nil {
		return "", err
	}
	var sent atomic.Bool
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	answer, err := o.dlq.client.SendMessage(ctx, message(queueURL, m), sendOnce)
	if err == nil {
		return aws.ToString(answer.MessageId), nil
	}
	refusal, refused := errors.AsType[smithy.APIError](err)
	answered, ok := errors.AsType[*awshttp.ResponseError](err)
	switch {
	case refused && ok && answered.HTTPStatusCode() < http.StatusInternalServerError:
		return "", fmt.Errorf("%w: %s: %s", ErrRefused, refusal.ErrorCode(), refusal.ErrorMessage())
	case !sent.Load():
		return "", fmt.Errorf("%w: %w", ErrUnsent, err)
	}
	return "", fmt.Errorf("send to %s: %w", path.Base(queueURL), err)
}

// maxSQS is the most that any SQS queue takes, in bytes: see "Amazon SQS message quotas" in its developer guide.
const maxSQS = 1 << 20

func message(queueURL string, m Outgoing) *sqs.SendMessageInput {
	q := SQS{fifo: strings.HasSuffix(queueURL, fifoSuffix)}
	if q.fifo {
		m = withFIFOFields([]Outgoing{m})[0]
	}
	e := q.entry("", m)
	input := &sqs.SendMessageInput{
		QueueUrl:                &queueURL,
		MessageBody:             e.MessageBody,
		MessageAttributes:       e.MessageAttributes,
		MessageGroupId:          e.MessageGroupId,
		MessageDeduplicationId:  e.MessageDeduplicationId,
		MessageSystemAttributes: e.MessageSystemAttributes,
	}
	if m.GroupID != "" {
		// of a standard queue too, where it is a tenant's: see "Amazon SQS fair queues"
		input.MessageGroupId = &m.GroupID
	}
	return input
}

// sendOnce repeats a call only where SQS said that it did not look at it.
func sendOnce(o *sqs.Options) {
	o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts = maxTries
		s.Retryables = []retry.IsErrorRetryable{retry.RetryableErrorCode{Codes: retry.DefaultThrottleErrorCodes}}
	})
}
