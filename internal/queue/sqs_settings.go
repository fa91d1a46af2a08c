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

// Settings are what an SQS queue does with messages by itself.
type Settings struct {
	Retention       time.Duration // after which a message is deleted
	Visibility      time.Duration
	Redrive         string // ARN of the queue that messages go to when they were received too often; "": none
	MaxReceiveCount int    // how often, before that
}

// Settings asks SQS how the queue is set up.
func (q *SQS) Settings(ctx context.Context) (Settings, error) {
	const retention, visibility = types.QueueAttributeNameMessageRetentionPeriod, types.QueueAttributeNameVisibilityTimeout
	const redrive = types.QueueAttributeNameRedrivePolicy
	answer, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{retention, visibility, redrive},
	})
	if err != nil {
		return Settings{}, fmt.Errorf("queue %s: %w", q.url, err)
	}
	var s Settings
	for name, to := range map[types.QueueAttributeName]*time.Duration{retention: &s.Retention, visibility: &s.Visibility} {
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
	// SQS takes the count as a number and as a text, and returns it as it came.
	var policy struct {
		Target string          `json:"deadLetterTargetArn"`
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
