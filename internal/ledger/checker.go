package ledger

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// Held is what waits on the way through a stage, on queue and spool together.
type Held struct {
	Messages  int
	Retention time.Duration // for which the queue keeps a message; 0: for ever
}

// Waiting asks how much waits now.
type Waiting func(ctx context.Context) (Held, error)

// Checker looks whether the books balance.
type Checker struct {
	store    *store.Store
	recorder *Recorder
	settings Settings
	now      func() time.Time
	log      *slog.Logger

	mu       sync.Mutex
	state    deadletter.LedgerState
	history  []sample // oldest first
	suspects map[suspect]int
}

// Settings say what the checker asks, and how patient it is.
type Settings struct {
	Messages   Waiting
	Processing Waiting       // nil where no source is buffered
	Every      time.Duration // between two checks
	Settle     time.Duration // for which a message may be on its way, and a queue's own figures may lag behind
}

const (
	// UsualEvery and UsualSettle fit SQS, whose figures may be a minute behind: see "GetQueueAttributes" in the SQS
	// API reference.
	UsualEvery  = 10 * time.Second
	UsualSettle = 2 * time.Minute

	// lookBack is how old an hour may be that is still looked at. What nobody has acknowledged until then is no news
	// any more.
	lookBack = 365 * 24 * time.Hour

	checkLimit = 10 * time.Second
)

// sample is what accounts had counted at a time.
type sample struct {
	at     time.Time
	counts map[store.Account]deadletter.Receipts
}

// suspect is an imbalance by where it is.
type suspect struct {
	hour   time.Time
	source string
	stage  deadletter.LedgerStage
	more   bool // than was counted
	known  bool // why
}

func suspectOf(i deadletter.Imbalance) suspect {
	return suspect{i.Hour, i.Source, i.Stage, i.Missing < 0, i.Explained()}
}

// NewChecker makes a checker of a recorder's books.
func NewChecker(s *store.Store, r *Recorder, settings Settings, now func() time.Time, log *slog.Logger) *Checker {
	return &Checker{store: s, recorder: r, settings: settings, now: now, log: log, suspects: map[suspect]int{}}
}

