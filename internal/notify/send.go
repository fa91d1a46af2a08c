package notify

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// Sender sends the deliveries that are due in the store to their sinks. A sink gets one after the other, and no sink
// waits for another one.
type Sender struct {
	deps   SenderDeps
	kick   chan struct{}
	errors telemetry.RepeatedError

	latest time.Time // when it last looked for what is due

	mu    sync.Mutex
	busy  map[string]bool  // sinks that are being told
	pause map[string]pause // for which sinks asked
}

// pause is how long a sink is to be left alone since a time.
type pause struct {
	since time.Time
	wait  time.Duration
}

// SenderDeps are the parts that a Sender works with.
type SenderDeps struct {
	Store *store.Store
	Sink  func(name string) (Sink, bool) // as configured at the moment
	// Show returns an alert masked by the masks in force, with the causes that it tells about.
	Show func(ctx context.Context, id deadletter.AlertID) (deadletter.Alert, error)
	Desk string // the address of the desk for links, without a slash at its end; "": there are none
	Name string // of the desk
	// Deliveries ends when what is under way is to be cut off.
	Deliveries context.Context //nolint:containedctx // of what outlives Run's
	Observe    func(sink string, state deadletter.AlertDeliveryState)
	Now        func() time.Time
	Log        *slog.Logger
}

const (
	sendEvery   = time.Second
	sendTimeout = 15 * time.Second // well under deadletter.AlertLease
)

// NewSender returns a sender that is idle.
func NewSender(deps SenderDeps) *Sender {
	return &Sender{
		deps: deps, kick: make(chan struct{}, 1), busy: map[string]bool{}, pause: map[string]pause{},
	}
}

// Kick lets the sender look at once. It does not block.
func (s *Sender) Kick() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Run sends until ctx ends, and returns when nothing is under way any more.
func (s *Sender) Run(ctx context.Context) error {
	if err := s.deps.Store.ReleaseAlerts(ctx, s.deps.Now()); err != nil {
		s.report(ctx, err)
	}
	var telling sync.WaitGroup
	defer telling.Wait()
	tick := time.NewTicker(sendEvery)
	defer tick.Stop()
	for {
		sinks, err := s.dueSinks(ctx)
		if ctx.Err() == nil {
			s.report(ctx, err)
		}
		for _, sink := range sinks {
			if s.begin(sink) {
				telling.Go(func() { s.tellAll(ctx, sink) })
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.kick:
		case <-tick.C:
		}
	}
}

// dueSinks returns the sinks that are to be told something now. If the clock was set back, so is what waits.
func (s *Sender) dueSinks(ctx context.Context) ([]string, error) {
	at := s.deps.Now()
	if at.Before(s.latest) {
		if err := s.deps.Store.SetAlertsBack(ctx, at); err != nil {
			return nil, err
		}
	}
	s.latest = at
	return s.deps.Store.DueSinks(ctx, at)
}

// begin reports whether a sink can be told something now, and nothing else tells it.
func (s *Sender) begin(sink string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pause[sink]
	if s.busy[sink] || !deadletter.Elapsed(p.since, s.deps.Now(), p.wait) {
		return false
	}
	s.busy[sink] = true
	return true
}

// tellAll tells a sink all that is due.
func (s *Sender) tellAll(ctx context.Context, sink string) {
	more, err := true, error(nil)
	for more && err == nil && ctx.Err() == nil {
		more, err = s.tell(ctx, sink)
	}
	if ctx.Err() == nil {
		s.report(ctx, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, sink)
}

// Once tells every sink what is due, and returns when that is done. It must not be called while Run runs.
func (s *Sender) Once(ctx context.Context) error {
	sinks, err := s.dueSinks(ctx)
	for _, sink := range sinks {
		for more := s.begin(sink); more && err == nil; {
			more, err = s.tell(ctx, sink)
		}
		s.mu.Lock()
		delete(s.busy, sink)
		s.mu.Unlock()
	}
	return err
}

// tell tells a sink the next thing. It returns false if nothing more is due, or the sink is to be left alone.
func (s *Sender) tell(ctx context.Context, sink string) (more bool, err error) {
	d, err := s.claim(ctx, sink)
	switch deadletter.KindOf(err) {
	case deadletter.NotFound:
		return false, nil
	case deadletter.Conflict: // it ended meanwhile
		return true, nil
	}
	if err != nil {
		return false, err
	}
	began := time.Now()
	result := s.send(ctx, d)
	// The store takes the result even if the program is about to stop.
	recorded := context.WithoutCancel(ctx)
	err = s.deps.Store.Write(recorded, func(ctx context.Context, tx *store.Tx) error {
		next, err := tx.EndAlertTry(ctx, d, result, s.deps.Now())
		d = next
		return err
	})
	if deadletter.KindOf(err) == deadletter.Conflict {
		return true, nil // its lease ended: another try tells it
	}
	if err != nil {
		return false, err
	}
	s.note(ctx, d, time.Since(began))
	if result.RetryAfter > 0 {
		s.mu.Lock()
		s.pause[sink] = pause{s.deps.Now(), min(result.RetryAfter, maxPause)}
		s.mu.Unlock()
		return false, nil
	}
	return true, nil
}

// maxPause bounds how long a sink can ask to be left alone.
const maxPause = time.Hour

// claim writes that a try begins, before anything is sent.
func (s *Sender) claim(ctx context.Context, sink string) (deadletter.AlertDelivery, error) {
	d, err := s.deps.Store.DueAlertDelivery(ctx, sink, s.deps.Now())
	if err != nil {
		return d, err
	}
	next := d.Begin(rand.Text(), s.deps.Now())
	return next, s.deps.Store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.WriteAlertDelivery(ctx, d, next)
	})
}

