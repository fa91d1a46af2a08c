package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/store"
)

// Readings return what the parts of the program measure. An error means that a value cannot be found out now.
type Readings struct {
	Destinations func() map[string]delivery.DestinationHealth // by source
	// ErrorText masks the error of a delivery that ended at a time.
	ErrorText func(text string, at time.Time) string
	Ledger    func() ledger.State
	Audit     func() store.AuditResult
	Spools    func(ctx context.Context) ([]Spool, error)
	Expiring  func(ctx context.Context) ([]Expiring, error)
	SpoolUse  func(ctx context.Context) (Use, error)
	DiskUse   func() (Use, error)
	StartedAt time.Time // since when webhooks are received
	Sources   func() []string
}

// Spool counts the messages that wait on this machine's disk for a queue.
type Spool struct {
	Queue   string
	Waiting int
	Since   time.Time // when the queue stopped confirming messages; zero: it confirms them
}

// Expiring is the message that a queue forgets next of those that could not be taken from it.
type Expiring struct {
	Queue    string
	Messages int // that could not be taken
	At       time.Time
}

// Use says how much of something is in use, in bytes.
type Use struct{ Used, Of int64 }

// Percent returns the share in use.
func (u Use) Percent() int {
	if u.Of <= 0 {
		return 0
	}
	return int(float64(u.Used) / float64(u.Of) * 100)
}

// look finds out what is true of some kinds of alerts.
type look struct {
	kinds []deadletter.AlertKind
	every time.Duration // 0: each time
	see   func(ctx context.Context, open []deadletter.Alert, at time.Time) ([]deadletter.Alert, error)

	seenAt time.Time
	seen   []deadletter.Alert
	err    error
}

const (
	growthEvery = 10 * time.Second // it is measured once a minute
	slowEvery   = 10 * time.Second
	silentEvery = time.Minute
	lookTimeout = 5 * time.Second
)

func looksOf(deps WatchDeps) []*look {
	s := sight{deps}
	kinds := func(list ...deadletter.AlertKind) []deadletter.AlertKind { return list }
	return []*look{
		{kinds: kinds(deadletter.AlertDestination, deadletter.AlertBreaker), see: s.destinations},
		{kinds: kinds(deadletter.AlertReconciliation), see: s.reconciliation},
		{kinds: kinds(deadletter.AlertAudit), see: s.audit},
		{kinds: kinds(deadletter.AlertJobHalted), see: s.halted},
		{kinds: kinds(deadletter.AlertSpool), every: slowEvery / 2, see: s.spools},
		{kinds: kinds(deadletter.AlertSpoolFull), every: slowEvery, see: s.spoolFull},
		{kinds: kinds(deadletter.AlertDisk), every: slowEvery, see: s.disk},
		{kinds: kinds(deadletter.AlertExpiring), every: slowEvery, see: s.expiring},
		{kinds: kinds(deadletter.AlertGrowingCause), every: growthEvery, see: s.growing},
		{kinds: kinds(deadletter.AlertSilent), every: silentEvery, see: s.silent},
	}
}

// look returns what is true now.
func (w *Watch) look(ctx context.Context, open []deadletter.Alert, at time.Time) deadletter.AlertSighting {
	s := deadletter.AlertSighting{Open: open, Unknown: map[deadletter.AlertKind]bool{}}
	for _, l := range w.looks {
		if deadletter.Elapsed(l.seenAt, at, l.every) {
			l.seenAt = at
			limited, cancel := context.WithTimeout(ctx, lookTimeout)
			l.seen, l.err = l.see(limited, open, at)
			cancel()
		}
		s.Now = append(s.Now, l.seen...)
		for _, kind := range l.kinds {
			s.Unknown[kind] = l.err != nil
		}
	}
	return s
}

// errNotYet says that something was not measured yet, which is no fault.
var errNotYet = errors.New("not measured yet")

// unknown returns why something could not be found out at the latest look.
func (w *Watch) unknown() error {
	var errs []error
	for _, l := range w.looks {
		if l.err != nil && !errors.Is(l.err, errNotYet) {
			errs = append(errs, fmt.Errorf("%s: %w", l.kinds[0], l.err))
		}
	}
	return errors.Join(errs...)
}

// sight has a method for each look.
type sight struct{ WatchDeps }

func (s sight) destinations(
	_ context.Context, open []deadletter.Alert, at time.Time,
) (list []deadletter.Alert, err error) {
	known := deadletter.OutagesOf(open)
	for source, h := range s.Readings.Destinations() {
		if h.Breaker.State != delivery.Open {
			continue
		}
		since := h.Breaker.Since
		if a, ok := known[source]; ok && a.RaisedAt.Before(since) {
			since = a.RaisedAt // it closed for a moment
		}
		down := deadletter.Alert{
			Kind: deadletter.AlertDestination, Key: "destination:" + source, Sources: []string{source},
			Title: "The destination of " + source + " is down",
			Text:  s.Readings.ErrorText(deadletter.WithStatus(h.Latest.StatusCode, h.Latest.Error), h.LatestAt),
			Facts: []deadletter.AlertFact{{Label: "Failed in a row", Value: deadletter.Number(h.Failures)}},
		}
		list = append(list, down)
		if limit := s.Settings().BreakerOpen; at.Sub(since) >= limit {
			long := down
			long.Kind, long.Key = deadletter.AlertBreaker, "breaker:"+source
			long.Title = fmt.Sprintf(
				"The destination of %s is down for over %s", source, deadletter.ShortDuration(limit),
			)
			list = append(list, long)
		}
	}
	return list, nil
}

