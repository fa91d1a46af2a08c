package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

// db is one SQLite file: many readers, and one writer that commits for everybody who waits.
type db struct {
	read, write *sql.DB
	often       *statements // reads what is read again and again
	writer      *writeTx
	requests    chan *request
	closing     chan struct{}
	done        chan struct{}
	closed      func() error

	// begin and end, where they are set, are called around the writes of each commit, end within its transaction.
	begin func()
	end   func(ctx context.Context, tx *writeTx) error
}

const (
	readers = 4

	// maxBatch bounds how many writes share one commit.
	maxBatch = 256

	// deskCache is that of the desk's file, in KiB, whose indexes are written to all over; the other files are
	// written to at their ends. In memory a page takes twice its size: the driver's allocator rounds it and its
	// header up to a power of two.
	deskCache  = 8000
	smallCache = 2000

	// lockWait is how long a write waits for another process that holds the file.
	lockWait = 10 * time.Second
)

// pragmas hold for every connection; busy_timeout comes first because setting the others may already need the lock.
var pragmas = []string{
	fmt.Sprintf(
		"busy_timeout(%d)",
		lockWait.Milliseconds(),
	),
	"journal_mode(WAL)",
	"synchronous(FULL)",
	"foreign_keys(ON)",
	"temp_store(MEMORY)",
	"journal_size_limit(67108864)",
	"wal_autocheckpoint(4000)",
}

// file is what to open.
type file struct {
	path       string
	migrations fs.FS
	beside     string // a file that readers see as well; "": none
	cache      int    // of the writer, in KiB
}

// cachePragma has a connection keep so many KiB. Readers have less than the writer: the system keeps what is read
// often as well, once for all of them.
func cachePragma(kib int) string { return fmt.Sprintf("cache_size(-%d)", kib) }

// openDB opens (or creates, for its owner alone) the file and applies the migrations that it lacks.
func openDB(ctx context.Context, from file) (*db, error) {
	f, err := os.OpenFile(from.path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if _, err := sqlite.Fdatasync(true); err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return nil, fmt.Errorf("open database: %w", err)
	}
	d := &db{requests: make(chan *request, maxBatch), closing: make(chan struct{}), done: make(chan struct{})}
	d.closed = sync.OnceValue(d.finish)
	if err := d.open(ctx, from); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", from.path, err), d.closeHandles())
	}
	go d.commitLoop()
	return d, nil
}

func (d *db) open(ctx context.Context, from file) (err error) {
	if d.write, err = sql.Open("sqlite", dsn(from.path, "immediate", cachePragma(from.cache))); err != nil {
		return err
	}
	d.write.SetMaxOpenConns(1)
	if err := migrate(ctx, d.write, from.migrations); err != nil {
		return fmt.Errorf("bring it to the newest schema: %w", err)
	}
	conn, err := d.write.Conn(ctx)
	if err != nil {
		return err
	}
	d.writer = &writeTx{conn: conn, statements: statements{on: conn}, commands: map[string]command{}}
	connector, err := sqlite.NewConnector(dsn(from.path, "deferred", cachePragma(from.cache/4), "query_only(ON)"))
	if err != nil {
		return err
	}
	d.read = sql.OpenDB(attaching{connector, from.beside})
	d.read.SetMaxOpenConns(readers)
	d.read.SetMaxIdleConns(readers)
	d.often = &statements{on: d.read}
	return nil
}

// attaching opens connections that see another file as well.
type attaching struct {
	driver.Connector
	beside string
}

// Connect opens a connection.
func (a attaching) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := a.Connector.Connect(ctx)
	if err != nil || a.beside == "" {
		return conn, err
	}
	if execer, ok := conn.(driver.ExecerContext); ok {
		_, err = execer.ExecContext(
			ctx,
			"ATTACH ? AS beside; PRAGMA beside."+cachePragma(smallCache/4),
			[]driver.NamedValue{{Ordinal: 1, Value: a.beside}},
		)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func (d *db) closeHandles() error {
	var errs []error
	if d.often != nil {
		errs = append(errs, d.often.close())
	}
	if d.read != nil {
		errs = append(errs, d.read.Close())
	}
	if d.writer != nil {
		errs = append(errs, d.writer.close())
	}
	if d.write != nil {
		errs = append(errs, d.write.Close())
	}
	return errors.Join(errs...)
}

func dsn(path, lock string, more ...string) string {
	values := url.Values{"_txlock": {lock}, "_pragma": append(slices.Clone(pragmas), more...)}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: values.Encode()}).String()
}

func migrate(ctx context.Context, db *sql.DB, migrations fs.FS) error {
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, migrations)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// Close finishes the writes that wait and closes the file. A second Close answers what the first did.
func (d *db) Close() error { return d.closed() }

func (d *db) finish() error {
	close(d.closing)
	<-d.done
	return d.closeHandles()
}

