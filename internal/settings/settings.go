// Package settings turns a configuration into what each part of the program takes from it: destinations, retry
// policies, masks, verifiers. Settings never change; a reload makes new ones, and parts look up what they need at each
// use. The package must not open a queue, a store or a listener.
package settings

import (
	"cmp"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/doctor"
	"dlqdesk/internal/ingest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/receiver"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/sampler"
	"dlqdesk/internal/verify"
	"dlqdesk/internal/worker"
)

// Settings are what the parts of the program take from one configuration.
type Settings struct {
	Config   config.Config
	Receiver []receiver.Source
	Worker   []worker.Source // with a source named "" for messages that name none, if there is a default source
	Desk     []desk.Source   // likewise
	Console  console.Settings
	Ingest   ingest.Settings
	Masks    *redact.Masks
	Sampler  map[string]sampler.Source // by name, with "" as Desk

	destinations map[string]destination
}

// destination is where a source delivers to and what verifies its webhooks, with the configuration that both were made
// from.
type destination struct {
	delivery.Destination
	from     config.Source
	verifier *verify.Verifier
}

// Deps are what settings need besides a configuration.
type Deps struct {
	Tracker *delivery.Tracker // which has the breakers
	// MasksSince returns the time since when the masks with this digest are in force.
	MasksSince func(digest []byte) (time.Time, error)
	Now        func() time.Time
	Log        *slog.Logger
}

// New returns the settings of a valid configuration. Destinations that did not change keep their pace, their
// certificates and their signer from before, which may be nil.
func New(cfg config.Config, before *Settings, d Deps) (*Settings, error) {
	s := &Settings{
		Config:       cfg,
		Masks:        cfg.Masks(),
		Sampler:      map[string]sampler.Source{},
		destinations: map[string]destination{},
	}
	for _, source := range cfg.Sources {
		verifier, err := newVerifier(source, before)
		if err != nil {
			return nil, err
		}
		to, err := s.destination(source, before, d)
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", source.Name, err)
		}
		if source.Verify.Resign {
			to.Signer = verifier
		}
		s.destinations[source.Name] = destination{to, source, verifier}
		s.addReceiver(source, to, verifier)
		s.Console.Sources = append(s.Console.Sources, consoleSource(cfg, source))
	}
	s.Console.DefaultSource = cfg.Queue.DefaultSource
	s.Console.AlertRoutes, s.Console.AlertsKept = cfg.Alerts.Routes, cfg.Alerts.Keep
	for _, source := range deliverable(cfg) {
		s.addDeliverable(source, d)
	}
	since, err := d.MasksSince(s.Masks.Digest())
	if err != nil {
		return nil, err
	}
	s.Masks = s.Masks.InForceSince(since)
	s.Ingest = ingestSettings(cfg, s.Masks)
	return s, nil
}

// deliverable returns the sources and, if a default source is configured, a copy of it named "": messages without a
// source are delivered by that.
func deliverable(cfg config.Config) []config.Source {
	byDefault, ok := cfg.Source(cfg.Queue.DefaultSource)
	if !ok {
		return cfg.Sources
	}
	byDefault.Name = ""
	return append([]config.Source{byDefault}, cfg.Sources...)
}

// newVerifier returns the verifier of a source: that from before, which may be nil, if nothing of it changed.
func newVerifier(source config.Source, before *Settings) (*verify.Verifier, error) {
	if before != nil {
		if known, ok := before.destinations[source.Name]; ok && reflect.DeepEqual(known.from.Verify, source.Verify) {
			return known.verifier, nil
		}
	}
	return verify.New(source.Verify)
}

func (s *Settings) destination(source config.Source, before *Settings, d Deps) (delivery.Destination, error) {
	to := delivery.Destination{
		Source:        source.Name,
		URL:           source.Destination,
		Timeout:       source.Timeout,
		Connect:       source.Connect,
		Read:          source.Read,
		MaxConcurrent: source.MaxConcurrent,
	}
	var known destination
	isKnown := false
	if before != nil {
		known, isKnown = before.destinations[source.Name]
	}
	to.RateLimit, to.TLS = known.RateLimit, known.TLS
	if !isKnown || known.from.MaxPerSecond != source.MaxPerSecond {
		to.RateLimit = delivery.NewRateLimit(source.MaxPerSecond, d.Now)
	}
	if isKnown && known.from.TLS == source.TLS {
		return to, nil
	}
	files := delivery.TLSFiles{
		CA: source.TLS.CAFile, Cert: source.TLS.CertFile, Key: source.TLS.KeyFile, MinVersion: source.TLS.MinVersion,
	}
	var err error
	to.TLS, err = delivery.NewTLS(files, d.Log.With("component", "delivery", "source", source.Name))
	return to, err
}

// probeMargin is what a probe may take beyond its timeout.
const probeMargin = time.Second

// Breakers returns the policy of the circuit breaker of each source.
func Breakers(cfg config.Config) map[string]delivery.BreakerPolicy {
	policies := map[string]delivery.BreakerPolicy{}
	for _, s := range cfg.Sources {
		policies[s.Name] = delivery.BreakerPolicy{
			FailureRate:   s.Breaker.FailureRate,
			Window:        s.Breaker.Window,
			MinDeliveries: s.Breaker.MinDeliveries,
			Consecutive:   s.Breaker.Consecutive,
			ProbeInterval: s.Breaker.Probe,
			ProbeTimeout:  s.Timeout + probeMargin,
			RampStart:     s.Breaker.RampStart,
			RateLimit:     s.MaxPerSecond,
		}
	}
	return policies
}