func (s sight) reconciliation(
	context.Context, []deadletter.Alert, time.Time,
) (list []deadletter.Alert, err error) {
	state := s.Readings.Ledger()
	switch {
	case state.Unchecked != nil:
		return nil, errNotYet // the ledger itself logs why
	case state.At.IsZero():
		return nil, errNotYet
	}
	bySource := map[string][]ledger.Imbalance{}
	for _, i := range state.Wrong() {
		bySource[i.Source] = append(bySource[i.Source], i)
	}
	for source, wrong := range bySource {
		a := deadletter.Alert{
			Kind: deadletter.AlertReconciliation, Key: "reconciliation:" + source, Sources: []string{source},
			Title: "The ledger of " + source + " does not balance",
			Text:  "Webhooks are missing, or more arrived than were counted. See the page Reconciliation.",
		}
		for _, i := range wrong[:min(len(wrong), maxFacts)] {
			value := deadletter.Number(i.Missing) + " missing"
			if i.Missing < 0 {
				value = deadletter.Number(i.Amount()) + " too many"
			}
			hour := i.Hour.UTC().Format("2 January 15:04 UTC")
			a.Facts = append(a.Facts, deadletter.AlertFact{Label: hour, Value: value})
		}
		list = append(list, a)
	}
	return list, nil
}

// maxFacts bounds the facts of an alert.
const maxFacts = 5

func (s sight) audit(context.Context, []deadletter.Alert, time.Time) ([]deadletter.Alert, error) {
	switch result := s.Readings.Audit(); {
	case result.Fault != "":
		return []deadletter.Alert{{
			Kind: deadletter.AlertAudit, Key: "audit", Title: "The audit trail failed verification", Text: result.Fault,
		}}, nil
	case result.At.IsZero():
		return nil, errNotYet
	}
	return nil, nil
}

// maxHalted bounds the halted jobs that are told of, the latest.
const maxHalted = 50

func (s sight) halted(
	ctx context.Context, open []deadletter.Alert, _ time.Time,
) (list []deadletter.Alert, err error) {
	jobs, err := s.Store.HaltedJobs(ctx, maxHalted)
	if err != nil {
		return nil, err
	}
	if len(jobs) == maxHalted { // those that were told may be older
		var told []deadletter.JobID
		for _, a := range open {
			if a.Kind == deadletter.AlertJobHalted && a.Job < jobs[maxHalted-1].ID {
				told = append(told, a.Job)
			}
		}
		older, err := s.Store.HaltedAmong(ctx, told)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, older...)
	}
	for _, j := range jobs {
		if !j.Halted() {
			continue
		}
		a := j.HaltedAlert()
		if !isOpen(a, open) {
			if a.Sources, err = sourcesOfJob(ctx, s.Store, j); err != nil {
				return nil, err
			}
		}
		list = append(list, a)
	}
	return list, nil
}

// isOpen reports whether an alert of the same kind and key is among the open ones.
func isOpen(a deadletter.Alert, open []deadletter.Alert) bool {
	return slices.ContainsFunc(open, func(o deadletter.Alert) bool { return o.Kind == a.Kind && o.Key == a.Key })
}

// sourcesOfJob returns the sources of a job's messages.
func sourcesOfJob(ctx context.Context, from *store.Store, j deadletter.Job) (sources []string, err error) {
	shares, err := from.JobShares(ctx, j)
	for _, share := range shares {
		if share.Source != "" && !slices.Contains(sources, share.Source) {
			sources = append(sources, share.Source)
		}
	}
	return sources, err
}

func (s sight) spools(ctx context.Context, _ []deadletter.Alert, _ time.Time) (list []deadletter.Alert, err error) {
	spools, err := s.Readings.Spools(ctx)
	for _, of := range spools {
		if of.Waiting == 0 {
			continue
		}
		a := deadletter.Alert{
			Kind: deadletter.AlertSpool, Key: "spool:" + of.Queue,
			Title: "Messages wait on disk for the queue " + of.Queue,
			Text:  "SQS does not confirm messages. They are safe on this machine's disk, and are sent once it does.",
			Facts: []deadletter.AlertFact{{Label: "Waiting", Value: deadletter.Number(of.Waiting)}},
		}
		if !of.Since.IsZero() {
			since := of.Since.UTC().Format(deadletter.AlertTimeLayout)
			a.Facts = append(a.Facts, deadletter.AlertFact{Label: "Away since", Value: since})
		}
		list = append(list, a)
	}
	return list, err
}

