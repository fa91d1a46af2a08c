package envelope

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

// fields are the members of a JSON object.
type fields map[string]json.RawMessage

// readFields returns the members of a JSON object; nil if the text is none.
func readFields(text []byte) fields {
	var f fields
	if json.Unmarshal(text, &f) != nil {
		return nil
	}
	return f
}

func (f fields) text(name string) string    { return clean(textOf(f[name])) }
func (f fields) object(name string) fields  { return readFields(f[name]) }
func (f fields) has(name string) bool       { return len(f[name]) > 0 && string(f[name]) != "null" }
func (f fields) isARN(name, of string) bool { return isARN(f.text(name), of) }
func isARN(text, of string) bool {
	return strings.HasPrefix(text, "arn:") && strings.Contains(text, ":"+of+":")
}

func (f fields) list(name string) (l []json.RawMessage) {
	if json.Unmarshal(f[name], &l) != nil {
		return nil
	}
	return l
}

// record is what an AWS service wrote about messages that it gave up on, in the place of the messages.
type record struct {
	kind      deadletter.Record
	service   string
	errorCode string
	reason    string
	requestID string
	sourceARN string
	targetARN string
	attempts  int
	payload   []byte // nil: it has none
	details   []deadletter.Detail
}

func (r *record) detail(name, value string) {
	if value != "" {
		r.details = append(r.details, deadletter.Detail{Name: name, Value: value})
	}
}

// readRecord reads a record from the body of a queue message: as the service writes it, or by way of an SNS topic or an
// EventBridge rule.
func readRecord(body []byte) (record, bool) {
	f := readFields(body)
	topic := ""
	if f.text("Type") == "Notification" && f.isARN("TopicArn", "sns") {
		topic = f.text("TopicArn")
		f = readFields([]byte(textOf(f["Message"])))
	}
	switch f.text("detail-type") {
	case "Lambda Function Invocation Result - Failure", "Step Functions Execution Status Change":
		f = f.object("detail")
	}
	for _, read := range []func(fields) (record, bool){
		lambdaRecord, pipesRecord, busRecord, executionRecord, iotRecord,
	} {
		if r, ok := read(f); ok {
			r.detail("By way of the topic", topic)
			return r, true
		}
	}
	return record{}, false
}

// addTo completes a capture of which the body is the record so far.
func (r record) addTo(c *deadletter.Capture) {
	c.Queue.Record, c.Queue.Service = r.kind, r.service
	c.Queue.ErrorCode, c.Queue.RequestID = r.errorCode, r.requestID
	c.Queue.SourceARN, c.Queue.TargetARN = r.sourceARN, r.targetARN
	c.Queue.Details, c.RetryCount = r.details, r.attempts
	c.Reason = shorten(clean(r.reason))
	if r.payload != nil {
		c.QueueMessage, c.Body = c.Body, r.payload
	}
}

// lambdaRecord reads the record of an asynchronous invocation ("Capturing records of Lambda asynchronous invocations"
// in the Lambda developer guide), or of a batch of an event source mapping, which names the batch and has none of it.
func lambdaRecord(f fields) (record, bool) {
	request, response := f.object("requestContext"), f.object("responseContext")
	condition := request.text("condition")
	if !request.isARN("functionArn", "lambda") || condition == "" || condition == "Success" {
		return record{}, false
	}
	fault := f.object("responsePayload")
	r := record{
		kind:      deadletter.RecordInvocation,
		service:   ServiceLambda,
		errorCode: response.text("functionError"),
		reason:    join(fault.text("errorType"), fault.text("errorMessage")),
		requestID: request.text("requestId"),
		targetARN: request.text("functionArn"),
		attempts:  count(request.text("approximateInvokeCount")),
	}
	if fault == nil && f.has("responsePayload") {
		r.reason = textOf(f["responsePayload"])
	}
	r.detail("Condition", condition)
	switch {
	case r.addBatch(f):
		r.kind = deadletter.RecordBatch
	case f.has("requestPayload"):
		r.payload = f["requestPayload"]
	default:
		r.kind = deadletter.RecordCut
	}
	r.reason = cmp.Or(r.reason, join(condition, r.errorCode))
	return r, true
}

// addBatch adds what names a batch of a stream: KinesisBatchInfo, DDBStreamBatchInfo, KafkaBatchInfo and others. It
// returns false if the record is of no batch.
func (r *record) addBatch(f fields) bool {
	const suffix = "BatchInfo"
	for name := range f {
		batch := f.object(name)
		if !strings.HasSuffix(name, suffix) || batch == nil {
			continue
		}
		r.sourceARN = cmp.Or(batch.text("streamArn"), batch.text("eventSourceArn"))
		r.detail("Batch", strings.TrimSuffix(name, suffix))
		for _, part := range [][2]string{
			{"batchSize", "Records in the batch"},
			{"shardId", "Shard"},
			{"startSequenceNumber", "First sequence number"},
			{"endSequenceNumber", "Last sequence number"},
			{"approximateArrivalOfFirstRecord", "First record arrived"},
			{"approximateArrivalOfLastRecord", "Last record arrived"},
			{"bootstrapServers", "Brokers"},
			{"recordsInfo", "Offsets"},
			{"recordInfo", "Offset"},
		} {
			r.detail(part[1], batch.text(part[0]))
		}
		return true
	}
	return false
}