// errClosed answers a write that came after Close.
var errClosed = errors.New("the database is closed")

// request is one caller's write.
type request struct {
	ctx   context.Context
	fn    func(ctx context.Context, tx *writeTx) error
	err   error
	done  chan struct{}
	taken atomic.Bool // it is begun, or its caller has left
	begun bool        // only the commit loop looks at it
}

// Write runs fn in a transaction and answers when it is on disk. Writes that wait at the same time share one commit,
// and one which fails takes nothing of the others with it: fn may be run once more after all that it wrote was
// undone, so it sets what it answers anew each time. When ctx ends before fn was begun, it never is.
func (d *db) Write(ctx context.Context, fn func(ctx context.Context, tx *writeTx) error) error {
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
		if r.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
	case <-d.done:
	}
	select {
	case <-r.done:
		return r.err
	case <-d.done:
		// The loop has ended: either it answered this request before, or never saw it.
		select {
		case <-r.done:
			return r.err
		default:
			return errClosed
		}
	}
}

// commitLoop is the only writer. It ends after Close, with nothing left waiting.
func (d *db) commitLoop() {
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

// gather takes everybody who waits right now; a lone writer waits for nobody.
func (d *db) gather(first *request) []*request {
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

// commit runs a batch. Its statements cannot be cancelled: what is half done for one caller would be undone for all,
// and the driver pays for a context that can end with a goroutine for each statement, which is a seventh of the time.
// Waiting for another process is bounded by lockWait.
func (d *db) commit(batch []*request) {
	err := d.transact(context.Background(), batch)
	for _, r := range batch {
		if err != nil && r.err == nil {
			r.err = err
		}
		r.err = explain(r.err)
		close(r.done)
	}
}

// transact runs a batch in one transaction. Where one of its writes fails, all are undone and run again, each within
// a savepoint: to have savepoints always would cost a copy of nearly every page that is written, for what hardly ever
// happens.
func (d *db) transact(ctx context.Context, batch []*request) error {
	failed, err := d.runAll(ctx, batch, d.runBare)
	if failed && err == nil && len(batch) > 1 {
		_, err = d.runAll(ctx, batch, d.runApart)
	}
	return err
}

// begin answers false where the caller has left.
func (r *request) begin() bool {
	if !r.begun && r.taken.CompareAndSwap(false, true) {
		r.err = r.ctx.Err()
		r.begun = r.err == nil
	}
	return r.begun
}

// runAll runs writes one after the other and commits. Where run answers false nothing is kept; neither is with an
// error.
func (d *db) runAll(
	ctx context.Context,
	batch []*request,
	run func(context.Context, *request) (bool, error),
) (failed bool, err error) {
	if err := d.writer.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	if d.begin != nil {
		d.begin()
	}
	for _, r := range batch {
		if !r.begin() {
			continue
		}
		if ok, err := run(ctx, r); err != nil || !ok {
			return true, errors.Join(err, d.rollBack(ctx))
		}
	}
	if d.end != nil {
		if err := d.end(ctx, d.writer); err != nil {
			return false, errors.Join(err, d.rollBack(ctx))
		}
	}
	if err := d.writer.exec(ctx, "COMMIT"); err != nil {
		return false, errors.Join(fmt.Errorf("commit: %w", err), d.rollBack(ctx))
	}
	return false, nil
}

// runBare runs one caller's write. It answers false where that fails.
func (d *db) runBare(ctx context.Context, r *request) (bool, error) {
	r.err = call(ctx, r.fn, d.writer)
	return r.err == nil, nil
}

func (d *db) rollBack(ctx context.Context) error {
	err := d.writer.exec(ctx, "ROLLBACK")
	if codeOf(err) == sqliteError {
		return nil // SQLite has ended the transaction by itself
	}
	return err
}

// runApart runs one caller's write in a savepoint. Its own failure goes to the caller; the error answered here ends
// the batch.
func (d *db) runApart(ctx context.Context, r *request) (bool, error) {
	if err := d.writer.exec(ctx, "SAVEPOINT caller"); err != nil {
		return false, fmt.Errorf("savepoint: %w", err)
	}
	if r.err = call(ctx, r.fn, d.writer); r.err != nil {
		if err := d.writer.exec(ctx, "ROLLBACK TO caller"); err != nil {
			return false, errors.Join(r.err, fmt.Errorf("roll back to savepoint: %w", err))
		}
	}
	if err := d.writer.exec(ctx, "RELEASE caller"); err != nil {
		return false, fmt.Errorf("release savepoint: %w", err)
	}
	return true, nil
}

// call turns a panic of one caller into its error, because the loop works for everybody.
func call(ctx context.Context, fn func(ctx context.Context, tx *writeTx) error, tx *writeTx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("write panicked: %v", p)
		}
	}()
	return fn(ctx, tx)
}
