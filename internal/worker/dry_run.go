package worker

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/pressure"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

const (
	// dryRunBatch is how many messages are tried before their results are written.
	dryRunBatch = 4000

	// dryRunBytes bounds the bodies of the messages that are read at once, but for a single larger one.
	dryRunBytes = 16 << 20

	// dryRunChunk is how many messages a goroutine reads and tries at once.
	dryRunChunk = 100

	// dryRunTime is after how long the results of a batch are written, even if it is not at its end.
	dryRunTime = time.Second

	// dryRunTurn is how long a dry run goes on before another one has its turn.
	dryRunTurn = 2 * time.Second

	// dryRunsEvery is how often the loop looks for dry runs that no kick told it of.
	dryRunsEvery = time.Minute
)

// dryRunLoop tries the recipes of dry runs on the messages of their drafts. All that it knows is in the store, so that
// another process goes on with it.
type dryRunLoop struct {
	w      *Worker
	kicked chan struct{}
	turns  *pressure.Turns
}

func (l *dryRunLoop) wake() {
	select {
	case l.kicked <- struct{}{}:
	default:
	}
}

// run works until ctx ends.
func (l *dryRunLoop) run(ctx context.Context) {
	for ctx.Err() == nil {
		wait := l.turns.Wait()
		if wait == 0 {
			worked, err := l.once(ctx)
			if worked && err == nil {
				continue
			}
			wait = dryRunsEvery
			if err != nil && ctx.Err() == nil {
				l.w.log.ErrorContext(ctx, "cannot go on with dry runs; trying again", "err", err)
				wait = storeRetry
			}
		}
		again := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-l.kicked:
		case <-again.C:
		}
		again.Stop()
	}
}

// once tries some messages of each dry run, so that none waits for another one. It returns false if there is none.
func (l *dryRunLoop) once(ctx context.Context) (worked bool, err error) {
	running, err := l.w.store.RunningDryRuns(ctx)
	for _, d := range running {
		err = errors.Join(err, l.advance(ctx, d))
	}
	return len(running) > 0, err
}

// advance tries messages of a dry run batch by batch. While a batch is tried, the results of the one before are
// written.
func (l *dryRunLoop) advance(ctx context.Context, d store.DryRun) error {
	trial, err := l.trialOf(ctx, d)
	if err != nil || trial == nil {
		return err
	}
	written := make(chan saved, 1)
	written <- saved{ok: true}
	last, began := d.Last, time.Now()
	for done := false; !done && time.Since(began) < dryRunTurn; {
		results, err := trial.batch(ctx, last)
		before := <-written
		if err := errors.Join(err, before.err); err != nil || !before.ok {
			return err // if it was not saved, the dry run was cancelled or replaced
		}
		last, done = results.Last, results.Done
		go func() {
			ok, err := l.w.store.SaveDryRun(ctx, results)
			written <- saved{ok, err}
		}()
	}
	return (<-written).err
}

// saved is how the writing of results ended: ok reports that the dry run goes on.
type saved struct {
	ok  bool
	err error
}

// trial is a dry run at work.
type trial struct {
	w      *Worker
	run    store.DryRun
	job    deadletter.Job
	edits  edits
	shapes shapeCache
	known  map[string]bool // the keys of its groups
	kinds  [2]int          // how many of them are refusals and departures
	until  time.Time       // when the results of the present batch are written
}

// trialOf prepares a dry run; nil if its draft is gone.
func (l *dryRunLoop) trialOf(ctx context.Context, d store.DryRun) (*trial, error) {
	j, err := l.w.store.Job(ctx, d.Job)
	if err == nil {
		d.Recipe.Table, err = l.w.store.DryRunTable(ctx, d.ID)
	}
	if deadletter.KindOf(err) == deadletter.NotFound {
		return nil, nil //nolint:nilnil // it was replaced or removed just now, which is no error
	}
	if err != nil {
		return nil, err
	}
	groups, err := l.w.store.DryRunGroups(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	recipe, err := payload.Compile(d.Recipe)
	if err != nil { // another version accepted it
		return nil, l.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return tx.StopDryRun(ctx, d.Job, l.w.now())
		})
	}
	t := &trial{
		w:      l.w,
		run:    d,
		job:    j,
		edits:  edits{recipe: recipe, masks: l.w.masks, masked: d.Masked},
		known:  map[string]bool{},
		shapes: shapeCache{store: l.w.store, byKey: map[store.ShapeKey]*payload.Shape{}},
	}
	for _, g := range groups {
		if !g.Further {
			t.note(g.Key(), g)
		}
	}
	return t, nil
}