// State answers what the latest check found.
func (c *Checker) State() deadletter.LedgerState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Run checks until ctx ends.
func (c *Checker) Run(ctx context.Context) error {
	tick := time.NewTicker(c.settings.Every)
	defer tick.Stop()
	for {
		c.Once(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Once checks the books. What cannot be looked at now keeps the verdict that it had.
func (c *Checker) Once(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	found, err := c.found(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Unchecked = err; err != nil {
		if ctx.Err() == nil {
			c.log.WarnContext(ctx, "the ledger cannot be checked now; trying again", "err", err)
		}
		return
	}
	before := len(c.state.Wrong())
	c.state.At, c.state.Imbalances = c.now(), found
	if wrong := c.state.Wrong(); len(wrong) > before {
		i := wrong[0]
		c.log.ErrorContext(
			ctx,
			"the ledger does not balance: see its page",
			"source",
			i.Source,
			"hour",
			i.Hour,
			"stage",
			i.Stage,
			"missing",
			i.Missing,
			"imbalances",
			len(wrong),
		)
	}
}

// found answers what does not balance: confirmed, told apart by whether it expired, and with what somebody has
// acknowledged of it.
func (c *Checker) found(ctx context.Context) ([]deadletter.Imbalance, error) {
	now, err := c.check(ctx)
	if err != nil {
		return nil, err
	}
	list, err := c.lost(ctx, c.confirm(now.list), now.retention)
	if err != nil {
		return nil, err
	}
	return c.acknowledged(ctx, list)
}

// Reload takes account of what was acknowledged since the latest check.
func (c *Checker) Reload(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, err := c.acknowledged(ctx, slices.Clone(c.state.Imbalances))
	if err == nil {
		c.state.Imbalances = list
	}
	return err
}

func (c *Checker) acknowledged(ctx context.Context, list []deadletter.Imbalance) ([]deadletter.Imbalance, error) {
	acks, err := c.store.Acknowledgements(ctx, c.now().Add(-lookBack))
	for n, i := range list {
		list[n].Ack = acks[i.Key()]
	}
	return list, err
}

// confirm answers of what was found what the check before had found as well, in the smaller number of the two: two
// figures that are not read at the same moment differ now and then.
func (c *Checker) confirm(found []deadletter.Imbalance) []deadletter.Imbalance {
	suspects := map[suspect]int{}
	var list []deadletter.Imbalance
	for _, i := range found {
		at, n := suspectOf(i), i.Missing
		suspects[at] = n
		before, ok := c.suspects[at]
		if !ok {
			continue
		}
		if i.Missing = min(n, before); n < 0 {
			i.Missing = max(n, before)
		}
		list = append(list, i)
	}
	c.suspects = suspects
	return list
}

// findings are the imbalances of a moment, the newest first, and how long each stage's queue keeps a message.
type findings struct {
	list      []deadletter.Imbalance
	retention map[deadletter.LedgerStage]time.Duration
}

// check answers every imbalance at this moment.
func (c *Checker) check(ctx context.Context) (findings, error) {
	since := c.now().Add(-lookBack)
	// What waits is counted before and after the accounts are read: one of the two was true while they were, whether
	// the queue fills or empties.
	before, err := c.waiting(ctx)
	if err != nil {
		return findings{}, err
	}
	open, err := c.store.OpenAccounts(ctx, since)
	if err != nil {
		return findings{}, err
	}
	killed, err := c.store.KilledRuns(ctx, since, c.recorder.run)
	if err != nil {
		return findings{}, err
	}
	// Read after the arrivals, what this run has counted is never behind them.
	present := c.recorder.present()
	after, err := c.waiting(ctx)
	if err != nil {
		return findings{}, err
	}
	for i, o := range open {
		if n, ok := present[o.Account]; ok {
			open[i].Receipts = n
		}
	}
	settled := c.settled(open)
	found := c.missing(open, settled, deadletter.StageMessages, most(before.messages, after.messages))
	found = append(
		found,
		c.missing(open, settled, deadletter.StageProcessing, most(before.processing, after.processing))...)
	found = append(found, surplus(open, killed)...)
	slices.SortFunc(found, func(a, b deadletter.Imbalance) int {
		return cmp.Or(
			b.Hour.Compare(a.Hour),
			cmp.Compare(a.Source, b.Source),
			cmp.Compare(a.Stage, b.Stage),
			cmp.Compare(b.Missing, a.Missing),
		)
	})
	return findings{found, map[deadletter.LedgerStage]time.Duration{
		deadletter.StageMessages: after.messages.Retention, deadletter.StageProcessing: after.processing.Retention,
	}}, nil
}

// held is what waits in each stage.
type held struct{ messages, processing Held }

func most(a, b Held) Held {
	b.Messages = max(a.Messages, b.Messages)
	return b
}

func (c *Checker) waiting(ctx context.Context) (held, error) {
	var h held
	var errs [2]error
	h.messages, errs[0] = c.settings.Messages(ctx)
	if c.settings.Processing != nil {
		h.processing, errs[1] = c.settings.Processing(ctx)
	}
	return h, errors.Join(errs[:]...)
}

// settled answers what each account had counted when the time was long enough ago for it to have arrived.
func (c *Checker) settled(open []store.OpenAccount) map[store.Account]deadletter.Receipts {
	counts := map[store.Account]deadletter.Receipts{}
	for _, o := range open {
		counts[o.Account] = o.Receipts
	}
	now := c.now()
	c.history = append(c.history, sample{now, counts})
	var past map[store.Account]deadletter.Receipts
	for len(c.history) > 0 && now.Sub(c.history[0].at) >= c.settings.Settle {
		past = c.history[0].counts
		if len(c.history) == 1 || now.Sub(c.history[1].at) < c.settings.Settle {
			break
		}
		c.history = c.history[1:]
	}
	return past
}

// missing answers what is in no store and on no queue of a stage, though it has had the time. What waits is taken for
// the newest, because a queue hands out the oldest first.
func (c *Checker) missing(
	open []store.OpenAccount,
	settled map[store.Account]deadletter.Receipts,
	stage deadletter.LedgerStage,
	waiting Held,
) []deadletter.Imbalance {
	slices.SortFunc(open, func(a, b store.OpenAccount) int { return b.Hour.Compare(a.Hour) })
	found := imbalances{}
	for _, o := range open {
		out := settled[o.Account].Kept - o.Arrived
		if stage == deadletter.StageProcessing {
			out = settled[o.Account].Received - o.Delivered - o.Kept
		}
		here := min(max(out, 0), waiting.Messages)
		waiting.Messages -= here
		if out > here {
			found.add(deadletter.Imbalance{Hour: o.Hour, Source: o.Source, Stage: stage, Missing: out - here})
		}
	}
	return slices.Collect(maps.Values(found))
}

// surplus answers what came without having been counted, with what may explain it.
func surplus(open []store.OpenAccount, killed map[string]time.Time) []deadletter.Imbalance {
	found := imbalances{}
	for _, o := range open {
		i := deadletter.Imbalance{Hour: o.Hour, Source: o.Source, Refused: o.Refused, Killed: killed[o.Run]}
		if n := o.Arrived - o.Kept; n > 0 {
			i := i
			i.Stage, i.Missing = deadletter.StageMessages, -n
			if !o.Numbered {
				i.Killed = latest(i.Killed, o.Hour, killed)
			}
			found.add(i)
		}
		if n := o.Delivered + o.Kept - o.Received; n > 0 {
			i.Stage, i.Missing = deadletter.StageProcessing, -n
			i.Killed = latest(i.Killed, o.Hour, killed)
			found.add(i)
		}
	}
	return slices.Collect(maps.Values(found))
}

// latest answers when a run was killed that may have delivered webhooks of an hour, and not have lived to say so.
// Whichever it was, it numbered none of them.
func latest(known, hour time.Time, killed map[string]time.Time) time.Time {
	for _, at := range killed {
		if at.After(hour) && at.After(known) {
			known = at
		}
	}
	return known
}

// imbalances are those of several runs, put together where they are of one kind.
type imbalances map[suspect]deadletter.Imbalance

func (list imbalances) add(i deadletter.Imbalance) {
	at := suspectOf(i)
	if other, ok := list[at]; ok {
		i.Missing += other.Missing
		i.Refused += other.Refused
	}
	list[at] = i
}
