package redrive

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/telemetry"
)

// Route sends messages of a DLQ back to the queues that they came from. Queue is one.
type Route interface {
	// To returns the URL of the queue that a message goes back to. It returns Conflict with the reason if there is
	// none.
	To(m deadletter.Message) (string, error)
	// Send sends a message there, and returns the id that SQS gave it. Its errors are those of queue.SQS.SendTo.
	Send(ctx context.Context, queueURL string, m queue.Outgoing) (messageID string, err error)
	FIFO() bool
	MaxMessageBytes() int
}

// Limit bounds one redrive.
const Limit = 20 * time.Second

// Send sends a message back, and returns its attempt with message id, outcome, error and latency.
func Send(
	ctx context.Context, route Route, m deadletter.Message, queued envelope.Message, a deadletter.Attempt,
	log *slog.Logger,
) deadletter.Attempt {
	ctx, cancel := context.WithTimeout(ctx, Limit)
	defer cancel()
	started := time.Now()
	var id string
	to, err := route.To(m)
	if err == nil {
		out := outgoing(queued)
		out.Trace = telemetry.ToAWS(a.TraceParent)
		id, err = route.Send(ctx, to, out)
	}
	if err == nil {
		a.MessageID = id
	}
	a.Outcome, a.Error = outcome(err)
	a.Latency = time.Since(started)
	if err != nil && deadletter.KindOf(err) == deadletter.Internal && a.Outcome != deadletter.ErrorResponse {
		log.WarnContext(ctx, "SQS did not confirm a redrive", "err", err)
	}
	return a
}

// outcome classifies the result of a redrive, with an error text for people.
func outcome(err error) (o deadletter.Outcome, fault string) {
	switch {
	case err == nil:
		return deadletter.OutcomeRedriven, ""
	case deadletter.KindOf(err) != deadletter.Internal:
		return deadletter.Unreachable, "Not sent: " + deadletter.TextOf(err)
	case errors.Is(err, queue.ErrUnsent):
		return deadletter.Unreachable, "Not sent: SQS cannot be reached"
	case refused(err):
		return deadletter.ErrorResponse, "SQS does not accept it: " + err.Error()
	}
	return deadletter.Unknown, "SQS did not confirm it: the message may be on its queue"
}

func refused(err error) bool {
	return errors.Is(err, queue.ErrRefused) || errors.Is(err, queue.ErrTooLarge) ||
		errors.Is(err, queue.ErrIllegalBody) || errors.Is(err, queue.ErrIllegalAttribute)
}

func outgoing(m envelope.Message) queue.Outgoing {
	out := queue.Outgoing{
		Body:            m.Body,
		GroupID:         m.GroupID,
		DeduplicationID: m.DeduplicationID,
		Attributes:      map[string]queue.Attribute{},
	}
	for _, a := range m.Attributes {
		out.Attributes[a.Name] = queue.Attribute{Type: a.Type, String: a.Value, Binary: a.Binary}
	}
	return out
}
