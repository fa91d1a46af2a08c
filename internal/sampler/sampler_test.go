package sampler_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/sampler"
	"dlqdesk/internal/store"
)

type bundle struct {
	*sampler.Sampler
	store    *store.Store
	clock    *desktest.Clock
	settings map[string]sampler.Source
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{store: desktest.NewStore(t), clock: desktest.NewClock(), settings: map[string]sampler.Source{
		"genesys": {Shapes: true, EventType: payload.AnyEventType(), Masks: redact.New(redact.Options{})},
	}}
	b.Sampler = sampler.New(sampler.Deps{
		Store: b.store, Settings: func() map[string]sampler.Source { return b.settings }, Now: b.clock.Now,
		Log: desktest.Log(t),
	})
	return b
}

// deliver delivers bodies of a source by its masks, and saves what was sampled.
func (b *bundle) deliver(t *testing.T, source string, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		b.Delivered(source, b.settings[source].Masks, deadletter.Headers{}, []byte(body))
		b.save(t)
	}
}

func (b *bundle) save(t *testing.T) {
	t.Helper()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Run(ended); err != nil {
		t.Fatal(err)
	}
	if err := b.End(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) shape(t *testing.T, source, eventType string) *payload.Shape {
	t.Helper()
	shape, err := b.store.Shape(t.Context(), store.ShapeKey{
		Source: source, EventType: eventType, Masks: b.settings[source].Masks.Name(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return shape
}

func (b *bundle) bodies(t *testing.T, source string) (list []string) {
	t.Helper()
	kept, err := b.store.DeliveredBodies(t.Context(), source, b.settings[source].Masks.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kept {
		list = append(list, string(k.Content))
	}
	return list
}

func TestDeliveriesAreSampledBySourceAndEventType(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.settings["other"] = b.settings["genesys"]
	b.deliver(t, "genesys", `{"eventType":"end","n":1}`, `{"eventType":"end","n":2}`, `{"eventType":"start"}`, `{}`)
	b.deliver(t, "other", `{"eventType":"end"}`)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte(`{"eventType":"end","n":3}`))
	_ = w.Close()
	b.Delivered(
		"genesys",
		b.settings["genesys"].Masks,
		deadletter.Headers{"Content-Encoding": {"gzip"}},
		packed.Bytes(),
	)
	b.Delivered("unknown", nil, deadletter.Headers{}, []byte(`{}`))
	b.Delivered("genesys", b.settings["genesys"].Masks, deadletter.Headers{}, make([]byte, payload.MaxShaped+1))
	b.save(t)
	for eventType, want := range map[string]int{"end": 3, "start": 1, "": 1, "none": 0} {
		if got := b.shape(t, "genesys", eventType).Bodies; got != want {
			t.Errorf("%d bodies of type %q, want %d", got, eventType, want)
		}
	}
	if all, err := b.store.ShapeOfSource(t.Context(), "genesys", b.settings["genesys"].Masks.Name()); err != nil ||
		all.Bodies != 5 {
		t.Errorf("all: %+v, %v", all, err)
	}
}

// A platform, or an attacker, that names ever new event types does not fill the store.
func TestEventTypesBeyondTheBoundShareOneShape(t *testing.T) {
	t.Parallel()
	for _, atOnce := range []int{1, 15} {
		b := setup(t)
		for i := range 60 {
			body := fmt.Sprintf(`{"eventType":"type %d"}`, i)
			b.Delivered("genesys", b.settings["genesys"].Masks, deadletter.Headers{}, []byte(body))
			if (i+1)%atOnce == 0 {
				b.save(t)
			}
		}
		if got := b.shape(t, "genesys", "").Bodies; got != 10 {
			t.Errorf("%d of 60 bodies share the last shape, saved %d at once", got, atOnce)
		}
	}
}

// The queue takes what the sampler has time for: the rest is dropped, and no delivery waits.
func TestDeliveredDropsWhatTheSamplerHasNoTimeFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	send := func(n int) {
		for range n {
			b.Delivered("genesys", b.settings["genesys"].Masks, deadletter.Headers{}, []byte(`{}`))
		}
		b.save(t)
	}
	send(1000)
	first := b.shape(t, "genesys", "").Bodies
	if first == 0 || first > 16 {
		t.Errorf("%d of 1,000 at once were sampled", first)
	}
	send(100)
	if got := b.shape(t, "genesys", "").Bodies - first; got != 2 {
		t.Errorf("%d of the next 100 were sampled, want one in 50", got)
	}
}

// No sample has masked values. When the masks change, samples of the masks before are deleted: they may have values
// that are masked now.
func TestSamplesAreMaskedAndForgottenWhenMasksChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	masks := func(names ...string) sampler.Source {
		return sampler.Source{
			Shapes: true, Keep: 2, EventType: payload.AnyEventType(),
			Masks: redact.New(redact.Options{Names: names}),
		}
	}
	b.settings["genesys"], b.settings["other"] = masks("ssn"), masks()
	const body = `{"ssn":"one","tier":"two","level":"three"}`
	b.deliver(t, "genesys", body, body)
	b.deliver(t, "other", body)
	text, _ := json.Marshal(b.shape(t, "genesys", ""))
	if kept := b.bodies(t, "genesys"); len(kept) != 2 || strings.Contains(kept[0]+string(text), "one") ||
		!strings.Contains(string(text), `"two":2`) {
		t.Errorf("kept %q, shape %s", kept, text)
	}
	before := b.settings["genesys"].Masks
	b.settings["genesys"] = masks("ssn", "tier")
	b.Delivered("genesys", before, deadletter.Headers{}, []byte(body)) // began before the change
	b.save(t)
	if kept := b.bodies(t, "genesys"); len(kept) != 0 || b.shape(t, "genesys", "").Bodies != 0 {
		t.Errorf("after a change of the masks there are %q", kept)
	}
	if n, bytes, err := b.store.CountDelivered(t.Context(), "genesys"); n != 0 || bytes != 0 || err != nil {
		t.Errorf("%d bodies of %d bytes are still stored: %v", n, bytes, err)
	}
	if len(b.bodies(t, "other")) != 1 || b.shape(t, "other", "").Bodies != 1 {
		t.Error("another source forgot its sample")
	}
}

// Whole bodies are kept where a source asks for it: so many, of every event type, and newer ones take the place of old.
func TestDeliveredBodiesAreKeptOnRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver(t, "genesys", `{"n":0}`)
	if kept := b.bodies(t, "genesys"); len(kept) != 0 {
		t.Errorf("kept %q unasked", kept)
	}
	source := b.settings["genesys"]
	source.Keep, source.Shapes = 3, false
	b.settings["genesys"] = source
	b.deliver(t, "genesys", `{"type":"rare"}`)
	for i := range 6 {
		b.deliver(t, "genesys", fmt.Sprintf(`{"n":%d}`, i))
	}
	if got := fmt.Sprint(b.bodies(t, "genesys")); got != `[{"n":1} {"n":0} {"type":"rare"}]` {
		t.Errorf("kept %s", got)
	}
	b.clock.Add(time.Minute)
	b.deliver(t, "genesys", `{"n":7}`, `{"n":8}`)
	if got := fmt.Sprint(b.bodies(t, "genesys")); got != `[{"n":7} {"n":1} {"type":"rare"}]` {
		t.Errorf("a minute later kept %s", got)
	}
	b.deliver(t, "genesys", `{"a":"`+strings.Repeat("x", 64<<10)+`"}`, "\x00\x01")
	if b.shape(t, "genesys", "").Bodies != 0 {
		t.Error("a shape is sampled although it is turned off")
	}
	source.Keep = 0
	b.settings["genesys"] = source
	b.save(t)
	if n, _, err := b.store.CountDelivered(t.Context(), "genesys"); n != 0 || err != nil {
		t.Errorf("%d bodies are stored although none is to be kept: %v", n, err)
	}
}
