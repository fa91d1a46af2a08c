package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// maxBatch bounds how many writes share one commit.
const maxBatch = 256

// errClosed is the error of a write that came after Close.
var errClosed = errors.New("the database is closed")

// request is one caller's write.
type request struct {
	ctx     context.Context
	fn      func(ctx context.Context, tx *Tx) error
	err     error
	done    chan struct{}
	claimed atomic.Bool // by the commit loop, which runs it, or by its caller, who gave up before that
	begun   bool        // only the commit loop reads it
}

// Write runs fn in a transaction and returns when that is on disk. Writes that wait at the same time share one commit,
// and one that fails undoes nothing of the others: fn may run a second time after all that it wrote was undone, so it
// has to set its results anew each time. When ctx ends before fn was begun, fn never runs; after that ctx has no
// effect.
func (d *DB) Write(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	r := &request{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case d.requests <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-d.closing:
		return errClosed
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		if r.claimed.CompareAndSwap(false, true) {
			return ctx.Err()
		}
	case <-d.done:
	}
	select {
	case <-r.done:
		return r.err
	case <-d.done:
		// The loop has ended: either it finished this request before, or never saw it.
		select {
		case <-r.done:
			return r.err
		default:
			return errClosed
		}
	}
}

// commitLoop is the only writer. It ends after Close, when no request waits.
func (d *DB) commitLoop() {
	defer close(d.done)
	for {
		select {
		case r := <-d.requests:
			d.commit(d.gather(r))
		case <-d.closing:
			for {
				select {
				case r := <-d.requests:
					d.commit(d.gather(r))
				default:
					return
				}
			}
		}
	}
}

// gather returns all requests that wait right now. A request that is alone waits for no other.
func (d *DB) gather(first *request) []*request {
	batch := []*request{first}
	for len(batch) < maxBatch {
		select {
		case r := <-d.requests:
			batch = append(batch, r)
		default:
			return batch
		}
	}
	return batch
}

// commit runs a batch. Its statements cannot be cancelled: a statement cut short for one caller would be undone for
// all, and the driver starts a goroutine for each statement whose context can end, which is a seventh of the time.
// Waiting for another process is bounded by lockWait.
func (d *DB) commit(batch []*request) {
	err := d.transact(context.Background(), batch)
	for _, r := range batch {
		if err != nil && r.err == nil {
			r.err = err
		}
		r.err = explain(r.err)
		close(r.done)
	}
}

// transact runs a batch in one transaction. If one of its writes fails, all are undone and run again, each within a
// savepoint. Savepoints are not the rule because they cost a copy of nearly every page that is written, and writes
// rarely fail.
func (d *DB) transact(ctx context.Context, batch []*request) error {
	failed, err := d.runAll(ctx, batch, d.runBare)
	if failed && err == nil && len(batch) > 1 {
		_, err = d.runAll(ctx, batch, d.runInSavepoint)
	}
	return err
}

// begin reports whether the request is to run. It is not if its caller has given up.
func (r *request) begin() bool {
	if !r.begun && r.claimed.CompareAndSwap(false, true) {
		r.err = r.ctx.Err()
		r.begun = r.err == nil
	}
	return r.begun
}

// runOne runs one caller's write. It returns false if the whole batch has to be undone for it, and an error if the
// batch cannot go on at all.
type runOne func(ctx context.Context, r *request) (bool, error)

// runAll runs writes one after the other and commits them. When it returns failed or an error, none is committed.
func (d *DB) runAll(ctx context.Context, batch []*request, run runOne) (failed bool, err error) {
	if err := d.tx.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	if d.options.Begin != nil {
		d.options.Begin()
	}
	for _, r := range batch {
		if !r.begin() {
			continue
		}
		if ok, err := run(ctx, r); err != nil || !ok {
			return true, errors.Join(err, d.rollBack(ctx))
		}
	}
	if d.options.BeforeCommit != nil {
		if err := d.options.BeforeCommit(ctx, d.tx); err != nil {
			return false, errors.Join(err, d.rollBack(ctx))
		}
	}
	if err := d.tx.exec(ctx, "COMMIT"); err != nil {
		return false, errors.Join(fmt.Errorf("commit: %w", err), d.rollBack(ctx))
	}
	return false, nil
}

func (d *DB) rollBack(ctx context.Context) error {
	err := d.tx.exec(ctx, "ROLLBACK")
	if codeOf(err) == sqliteError {
		return nil // SQLite has ended the transaction by itself
	}
	return err
}

func (d *DB) runBare(ctx context.Context, r *request) (bool, error) {
	r.err = call(ctx, r.fn, d.tx)
	return r.err == nil, nil
}

// runInSavepoint undoes what a write that fails has written, so that the others of the batch stay.
func (d *DB) runInSavepoint(ctx context.Context, r *request) (bool, error) {
	if err := d.tx.exec(ctx, "SAVEPOINT caller"); err != nil {
		return false, fmt.Errorf("savepoint: %w", err)
	}
	if r.err = call(ctx, r.fn, d.tx); r.err != nil {
		if err := d.tx.exec(ctx, "ROLLBACK TO caller"); err != nil {
			return false, errors.Join(r.err, fmt.Errorf("roll back to savepoint: %w", err))
		}
	}
	if err := d.tx.exec(ctx, "RELEASE caller"); err != nil {
		return false, fmt.Errorf("release savepoint: %w", err)
	}
	return true, nil
}

// call turns a panic of one caller into its error, because the loop works for all of them.
func call(ctx context.Context, fn func(ctx context.Context, tx *Tx) error, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("write panicked: %v", p)
		}
	}()
	return fn(ctx, tx)
}