// pipesRecord reads the record of an EventBridge pipe, which names a batch of a stream.
func pipesRecord(f fields) (record, bool) {
	context := f.object("context")
	if !context.isARN("partnerResourceArn", "pipes") {
		return record{}, false
	}
	r := record{
		kind:      deadletter.RecordBatch,
		service:   ServicePipes,
		errorCode: context.text("condition"),
		reason:    cmp.Or(context.text("condition"), "The pipe gave up"),
		targetARN: context.text("partnerResourceArn"),
	}
	return r, r.addBatch(f)
}

// maxListed is how many failed events a record's details name.
const maxListed = 20

// busRecord reads the record of a custom event bus, which names events and has none of them ("Retry policies and
// dead-letter queues" in the EventBridge user guide). words:ok, AWS's own title
func busRecord(f fields) (record, bool) {
	failed := f.list("failedMessages")
	if f.text("errorCode") == "" && f.text("exhaustedRetryCondition") == "" || len(failed) == 0 {
		return record{}, false
	}
	r := record{
		kind:      deadletter.RecordEvents,
		service:   ServiceEventBridge,
		errorCode: f.text("errorCode"),
		reason:    join(f.text("errorCode"), f.text("errorMessage")),
		sourceARN: cmp.Or(f.text("busArn"), f.text("subscriberArn")),
		targetARN: f.text("targetArn"),
		attempts:  count(f.text("retryAttempts")),
	}
	r.reason = cmp.Or(r.reason, "Gave up: "+f.text("exhaustedRetryCondition"))
	r.detail("Subscriber", f.text("subscriberArn"))
	r.detail("Gave up after", f.text("exhaustedRetryCondition"))
	r.detail("Failed events", fmt.Sprint(len(failed)))
	for i, one := range failed {
		event := readFields(one)
		r.requestID = cmp.Or(r.requestID, event.text("targetRequestId"))
		if i < maxListed {
			id := cmp.Or(event.text("eventId"), event.text("id"), event.text("messageId"), clean(textOf(one)))
			if group := event.text("eventGroupId"); group != "" {
				id += ", group " + group
			}
			r.detail("Failed event", shorten(id))
		}
	}
	return r, true
}

// executionRecord reads the event by which Step Functions says that an execution failed.
func executionRecord(f fields) (record, bool) {
	status := f.text("status")
	switch status {
	case "FAILED", "TIMED_OUT", "ABORTED":
	default:
		return record{}, false
	}
	if !f.isARN("executionArn", "states") || !f.isARN("stateMachineArn", "states") {
		return record{}, false
	}
	r := record{
		kind:      deadletter.RecordExecution,
		service:   ServiceStepFunctions,
		errorCode: f.text("error"),
		reason:    cmp.Or(join(f.text("error"), f.text("cause")), "The execution ended as "+status),
		requestID: f.text("executionArn"),
		targetARN: f.text("stateMachineArn"),
	}
	r.detail("Execution", f.text("name"))
	r.detail("Status", status)
	if !f.has("input") {
		r.kind = deadletter.RecordCut
		return r, true
	}
	r.payload = []byte(textOf(f["input"]))
	return r, true
}

// iotRecord reads the message of an AWS IoT rule's error action ("Error handling" in the AWS IoT developer guide).
func iotRecord(f fields) (record, bool) {
	failures := f.list("failures")
	encoded := f.text("base64OriginalPayload")
	body, err := base64.StdEncoding.DecodeString(encoded)
	if f.text("ruleName") == "" || len(failures) == 0 || encoded == "" || err != nil {
		return record{}, false
	}
	first := readFields(failures[0])
	r := record{
		kind:      deadletter.RecordRule,
		service:   ServiceIoT,
		errorCode: first.text("failedAction"),
		reason:    join(first.text("failedAction"), first.text("errorMessage")),
		requestID: f.text("cloudwatchTraceId"),
		targetARN: first.text("failedResource"),
		payload:   body,
	}
	r.reason = cmp.Or(r.reason, "A rule action failed")
	r.detail("Rule", f.text("ruleName"))
	r.detail("Topic", f.text("topic"))
	r.detail("Client", f.text("clientId"))
	return r, true
}

// setContentType says of a body that is JSON what it is, if nothing else does.
func setContentType(c *deadletter.Capture) {
	if c.Headers.Get("Content-Type") == "" && payload.Valid(c.Body) {
		c.Headers["Content-Type"] = []string{"application/json"}
	}
}
