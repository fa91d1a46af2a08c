package desk

import (
	"context"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// Differences are how failed webhooks differ from delivered ones of their source.
type Differences struct {
	Off       bool   // the deliveries of the source are not sampled
	EventType string // of all that are compared; "": see AllTypes
	AllTypes  bool   // no webhook of the event type was delivered, so those of all types are compared
	Failed    int    // that are compared: the newest
	Delivered int    // in the sample
	Others    int    // failed ones of other event types, which are left out
	Unread    int    // failed ones that are too large, or cannot be read
	Rows      []payload.Difference
}

const (
	// The newest messages of a cause are read up to these bounds, which takes some 30 ms.
	maxFailedBodies = 300
	maxFailedBytes  = 4 << 20

	// differencesFor is how long the differences of a cause are shown before they are found again.
	differencesFor = 10 * time.Second

	maxDifferences = 100 // causes whose differences are remembered
)

// differencesCache remembers the differences of causes.
type differencesCache struct {
	mu      sync.Mutex
	byCause map[causeKey]cachedDifferences
}

type causeKey struct{ fingerprint, masks string }

type cachedDifferences struct {
	Differences
	until time.Time
}

// CauseDifferences returns how the messages of a cause differ from delivered webhooks. It may be some seconds old. It
// returns NotFound for a cause that does not exist, or that the actor does not reach.
func (d *Desk) CauseDifferences(
	ctx context.Context, by deadletter.Actor, fingerprint string,
) (Differences, error) {
	if err := by.May(deadletter.ActView); err != nil {
		return Differences{}, err
	}
	c, err := d.store.Cause(ctx, fingerprint)
	if err == nil {
		err = by.Reaches(c.Source, "cause "+fingerprint)
	}
	if err != nil {
		return Differences{}, err
	}
	key, now := causeKey{c.Fingerprint, string(d.masks().Digest())}, d.now()
	d.differences.mu.Lock()
	cached := d.differences.byCause[key]
	d.differences.mu.Unlock()
	if now.Before(cached.until) {
		return cached.Differences, nil
	}
	found, err := d.findDifferences(ctx, c.Fingerprint)
	if err != nil {
		return found, err
	}
	d.differences.mu.Lock()
	defer d.differences.mu.Unlock()
	if len(d.differences.byCause) >= maxDifferences || d.differences.byCause == nil {
		d.differences.byCause = map[causeKey]cachedDifferences{}
	}
	d.differences.byCause[key] = cachedDifferences{found, now.Add(differencesFor)}
	return found, nil
}

func (d *Desk) findDifferences(ctx context.Context, fingerprint string) (Differences, error) {
	failed := failedShapes{byType: map[string]*payload.Shape{}, masks: d.masks()}
	err := d.store.EachFailedBody(ctx, fingerprint, payload.MaxShaped, maxFailedBodies, failed.add)
	if err != nil {
		return Differences{}, err
	}
	return d.compare(ctx, failed)
}

// MessageDifferences returns how a revision of a message differs from delivered webhooks.
func (d *Desk) MessageDifferences(
	ctx context.Context, m deadletter.Message, r deadletter.Revision,
) (Differences, error) {
	failed := failedShapes{byType: map[string]*payload.Shape{}, masks: d.masks()}
	b := store.FailedBody{Source: m.Source, EventType: m.EventType, Queue: m.Queue.ConfigName, Headers: r.Headers}
	if !r.IsHead() {
		b.Body = r.Body
	}
	failed.add(b)
	return d.compare(ctx, failed)
}

// DifferencesOf is MessageDifferences for a revision by its number.
func (d *Desk) DifferencesOf(
	ctx context.Context, by deadletter.Actor, id deadletter.ID, number int,
) (Differences, error) {
	v, err := d.Message(ctx, by, id)
	if err != nil {
		return Differences{}, err
	}
	r, err := d.store.Revision(ctx, id, number)
	if err != nil {
		return Differences{}, err
	}
	return d.MessageDifferences(ctx, v.Message, r)
}

// failedShapes are the shapes of failed webhooks of one source.
type failedShapes struct {
	masks  *redact.Masks
	source string
	byType map[string]*payload.Shape
	bytes  int
	unread int
}

// add adds a body, and reports whether more may be read.
func (f *failedShapes) add(b store.FailedBody) (more bool) {
	f.source = b.Source
	f.bytes += len(b.Body)
	var shape *payload.Shape
	if b.Body != nil {
		text := payload.Decode(b.Headers, b.Body, payload.MaxShaped)
		shape, _ = f.masks.Of(b.Queue, b.Source).Shape(text)
	}
	if shape == nil {
		f.unread++
	} else {
		if f.byType[b.EventType] == nil {
			f.byType[b.EventType] = &payload.Shape{}
		}
		f.byType[b.EventType].Add(shape)
	}
	return f.bytes < maxFailedBytes
}

// usual returns the event type that most of the bodies have.
func (f *failedShapes) usual() (eventType string, bodies int) {
	for name, shape := range f.byType {
		if shape.Bodies > bodies || shape.Bodies == bodies && name < eventType {
			eventType, bodies = name, shape.Bodies
		}
	}
	return eventType, bodies
}

// all returns the shape of all bodies.
func (f *failedShapes) all() *payload.Shape {
	all := &payload.Shape{}
	for _, shape := range f.byType {
		all.Add(shape)
	}
	return all
}

// compare compares the bodies of the event type that most have with delivered ones of the same type: types differ by
// nature. If none of that type was delivered, it compares those of all types.
func (d *Desk) compare(ctx context.Context, f failedShapes) (Differences, error) {
	source, ok := d.Source(f.source)
	result := Differences{Off: !ok || !source.Shapes, Unread: f.unread}
	eventType, bodies := f.usual()
	if result.Off || bodies == 0 {
		return result, nil
	}
	failed, masks := f.byType[eventType], f.masks.Of("", f.source).Name()
	delivered, err := d.store.Shape(ctx, store.ShapeKey{Source: f.source, EventType: eventType, Masks: masks})
	if err != nil {
		return result, err
	}
	all := f.all()
	result.EventType, result.Others = eventType, all.Bodies-failed.Bodies
	if delivered.Bodies == 0 {
		failed, result.AllTypes, result.EventType, result.Others = all, true, "", 0
		if delivered, err = d.store.ShapeOfSource(ctx, f.source, masks); err != nil {
			return result, err
		}
	}
	result.Failed, result.Delivered = failed.Bodies, delivered.Bodies
	result.Rows = payload.Differences(failed, delivered)
	return result, nil
}

// NearestDelivered returns the delivered webhook, of those that are kept whole, that is most like a revision of a
// message. It returns NotFound if there is none.
func (d *Desk) NearestDelivered(
	ctx context.Context, m deadletter.Message, r deadletter.Revision,
) (store.DeliveredBody, error) {
	list, err := d.store.DeliveredBodies(ctx, m.Source, d.masks().Of("", m.Source).Name())
	if err != nil {
		return store.DeliveredBody{}, err
	}
	text := payload.DecodeHead(r.Headers, r.Body, payload.MaxShaped)
	text.Cut = false // its beginning says enough
	own, _ := d.masks().Of(m.Queue.ConfigName, m.Source).Shape(text)
	var nearest store.DeliveredBody
	best := -1.0
	for _, b := range list {
		likeness := 0.0
		other := payload.ShapeOf(payload.Decode(b.Headers(), b.Content, payload.MaxShaped), redact.Mask)
		if own != nil && other != nil {
			likeness = own.Likeness(other)
		}
		if b.EventType == m.EventType {
			likeness++
		}
		if likeness > best {
			nearest, best = b, likeness
		}
	}
	if best < 0 {
		return nearest, deadletter.Errorf(deadletter.NotFound,
			"No delivered webhook of this source is kept whole. Set keep_delivered for it, and wait for deliveries.")
	}
	return nearest, nil
}

// KeptDelivered returns a delivered webhook that is kept whole, to compare a message with. It returns NotFound if it is
// not of the source of the message, or no longer kept.
func (d *Desk) KeptDelivered(ctx context.Context, m deadletter.Message, n int64) (store.DeliveredBody, error) {
	return d.store.DeliveredBody(ctx, n, m.Source, d.masks().Of("", m.Source).Name())
}
