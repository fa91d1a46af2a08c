package queue

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// Permission is whether an action on a queue is allowed.
type Permission struct {
	Action string // as IAM names it: sqs:SendMessage
	Denied bool
	Err    error // SQS did not say whether it is allowed; nil: it did
}

// Permissions tries each of some actions in a way that changes nothing: SQS is asked for what it refuses anyhow (a receipt that never was,
// a batch without entries, more messages than it gives out), and says beforehand where the action is denied. It knows
// sqs:GetQueueAttributes, ReceiveMessage, DeleteMessage, ChangeMessageVisibility, SendMessage and ListDeadLetterSourceQueues.
func (q *SQS) Permissions(ctx context.Context, actions ...string) []Permission {
	var list []Permission
	for _, action := range actions {
		try, known := q.harmless()[action]
		if !known {
			list = append(list, Permission{Action: action, Err: errors.New("nobody knows how to try this without doing it")})
			continue
		}
		p := Permission{Action: action}
		p.Denied, p.Err = denied(try(ctx))
		list = append(list, p)
	}
	return list
}

// denied tells whether SQS denied a call. Any other answer of SQS shows that it was allowed to look at it.
func denied(err error) (bool, error) {
	refusal, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false, err
	}
	return slices.Contains([]string{"AccessDenied", "AccessDeniedException", "NotAuthorized"}, refusal.ErrorCode()), nil
}

// noReceipt is no receipt of any message.
const noReceipt = "dlqdesk-asks-whether-it-may"

func (q *SQS) harmless() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"sqs:GetQueueAttributes": func(ctx context.Context) error {
			_, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.url})
			return err
		},
		"sqs:ReceiveMessage": func(ctx context.Context) error {
			_, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &q.url, MaxNumberOfMessages: maxBatch + 1})
			return err
		},
		"sqs:DeleteMessage": func(ctx context.Context) error {
			_, err := q.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: aws.String(noReceipt)})
			return err
		},
		"sqs:ChangeMessageVisibility": func(ctx context.Context) error {
			_, err := q.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &q.url, ReceiptHandle: aws.String(noReceipt)})
			return err
		},
		"sqs:SendMessage": func(ctx context.Context) error {
			_, err := q.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: []types.SendMessageBatchRequestEntry{}})
			return err
		},
		"sqs:ListDeadLetterSourceQueues": func(ctx context.Context) error {
			_, err := q.client.ListDeadLetterSourceQueues(ctx, &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: &q.url})
			return err
		},
	}
}
