package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Spool sends to an SQS queue, and stores on this machine's disk the messages that the queue does not confirm.
type Spool struct {
	to       BatchSender
	batcher  *Batcher
	waiting  *Embedded // for the queue
	stranded *Embedded // messages that the queue will never accept
	fifo     bool
	now      func() time.Time
	log      *slog.Logger

	mu         sync.Mutex
	outage     Outage
	pause      time.Duration
	nextTry    time.Time // when the queue is tried again
	lastResult time.Time // of sending a message
	byCheck    bool      // a check noticed the outage, and not a message
}

// Outage says since when a queue confirms nothing, and why. The zero Outage means that the queue is available.
type Outage struct {
	Since time.Time
	Err   error
}

// SpoolState is the depth of a spool and the outage that filled it.
type SpoolState struct {
	Outage   Outage
	Waiting  Depth // for the queue
	Stranded Depth // never accepted by the queue; received from here
}

const (
	// sendBudget is how long the queue may take to confirm a message before it is stored here.
	sendBudget = 2 * time.Second

	// minPause and maxPause bound the time between two tries at a queue that confirms nothing.
	minPause = time.Second
	maxPause = 5 * time.Second

	// strandedSuffix names the embedded queue of messages that the other queue never accepts.
	strandedSuffix = "-stranded"
)

// NewSpool returns a spool in front of a queue. It stores messages in embedded queues whose names begin with name,
// which open opens. The caller closes the spool after its senders and Run have ended.
func NewSpool(
	to BatchSender, open func(name string) *Embedded, name string, now func() time.Time, log *slog.Logger,
) *Spool {
	s := &Spool{
		to:      to,
		batcher: NewBatcher(to, sendBudget),
		fifo:    strings.HasSuffix(to.Name(), fifoSuffix),
		now:     now,
		log:     log,
	}
	s.stranded, s.waiting = open(name+strandedSuffix), OpenWaiting(to.Name(), open, name)
	return s
}

// OpenWaiting opens the embedded queue in which a spool stores messages for a queue, given the name or URL of that
// queue.
func OpenWaiting(to string, open func(name string) *Embedded, name string) *Embedded {
	if strings.HasSuffix(to, fifoSuffix) {
		name += fifoSuffix // so that groups and deduplication ids wait with their messages
	}
	return open(name)
}

// Close returns when no call is under way.
func (s *Spool) Close() { s.batcher.Close() }

// Name returns the name of the queue behind the spool.
func (s *Spool) Name() string { return s.to.Name() }

// System returns the value of messaging.system for telemetry: that of the queue behind the spool.
func (s *Spool) System() string { return systemSQS }

// MaxMessageBytes returns the size of the largest message that the queue accepts. A larger one is stored too, as
// stranded.
func (s *Spool) MaxMessageBytes() int { return s.to.MaxMessageBytes() }

// Stranded returns the embedded queue of messages that the other queue never accepts. They are received from there.
func (s *Spool) Stranded() *Embedded { return s.stranded }

// Waiting returns the embedded queue of messages for the other queue. Only the spool receives from it.
func (s *Spool) Waiting() *Embedded { return s.waiting }

// UnavailableSince returns since when the queue confirms nothing; the zero time if it is available.
func (s *Spool) UnavailableSince() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outage.Since
}

// State returns the depth of the spool, and the outage if there is one.
func (s *Spool) State(ctx context.Context) (SpoolState, error) {
	s.mu.Lock()
	state := SpoolState{Outage: s.outage}
	s.mu.Unlock()
	var err error
	if state.Waiting, err = s.waiting.Depth(ctx); err != nil {
		return state, err
	}
	state.Stranded, err = s.stranded.Depth(ctx)
	return state, err
}

// Send sends messages. It returns an error for each message that neither the queue has confirmed nor this machine's
// disk.
func (s *Spool) Send(ctx context.Context, list []Outgoing) []error {
	errs := make([]error, len(list))
	var fitting []int
	for i, o := range list {
		if o.size() > s.to.MaxMessageBytes() {
			errs[i] = ErrTooLarge
		} else {
			fitting = append(fitting, i)
		}
	}
	if reason := s.reasonToWait(ctx); reason == nil {
		s.send(ctx, list, fitting, errs)
	} else {
		for _, i := range fitting {
			errs[i] = reason
		}
	}
	return s.store(ctx, list, errs)
}

var errBehind = errors.New("other messages wait for the queue, and nothing may overtake them")

// reasonToWait returns why messages must go to disk and not to the queue; nil if the queue is to be tried. During an
// outage one sender tries it from time to time.
func (s *Spool) reasonToWait(ctx context.Context) error {
	if s.fifo {
		if depth, err := s.waiting.Depth(ctx); err != nil || depth.Visible+depth.InFlight > 0 {
			return errBehind
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if s.outage.Err == nil || now.Before(s.nextTry) {
		return s.outage.Err
	}
	s.nextTry = now.Add(s.pause)
	return nil
}

func (s *Spool) send(ctx context.Context, list []Outgoing, indexes []int, errs []error) {
	results := s.batcher.Send(ctx, messagesAt(list, indexes))
	for n, i := range indexes {
		errs[i] = results[n]
	}
	s.recordResults(results)
}

// messagesAt returns the messages at the given indexes of a list.
func messagesAt(list []Outgoing, indexes []int) []Outgoing {
	messages := make([]Outgoing, len(indexes))
	for n, i := range indexes {
		messages[n] = list[i]
	}
	return messages
}

// recordResults records whether the queue is available. A queue that refuses a message is: during an outage it does not
// respond at all.
func (s *Spool) recordResults(results []error) {
	for _, err := range results {
		if !errors.Is(err, ErrUnavailable) {
			s.recordRecovery()
			return
		}
	}
	if len(results) > 0 {
		s.recordOutage(results[0])
	}
}

// isPermanent reports whether the queue will not accept the message later either.
func isPermanent(err error) bool { return errors.Is(err, ErrTooLarge) || errors.Is(err, ErrRefused) }

func (s *Spool) recordOutage(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastResult, s.byCheck = s.now(), false
	s.setUnavailable(err)
}

func (s *Spool) setUnavailable(err error) {
	if s.outage.Err == nil {
		s.outage.Since, s.pause = s.now(), minPause
		s.log.Error("the queue does not confirm messages; they are kept on this machine's disk until it does",
			"queue", s.to.Name(), "err", err)
	} else {
		s.pause = min(2*s.pause, maxPause)
	}
	s.outage.Err, s.nextTry = err, s.now().Add(s.pause)
}

func (s *Spool) recordRecovery() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastResult = s.now()
	s.setAvailable()
}

func (s *Spool) setAvailable() {
	if s.outage.Err != nil {
		s.log.Info("the queue confirms messages again", "queue", s.to.Name(), "away", s.now().Sub(s.outage.Since))
	}
	s.outage = Outage{}
}

// store writes to disk the messages that the queue did not accept.
func (s *Spool) store(ctx context.Context, list []Outgoing, errs []error) []error {
	for i, err := range errs {
		if err == nil {
			continue
		}
		q := s.waiting
		if isPermanent(err) {
			q = s.stranded
		}
		if diskErr := q.Send(ctx, list[i:i+1])[0]; diskErr != nil {
			errs[i] = fmt.Errorf("%w; and it could not be stored on disk: %w", err, diskErr)
			continue
		}
		errs[i] = nil
	}
	return errs
}
