package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// maxStatements bounds the queries that stay prepared for the readers of one file. Those that are put together at run
// time push each other out; constants are used too often for that.
const maxStatements = 200

// statements prepares queries of one connection or of several, and keeps those that were used last: to prepare a short
// query takes longer than to run it.
type statements struct {
	limit int // 0: it keeps all
	on    interface {
		PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	}

	mu    sync.Mutex
	kept  map[string]*statement
	clock int // counts uses
}

// statement is a prepared query.
type statement struct {
	*sql.Stmt
	usedAt int
	users  int // that are starting it: rows that are read keep it open by themselves
	gone   bool
}

// use returns a prepared query. The caller releases it once it is running.
func (t *statements) use(ctx context.Context, query string) (*statement, error) {
	if s, ok := t.find(query); ok {
		return s, nil
	}
	// Without the lock, because it may wait for a connection. Another caller may do the same meanwhile.
	prepared, err := t.on.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &statement{Stmt: prepared, users: 1}
	if _, ok := t.kept[query]; ok {
		s.gone = true
		return s, nil
	}
	if t.kept == nil {
		t.kept = map[string]*statement{}
	}
	if t.limit > 0 && len(t.kept) >= t.limit {
		t.dropOldest()
	}
	t.clock++
	s.usedAt = t.clock
	t.kept[query] = s
	return s, nil
}

func (t *statements) find(query string) (*statement, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.kept[query]
	if ok {
		t.clock++
		s.usedAt = t.clock
		s.users++
	}
	return s, ok
}

func (t *statements) dropOldest() {
	var oldest string
	for query, s := range t.kept {
		if first, ok := t.kept[oldest]; !ok || s.usedAt < first.usedAt {
			oldest = query
		}
	}
	s := t.kept[oldest]
	delete(t.kept, oldest)
	s.gone = true
	s.closeUnused()
}

func (t *statements) release(s *statement) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.users--
	s.closeUnused()
}

// closeUnused closes a statement that no longer is kept. What Close returns is the fault of an earlier use.
func (s *statement) closeUnused() {
	if s.gone && s.users == 0 {
		_ = s.Close()
	}
}

// QueryContext runs a query.
func (t *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := t.use(ctx, query)
	if err != nil {
		return nil, err
	}
	defer t.release(s)
	return s.QueryContext(ctx, args...)
}

// QueryRowContext runs a query of one row.
func (t *statements) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := t.use(ctx, query)
	if err != nil {
		return t.on.QueryRowContext(ctx, query, args...) // returns the same fault to Scan
	}
	defer t.release(s)
	return s.QueryRowContext(ctx, args...)
}

func (t *statements) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for _, s := range t.kept {
		errs = append(errs, s.Close())
	}
	t.kept = nil
	return errors.Join(errs...)
}

// Tx is the transaction of a Write. It is the writer's one connection, so it must not be used after the func that got
// it has returned.
type Tx struct {
	statements
	conn *sql.Conn
}

func newTx(conn *sql.Conn) *Tx { return &Tx{statements{on: conn}, conn} }

// ExecContext runs a statement.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := t.use(ctx, query)
	if err != nil {
		return nil, err
	}
	defer t.release(s)
	return s.ExecContext(ctx, args...)
}

func (t *Tx) exec(ctx context.Context, query string) error {
	_, err := t.ExecContext(ctx, query)
	return err
}

func (t *Tx) close() error { return errors.Join(t.statements.close(), t.conn.Close()) }
