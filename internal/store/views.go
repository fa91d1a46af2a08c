package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// View is a list that somebody keeps by name.
type View struct {
	ID     int64
	Owner  string
	Name   string
	Query  string // of the list's address
	Shared bool   // everybody sees it
}

const viewsOf = `SELECT id, owner, name, query, shared FROM views WHERE owner = ?1 OR shared = 1 ORDER BY owner <> ?1, name LIMIT 200`

// Views answers the views that a user sees, the own ones first, and at most 200.
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

// View answers the view of that id, or NotFound.
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

// CountViews answers how many views a user has.
func (t *Tx) CountViews(ctx context.Context, owner string) (n int, err error) {
	return n, t.tx.QueryRowContext(ctx, countViews, owner).Scan(&n)
}

// SaveView adds a view, or replaces that of the same owner and name, with the event that tells of it.
func (t *Tx) SaveView(ctx context.Context, v View, e deadletter.Event) error {
	if _, err := t.tx.ExecContext(ctx, saveView, v.Owner, v.Name, v.Query, v.Shared); err != nil {
		return fmt.Errorf("save view: %w", err)
	}
	return t.Record(ctx, e)
}

// DropView takes a view away, with the event that tells of it.
func (t *Tx) DeleteView(ctx context.Context, id int64, e deadletter.Event) error {
	if _, err := t.tx.ExecContext(ctx, deleteView, id); err != nil {
		return fmt.Errorf("drop view: %w", err)
	}
	return t.Record(ctx, e)
}

const (
	listLayoutOf  = `SELECT layout FROM list_layouts WHERE user = ?`
	setListLayout = `INSERT INTO list_layouts (user, layout) VALUES (?, ?) ON CONFLICT DO UPDATE SET layout = excluded.layout`
)

// Look answers how a user has the list look; "" where nothing was chosen.
func (s *Store) ListLayout(ctx context.Context, user string) (look string, err error) {
	err = s.db.QueryRowContext(ctx, listLayoutOf, user).Scan(&look)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return look, err
}

// SetLook keeps how a user has the list look. It is nothing that the audit trail tells of: nobody else's desk changes
// by it.
func (t *Tx) SetListLayout(ctx context.Context, user, look string) error {
	_, err := t.tx.ExecContext(ctx, setListLayout, user, look)
	return err
}