func (s sight) spoolFull(ctx context.Context, _ []deadletter.Alert, _ time.Time) ([]deadletter.Alert, error) {
	use, err := s.Readings.SpoolUse(ctx)
	if err != nil || use.Of == 0 || use.Percent() < s.Settings().Spool {
		return nil, err
	}
	return []deadletter.Alert{{
		Kind: deadletter.AlertSpoolFull, Key: "spool", Title: fmt.Sprintf("The spool is %d %% full", use.Percent()),
		Text: "Once it is full, webhooks that cannot be kept elsewhere are refused. See queue.spool_limit.",
	}}, nil
}

func (s sight) disk(context.Context, []deadletter.Alert, time.Time) ([]deadletter.Alert, error) {
	use, err := s.Readings.DiskUse()
	if err != nil || use.Percent() < s.Settings().Disk {
		return nil, err
	}
	return []deadletter.Alert{{
		Kind: deadletter.AlertDisk, Key: "disk",
		Title: fmt.Sprintf("The disk of the data folder is %d %% full", use.Percent()),
		Text:  "Once it is full, webhooks are refused. Make room, or move data_dir to a larger disk.",
	}}, nil
}

func (s sight) expiring(
	ctx context.Context, _ []deadletter.Alert, at time.Time,
) (list []deadletter.Alert, err error) {
	queues, err := s.Readings.Expiring(ctx)
	for _, q := range queues {
		if q.At.Sub(at) > s.Settings().ExpiresIn {
			continue
		}
		list = append(list, deadletter.Alert{
			Kind: deadletter.AlertExpiring, Key: "expiring:" + q.Queue,
			Title: "SQS soon deletes messages of " + q.Queue,
			Text:  "They could not be taken from the queue, which deletes them when they expire.",
			Facts: []deadletter.AlertFact{
				{Label: "Messages", Value: deadletter.Number(q.Messages)},
				{Label: "The first expires", Value: q.At.UTC().Format(deadletter.AlertTimeLayout)},
			},
		})
	}
	return list, err
}

// maxGrowing bounds the growing causes that are told of, those that grow most.
const maxGrowing = 100

func (s sight) growing(
	ctx context.Context, open []deadletter.Alert, at time.Time,
) (list []deadletter.Alert, err error) {
	causes, err := s.Store.GrowingCauses(ctx, maxGrowing)
	if err != nil || len(causes) == 0 {
		return nil, err
	}
	fingerprints, told := fingerprintsOf(causes), []string{}
	for _, a := range open {
		if a.Kind == deadletter.AlertGrowingCause && !slices.Contains(fingerprints, a.Cause) {
			told = append(told, a.Cause)
		}
	}
	others, err := s.Store.CausesAmong(ctx, told) // those that were told may grow less than the first
	if err != nil {
		return nil, err
	}
	causes = append(causes, others...)
	fingerprints = fingerprintsOf(causes)
	hours, err := s.Store.CauseHours(ctx, fingerprints, at.Add(-time.Hour))
	if err != nil {
		return nil, err
	}
	limits := s.Settings()
	for _, c := range causes {
		perHour := deadletter.PerHour(hours[c.Fingerprint], at)
		a := c.GrowthAlert(perHour, at)
		if c.Grows(perHour, limits.Growth, limits.GrowthFloor, isOpen(a, open), at) {
			list = append(list, a)
		}
	}
	return list, nil
}

func fingerprintsOf(causes []deadletter.Cause) (list []string) {
	for _, c := range causes {
		list = append(list, c.Fingerprint)
	}
	return list
}

// usualHours are the hours before a silence in which a source that always sends has sent.
const usualHours = 24

func (s sight) silent(
	ctx context.Context, open []deadletter.Alert, at time.Time,
) (list []deadletter.Alert, err error) {
	limit := s.Settings().Silence
	began := at.Add(-limit).Truncate(time.Hour)
	if !deadletter.Elapsed(s.Readings.StartedAt, at, limit) {
		return nil, errNotYet // nothing could come before
	}
	usual, err := s.Store.HoursReceived(ctx, began.Add(-usualHours*time.Hour), began)
	if err != nil {
		return nil, err
	}
	for _, source := range s.Readings.Sources() {
		since, told := began, false
		for _, a := range open {
			if a.Kind == deadletter.AlertSilent && a.Source() == source {
				told = true
				if before := a.RaisedAt.Add(-limit).Truncate(time.Hour); before.Before(began) {
					since = before
				}
			}
		}
		if !told && usual[source] < usualHours {
			continue
		}
		came, err := s.Store.ReceivedSince(ctx, source, since)
		if err != nil {
			return nil, err
		}
		if !came {
			list = append(list, deadletter.Alert{
				Kind: deadletter.AlertSilent, Key: "silent:" + source, Sources: []string{source},
				Title: "Nothing comes from " + source,
				Text: "It sent webhooks in every hour of the day before. Either nothing happens there, or its " +
					"platform no longer reaches this desk.",
			})
		}
	}
	return list, nil
}
