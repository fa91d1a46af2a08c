// Package sampler learns from delivered webhooks: it keeps a sample of their shape and, where it is configured, some of
// them whole and masked. It must not delay a delivery or its answer: it drops what it has no time for.
package sampler

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// Source is what is learnt of the deliveries of a source.
type Source struct {
	Shapes    bool
	Keep      int // webhooks that are kept whole
	EventType []payload.Path
	Masks     *redact.Rules
}

// delivered is a delivered webhook.
type delivered struct {
	source  string
	masks   *redact.Rules
	headers deadletter.Headers
	body    []byte
}

// Store is where samples are saved.
type Store interface {
	SaveSamples(ctx context.Context, samples store.Samples) error
	ForgetSamples(ctx context.Context, shapes, bodies map[string]string) error
	CountDelivered(ctx context.Context, source string) (bodies int, bytes int64, err error)
}

// Sampler samples deliveries. Delivered may be called from many goroutines.
type Sampler struct {
	store    Store
	settings func() map[string]Source
	now      func() time.Time
	log      *slog.Logger

	queue   chan delivered
	sources sync.Map // *atomic.Int64 by source: how many deliveries there were in this run

	// Of the one goroutine that Run is in, and End after it:
	pending   store.Samples
	last      map[string]time.Time // whole bodies: of the latest, by source
	kept      map[string]int       // whole bodies by source
	forgotten map[string]string    // what ForgetSamples was told last
}

// Deps are the parts that a sampler needs.
type Deps struct {
	Store    Store
	Settings func() map[string]Source // as configured at the moment
	Now      func() time.Time
	Log      *slog.Logger
}

// New returns a sampler. It samples nothing before Run.
func New(d Deps) *Sampler {
	return &Sampler{
		store: d.Store, settings: d.Settings, now: d.Now, log: d.Log,
		queue: make(chan delivered, maxWaiting), pending: newSamples(),
		last: map[string]time.Time{}, kept: map[string]int{},
	}
}

func newSamples() store.Samples {
	return store.Samples{Shapes: map[store.ShapeKey]*payload.Shape{}, Keep: map[string]int{}}
}

// What a sampler takes at most. A webhook of 1 KiB takes some 50 µs, and its delivery some 90 µs: one in everyNth adds
// little more than a hundredth. Waiting bodies take 4 MiB, shapes that are not saved yet 10 MiB if all are hostile.
const (
	maxWaiting = 16 // deliveries in the queue, of at most payload.MaxShaped bytes each
	firstAll   = 200
	everyNth   = 50 // of the deliveries of a source, after the firstAll of a run

	// restFactor is how many times as long as it worked the sampler rests: it takes 2 % of one processor at most.
	restFactor = 49
	leastRest  = 20 * time.Millisecond
	saveEvery  = 5 * time.Second
	saveLimit  = 10 * time.Second

	maxPendingShapes = 32 // of sources and event types, until they are saved
	maxPendingBodies = 4  // whole ones of a source, until they are saved
	maxWhole         = 64 << 10
	wholeEvery       = time.Minute // between two whole bodies of a source that has as many as it keeps
)

// Observe takes a webhook into the sample if it was delivered.
func (s *Sampler) Observe(c deadletter.Capture, delivered bool) {
	if delivered {
		s.Delivered(c.Source, s.settings()[c.Source].Masks, c.Headers, c.Body)
	}
}

// Delivered takes a delivered webhook into the sample, if there is time for it. Headers and body are as they were sent,
// and must not change any more. masks are those of the message. It never blocks.
func (s *Sampler) Delivered(source string, masks *redact.Rules, headers deadletter.Headers, body []byte) {
	if len(body) > payload.MaxShaped {
		return
	}
	known, ok := s.sources.Load(source)
	if !ok {
		known, _ = s.sources.LoadOrStore(source, &atomic.Int64{})
	}
	if n := known.(*atomic.Int64).Add(1); n > firstAll && n%everyNth != 0 {
		return
	}
	select {
	case s.queue <- delivered{source, masks, headers, body}:
	default:
	}
}

// Run samples and saves until ctx ends. End must follow.
func (s *Sampler) Run(ctx context.Context) error {
	saving := time.NewTicker(saveEvery)
	defer saving.Stop()
	s.tidy(ctx)
	for {
		var began time.Time
		select {
		case <-ctx.Done():
			return nil
		case <-saving.C:
			began = time.Now()
			s.tidy(ctx)
			s.save(ctx)
		case d := <-s.queue:
			began = time.Now()
			s.take(ctx, d)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(max(leastRest, restFactor*time.Since(began))):
		}
	}
}

