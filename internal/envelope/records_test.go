package envelope_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
)

const (
	lambdaARN = "arn:aws:lambda:us-east-1:123456789012:function:orders:$LATEST"

	invocation = `{"version":"1.0","requestContext":{"requestId":"r-77","functionArn":"` + lambdaARN + `",` +
		`"condition":"RetriesExhausted","approximateInvokeCount":3},"requestPayload":{"orderId":"A-1"},` +
		`"responseContext":{"statusCode":200,"functionError":"Unhandled"},` +
		`"responsePayload":{"errorMessage":"customer not found","errorType":"NotFound"}}`

	aged = `{"version":"1.0","requestContext":{"requestId":"r-78","functionArn":"` + lambdaARN + `",` +
		`"condition":"EventAgeExceeded","approximateInvokeCount":0},"requestPayload":"text","responseContext":null}`

	tooLarge = `{"version":"1.0","requestContext":{"requestId":"r-79","functionArn":"` + lambdaARN + `",` +
		`"condition":"RetriesExhausted","approximateInvokeCount":3},"responseContext":{"functionError":"Unhandled"}}`

	kinesis = `{"requestContext":{"requestId":"c9b8","functionArn":"` + lambdaARN + `","condition":` +
		`"RetryAttemptsExhausted","approximateInvokeCount":1},"responseContext":{"statusCode":200,` +
		`"functionError":"Unhandled"},"version":"1.0","timestamp":"2019-11-14T00:38:06.021Z","KinesisBatchInfo":` +
		`{"shardId":"shardId-000000000001","startSequenceNumber":"4960","endSequenceNumber":"4961","batchSize":500,` +
		`"streamArn":"arn:aws:kinesis:us-east-2:123456789012:stream/mystream"}}`

	pipe = `{"context":{"partnerResourceArn":"arn:aws:pipes:us-east-1:123456789012:pipe/p","condition":` +
		`"RetryAttemptsExhausted"},"version":"1.0","DDBStreamBatchInfo":{"shardId":"s-1","batchSize":1,` +
		`"streamArn":"arn:aws:dynamodb:us-east-2:123456789012:table/t/stream/1"}}`

	bus = `{"version":"1.0","busArn":"arn:aws:events:us-east-1:111122223333:event-busv2/orders/E1",` +
		`"subscriberArn":"arn:aws:events:us-east-1:111122223333:subscriber/large/E2",` +
		`"targetArn":"arn:aws:sqs:us-east-1:111122223333:large","errorCode":"ACCESS_DENIED",` +
		`"errorMessage":"The role may not send.","exhaustedRetryCondition":"MaximumEventAgeInSeconds",` +
		`"retryAttempts":4,"failedMessages":[{"eventId":"a1b2","eventGroupId":"order-1001","targetRequestId":"t-1"},` +
		`{"eventId":"e5f6"}]}`

	execution = `{"version":"0","id":"x","detail-type":"Step Functions Execution Status Change",` +
		`"source":"aws.states",` +
		`"detail":{"executionArn":"arn:aws:states:us-east-1:1:execution:m:run-1","stateMachineArn":` +
		`"arn:aws:states:us-east-1:1:stateMachine:m","name":"run-1","status":"FAILED","input":"{\"orderId\": 7}",` +
		`"error":"States.TaskFailed","cause":"no stock"}}`

	rule = `{"ruleName":"TestAction","topic":"testme/action","cloudwatchTraceId":"t-9","clientId":"c-1",` +
		`"base64OriginalPayload":"eyJ2IjoxfQ==","failures":[{"failedAction":"S3Action","failedResource":"bucket",` +
		`"errorMessage":"The bucket does not exist"}]}`
)

// bySNS is a record as a subscribed queue gets it.
func bySNS(record string) string {
	text, _ := json.Marshal(record)
	return `{"Type":"Notification","MessageId":"n-1","TopicArn":"arn:aws:sns:us-east-1:1:failures","Message":` +
		string(text) + `}`
}

func byEventBridge(record string) string {
	return `{"version":"0","id":"e-1","detail-type":"Lambda Function Invocation Result - Failure","source":"lambda",` +
		`"detail":` + record + `}`
}

