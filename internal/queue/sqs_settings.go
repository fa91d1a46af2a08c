package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Settings are the attributes of an SQS queue that decide what happens to its messages.
type Settings struct {
	Retention       time.Duration // after which a message is deleted
	Visibility      time.Duration
	Redrive         string // ARN of the queue that messages go to when they were received too often; "": none
	MaxReceiveCount int    // how often, before that
}

// Settings reads the attributes of the queue.
func (q *SQS) Settings(ctx context.Context) (Settings, error) {
	const (
		retention  = types.QueueAttributeNameMessageRetentionPeriod
		visibility = types.QueueAttributeNameVisibilityTimeout
		redrive    = types.QueueAttributeNameRedrivePolicy
	)
	answer, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{retention, visibility, redrive},
	})
	if err != nil {
		return Settings{}, fmt.Errorf("queue %s: %w", q.url, err)
	}
	var s Settings
	durations := map[types.QueueAttributeName]*time.Duration{retention: &s.Retention, visibility: &s.Visibility}
	for name, to := range durations {
		seconds, err := strconv.Atoi(answer.Attributes[string(name)])
		if err != nil {
			return s, fmt.Errorf("queue %s: read %s: %w", q.url, name, err)
		}
		*to = time.Duration(seconds) * time.Second
	}
	text := answer.Attributes[string(redrive)]
	if text == "" {
		return s, nil
	}
	// SQS accepts the count as a number or as a string, and returns it in the same form.
	var policy struct {
		Target string          `json:"deadLetterTargetArn"` // words:ok, a name of SQS
		Count  json.RawMessage `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		return s, fmt.Errorf("queue %s: read %s: %w", q.url, redrive, err)
	}
	s.Redrive = policy.Target
	var count json.Number
	if err := json.Unmarshal(policy.Count, &count); err != nil {
		return s, fmt.Errorf("queue %s: read maxReceiveCount: %w", q.url, err)
	}
	s.MaxReceiveCount, err = strconv.Atoi(count.String())
	return s, err
}
