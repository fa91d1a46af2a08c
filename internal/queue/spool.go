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

// Spool sends to a queue, and keeps on this machine's disk what the queue does not confirm until it does.
type Spool struct {
	to       BatchSender
	batcher  *Batcher
	waiting  *Embedded // for the queue
	stranded *Embedded // what the queue will never take
	fifo     bool
	now      func() time.Time
	log      *slog.Logger

	mu         sync.Mutex
	outage     Outage
	pause      time.Duration
	nextTry    time.Time // when the queue is tried again
	lastResult time.Time // when a message told whether the queue is there
	byCheck    bool      // that it is away is known from asking it, and not from a message
}

// Away says since when a queue confirms nothing, and why. The zero Away means that it does.
type Outage struct {
	Since time.Time
	Err   error
}

// SpoolState is what a spool holds.
type SpoolState struct {
	Outage   Outage
	Waiting  Depth // for the queue
	Stranded Depth // to be read from here, because the queue never takes it
}

const (
	// sendBudget is how long the queue may take to confirm a message before it is kept here.
	sendBudget = 2 * time.Second

	// leastAway and mostAway bound the time between two tries at a queue that confirms nothing.
	minPause = time.Second
	maxPause = 5 * time.Second

	// strandedSuffix names the queue of what never fits beside the one of what waits.
	strandedSuffix = "-stranded"
)

// NewSpool makes a spool in front of a queue, which keeps its messages in embedded queues whose names begin with
// name; open answers these. The caller closes it, after its senders and Run.
func NewSpool(
	to BatchSender,
	open func(name string) *Embedded,
	name string,
	now func() time.Time,
	log *slog.Logger,
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

// WaitingFor returns the embedded queue in which a spool keeps what waits for a queue, given that one's name or URL.
func OpenWaiting(to string, open func(name string) *Embedded, name string) *Embedded {
	if strings.HasSuffix(to, fifoSuffix) {
		name += fifoSuffix // so that groups and deduplication ids wait with their messages
	}
	return open(name)
}

// Close returns when no call is under way any more.
func (s *Spool) Close() { s.batcher.Close() }

// Name names the queue that is sent to.
func (s *Spool) Name() string { return s.to.Name() }

// System is that of the queue: it is where messages go to from here.
func (s *Spool) System() string { return systemSQS }

// MaxMessageBytes is the largest message that the queue itself takes. A larger one is kept as well: it is stranded.
func (s *Spool) MaxMessageBytes() int { return s.to.MaxMessageBytes() }

// Stranded is the queue of messages that the other one never takes. They are to be read from here.
func (s *Spool) Stranded() *Embedded { return s.stranded }

// Waiting is the queue of messages that wait for the other one. The spool alone takes them from it.
func (s *Spool) Waiting() *Embedded { return s.waiting }

// AwaySince returns since when the queue confirms nothing; the zero time: it does.
func (s *Spool) UnavailableSince() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outage.Since
}

// State returns what the spool holds and why.
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

// Send sends messages and returns for each whether it is kept: by the queue, or on this machine's disk.
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

// holdBack returns why the queue is not to be asked; nil: it is. While it is away, one sender does so from time to
// time.
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

func (s *Spool) send(ctx context.Context, list []Outgoing, places []int, errs []error) {
	answers := s.batcher.Send(ctx, messagesAt(list, places))
	for n, i := range places {
		errs[i] = answers[n]
	}
	s.recordResults(answers)
}

// at returns the messages at these places.
func messagesAt(list []Outgoing, places []int) []Outgoing {
	those := make([]Outgoing, len(places))
	for n, i := range places {
		those[n] = list[i]
	}
	return those
}

// note takes down whether the queue is there: it is where it refuses one message, as against answering nothing at all.
func (s *Spool) recordResults(answers []error) {
	for _, err := range answers {
		if !errors.Is(err, ErrUnavailable) {
			s.recordRecovery()
			return
		}
	}
	if len(answers) > 0 {
		s.recordOutage(answers[0])
	}
}

// isNever reports whether the queue will take a message no later either.
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
		s.log.Error(
			"the queue does not confirm messages; they are kept on this machine's disk until it does",
			"queue",
			s.to.Name(),
			"err",
			err,
		)
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

// keepHere puts on disk what the queue did not take.
func (s *Spool) store(ctx context.Context, list []Outgoing, errs []error) []error {
	for i, err := range errs {
		if err == nil {
			continue
		}
		q := s.waiting
		if isPermanent(err) {
			q = s.stranded
		}
		kept := q.Send(ctx, list[i:i+1])[0]
		if kept != nil {
			errs[i] = fmt.Errorf("%w; and it could not be kept on disk: %w", err, kept)
			continue
		}
		errs[i] = nil
	}
	return errs
}
