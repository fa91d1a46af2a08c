package envelope

import (
	"encoding/json"
	"fmt"
	"strings"

	"dlqdesk/internal/deadletter"
)

// listed holds the queue facts of a drained message that came from a listed queue, so that another dlqdesk can send it
// back, and the queue message if the body is only a part of it.
type listed struct {
	deadletter.QueueFacts
	Message string `json:"message,omitempty"` // compressed (RFC 1952), in base64
}

// Drained returns the capture that a drain puts on a queue. r is the latest revision; earlier ones and later attempts
// are not sent. first is the receiver's attempt; nil if it is unknown.
func Drained(
	l deadletter.Message, original, r deadletter.Revision, first *deadletter.Attempt,
) (deadletter.Capture, error) {
	c := CaptureOf(l, r, first)
	if l.Queue.ConfigName == "" {
		return c, nil
	}
	c.Queue = l.Queue
	c.Queue.AttemptsBefore += l.Attempts
	if c.QueueMessage = original.QueueMessage; original.QueueMessage != nil && r.Number > 0 && l.Queue.Record == "" {
		message, err := edited(original, r)
		if err != nil {
			return c, err
		}
		c.QueueMessage = message
	}
	return c, nil
}

func encodeListed(c deadletter.Capture) (*listed, error) {
	if c.Queue.ConfigName == "" {
		return nil, nil
	}
	q := &listed{QueueFacts: c.Queue}
	if c.QueueMessage == nil {
		return q, nil
	}
	var message strings.Builder
	if err := pack(&message, c.QueueMessage); err != nil {
		return nil, fmt.Errorf("compress message of %s: %w", c.ID, err)
	}
	q.Message = message.String()
	return q, nil
}

// maxSQS is the largest message on SQS, in bytes. A drain compressed nothing larger.
const maxSQS = 1 << 20

// addListed reads the queue facts that a drain wrote. On a listed queue it accepts those of that queue alone, because a
// sender to one queue must not choose another. See QueueFacts.Drained.
func addListed(c *deadletter.Capture, field json.RawMessage, m Raw) {
	var q *listed
	if json.Unmarshal(field, &q) != nil || q == nil || q.ConfigName == "" || m.ConfigName != "" &&
		m.ConfigName != q.ConfigName {
		return
	}
	if q.Message != "" {
		message, err := unpack([]byte(q.Message), maxSQS)
		if err != nil {
			return
		}
		c.QueueMessage = message
	}
	c.Queue, c.Foreign = q.QueueFacts, q.IsForeign()
	c.Queue.Drained = true
	f := &c.Queue
	for _, text := range []*string{
		&f.ConfigName, &f.Queue, &f.MessageID, &f.Service, &f.ErrorCode, &f.SourceARN, &f.TargetARN, &f.RequestID,
	} {
		*text = clean(*text)
	}
}