// batch tries the messages that follow a row.
func (t *trial) batch(ctx context.Context, after int64) (store.DryRunResults, error) {
	items, err := t.w.store.DryRunItems(ctx, t.job.ID, after, dryRunBatch)
	if err != nil {
		return store.DryRunResults{}, err
	}
	chunks := chunksOf(items)
	done := make([][]tried, len(chunks))
	t.until = time.Now().Add(dryRunTime)
	var next atomic.Int64
	var all errgroup.Group
	for range min(len(chunks), runtime.GOMAXPROCS(0)) {
		all.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(chunks) || i > 0 && time.Now().After(t.until) {
					return nil
				}
				var err error
				if done[i], err = t.chunk(ctx, chunks[i]); err != nil {
					return err
				}
			}
		})
	}
	if err := all.Wait(); err != nil {
		return store.DryRunResults{}, err
	}
	r := store.DryRunResults{
		Run: t.run.ID, Job: t.job.ID, After: after, Last: after, At: t.w.now(),
		Refused: map[string][]int64{}, Groups: map[string]*deadletter.DryRunGroup{},
		Done: len(items) < dryRunBatch,
	}
	for i, chunk := range done {
		t.addUp(&r, chunk)
		if len(chunk) < len(chunks[i]) { // the rest was not tried in time
			r.Done = false
			break
		}
	}
	return r, nil
}

// chunksOf splits items by their number and the size of their bodies.
func chunksOf(items []store.DryRunItem) (chunks [][]store.DryRunItem) {
	from, size := 0, 0
	for i, item := range items {
		if i > from && (i-from == dryRunChunk || size+item.Size > dryRunBytes) {
			chunks, from, size = append(chunks, items[from:i]), i, 0
		}
		size += item.Size
	}
	if from < len(items) {
		chunks = append(chunks, items[from:])
	}
	return chunks
}

// tried is what a message came to.
type tried struct {
	row        int64
	message    deadletter.ID
	refusal    string // "": the recipe changes it
	departures []deadletter.Departure
	uncompared bool
}

