// Package sqlite is the engine under the program's files: it opens them, migrates them, copies them, and runs their
// writes one after the other. Many readers and one writer share a file. Writes that wait at the same time share one
// commit, because a commit waits for the disk and a statement does not: 40 callers who write at once pay for two or
// three commits, not for 40. Each of them still gets its own result.
//
// It must not know a table: the SQL of a file is in the package that owns the file (store, search, queue).
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	engine "modernc.org/sqlite"
)

const (
	readers = 4

	// defaultCacheKiB is enough for a file that is written to at its end alone. In memory a page takes twice its
	// size: the driver's allocator rounds it and its header up to a power of two.
	defaultCacheKiB = 2000

	// lockWait is how long a write waits for another process that has locked the file.
	lockWait = 10 * time.Second
)

// pragmas hold for every connection; busy_timeout comes first because setting the others may already need the lock.
var pragmas = []string{
	busyTimeout, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "temp_store(MEMORY)",
	"journal_size_limit(67108864)", "wal_autocheckpoint(4000)",
}

var busyTimeout = fmt.Sprintf("busy_timeout(%d)", lockWait.Milliseconds())

// Options say what Open opens.
type Options struct {
	Path       string
	Migrations fs.FS
	Log        *slog.Logger
	Disposable bool // its content can be made again, so it needs no copy before a migration

	// Attach is a file that queries see as the schema "attached"; "" is none. It must exist before the first query.
	Attach string

	// CacheKiB is the page cache of the writer; 0 is 2,000. Each reader has a quarter, as the operating system caches
	// what is read often, once for all of them.
	CacheKiB int

	// Begin runs before the writes of each transaction, and BeforeCommit after them, in the same transaction. An error
	// of BeforeCommit fails all of them. Both may be nil.
	Begin        func()
	BeforeCommit func(ctx context.Context, tx *Tx) error
}

// DB is one SQLite file. Its methods may be called from many goroutines.
type DB struct {
	options     Options
	read, write *sql.DB
	queries     *statements // of the readers
	tx          *Tx
	requests    chan *request
	closing     chan struct{}
	done        chan struct{}
	close       func() error
}

// Open opens a file, which it creates for its owner alone if there is none, and applies the migrations that the file
// lacks. The caller closes the DB.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.CacheKiB == 0 {
		o.CacheKiB = defaultCacheKiB
	}
	d := &DB{
		options:  o,
		requests: make(chan *request, maxBatch),
		closing:  make(chan struct{}),
		done:     make(chan struct{}),
	}
	d.close = sync.OnceValue(d.stop)
	if err := d.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", o.Path, err), d.closeHandles())
	}
	go d.commitLoop()
	return d, nil
}

func (d *DB) open(ctx context.Context) (err error) {
	o := d.options
	f, err := os.OpenFile(o.Path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator names the folder
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if _, err := engine.Fdatasync(true); err != nil && !errors.Is(err, engine.ErrFdatasyncUnavailable) {
		return err
	}
	if d.write, err = sql.Open("sqlite", dsn(o.Path, "immediate", cachePragma(o.CacheKiB))); err != nil {
		return err
	}
	d.write.SetMaxOpenConns(1)
	if err := migrate(ctx, d.write, o); err != nil {
		return err
	}
	conn, err := d.write.Conn(ctx)
	if err != nil {
		return err
	}
	d.tx = newTx(conn)
	connector, err := engine.NewConnector(dsn(o.Path, "deferred", cachePragma(o.CacheKiB/4), "query_only(ON)"))
	if err != nil {
		return err
	}
	d.read = sql.OpenDB(attaching{connector, o.Attach})
	d.read.SetMaxOpenConns(readers)
	d.read.SetMaxIdleConns(readers)
	d.queries = &statements{limit: maxStatements, on: d.read}
	return nil
}

func cachePragma(kib int) string { return fmt.Sprintf("cache_size(-%d)", kib) }

func dsn(path, lock string, more ...string) string {
	return fileURL(path, url.Values{"_txlock": {lock}, "_pragma": append(slices.Clone(pragmas), more...)})
}

func fileURL(path string, query url.Values) string {
	escaped := (&url.URL{Path: path}).EscapedPath()
	return (&url.URL{Scheme: "file", Opaque: escaped, RawQuery: query.Encode()}).String()
}

// attaching opens connections that see another file as well.
type attaching struct {
	driver.Connector
	file string
}

// Connect opens a connection.
func (a attaching) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := a.Connector.Connect(ctx)
	if err != nil || a.file == "" {
		return conn, err
	}
	if execer, ok := conn.(driver.ExecerContext); ok {
		query := "ATTACH ? AS attached; PRAGMA attached." + cachePragma(defaultCacheKiB/4)
		_, err = execer.ExecContext(ctx, query, []driver.NamedValue{{Ordinal: 1, Value: a.file}})
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// Close finishes the writes that wait and closes the file. A second Close returns what the first did.
func (d *DB) Close() error { return d.close() }

func (d *DB) stop() error {
	close(d.closing)
	<-d.done
	return d.closeHandles()
}

func (d *DB) closeHandles() error {
	var errs []error
	if d.queries != nil {
		errs = append(errs, d.queries.close())
	}
	if d.read != nil {
		errs = append(errs, d.read.Close())
	}
	if d.tx != nil {
		errs = append(errs, d.tx.close())
	}
	if d.write != nil {
		errs = append(errs, d.write.Close())
	}
	return errors.Join(errs...)
}

// QueryContext runs a query on a reader.
func (d *DB) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return d.queries.QueryContext(ctx, query, args...)
}

// QueryRowContext runs a query of one row on a reader.
func (d *DB) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return d.queries.QueryRowContext(ctx, query, args...)
}

// Snapshot begins a transaction of queries that see the file as it is at the first of them. The caller rolls it back.
func (d *DB) Snapshot(ctx context.Context) (*sql.Tx, error) {
	return d.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
}
