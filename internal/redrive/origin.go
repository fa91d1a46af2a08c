package redrive

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"sync"
	"time"

	"dlqdesk/internal/queue"
)

// Origin finds the queue that messages of one DLQ came from.
type Origin struct {
	dlq        *queue.SQS
	configured string
	hint       string

	mu      sync.Mutex
	sources []string // URLs of the queues that have this one for their DLQ
	err     error    // why sources is not known
}

// ErrNoOrigin is the error for a message whose source queue is not known. Its text says why, and what to do.
var ErrNoOrigin = errors.New("there is no queue to redrive to")

// refreshEvery is how often SQS is asked which queues a DLQ serves.
const refreshEvery = 5 * time.Minute

// NewOrigin returns the origin of a DLQ's messages. configured is the URL of the queue that all of them go back to;
// "": the message or SQS names it. hint says what to set where neither does.
func NewOrigin(dlq *queue.SQS, configured, hint string) *Origin {
	return &Origin{dlq: dlq, configured: configured, hint: hint, err: errors.New("it was not asked yet")}
}

// Run keeps asking SQS which queues this DLQ serves, until ctx ends.
func (o *Origin) Run(ctx context.Context) {
	if o.configured != "" {
		return
	}
	for {
		o.Refresh(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(refreshEvery):
		}
	}
}

// Refresh asks SQS once which queues this DLQ serves. If SQS does not respond, the last known list stays.
func (o *Origin) Refresh(ctx context.Context) {
	sources, err := o.dlq.SourceQueues(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil || o.err != nil {
		o.sources, o.err = sources, err
	}
}

// Find returns the URL of the queue that a message came from. arn is the queue that SQS named when it moved the
// message; "": none. The error is an ErrNoOrigin.
func (o *Origin) Find(arn string) (string, error) {
	if o.configured != "" {
		return o.configured, nil
	}
	if arn != "" {
		return o.neighbour(arn)
	}
	return o.onlySource()
}

// FindConfirmed is Find for an ARN that the message's envelope claims, which anyone could have written: SQS must name
// it as a source of the DLQ as well.
func (o *Origin) FindConfirmed(arn string) (string, error) {
	if o.configured != "" || arn == "" {
		return o.Find("")
	}
	to, err := o.neighbour(arn)
	if err != nil {
		return "", err
	}
	name := path.Base(to)
	o.mu.Lock()
	known, err := slices.ContainsFunc(o.sources, func(u string) bool { return path.Base(u) == name }), o.err
	o.mu.Unlock()
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: the message says that it came from %s, and SQS did not confirm it (%w): "+
			"allow sqs:ListDeadLetterSourceQueues, or %s", ErrNoOrigin, name, err, o.hint) // words:ok, AWS's own name
	case !known:
		return "", fmt.Errorf("%w: the message says that it came from %s, which has another DLQ: %s",
			ErrNoOrigin, name, o.hint)
	}
	return to, nil
}

// onlySource returns the one queue that has this DLQ.
func (o *Origin) onlySource() (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.err != nil:
		return "", fmt.Errorf("%w: the message does not say where it came from, and SQS did not tell (%w): "+
			"allow sqs:ListDeadLetterSourceQueues, or %s", ErrNoOrigin, o.err, o.hint) // words:ok, AWS's own name
	case len(o.sources) == 0:
		return "", fmt.Errorf("%w: this queue names no source queue: %s", ErrNoOrigin, o.hint)
	case len(o.sources) > 1:
		return "", fmt.Errorf("%w: %d queues have this DLQ, and the message does not say which it came from: %s",
			ErrNoOrigin, len(o.sources), o.hint)
	}
	return o.sources[0], nil
}

var queueARN = regexp.MustCompile(`^arn:[a-z0-9-]+:sqs:[a-z0-9-]+:([0-9]+):([A-Za-z0-9_.-]{1,80})$`)

// neighbour returns the URL of another queue of the DLQ's account and region, in which its source must be: see "Using
// DLQs" in the SQS developer guide.
func (o *Origin) neighbour(arn string) (string, error) {
	u, err := url.Parse(o.dlq.URL())
	found := queueARN.FindStringSubmatch(arn)
	if err != nil || found == nil || path.Base(path.Dir(u.Path)) != found[1] {
		return "", fmt.Errorf("%w: %q is no queue of this account: %s", ErrNoOrigin, arn, o.hint)
	}
	u.Path = path.Join("/", path.Dir(path.Dir(u.Path)), found[1], found[2])
	return u.String(), nil
}
