// Package queue moves bytes: to and from SQS, and the embedded queue that stands in for it where there is none. It knows nothing of
// letters. Both kinds pass one conformance suite.
package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Attribute is a message attribute, kept to the byte and type. Binary is set where Type says so, String otherwise.
type Attribute struct {
	Type   string
	String string
	Binary []byte
}

// Message is a message that was received. Its receipt is what Extend, Release and Delete go by.
type Message struct {
	ID              string
	Body            []byte
	Attributes      map[string]Attribute
	System          map[string]string // what the queue itself says of it, by SQS's names
	GroupID         string
	DeduplicationID string
	ReceiveCount    int
	SentAt          time.Time
	Receipt         string
}

// Outgoing is a message to send. On a FIFO queue an empty GroupID is one common group, and an empty DeduplicationID is one of its own.
type Outgoing struct {
	Body            []byte
	Attributes      map[string]Attribute
	GroupID         string
	DeduplicationID string
}

// Depth is how much is on a queue. SQS's figures are approximate.
type Depth struct {
	Visible  int
	InFlight int
}

// Faults of a single message.
var (
	ErrTooLarge    = errors.New("the message is larger than the queue takes")
	ErrIllegalBody = errors.New("the message has a character that the queue refuses")
	ErrStale       = errors.New("the receipt no longer stands: the message was received again or deleted")
)

const (
	// maxBatch and maxWait are SQS's limits of one call.
	maxBatch = 10
	maxWait  = 20 * time.Second

	commonGroup = "dlqdesk"
	fifoSuffix  = ".fifo"
)

// check answers why a message cannot be sent, or nil.
func (o Outgoing) check(limit int) error {
	if size := o.size(); size > limit {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, size, limit)
	}
	if len(o.Body) == 0 {
		return fmt.Errorf("%w: it is empty", ErrIllegalBody)
	}
	if !utf8.Valid(o.Body) || strings.ContainsFunc(string(o.Body), refused) {
		return ErrIllegalBody
	}
	return nil
}

// size is what SQS counts: the body, and name, type and value of every attribute.
func (o Outgoing) size() int {
	n := len(o.Body)
	for name, a := range o.Attributes {
		n += len(name) + len(a.Type) + len(a.String) + len(a.Binary)
	}
	return n
}

// refused follows the character set that the SQS API reference gives for SendMessage.
func refused(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

// Extender is a queue whose messages can be kept hidden for longer.
type Extender interface {
	Extend(ctx context.Context, messages []Message, d time.Duration) []error
}

// Keep hides messages for as long as work on them goes on, by extending their visibility in time. The caller calls stop when the
// work is done; it answers when nothing is extended any more.
func Keep(ctx context.Context, q Extender, messages []Message, visibility time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(visibility / 2)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				q.Extend(ctx, messages, visibility)
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}
