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

	ServiceScheduler     = "EventBridge Scheduler"
	ServicePipes         = "EventBridge Pipes"
	ServiceStepFunctions = "Step Functions"
	ServiceIoT           = "AWS IoT"
)

// addService adds the failure that the attributes of a message from an AWS service describe. Lambda sets RequestID,
// ErrorCode and ErrorMessage on asynchronous failures, and SNS on what it could not deliver; EventBridge ERROR_CODE,
// ERROR_MESSAGE, RULE_ARN, TARGET_ARN, EXHAUSTED_RETRY_CONDITION and RETRY_ATTEMPTS; its Scheduler SCHEDULE_ARN in the
// place of the rule. SQS names the queue that it moved a message from.
func addService(c *deadletter.Capture, m Raw) {
	value := func(name string) string { return attributeOf(m, name) }
	q := &c.Queue
	topic, isNotification := topicOf(m.Body)
	switch {
	case value("SCHEDULE_ARN") != "":
		addEventBridge(c, ServiceScheduler, value("SCHEDULE_ARN"), value)
		q.RequestID = value("EXECUTION_ID")
		if value("IS_PAYLOAD_TRUNCATED") == "true" {
			q.Record = deadletter.RecordCut
		}
	case value("RULE_ARN") != "" || value("ERROR_CODE") != "" || value("EXHAUSTED_RETRY_CONDITION") != "":
		addEventBridge(c, ServiceEventBridge, value("RULE_ARN"), value)
	case value("ErrorCode") != "" || value("ErrorMessage") != "":
		q.Service, q.ErrorCode, q.RequestID = ServiceLambda, value("ErrorCode"), value("RequestID")
		if isNotification || count(q.ErrorCode) == 0 && q.ErrorCode != "" {
			q.Service, q.SourceARN = ServiceSNS, topic // Lambda's codes are those of HTTP
		}
		c.Reason = lambdaReason(q.ErrorCode, value("ErrorMessage"))
	case isNotification:
		q.Service, q.SourceARN = ServiceSNS, topic
		c.Reason = "SNS could not deliver this notification, and does not say why"
	}
	arn := m.System[sourceARN]
	if r, ok := readRecord(m.Body); ok && arn == "" {
		r.addTo(c)
	}
	// SQS moved it last, whatever a service said before: its consumer was to handle it as it is.
	if arn != "" {
		q.Record, q.Details = "", nil
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

// addEventBridge adds the failure of an event that a rule or a schedule, named by arn, could not deliver.
func addEventBridge(c *deadletter.Capture, service, arn string, value func(name string) string) {
	q := &c.Queue
	q.Service, q.ErrorCode = service, value("ERROR_CODE")
	q.SourceARN, q.TargetARN = arn, value("TARGET_ARN")
	c.Reason = join(q.ErrorCode, value("ERROR_MESSAGE"))
	if c.Reason == "" && value("EXHAUSTED_RETRY_CONDITION") != "" {
		c.Reason = "Gave up: " + value("EXHAUSTED_RETRY_CONDITION")
	}
	c.RetryCount = count(value("RETRY_ATTEMPTS"))
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