// Each record of a service is read in every form in which it can arrive, and stored whole.
func TestRecordsOfServicesAreRead(t *testing.T) {
	t.Parallel()
	failed := func(kind deadletter.Record) deadletter.QueueFacts {
		return deadletter.QueueFacts{
			Record:     kind,
			Service:    "Lambda",
			ErrorCode:  "Unhandled",
			RequestID:  "r-77",
			TargetARN:  lambdaARN,
			RetryCount: 3,
		}
	}
	const busARN, stream = "arn:aws:events:us-east-1:111122223333:event-busv2/orders/E1",
		"arn:aws:kinesis:us-east-2:123456789012:stream/mystream"
	for name, c := range map[string]struct {
		body, payload, reason string
		want                  deadletter.QueueFacts
		details               []string
	}{
		"Lambda": {
			invocation, `{"orderId":"A-1"}`, "NotFound: customer not found", failed(deadletter.RecordInvocation), nil,
		},
		"Lambda by SNS": {
			bySNS(invocation), `{"orderId":"A-1"}`, "NotFound: customer not found", failed(deadletter.RecordInvocation),
			[]string{"By way of the topic=arn:aws:sns:us-east-1:1:failures"},
		},
		"Lambda by EventBridge": {
			byEventBridge(invocation), `{"orderId":"A-1"}`, "NotFound: customer not found",
			failed(deadletter.RecordInvocation), nil,
		},
		"Lambda, never invoked": {
			aged, `"text"`, "EventAgeExceeded",
			deadletter.QueueFacts{
				Record: deadletter.RecordInvocation, Service: "Lambda", RequestID: "r-78", TargetARN: lambdaARN,
			},
			nil,
		},
		"Lambda without the payload": {
			tooLarge, "", "RetriesExhausted: Unhandled",
			deadletter.QueueFacts{
				Record: deadletter.RecordCut, Service: "Lambda", ErrorCode: "Unhandled", RequestID: "r-79",
				TargetARN: lambdaARN, RetryCount: 3,
			},
			nil,
		},
		"a batch of Kinesis": {
			kinesis, "", "RetryAttemptsExhausted: Unhandled",
			deadletter.QueueFacts{
				Record: deadletter.RecordBatch, Service: "Lambda", ErrorCode: "Unhandled", RequestID: "c9b8",
				TargetARN: lambdaARN, SourceARN: stream, RetryCount: 1,
			},
			[]string{"Batch=Kinesis", "Records in the batch=500", "First sequence number=4960"},
		},
		"a batch of Kinesis by SNS": {
			bySNS(kinesis), "", "RetryAttemptsExhausted: Unhandled",
			deadletter.QueueFacts{
				Record: deadletter.RecordBatch, Service: "Lambda", ErrorCode: "Unhandled", RequestID: "c9b8",
				TargetARN: lambdaARN, SourceARN: stream, RetryCount: 1,
			},
			nil,
		},
		"a batch of another kind": {
			strings.ReplaceAll(kinesis, "KinesisBatchInfo", "SQSBatchInfo"), "", "RetryAttemptsExhausted: Unhandled",
			deadletter.QueueFacts{
				Record: deadletter.RecordBatch, Service: "Lambda", ErrorCode: "Unhandled", RequestID: "c9b8",
				TargetARN: lambdaARN, SourceARN: stream, RetryCount: 1,
			},
			[]string{"Batch=SQS"},
		},
		"a pipe": {
			pipe, "", "RetryAttemptsExhausted",
			deadletter.QueueFacts{
				Record: deadletter.RecordBatch, Service: "EventBridge Pipes", ErrorCode: "RetryAttemptsExhausted",
				TargetARN: "arn:aws:pipes:us-east-1:123456789012:pipe/p",
				SourceARN: "arn:aws:dynamodb:us-east-2:123456789012:table/t/stream/1",
			},
			[]string{"Batch=DDBStream", "Shard=s-1"},
		},
		"a custom bus": {
			bus, "", "ACCESS_DENIED: The role may not send.",
			deadletter.QueueFacts{
				Record: deadletter.RecordEvents, Service: "EventBridge", ErrorCode: "ACCESS_DENIED", RequestID: "t-1",
				SourceARN: busARN, TargetARN: "arn:aws:sqs:us-east-1:111122223333:large", RetryCount: 4,
			},
			[]string{"Failed events=2", "Failed event=a1b2, group order-1001", "Failed event=e5f6"},
		},
		"an execution": {
			execution, `{"orderId": 7}`, "States.TaskFailed: no stock",
			deadletter.QueueFacts{
				Record: deadletter.RecordExecution, Service: "Step Functions", ErrorCode: "States.TaskFailed",
				RequestID: "arn:aws:states:us-east-1:1:execution:m:run-1",
				TargetARN: "arn:aws:states:us-east-1:1:stateMachine:m",
			},
			[]string{"Execution=run-1"},
		},
		"an IoT rule": {
			rule, `{"v":1}`, "S3Action: The bucket does not exist",
			deadletter.QueueFacts{
				Record: deadletter.RecordRule, Service: "AWS IoT", ErrorCode: "S3Action", RequestID: "t-9",
				TargetARN: "bucket",
			},
			[]string{"Rule=TestAction", "Topic=testme/action"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := message([]byte(c.body))
			m.ConfigName = "failures"
			got := envelope.Decode(m, at)
			body, whole := c.payload, c.body
			if body == "" {
				body, whole = c.body, ""
			}
			if string(got.Body) != body || string(got.QueueMessage) != whole || got.Reason != c.reason ||
				!got.Foreign ||
				got.Headers.Get("Content-Type") != "application/json" ||
				string(got.ID) != m.MessageID {
				t.Errorf("read as %s of %s: %s", got.Body, got.QueueMessage, got.Reason)
			}
			q := got.Queue
			facts := deadletter.QueueFacts{
				Record: q.Record, Service: q.Service, ErrorCode: q.ErrorCode, RequestID: q.RequestID,
				SourceARN: q.SourceARN, TargetARN: q.TargetARN, RetryCount: q.RetryCount,
			}
			if fmt.Sprintf("%+v", facts) != fmt.Sprintf("%+v", c.want) {
				t.Errorf("facts\n%+v, want\n%+v", facts, c.want)
			}
			for _, want := range c.details {
				found := false
				for _, d := range q.Details {
					found = found || d.Name+"="+d.Value == want
				}
				if !found {
					t.Errorf("%s is not among %+v", want, q.Details)
				}
			}
		})
	}
}