func (s *Settings) addReceiver(source config.Source, to delivery.Destination, verifier *verify.Verifier) {
	s.Receiver = append(s.Receiver, receiver.Source{
		Name:        source.Name,
		Destination: to,
		Buffered:    source.Mode == config.Buffered,
		Shared:      s.Config.Queue.ProcessingURL != "",
		MaxBody:     source.MaxBody,
		Verify:      verifier,
		Dedup:       source.Dedup,
		Ack:         source.Ack,
		Masks:       s.Masks.Of("", source.Name),
	})
}

// addDeliverable adds a source for the worker, the desk and the search index.
func (s *Settings) addDeliverable(source config.Source, d Deps) {
	configured := cmp.Or(source.Name, s.Config.Queue.DefaultSource)
	own := breaker{configured, d.Tracker}
	to := worker.Source{
		Name:        source.Name,
		Destination: s.destinations[configured].Destination,
		Retry:       source.Retry,
		Slots:       slots(source),
		Thing:       s.Config.OrderKey(source).Name(),
		Breaker:     own,
	}
	s.Worker = append(s.Worker, to)
	s.Sampler[source.Name] = sampler.Source{
		Shapes:    source.Shapes,
		Keep:      source.KeepDelivered,
		EventType: source.EventType,
		Masks:     s.Masks.Of("", source.Name),
	}
	copies := s.destinations[configured].Destination
	copies.URL, copies.RateLimit = "", nil
	var copiesTo []desk.CopyTo
	for _, c := range source.Copies {
		copiesTo = append(copiesTo, desk.CopyTo{CopyTo: deadletter.CopyTo{Name: c.Name, Masked: c.Masked}, URL: c.URL})
	}
	s.Desk = append(s.Desk, desk.Source{
		CopiesTo:  copiesTo,
		Copies:    copies,
		ProvedBy:  source.Verify.SecretHeaders(),
		Name:      source.Name,
		Probe:     own.ProbeNow,
		ProbeSoon: own.ProbeSoon,
		Waits:     own.Waits,
		Delivered: func() time.Time { return own.Status().DeliveredAt },
		Pace:      func() deadletter.Pace { return own.Status().Pace(source.MaxPerSecond, to.JobSlots()) },
		Unnamed:   source.Name == s.Config.Queue.DefaultSource,
		EventType: source.EventType,
		OrderKey:  s.Config.OrderKey(source),
		Shapes:    source.Shapes,
		SignsID:   source.Dedup.Signed,
		Signature: deadletter.SignaturePolicy{
			Signed: source.Verify.Signs(), Age: source.Verify.SignatureAge(), Resign: source.Verify.Resign,
		},
	})
}

// slots returns how many deliveries of the worker may be in flight to a destination. The rest is for webhooks that come
// in during a backlog.
func slots(s config.Source) int { return max(1, s.MaxConcurrent/2) }

func consoleSource(cfg config.Config, s config.Source) console.Source {
	return console.Source{
		Name:        s.Name,
		URL:         s.Destination,
		MaxAttempts: s.Retry.MaxAttempts,
		Setup:       doctor.SetupOf(cfg, s),
	}
}

func ingestSettings(cfg config.Config, masks *redact.Masks) ingest.Settings {
	settings := ingest.Settings{
		DefaultSource: cfg.Queue.DefaultSource,
		Retry:         map[string]deadletter.RetryPolicy{},
		EventType:     map[string][]payload.Path{},
		Dedup:         map[string]payload.Dedup{},
		OrderKey:      map[string]payload.OrderKey{},
		Masks:         masks,
		SourceOf:      map[string]string{},
	}
	for _, s := range cfg.Sources {
		settings.Retry[s.Name], settings.EventType[s.Name], settings.Dedup[s.Name] = s.Retry, s.EventType, s.Dedup
		settings.OrderKey[s.Name] = cfg.OrderKey(s)
	}
	for _, q := range cfg.Queues {
		settings.SourceOf[q.Name] = q.Source
	}
	return settings
}

// breaker is the circuit breaker that a source has at the moment.
type breaker struct {
	source  string
	tracker *delivery.Tracker
}

// Allow allows nothing once the source is no longer configured.
func (b breaker) Allow(waiting int, more bool) delivery.Allowance {
	if now := b.tracker.Breaker(b.source); now != nil {
		return now.Allow(waiting, more)
	}
	return delivery.Allowance{}
}

// Status implements worker.Breaker.
func (b breaker) Status() delivery.BreakerStatus { return b.tracker.Health(b.source).Breaker }

// Waits reports whether automatic deliveries wait for a probe, or for the end of a pause.
func (b breaker) Waits() bool {
	now := b.tracker.Breaker(b.source)
	return now != nil && now.Waits()
}

// GiveBack implements worker.Breaker.
func (b breaker) GiveBack(n int) {
	if now := b.tracker.Breaker(b.source); now != nil {
		now.GiveBack(n)
	}
}

// ProbeNow lets a probe begin at once, also during a pause.
func (b breaker) ProbeNow() {
	if now := b.tracker.Breaker(b.source); now != nil {
		now.ProbeNow()
	}
}

// ProbeSoon lets a probe begin at once, unless one is in flight or the destination asked for a pause.
func (b breaker) ProbeSoon() {
	if now := b.tracker.Breaker(b.source); now != nil {
		now.ProbeSoon()
	}
}
