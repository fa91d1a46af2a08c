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
	ActionListSources      = "sqs:ListDeadLetterSourceQueues"
)

// Permission is whether an action on a queue is denied.
type Permission struct {
	Action string
	Denied bool
	Err    error // SQS did not say whether it is denied; nil: it did
}

// Permissions tries actions on a queue in a way that changes nothing, and of all but MayAsk and MayListSources one
// that SQS refuses anyhow: a receipt that never was, a batch without entries, more messages than it gives out. A
// denial is certain. That an action is not denied is what SQS answers, not a promise: it publishes no order in which
// it looks at rights and at parameters, and rights on a queue say nothing of those on its key. The error says why no
// queue could be asked.
func CheckPermissions(
	ctx context.Context,
	queueURL, region string,
	actions []string,
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
			return nil, fmt.Errorf("nobody knows how to try %s without doing it", action)
		}
		p := Permission{Action: action}
		p.Denied, p.Err = denied(try(ctx))
		list = append(list, p)
	}
	return list, nil
}

// Sources returns the URLs of the queues that have a queue for their DLQ.
func SourceQueues(
	ctx context.Context,
	queueURL, region string,
	options ...func(*config.LoadOptions) error,
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

// denied reports whether SQS denied a call that it would refuse in any case. An answer that is of neither kind tells
// nothing.
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

// noReceipt is no receipt of any message.
const unknownReceiptHandle = "dlqdesk-asks-whether-it-may"

func (q *SQS) harmless() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		ActionGetAttributes: func(ctx context.Context) error {
			_, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.url})
			return unlessDenied(err)
		},
		ActionReceive: func(ctx context.Context) error {
			_, err := q.client.ReceiveMessage(
				ctx,
				&sqs.ReceiveMessageInput{QueueUrl: &q.url, MaxNumberOfMessages: maxBatch + 1},
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
			_, err := q.client.ListDeadLetterSourceQueues(ctx, &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: &q.url})
			return unlessDenied(err)
		},
	}
}

// unlessDenied makes of the refusal of a call that nothing is wrong with one that tells nothing.
func unlessDenied(err error) error {
	refusal, ok := errors.AsType[smithy.APIError](err)
	if !ok || isDenial(refusal.ErrorCode()) {
		return err
	}
	return errors.New(advice(refusal))
}
