package queue

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
)

// ErrUnsent is the error of SendTo when the request never left this machine.
var ErrUnsent = errors.New("nothing was sent")

const (
	// redriveTimeout bounds SendTo.
	redriveTimeout = 15 * time.Second

	// maxSources bounds how many queues SourceQueues returns.
	maxSources = 1000

	// maxSQSBytes is the largest message that an SQS queue accepts. Source: "Amazon SQS message quotas" in its guide.
	maxSQSBytes = 1 << 20
)

// URL returns the queue's URL.
func (q *SQS) URL() string { return q.url }

// SourceQueues asks SQS for the URLs of the queues that have this one for their DLQ.
func (q *SQS) SourceQueues(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var urls []string
	input := &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: &q.url}      // words:ok, AWS's own name
	pages := sqs.NewListDeadLetterSourceQueuesPaginator(q.client, input) // words:ok, AWS's own name
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

// SendTo sends a message to another queue of the same account, and returns the id that SQS gave it. It is sent once,
// or again only if SQS reports that it was too busy to look at it. The error reports what is known: ErrRefused,
// ErrTooLarge, ErrIllegalBody and ErrIllegalAttribute mean that SQS does not have the message, ErrUnsent that it was
// never sent. After any other error SQS may have it.
func (q *SQS) SendTo(ctx context.Context, queueURL string, m Outgoing) (messageID string, err error) {
	if err := m.check(maxSQSBytes); err != nil {
		return "", err
	}
	var sent atomic.Bool
	ctx, cancel := context.WithTimeout(ctx, redriveTimeout)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	output, err := q.client.SendMessage(ctx, sendMessageInput(queueURL, m), sendOnce, sendTo(q.url, queueURL))
	if err == nil {
		return aws.ToString(output.MessageId), nil
	}
	refusal, refused := errors.AsType[smithy.APIError](err)
	response, ok := errors.AsType[*awshttp.ResponseError](err)
	switch {
	case refused && ok && response.HTTPStatusCode() < http.StatusInternalServerError:
		return "", fmt.Errorf("%w: %s: %s", ErrRefused, refusal.ErrorCode(), refusal.ErrorMessage())
	case !sent.Load():
		return "", fmt.Errorf("%w: %w", ErrUnsent, err)
	}
	return "", fmt.Errorf("send to %s: %w", path.Base(queueURL), err)
}

func sendMessageInput(queueURL string, m Outgoing) *sqs.SendMessageInput {
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

// sendOnce repeats a call only if SQS reported that it did not process it.
func sendOnce(o *sqs.Options) {
	o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts = maxTries
		s.Retryables = []retry.IsErrorRetryable{retry.RetryableErrorCode{Codes: retry.DefaultThrottleErrorCodes}}
	})
}
