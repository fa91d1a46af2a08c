package app

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/server"
	"dlqdesk/internal/store"
)

// scrapeLimit bounds all that one scrape asks of queues and store. Prometheus itself waits for ten seconds.
const scrapeLimit = 5 * time.Second

// scraped looks up how things are, when somebody asks. What cannot be told at the moment is left out: a gap is true,
// an old figure is not.
type scraped struct {
	app     *App
	tracker *delivery.Tracker
	queues  *queues
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("dlqdesk_"+name, help, labels, nil)
}

var (
	descBuild  = desc("build_info", "The version that runs.", "version", "go_version")
	descQueued = desc(
		"queue_messages",
		"Messages on a queue, on SQS or on this machine's disk (place queue, list or spool).",
		"queue",
		"place",
		"state",
	)
	descOldest = desc(
		"queue_oldest_age_seconds",
		"Age of the oldest message, of queues on this machine; 0: there is none.",
		"queue",
		"place",
	)
	descReachable = desc(
		"queue_up",
		"Whether the queue could be asked, and confirms what it is sent.",
		"queue",
		"place",
	)
	descBreaker    = desc("breaker_state", "1 for the state that a source's breaker is in.", "source", "state")
	descBytes      = desc("store_bytes", "Size of a file of the data folder, its write-ahead log included.", "file")
	descMessages   = desc("messages", "Messages by status.", "status")
	descJobs       = desc("jobs", "Jobs by state.", "state")
	descRetriesDue = desc(
		"retries_due",
		"Messages whose automatic retry is due, and waits for a place or for its destination.",
		"source",
	)
	descImbalance = desc(
		"ledger_imbalance",
		"Webhooks that the ledger misses, or has too many of, that nothing explains and nobody acknowledged.",
	)
	descAcked = desc("ledger_imbalance_acknowledged", "Likewise, of which somebody acknowledged that many.")
	allDescs  = []*prometheus.Desc{
		descBuild,
		descQueued,
		descOldest,
		descReachable,
		descBreaker,
		descBytes,
		descMessages,
		descJobs,
		descRetriesDue,
		descImbalance,
		descAcked,
	}
	filesOfDataDir = []string{server.DeskFile, store.SearchFile, server.QueueFile, server.SpoolFile}
)

// Describe implements prometheus.Collector.
func (s scraped) Describe(to chan<- *prometheus.Desc) {
	for _, d := range allDescs {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (s scraped) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(s.app.loops, scrapeLimit)
	defer cancel()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(descBuild, 1, s.app.version, runtime.Version())
	s.breakers(gauge)
	s.files(gauge)
	if s.app.store != nil { // a receiver alone has none
		s.messages(ctx, gauge)
	}
	s.depths(ctx, gauge)
}

// gauging tells one figure.
type gauging func(d *prometheus.Desc, value float64, labels ...string)

func (s scraped) breakers(gauge gauging) {
	for _, source := range s.app.cfg.Sources {
		is := s.tracker.Breaker(source.Name).Status().State
		for _, state := range delivery.BreakerStates() {
			gauge(descBreaker, number(is == state), source.Name, string(state))
		}
	}
}

func (s scraped) files(gauge gauging) {
	for _, name := range filesOfDataDir {
		path := filepath.Join(s.app.cfg.DataDir, name)
		file, err := os.Stat(path)
		if err != nil {
			continue // there is no such queue
		}
		bytes := file.Size()
		if log, err := os.Stat(path + "-wal"); err == nil {
			bytes += log.Size()
		}
		gauge(descBytes, float64(bytes), name)
	}
}

func (s scraped) messages(ctx context.Context, gauge gauging) {
	if counts, err := s.app.store.Counts(ctx, store.Filter{}); err == nil {
		for _, status := range deadletter.Statuses() {
			gauge(descMessages, float64(counts.ByStatus[status]), string(status))
		}
	}
	if jobs, err := s.app.store.JobCounts(ctx); err == nil {
		for _, state := range deadletter.JobStates() {
			gauge(descJobs, float64(jobs[state]), string(state))
		}
	}
	for _, source := range s.app.deliverable() {
		if due, err := s.app.store.Overdue(ctx, source.Name, s.app.now()); err == nil {
			gauge(descRetriesDue, float64(due), source.Name)
		}
	}
	if state := s.app.ledger.State(); !state.At.IsZero() {
		gauge(descImbalance, amountOf(state.Wrong()))
		gauge(descAcked, amountOf(state.Acknowledged()))
	}
}

func amountOf(list []deadletter.Imbalance) (sum float64) {
	for _, i := range list {
		sum += float64(i.Amount())
	}
	return sum
}

// depths tells what waits. The queues of the list come last, and their names are the configuration's: they may be
// those of others.
func (s scraped) depths(ctx context.Context, gauge gauging) {
	list := len(s.queues.shown) - len(s.queues.list)
	for i, q := range s.queues.shown {
		place := "queue"
		switch {
		case q.Spool:
			place = "spool"
		case i >= list:
			place = "list"
		}
		s.depth(ctx, q, place, gauge)
	}
}

func (s scraped) depth(ctx context.Context, q console.Queue, place string, gauge gauging) {
	d, err := q.Depth(ctx)
	away := q.Away != nil && !q.Away().IsZero()
	gauge(descReachable, number(err == nil && !away), q.Name, place)
	if err != nil {
		return
	}
	gauge(descQueued, float64(d.Visible), q.Name, place, "visible")
	gauge(descQueued, float64(d.InFlight), q.Name, place, "in_flight")
	gauge(descQueued, float64(d.Delayed), q.Name, place, "delayed")
	if !q.TellsOldest {
		return
	}
	age := 0.0
	if !d.Oldest.IsZero() {
		age = max(0, s.app.now().Sub(d.Oldest).Seconds())
	}
	gauge(descOldest, age, q.Name, place)
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
