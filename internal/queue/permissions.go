package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// Actions of SQS, as IAM names them.
const (
	ActionGetAttributes    = "sqs:GetQueueAttributes"
	ActionSend             = "sqs:SendMessage"
	ActionReceive          = "sqs:ReceiveMessage"
	ActionDelete           = "sqs:DeleteMessage"
	ActionChangeVisibility = "sqs:ChangeMessageVisibility"
	ActionListSources      = "sqs:ListDeadLetterSourceQueues" // words:ok, a name of SQS
)

// Permission reports whether an action on a queue is denied.
type Permission struct {
	Action string
	Denied bool
	Err    error // why that is not known; nil if it is
}

// CheckPermissions tries actions on a queue without changing anything: all but ActionGetAttributes and
// ActionListSources are tried with a request that SQS refuses in any case (an unknown receipt handle, a batch without
// entries, more messages than it returns). A denial is certain. The absence of a denial is no promise: SQS documents no
// order in which it checks rights and parameters, and rights on a queue do not include those on its key.
// CheckPermissions returns an error if no queue could be asked.
func CheckPermissions(
	ctx context.Context, queueURL, region string, actions []string,
	options ...func(*config.LoadOptions) error,
) ([]Permission, error) {
	q, err := newSQS(ctx, queueURL, region, options)
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", queueURL, err)
	}
	var list []Permission
	for _, action := range actions {
		try, known := q.harmless()[action]
		if !known {
			return nil, fmt.Errorf("no way is known to try %s without doing it", action)
		}
		p := Permission{Action: action}
		p.Denied, p.Err = denied(try(ctx))
		list = append(list, p)
	}
	return list, nil
}

// SourceQueues returns the URLs of the queues that have the queue as their DLQ.
func SourceQueues(
	ctx context.Context, queueURL, region string, options ...func(*config.LoadOptions) error,
) ([]string, error) {
	q, err := newSQS(ctx, queueURL, region, options)
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", queueURL, err)
	}
	return q.SourceQueues(ctx)
}

func isDenial(code string) bool {
	return slices.Contains([]string{"AccessDenied", "AccessDeniedException", "NotAuthorized"}, code)
}

// denied reports whether SQS denied a call that it refuses in any case. It returns an error if the result says neither.
func denied(err error) (bool, error) {
	refusal, ok := errors.AsType[smithy.APIError](err)
	switch {
	case err == nil:
		return false, nil
	case !ok:
		return false, err
	case isDenial(refusal.ErrorCode()):
		return true, nil
	}
	if what := advice(refusal); what != refusedBy(refusal) || isTemporary(refusal, err) {
		return false, errors.New(what)
	}
	return false, nil
}

// unknownReceiptHandle is the receipt handle of no message.
const unknownReceiptHandle = "dlqdesk-asks-whether-it-may"

func (q *SQS) harmless() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		ActionGetAttributes: func(ctx context.Context) error {
			_, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.url})
			return unlessDenied(err)
		},
		ActionReceive: func(ctx context.Context) error {
			_, err := q.client.ReceiveMessage(
				ctx, &sqs.ReceiveMessageInput{QueueUrl: &q.url, MaxNumberOfMessages: maxBatch + 1},
			)
			return err
		},
		ActionDelete: func(ctx context.Context) error {
			_, err := q.client.DeleteMessage(
				ctx,
				&sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: aws.String(unknownReceiptHandle)},
			)
			return err
		},
		ActionChangeVisibility: func(ctx context.Context) error {
			_, err := q.client.ChangeMessageVisibility(
				ctx,
				&sqs.ChangeMessageVisibilityInput{QueueUrl: &q.url, ReceiptHandle: aws.String(unknownReceiptHandle)},
			)
			return err
		},
		ActionSend: func(ctx context.Context) error {
			_, err := q.client.SendMessageBatch(
				ctx,
				&sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: []types.SendMessageBatchRequestEntry{}},
			)
			return err
		},
		ActionListSources: func(ctx context.Context) error {
			input := &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: &q.url} // words:ok, a name of SQS
			_, err := q.client.ListDeadLetterSourceQueues(ctx, input)       // words:ok, a name of SQS
			return unlessDenied(err)
		},
	}
}

// unlessDenied replaces the refusal of a valid call by an error that reports no denial.
func unlessDenied(err error) error {
	refusal, ok := errors.AsType[smithy.APIError](err)
	if !ok || isDenial(refusal.ErrorCode()) {
		return err
	}
	return errors.New(advice(refusal))
}
