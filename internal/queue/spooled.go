package queue

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// SpooledDeps are the parts of a Spooled.
type SpooledDeps struct {
	URL, Region string // of the SQS queue
	Name        string // of the spool in File
	File        *File
	Now         func() time.Time
	Log         *slog.Logger
}

// Spooled is an SQS queue with a spool in front of it. Messages that SQS never accepts are read from the spool itself.
type Spooled struct {
	*Spool
	SQS *SQS

	file *File
}

// OpenSpooled opens an SQS queue. If messages wait for it in the spool, it existed once, and a refusal of SQS is not a
// fault of the configuration: the queue was deleted, and webhooks are received without it.
func OpenSpooled(ctx context.Context, d SpooledDeps) (*Spooled, error) {
	embedded := func(name string) *Embedded { return NewEmbedded(d.File, name, MaxEmbedded, d.Now) }
	depth, err := OpenWaiting(d.URL, embedded, d.Name).Depth(ctx)
	if err != nil {
		return nil, fmt.Errorf("look into the spool: %w", err)
	}
	open := NewSQS
	if depth.Total() > 0 {
		open = NewKnownSQS
	}
	sqs, err := open(ctx, d.URL, d.Region)
	if err != nil {
		return nil, err
	}
	if err := sqs.StartError(); err != nil {
		const away = "an SQS queue is away; what should go there waits on this machine's disk until it is back"
		d.Log.WarnContext(ctx, away, "err", err)
	}
	return &Spooled{NewSpool(sqs, embedded, d.Name, d.Now, d.Log.With("component", "spool")), sqs, d.File}, nil
}

// Watch probes the queue while it does not confirm messages, until ctx ends.
func (s *Spooled) Watch(ctx context.Context) error { return s.Spool.Watch(ctx, s.SQS) }

// Ready returns nil if a message can be stored: in SQS, or in the spool.
func (s *Spooled) Ready(ctx context.Context) error {
	if s.UnavailableSince().IsZero() {
		return nil
	}
	return s.file.Probe(ctx)
}

// TotalDepth returns the number of messages on all queues, and their longest retention. It reads them in order, so a
// message that moves to a later queue meanwhile is counted twice, and never missed.
func TotalDepth(ctx context.Context, queues []DepthReader) (messages int, retention time.Duration, err error) {
	for _, q := range queues {
		depth, err := q.Depth(ctx)
		if err != nil {
			return 0, 0, err
		}
		messages += depth.Total()
		retention = max(retention, depth.Retention)
	}
	return messages, retention, nil
}