// send sends what a delivery is about. It is cut off when deliveries are, not when ctx ends.
func (s *Sender) send(ctx context.Context, d deadletter.AlertDelivery) deadletter.AlertResult {
	sink, ok := s.deps.Sink(d.Sink)
	if !ok {
		return deadletter.AlertResult{Error: "this sink is not configured any more", Permanent: true}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	defer context.AfterFunc(s.deps.Deliveries, cancel)()
	n, err := s.notice(ctx, d)
	if err == nil {
		err = sink.Send(ctx, n)
	}
	return resultOf(err)
}

func resultOf(err error) deadletter.AlertResult {
	if err == nil {
		return deadletter.AlertResult{}
	}
	r := deadletter.AlertResult{Error: err.Error()}
	if told, ok := errors.AsType[*SendError](err); ok {
		r.Permanent, r.Partly, r.RetryAfter = told.Permanent, told.Partly, told.RetryAfter
	}
	return r
}

// notice returns what a sink is told.
func (s *Sender) notice(ctx context.Context, d deadletter.AlertDelivery) (Notice, error) {
	n := Notice{ID: d.Notice, Event: d.Event, At: d.MadeAt, Desk: s.deps.Name}
	if d.Event == deadletter.AlertTest {
		n.Alert = deadletter.TestAlert(d)
	} else {
		a, err := s.deps.Show(ctx, d.Alert)
		if err != nil {
			return n, err
		}
		n.Alert = a
	}
	n.Links = s.links(n.Alert)
	return n, nil
}

// links returns the addresses of what an alert is about, and of the alert; none if the desk has no address.
func (s *Sender) links(a deadletter.Alert) (list []Link) {
	if s.deps.Desk == "" {
		return nil
	}
	itself := desk.AlertLink{Label: "Alert", Path: "/alerts/" + a.ID.String()}
	if a.ID == 0 {
		itself = desk.AlertLink{Label: "Alerts", Path: "/alerts"}
	}
	for _, l := range append(desk.AlertLinks(a), itself) {
		list = append(list, Link{oneLine(l.Label), s.deps.Desk + l.Path})
	}
	return list
}

func (s *Sender) note(ctx context.Context, d deadletter.AlertDelivery, took time.Duration) {
	s.deps.Observe(d.Sink, d.State)
	log := s.deps.Log.With("sink", d.Sink, "alert", d.Alert, "event", d.Event, "try", d.Tries, "took", took)
	switch d.State {
	case deadletter.AlertSent:
		if d.Error != "" {
			log.WarnContext(ctx, "a sink told not all of an alert", "err", d.Error)
			return
		}
		log.InfoContext(ctx, "a sink was told of an alert")
	case deadletter.AlertGivenUp:
		log.ErrorContext(ctx, "a sink could not be told of an alert", "err", d.Error)
	case deadletter.AlertDropped:
		log.InfoContext(ctx, "an alert ended before a sink took it", "err", d.Error)
	case deadletter.AlertWaiting:
		log.WarnContext(ctx, "a sink did not take an alert; trying again", "err", d.Error)
	}
}

// report logs an error that lasts, and its end.
func (s *Sender) report(ctx context.Context, err error) {
	s.errors.Report(ctx, s.deps.Log, err, s.deps.Now(), "cannot send alerts; trying again", "alerts can be sent again")
}
