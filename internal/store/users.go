package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// User is a person who signs in with a password.
type User struct {
	Name         string
	Role         deadletter.Role
	PasswordHash string // argon2id, in its own encoding
	Credential   int    // counts changes of the password
	CreatedAt    time.Time
}

const userByName = `SELECT name, role, password_hash, credential, created_at FROM users WHERE name = ?`

func user(ctx context.Context, q sqlite.Querier, name string) (User, error) {
	var u User
	var created int64
	err := q.QueryRowContext(ctx, userByName, name).Scan(&u.Name, &u.Role, &u.PasswordHash, &u.Credential, &created)
	u.CreatedAt = time.UnixMilli(created).UTC()
	return u, notFound(err, "there is no user %s", name)
}

// User returns the user with the given name, in upper or lower case. It returns NotFound if there is none.
func (s *Store) User(ctx context.Context, name string) (User, error) {
	return user(ctx, s.db, name)
}

// User returns the user as this transaction sees it, or NotFound.
func (t *Tx) User(ctx context.Context, name string) (User, error) { return user(ctx, t.tx, name) }

const anyUser = `SELECT EXISTS (SELECT 1 FROM users)`

// HasUsers reports whether there is any user.
func (s *Store) HasUsers(ctx context.Context) (bool, error) { return hasUsers(ctx, s.db) }

// HasUsers is Store.HasUsers as this transaction sees it.
func (t *Tx) HasUsers(ctx context.Context) (bool, error) { return hasUsers(ctx, t.tx) }

func hasUsers(ctx context.Context, q sqlite.Querier) (bool, error) {
	var any bool
	if err := q.QueryRowContext(ctx, anyUser).Scan(&any); err != nil {
		return false, fmt.Errorf("find users: %w", err)
	}
	return any, nil
}

const insertUser = `INSERT INTO users (name, role, password_hash, credential, created_at) VALUES (?, ?, ?, 1, ` +
	`?) ON CONFLICT DO NOTHING`

// AddUser adds a user with its audit event. It returns Conflict if the name is in use.
func (t *Tx) AddUser(ctx context.Context, u User, e deadletter.Event) error {
	added, err := t.tx.ExecContext(ctx, insertUser, u.Name, u.Role, u.PasswordHash, u.CreatedAt.UnixMilli())
	if err != nil {
		return fmt.Errorf("write user %s: %w", u.Name, err)
	}
	if n, err := added.RowsAffected(); err != nil || n == 0 {
		return errors.Join(
			deadletter.Errorf(deadletter.Conflict, "there is a user %s already: choose another name", u.Name),
			err,
		)
	}
	return t.Record(ctx, e)
}

const setPassword = `UPDATE users SET password_hash = ?, credential = credential + 1 WHERE name = ?`

// SetPassword changes a user's password with its audit event. Every session of the old password ends.
func (t *Tx) SetPassword(ctx context.Context, name, hash string, e deadletter.Event) error {
	if _, err := t.tx.ExecContext(ctx, setPassword, hash, name); err != nil {
		return fmt.Errorf("write password of user %s: %w", name, err)
	}
	return t.Record(ctx, e)
}

const (
	clearSetup  = `DELETE FROM setup_links`
	insertSetup = `INSERT INTO setup_links (token_hash, created_at) VALUES (?, ?)`
	findSetup   = `SELECT EXISTS (SELECT 1 FROM setup_links WHERE token_hash = ?)`
)

// SetSetupLink makes the token the only one that may create the first user.
func (t *Tx) SetSetupLink(ctx context.Context, token string, at time.Time) error {
	if err := t.ClearSetupLink(ctx); err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(token))
	if _, err := t.tx.ExecContext(ctx, insertSetup, hash[:], at.UnixMilli()); err != nil {
		return fmt.Errorf("write set-up link: %w", err)
	}
	return nil
}

// ClearSetupLink ends every set-up link.
func (t *Tx) ClearSetupLink(ctx context.Context) error {
	if _, err := t.tx.ExecContext(ctx, clearSetup); err != nil {
		return fmt.Errorf("clear set-up link: %w", err)
	}
	return nil
}

// SetupLink reports whether the token is that of the open set-up link.
func (s *Store) SetupLink(ctx context.Context, token string) (bool, error) {
	return setupLink(ctx, s.db, token)
}

// SetupLink is Store.SetupLink as this transaction sees it.
func (t *Tx) SetupLink(ctx context.Context, token string) (bool, error) {
	return setupLink(ctx, t.tx, token)
}

func setupLink(ctx context.Context, q sqlite.Querier, token string) (bool, error) {
	hash := sha256.Sum256([]byte(token))
	var found bool
	if err := q.QueryRowContext(ctx, findSetup, hash[:]).Scan(&found); err != nil {
		return false, fmt.Errorf("find set-up link: %w", err)
	}
	return found, nil
}

// Sessions is the scs store of sessions. They expire by now.
type Sessions struct {
	store *Store
	now   func() time.Time
}

// Sessions returns the session store of this file.
func (s *Store) Sessions(now func() time.Time) *Sessions { return &Sessions{store: s, now: now} }

const (
	findSession   = `SELECT data FROM sessions WHERE token_hash = ? AND expires_at > ?`
	commitSession = `INSERT INTO sessions (token_hash, data, expires_at) VALUES (?, ?, ?)
		ON CONFLICT (token_hash) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at`
	deleteSession  = `DELETE FROM sessions WHERE token_hash = ?`
	expireSessions = `DELETE FROM sessions WHERE expires_at <= ?`
)

// FindCtx implements scs.CtxStore.
func (s *Sessions) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	hash := sha256.Sum256([]byte(token))
	var data []byte
	err := s.store.db.QueryRowContext(ctx, findSession, hash[:], s.now().UnixMilli()).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// CommitCtx implements scs.CtxStore. It also deletes expired sessions.
func (s *Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	hash := sha256.Sum256([]byte(token))
	return s.write(ctx, func(ctx context.Context, tx *sqlite.Tx) error {
		if _, err := tx.ExecContext(ctx, expireSessions, s.now().UnixMilli()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, commitSession, hash[:], data, expiry.UnixMilli())
		return err
	})
}

// DeleteCtx implements scs.CtxStore.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	hash := sha256.Sum256([]byte(token))
	return s.write(ctx, func(ctx context.Context, tx *sqlite.Tx) error {
		_, err := tx.ExecContext(ctx, deleteSession, hash[:])
		return err
	})
}

type eventKey struct{}

// WithEvent returns a context with which a change of a session records an event in the same transaction: a sign-in, a
// sign-out.
func WithEvent(ctx context.Context, e deadletter.Event) context.Context {
	return context.WithValue(ctx, eventKey{}, e)
}

func (s *Sessions) write(ctx context.Context, change func(ctx context.Context, tx *sqlite.Tx) error) error {
	event, with := ctx.Value(eventKey{}).(deadletter.Event)
	return s.store.Write(ctx, func(ctx context.Context, tx *Tx) error {
		if err := change(ctx, tx.tx); err != nil || !with {
			return err
		}
		return tx.Record(ctx, event)
	})
}

// Find implements scs.Store, which the session manager asks for but does not call.
func (s *Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit implements scs.Store.
func (s *Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete implements scs.Store.
func (s *Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
