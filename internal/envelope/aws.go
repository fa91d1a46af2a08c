package envelope

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"dlqdesk/internal/deadletter"
)

// The services that put a message on a DLQ, as QueueFacts.Service names them.
const (
	ServiceSQS         = "SQS"
	ServiceLambda      = "Lambda"
	ServiceEventBridge = "EventBridge"
	ServiceSNS         = "SNS"
)

// addService adds the failure that the attributes of a message from an AWS service describe. Lambda sets RequestID,
// ErrorCode and ErrorMessage on asynchronous failures; EventBridge ERROR_CODE, ERROR_MESSAGE, RULE_ARN, TARGET_ARN,
// EXHAUSTED_RETRY_CONDITION and RETRY_ATTEMPTS. SQS names the queue that it moved a message from, and SNS documents
// nothing beside its notification.
func addService(c *deadletter.Capture, m Raw) {
	value := func(name string) string { return attributeOf(m, name) }
	q := &c.Queue
	topic, isNotification := topicOf(m.Body)
	switch {
	case value("RULE_ARN") != "" || value("ERROR_CODE") != "" || value("EXHAUSTED_RETRY_CONDITION") != "":
		q.Service, q.ErrorCode = ServiceEventBridge, value("ERROR_CODE")
		q.SourceARN, q.TargetARN = value("RULE_ARN"), value("TARGET_ARN")
		c.Reason = join(q.ErrorCode, value("ERROR_MESSAGE"))
		if c.Reason == "" && value("EXHAUSTED_RETRY_CONDITION") != "" {
			c.Reason = "Gave up: " + value("EXHAUSTED_RETRY_CONDITION")
		}
		c.RetryCount = count(value("RETRY_ATTEMPTS"))
	case value("ErrorCode") != "" || value("ErrorMessage") != "":
		q.Service, q.ErrorCode, q.RequestID = ServiceLambda, value("ErrorCode"), value("RequestID")
		if isNotification {
			q.Service, q.SourceARN = ServiceSNS, topic
		}
		c.Reason = lambdaReason(q.ErrorCode, value("ErrorMessage"))
	case isNotification:
		q.Service, q.SourceARN = ServiceSNS, topic
		c.Reason = "SNS could not deliver this notification, and does not say why"
	}
	// SQS moved it last, whatever a service said before.
	if arn := m.System[sourceARN]; arn != "" {
		q.Service, q.SourceARN = ServiceSQS, arn
		if c.Reason == "" || isNotification {
			c.Reason = "Received too often from " + arn[strings.LastIndexByte(arn, ':')+1:] + ", so SQS moved " +
				"it to the DLQ"
		}
	}
	c.Reason = shorten(clean(c.Reason))
	q.ErrorCode, q.SourceARN = clean(q.ErrorCode), clean(q.SourceARN)
	q.TargetARN, q.RequestID = clean(q.TargetARN), clean(q.RequestID)
}

// sourceARN is the attribute in which SQS names the queue that it moved a message from.
const sourceARN = "DeadLetterQueueSourceArn" // words:ok, the name that AWS gave it

func attributeOf(m Raw, name string) string {
	i := slices.IndexFunc(m.Attributes, func(a deadletter.QueueAttribute) bool { return a.Name == name })
	if i < 0 {
		return ""
	}
	return m.Attributes[i].Value
}

// lambdaReason leaves out a code of Lambda's where there are words: 200 says that a function ran and failed, and
// reads as if all were well.
func lambdaReason(code, text string) string {
	if text == "" && code != "" {
		return "Lambda gave up with code " + code
	}
	return text
}

func join(code, text string) string {
	if code != "" && text != "" {
		return code + ": " + text
	}
	return cmp.Or(code, text)
}

func count(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return min(max(n, 0), maxCount)
}

// topicOf reads the topic of an SNS notification: see "Parsing Amazon SNS message formats" in its developer guide.
func topicOf(body []byte) (arn string, ok bool) {
	var n struct {
		Type      string
		Topic     string `json:"TopicArn"`
		MessageID string `json:"MessageId"`
	}
	if json.Unmarshal(body, &n) != nil || n.Type != "Notification" || n.Topic == "" || n.MessageID == "" {
		return "", false
	}
	return n.Topic, true
}
