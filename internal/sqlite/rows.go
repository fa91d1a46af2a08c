package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Row is one row of a result. sql.Row and sql.Rows are Rows.
type Row interface{ Scan(dest ...any) error }

// Querier runs queries: a DB, a Tx or a snapshot.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Each calls fn with every row of a query. It ends with the first error of fn and returns it.
func Each(ctx context.Context, q Querier, fn func(Row) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Column returns the values of a query of one column. what names them in errors.
func Column[T any](ctx context.Context, q Querier, what, query string, args ...any) ([]T, error) {
	var list []T
	err := Each(ctx, q, func(r Row) error {
		var item T
		err := r.Scan(&item)
		list = append(list, item)
		return err
	}, query, args...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read %s", what), err)
	}
	return list, nil
}

// Millis returns a time as tables store it, in milliseconds since 1970; NULL for the zero time.
func Millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// Time returns the time that Millis stored, in UTC; the zero time for NULL.
func Time(millis sql.NullInt64) time.Time {
	if !millis.Valid {
		return time.Time{}
	}
	return time.UnixMilli(millis.Int64).UTC()
}

// Text returns a string as tables store it that have NULL for an empty one.
func Text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Blob returns bytes that are not NULL when there are none.
func Blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
