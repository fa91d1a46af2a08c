package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// View is a filter of the list that a user saved by name.
type View struct {
	ID     int64
	Owner  string
	Name   string
	Query  string // of the list's address
	Shared bool   // all users see it
}

const viewsOf = `SELECT id, owner, name, query, shared FROM views WHERE owner = ?1 OR shared = 1
	ORDER BY owner <> ?1, name LIMIT 200`

// Views returns the views that a user sees, the user's own ones first, and at most 200.
func (s *Store) Views(ctx context.Context, user string) ([]View, error) {
	var list []View
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var v View
		err := r.Scan(&v.ID, &v.Owner, &v.Name, &v.Query, &v.Shared)
		list = append(list, v)
		return err
	}, viewsOf, user)
	if err != nil {
		return nil, fmt.Errorf("read views of %s: %w", user, err)
	}
	return list, nil
}

const oneView = `SELECT id, owner, name, query, shared FROM views WHERE id = ?`

// View returns the view with the given id. It returns NotFound if there is none.
func (t *Tx) View(ctx context.Context, id int64) (View, error) {
	var v View
	err := t.tx.QueryRowContext(ctx, oneView, id).Scan(&v.ID, &v.Owner, &v.Name, &v.Query, &v.Shared)
	return v, notFound(err, "there is no view %d", id)
}

const (
	countViews = `SELECT count(*) FROM views WHERE owner = ?`
	saveView   = `INSERT INTO views (owner, name, query, shared) VALUES (?, ?, ?, ?)
		ON CONFLICT (owner, name) DO UPDATE SET query = excluded.query, shared = excluded.shared`
	deleteView = `DELETE FROM views WHERE id = ?`
)

// CountViews returns how many views a user has.
func (t *Tx) CountViews(ctx context.Context, owner string) (n int, err error) {
	return n, t.tx.QueryRowContext(ctx, countViews, owner).Scan(&n)
}

// SaveView adds a view, or replaces that of the same owner and name, with its audit event.
func (t *Tx) SaveView(ctx context.Context, v View, e deadletter.Event) error {
	if _, err := t.tx.ExecContext(ctx, saveView, v.Owner, v.Name, v.Query, v.Shared); err != nil {
		return fmt.Errorf("save view: %w", err)
	}
	return t.Record(ctx, e)
}

// DeleteView deletes a view, with its audit event.
func (t *Tx) DeleteView(ctx context.Context, id int64, e deadletter.Event) error {
	if _, err := t.tx.ExecContext(ctx, deleteView, id); err != nil {
		return fmt.Errorf("drop view: %w", err)
	}
	return t.Record(ctx, e)
}

const (
	listLayoutOf  = `SELECT layout FROM list_layouts WHERE user = ?`
	setListLayout = `INSERT INTO list_layouts (user, layout) VALUES (?, ?) ON CONFLICT DO UPDATE
		SET layout = excluded.layout`
)

// ListLayout returns a user's layout of the list; "" if none is stored.
func (s *Store) ListLayout(ctx context.Context, user string) (look string, err error) {
	err = s.db.QueryRowContext(ctx, listLayoutOf, user).Scan(&look)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return look, err
}

// SetListLayout stores a user's layout of the list. It records no audit event, because other users see no change.
func (t *Tx) SetListLayout(ctx context.Context, user, look string) error {
	_, err := t.tx.ExecContext(ctx, setListLayout, user, look)
	return err
}
