package telemetry

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dlqdesk/internal/deadletter"
)

// Gauges reads the state of the program for a scrape. If a function fails, its gauges are missing from the scrape; an
// old value would be wrong.
type Gauges struct {
	Version       string
	Files         []string                 // of the data folder; one that does not exist is left out
	Breakers      func() map[string]string // the state of the breaker of each source
	BreakerStates []string
	Queues        []QueueGauge
	Store         *StoreGauges // nil: this process has no store
	Now           func() time.Time
}

// StoreGauges holds the figures of the store.
type StoreGauges struct {
	Messages   func(ctx context.Context) (map[deadletter.Status]int, error)
	Jobs       func(ctx context.Context) (map[deadletter.JobState]int, error)
	Sources    func() []string
	RetriesDue func(ctx context.Context, source string) (int, error)
	Imbalance  func() (open, acknowledged int, checked bool) // webhooks; checked: the ledger was checked at least once
	Audit      func() (intact bool, at time.Time)            // of the audit trail, when it was read; zero: never yet
	Alerts     func(ctx context.Context) (open, waiting int, err error)
}

// QueueGauge reads the depth of a queue.
type QueueGauge struct {
	Name, Place string // place: "queue", "list" or "spool"
	ReportsAge  bool   // Oldest is known
	Read        func(ctx context.Context) (QueueDepth, error)
}

// QueueDepth holds the figures of a queue.
type QueueDepth struct {
	Visible, InFlight, Delayed int
	Oldest                     time.Time // when the oldest message was sent; zero: there is none
	Away                       bool      // the queue does not confirm what is sent to it
}

// scrapeLimit bounds everything that one scrape reads of queues and store. Prometheus itself waits for ten seconds.
const scrapeLimit = 5 * time.Second

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("dlqdesk_"+name, help, labels, nil)
}

var (
	descBuild  = desc("build_info", "The version that runs.", "version", "go_version")
	descQueued = desc("queue_messages",
		"Queued messages, on SQS or on this machine's disk (place queue, list or spool).", "queue", "place", "state")
	descOldest = desc("queue_oldest_age_seconds",
		"Age of the oldest message, of queues on this machine; 0: there is none.", "queue", "place")
	descReachable = desc("queue_up",
		"1 if the queue responds, and confirms what is sent to it.", "queue", "place")
	descBreaker    = desc("breaker_state", "1 for the state of a source's circuit breaker.", "source", "state")
	descBytes      = desc("store_bytes", "Size of a file of the data folder, its write-ahead log included.", "file")
	descMessages   = desc("messages", "Messages by status.", "status")
	descJobs       = desc("jobs", "Jobs by state.", "state")
	descRetriesDue = desc("retries_due",
		"Messages whose automatic retry is due, and waits for a free slot or for the circuit breaker.", "source")
	descImbalance = desc("ledger_imbalance",
		"Webhooks missing from the ledger, or too many in it, without an explanation or an acknowledgement.")
	descAcked = desc("ledger_imbalance_acknowledged",
		"Webhooks missing from the ledger, or too many in it, that a user acknowledged.")
	descIntact = desc("audit_trail_intact",
		"1 if the latest checks of the audit trail found no sign of tampering.")
	descVerified = desc("audit_trail_verified_timestamp_seconds", "When the whole audit trail was verified last.")
	descAlerts   = desc("alerts_open", "Alerts that are not resolved, up to 1000.")
	descTellings = desc("alert_deliveries_waiting", "Alerts that sinks are still to be told of, up to 1000.")
	allDescs     = []*prometheus.Desc{
		descBuild, descQueued, descOldest, descReachable, descBreaker, descBytes, descMessages, descJobs,
		descRetriesDue, descImbalance, descAcked, descIntact, descVerified, descAlerts, descTellings,
	}
)

// gaugeCollector is a prometheus.Collector of gauges.
type gaugeCollector struct {
	ctx context.Context // Collect takes none
	Gauges
}

// Describe implements prometheus.Collector.
func (c gaugeCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range allDescs {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c gaugeCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(c.ctx, scrapeLimit)
	defer cancel()
	set := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	set(descBuild, 1, c.Version, runtime.Version())
	c.setBreakers(set)
	c.setFiles(set)
	if c.Store != nil {
		c.Store.set(ctx, set)
	}
	for _, q := range c.Queues {
		q.set(ctx, c.Now(), set)
	}
}

type setGauge func(d *prometheus.Desc, value float64, labels ...string)

func (c gaugeCollector) setBreakers(set setGauge) {
	for source, current := range c.Breakers() {
		for _, state := range c.BreakerStates {
			set(descBreaker, number(current == state), source, state)
		}
	}
}

func (c gaugeCollector) setFiles(set setGauge) {
	for _, path := range c.Files {
		file, err := os.Stat(path)
		if err != nil {
			continue
		}
		bytes := file.Size()
		if log, err := os.Stat(path + "-wal"); err == nil {
			bytes += log.Size()
		}
		set(descBytes, float64(bytes), filepath.Base(path))
	}
}

func (s *StoreGauges) set(ctx context.Context, set setGauge) {
	if counts, err := s.Messages(ctx); err == nil {
		for _, status := range deadletter.Statuses() {
			set(descMessages, float64(counts[status]), string(status))
		}
	}
	if jobs, err := s.Jobs(ctx); err == nil {
		for _, state := range deadletter.JobStates() {
			set(descJobs, float64(jobs[state]), string(state))
		}
	}
	for _, source := range s.Sources() {
		if due, err := s.RetriesDue(ctx, source); err == nil {
			set(descRetriesDue, float64(due), source)
		}
	}
	if open, acknowledged, checked := s.Imbalance(); checked {
		set(descImbalance, float64(open))
		set(descAcked, float64(acknowledged))
	}
	if open, waiting, err := s.Alerts(ctx); err == nil {
		set(descAlerts, float64(open))
		set(descTellings, float64(waiting))
	}
	intact, at := s.Audit()
	if set(descIntact, number(intact)); !at.IsZero() {
		set(descVerified, float64(at.Unix()))
	}
}

func (q QueueGauge) set(ctx context.Context, now time.Time, set setGauge) {
	d, err := q.Read(ctx)
	set(descReachable, number(err == nil && !d.Away), q.Name, q.Place)
	if err != nil {
		return
	}
	set(descQueued, float64(d.Visible), q.Name, q.Place, "visible")
	set(descQueued, float64(d.InFlight), q.Name, q.Place, "in_flight")
	set(descQueued, float64(d.Delayed), q.Name, q.Place, "delayed")
	if !q.ReportsAge {
		return
	}
	age := 0.0
	if !d.Oldest.IsZero() {
		age = max(0, now.Sub(d.Oldest).Seconds())
	}
	set(descOldest, age, q.Name, q.Place)
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
