package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

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
