package envelope

import (
	"encoding/json"

	"dlqdesk/internal/payload"
)

// document is a queue message that is a JSON object: the fields of an envelope as they are written, sharing its bytes,
// and all others. A field that is missing is nil. Of fields with one name the last counts.
type document struct {
	// The interchange fields, which other programs know as well.
	messageID, timestamp, originalPayload, originalHeaders, errorReason, retryCount json.RawMessage

	// The fields that dlqdesk adds.
	version, source, destination, method, query, webhookID, receiveID, run, sequence, traceparent, masks json.RawMessage
	statusCode, outcome, firstAttempt, queue, bodyForm, bodyBefore, bodyAfter, rawBody                   json.RawMessage
	rawHeaders                                                                                           json.RawMessage

	others []payload.Member
}

// readDocument reads a JSON object; false if the text is none.
func readDocument(text []byte) (d *document, ok bool) {
	d = &document{}
	for m, err := range payload.Members(text) {
		if err != nil {
			return &document{}, false
		}
		if field := d.field(string(m.Name)); field != nil {
			*field = m.Value
		} else {
			d.others = append(d.others, m)
		}
	}
	return d, true
}

// ourFields are the names of the fields that dlqdesk adds.
var ourFields = [...]string{
	"version", "source", "destination", "method", "query", "webhookId", "receiveId", "run", "sequence", "traceparent",
	"statusCode", "outcome", "firstAttempt", "masks", "queue", "bodyForm", "bodyBefore", "bodyAfter", "rawBody",
	"rawHeaders",
}

// field returns where the value of a field belongs; nil if an envelope has no field of that name.
func (d *document) field(name string) *json.RawMessage {
	switch name {
	case "messageId":
		return &d.messageID
	case "timestamp":
		return &d.timestamp
	case "originalPayload":
		return &d.originalPayload
	case "originalHeaders":
		return &d.originalHeaders
	case "errorReason":
		return &d.errorReason
	case "retryCount":
		return &d.retryCount
	case "version":
		return &d.version
	case "source":
		return &d.source
	case "destination":
		return &d.destination
	case "method":
		return &d.method
	case "query":
		return &d.query
	case "webhookId":
		return &d.webhookID
	case "receiveId":
		return &d.receiveID
	case "run":
		return &d.run
	case "sequence":
		return &d.sequence
	case "traceparent":
		return &d.traceparent
	case "statusCode":
		return &d.statusCode
	case "outcome":
		return &d.outcome
	case "firstAttempt":
		return &d.firstAttempt
	case "masks":
		return &d.masks
	case "queue":
		return &d.queue
	case "bodyForm":
		return &d.bodyForm
	case "bodyBefore":
		return &d.bodyBefore
	case "bodyAfter":
		return &d.bodyAfter
	case "rawBody":
		return &d.rawBody
	case "rawHeaders":
		return &d.rawHeaders
	}
	return nil
}

// isEnvelope reports whether a document is an envelope: it has a payload and at least two more of the interchange
// fields. Missing fields get a default. The payload may be missing if all others are present, because JSON.stringify
// leaves out an undefined value, such as an empty body.
func (d *document) isEnvelope() bool {
	known := 0
	beside := [...]json.RawMessage{d.messageID, d.timestamp, d.originalHeaders, d.errorReason, d.retryCount}
	for _, field := range beside {
		if field != nil {
			known++
		}
	}
	return known == len(beside) || d.originalPayload != nil && known >= 2
}

// textOf returns the content of a JSON string, and any other value as it is written. It returns "" for a missing field
// and for null.
func textOf(field json.RawMessage) string { return string(contentOf(field)) }

// contentOf is textOf. The result may share the bytes of the field.
func contentOf(field json.RawMessage) []byte {
	switch {
	case len(field) == 0 || string(field) == "null":
		return nil
	case field[0] == '"':
		return payload.Unquote(field)
	}
	return field
}