// End saves what is waiting, after Run has returned and when nothing is delivered any more.
func (s *Sampler) End(ctx context.Context) error {
	for {
		select {
		case d := <-s.queue:
			s.take(ctx, d)
		default:
			return s.trySave(ctx)
		}
	}
}

// take adds one delivery to the pending samples.
func (s *Sampler) take(ctx context.Context, d delivered) {
	source, ok := s.settings()[d.source]
	// A queue can mask more than the source, and the masks may have changed since the delivery.
	if !ok || !source.Shapes && source.Keep == 0 || d.masks.Name() != source.Masks.Name() {
		return
	}
	text := payload.Decode(d.headers, d.body, payload.MaxShaped)
	key := store.ShapeKey{Source: d.source, EventType: text.EventType(source.EventType), Masks: source.Masks.Name()}
	shape, content := source.Masks.Shape(text)
	if shape == nil {
		return
	}
	if source.Shapes {
		if s.pending.Shapes[key] == nil {
			if len(s.pending.Shapes) == maxPendingShapes {
				s.save(ctx)
			}
			s.pending.Shapes[key] = &payload.Shape{}
		}
		s.pending.Shapes[key].Add(shape)
	}
	if text.IsJSON() || text.Kind == payload.Plain {
		s.keepWhole(source.Keep, store.DeliveredBody{
			ShapeKey: key, At: s.now(), ContentType: contentType(text), Content: content,
		})
	}
}

// contentType returns the type of a decoded content: fields of forms are JSON by now.
func contentType(t payload.Text) string {
	if t.IsJSON() {
		return "application/json"
	}
	return "text/plain; charset=utf-8"
}

// keepWhole keeps a masked body, if the source has room for it or its latest is some time ago.
func (s *Sampler) keepWhole(keep int, b store.DeliveredBody) {
	waiting := 0
	for _, other := range s.pending.Bodies {
		if other.Source == b.Source {
			waiting++
		}
	}
	full := s.kept[b.Source]+waiting >= keep && b.At.Sub(s.last[b.Source]) < wholeEvery
	if full || keep == 0 || waiting == min(keep, maxPendingBodies) || len(b.Content) > maxWhole {
		return
	}
	s.pending.Bodies = append(s.pending.Bodies, b)
	s.last[b.Source] = b.At
}

// save saves the pending samples. What cannot be saved is dropped: later deliveries say the same.
func (s *Sampler) save(ctx context.Context) {
	if err := s.trySave(ctx); err != nil {
		s.log.WarnContext(ctx, "a sample of deliveries could not be saved, and is dropped", "err", err)
	}
}

func (s *Sampler) trySave(ctx context.Context) error {
	samples := s.pending
	s.pending = newSamples()
	if len(samples.Shapes)+len(samples.Bodies) == 0 {
		return nil
	}
	samples.At = s.now()
	for name, source := range s.settings() {
		if source.Keep > 0 {
			samples.Keep[name] = source.Keep
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	err := s.store.SaveSamples(ctx, samples)
	for name := range samples.Keep {
		n, _, countErr := s.store.CountDelivered(ctx, name)
		s.kept[name], err = n, errors.Join(err, countErr)
	}
	return err
}

// tidy deletes what was sampled of sources that no longer want it, or by masks that are no longer in force.
func (s *Sampler) tidy(ctx context.Context) {
	shapes, bodies, all := map[string]string{}, map[string]string{}, map[string]string{}
	for name, source := range s.settings() {
		if source.Shapes {
			shapes[name], all["shapes "+name] = source.Masks.Name(), source.Masks.Name()
		}
		if source.Keep > 0 {
			bodies[name], all["bodies "+name] = source.Masks.Name(), source.Masks.Name()
		}
	}
	if s.forgotten != nil && maps.Equal(all, s.forgotten) {
		return
	}
	for key := range s.pending.Shapes {
		if shapes[key.Source] != key.Masks {
			delete(s.pending.Shapes, key)
		}
	}
	s.pending.Bodies = nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	if err := s.store.ForgetSamples(ctx, shapes, bodies); err != nil {
		s.log.WarnContext(ctx, "samples of deliveries could not be deleted; trying again", "err", err)
		return
	}
	s.forgotten = all
}