// chunk reads messages and tries them one after the other, at least one and as many as the time allows.
func (t *trial) chunk(ctx context.Context, items []store.DryRunItem) ([]tried, error) {
	plain := make([]store.Item, len(items))
	for i, item := range items {
		plain[i] = item.Item
	}
	read, err := t.w.store.Latest(ctx, plain)
	if err != nil {
		return nil, err
	}
	var results []tried
	for _, item := range items {
		if len(results) > 0 && time.Now().After(t.until) {
			break
		}
		result, err := t.try(ctx, item, read[item.Message])
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}

// try tries the recipe on one message. The words of a refusal are shown, so they have no secret of the message.
func (t *trial) try(ctx context.Context, item store.DryRunItem, latest store.Latest) (tried, error) {
	result := tried{row: item.Row, message: item.Message}
	m, revision := latest.Message, latest.Revision
	if err := t.job.CheckMessage(m, item.Version); err != nil {
		result.refusal = deadletter.TextOf(err)
		return result, nil
	}
	if revision.IsHead() {
		var err error
		if revision, err = t.w.store.Revision(ctx, m.ID, revision.Number); err != nil {
			return result, err
		}
	}
	body, changes, err := t.edits.try(ctx, m, revision)
	rules := t.w.masks().Of(m.Queue.ConfigName, m.Source)
	switch {
	case ctx.Err() != nil:
		return result, ctx.Err()
	case err != nil && deadletter.KindOf(err) == deadletter.Internal:
		return result, err
	case err != nil:
		result.refusal = rules.Secrets(revision.Headers, m.Query, revision.Body).HideText(deadletter.TextOf(err))
		return result, nil
	case !changes || bytes.Equal(body, revision.Body):
		result.refusal = deadletter.RefusalUnchanged
		return result, nil
	}
	result.departures, result.uncompared, err = t.compare(ctx, m, rules, revision.Headers, body)
	return result, err
}

// compare returns how an edited body differs from what was delivered of its source and event type.
func (t *trial) compare(
	ctx context.Context, m deadletter.Message, rules *redact.Rules, headers deadletter.Headers, body []byte,
) (list []deadletter.Departure, uncompared bool, err error) {
	key := store.ShapeKey{Source: m.Source, EventType: m.EventType, Masks: t.w.masks().Of("", m.Source).Name()}
	delivered, err := t.shapes.of(ctx, key)
	if err != nil || delivered.Bodies == 0 {
		return nil, true, err
	}
	shape, _ := rules.Shape(payload.Decode(headers, body, payload.MaxShaped))
	if shape == nil {
		return nil, true, nil
	}
	for _, d := range payload.Departures(shape, delivered) {
		one := deadletter.Departure{
			Source: m.Source, EventType: m.EventType, Path: d.Path, UsualIn: d.UsualIn, Delivered: d.There.Of,
		}
		if d.Kind == payload.OtherType {
			one.Type, one.Usual = d.Type.String(), d.Usual.String()
		}
		list = append(list, one)
	}
	return list, false, nil
}

// addUp counts what messages came to, and groups it.
func (t *trial) addUp(r *store.DryRunResults, list []tried) {
	for _, one := range list {
		r.Last = one.row
		n := &r.Counts
		switch one.refusal {
		case "":
			n.Changed++
		case deadletter.RefusalUnchanged:
			n.Unchanged++
		default:
			n.Failed++
			t.group(r, deadletter.DryRunGroup{Refusal: one.refusal}, one.message)
		}
		if one.refusal != "" {
			r.Refused[one.refusal] = append(r.Refused[one.refusal], one.row)
		}
		if one.uncompared {
			n.Uncompared++
		}
		if len(one.departures) > 0 {
			n.Differing++
		}
		for _, d := range one.departures {
			t.group(r, deadletter.DryRunGroup{Departure: d}, one.message)
		}
	}
}

// group counts a message in a group of the results.
func (t *trial) group(r *store.DryRunResults, g deadletter.DryRunGroup, id deadletter.ID) {
	key := g.Key()
	if !t.note(key, g) {
		g.Further = true
		key = g.Key()
	}
	of := r.Groups[key]
	if of == nil {
		of = &g
		r.Groups[key] = of
	}
	if of.Messages++; len(of.Examples) < deadletter.MaxDryRunExamples {
		of.Examples = append(of.Examples, id)
	}
}

// note notes that a dry run has a group. It returns false if it has no room for another one.
func (t *trial) note(key string, g deadletter.DryRunGroup) bool {
	kind := 0
	if g.Refusal == "" {
		kind = 1
	}
	if t.known[key] {
		return true
	}
	if t.kinds[kind] == deadletter.MaxDryRunGroups {
		return false
	}
	t.known[key] = true
	t.kinds[kind]++
	return true
}

// shapeCache has the shapes of what was delivered, as they were when a batch needed them first.
type shapeCache struct {
	store *store.Store
	mu    sync.Mutex
	byKey map[store.ShapeKey]*payload.Shape
}

func (c *shapeCache) of(ctx context.Context, key store.ShapeKey) (*payload.Shape, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if shape, ok := c.byKey[key]; ok {
		return shape, nil
	}
	shape, err := c.store.Shape(ctx, key)
	if err == nil {
		c.byKey[key] = shape
	}
	return shape, err
}