func TestScheduledEventNamesItsSchedule(t *testing.T) {
	t.Parallel()
	for cut, kind := range map[string]deadletter.Record{"false": "", "true": deadletter.RecordCut} {
		m := message([]byte(`{"Message":"hello"}`))
		m.Attributes = []deadletter.QueueAttribute{
			attribute("ERROR_CODE", "AWS.SimpleQueueService.NonExistentQueue"),
			attribute("ERROR_MESSAGE", "no queue"),
			attribute("EXECUTION_ID", "ad06"),
			attribute("IS_PAYLOAD_TRUNCATED", cut),
			attribute("RETRY_ATTEMPTS", "2"),
			attribute("SCHEDULE_ARN", "arn:aws:scheduler:us-west-2:1:schedule/s"),
			attribute("TARGET_ARN", "arn:target"),
		}
		got := envelope.Decode(m, at)
		q := got.Queue
		if q.Service != "EventBridge Scheduler" || q.SourceARN != "arn:aws:scheduler:us-west-2:1:schedule/s" ||
			q.RequestID != "ad06" || q.TargetARN != "arn:target" || q.RetryCount != 2 || q.Record != kind ||
			got.Reason != "AWS.SimpleQueueService.NonExistentQueue: no queue" {
			t.Errorf("read as %+v: %s", q, got.Reason)
		}
	}
}

func TestRawNotificationThatSNSCouldNotDeliver(t *testing.T) {
	t.Parallel()
	m := message([]byte(`{"orderId":1}`))
	m.Attributes = []deadletter.QueueAttribute{
		attribute("RequestID", "r-1"), attribute("ErrorCode", "ServiceUnavailable"), attribute("ErrorMessage", "gone"),
	}
	if got := envelope.Decode(m, at); got.Queue.Service != "SNS" || got.Reason != "gone" ||
		got.Queue.RequestID != "r-1" {
		t.Errorf("read as %+v: %s", got.Queue, got.Reason)
	}
}

// A record that SQS moved was a message to its consumer, which is to get it as it is.
func TestRecordThatSQSMovedIsAMessage(t *testing.T) {
	t.Parallel()
	m := message([]byte(invocation))
	m.ConfigName, m.System = "failures", map[string]string{sourceARN: "arn:aws:sqs:eu-west-1:1:failures"}
	got := envelope.Decode(m, at)
	if string(got.Body) != invocation || got.Queue.Record != "" || got.Queue.Service != "SQS" ||
		got.QueueMessage != nil || got.Queue.Details != nil {
		t.Errorf("read as %+v, %s", got.Queue, got.Body)
	}
}

// A message that only resembles a record is stored as its sender wrote it.
func TestMessageThatIsNoRecordIsKeptWhole(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"requestContext":{"functionArn":"orders","condition":"RetriesExhausted"},"requestPayload":{}}`,
		strings.Replace(invocation, "RetriesExhausted", "Success", 1),
		`{"requestContext":[],"requestPayload":{}}`,
		`{"failedMessages":[1]}`, `{"errorCode":"x","failedMessages":[]}`, `{"errorCode":"x","failedMessages":{}}`,
		`{"context":{"partnerResourceArn":"arn:aws:pipes:us-east-1:1:pipe/p"}}`,
		`{"ruleName":"r","failures":[{}],"base64OriginalPayload":"?"}`,
		strings.Replace(execution, "FAILED", "SUCCEEDED", 1),
		`{"Type":"Notification","TopicArn":"arn:aws:sns:eu-west-1:1:t","MessageId":"m",` +
			`"Message":"{\"requestContext\":1}"}`,
		`[]`, `null`, `{`, ``, "\xff",
	} {
		if got := envelope.Decode(message([]byte(body)), at); string(got.Body) != body || got.Queue.Record != "" {
			t.Errorf("%s is read as %q: %s", body, got.Queue.Record, got.Body)
		}
	}
}
