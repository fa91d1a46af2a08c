package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// statements caches prepared queries of one connection or of several, each for the life of the file: to prepare a
// short query takes longer than to run it.
type statements struct {
	on interface {
		PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	}

	mu       sync.Mutex
	prepared map[string]*sql.Stmt
}

func (t *statements) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.prepared[query]; ok {
		return s, nil
	}
	s, err := t.on.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if t.prepared == nil {
		t.prepared = map[string]*sql.Stmt{}
	}
	t.prepared[query] = s
	return s, nil
}

// QueryContext runs a query.
func (t *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := t.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// QueryRowContext runs a query of one row.
func (t *statements) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := t.prepare(ctx, query)
	if err != nil {
		return t.on.QueryRowContext(ctx, query, args...) // returns the same fault to Scan
	}
	return s.QueryRowContext(ctx, args...)
}

func (t *statements) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for _, s := range t.prepared {
		errs = append(errs, s.Close())
	}
	t.prepared = nil
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
	s, err := t.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (t *Tx) exec(ctx context.Context, query string) error {
	_, err := t.ExecContext(ctx, query)
	return err
}

func (t *Tx) close() error { return errors.Join(t.statements.close(), t.conn.Close()) }
