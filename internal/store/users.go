package store

import (
	"context"
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
	PasswordHash string // argon2id, in its own encoding; "": the user has not chosen a password yet
	Credential   int    // counts changes of the password
	Disabled     bool
	CreatedAt    time.Time
	PasswordAt   time.Time // when the password was set; zero: unknown
	SignedInAt   time.Time // the latest sign-in; zero: none
}

// Account returns the user as administrators manage it.
func (u User) Account() deadletter.Account {
	return deadletter.Account{
		Name: u.Name, Role: u.Role, HasPassword: u.PasswordHash != "", Disabled: u.Disabled,
	}
}

const userColumns = `u.name, u.role, u.password_hash, u.credential, u.disabled, u.created_at, u.password_at,
	u.signed_in_at`

// scanUser reads userColumns, and further columns into more.
func scanUser(r sqlite.Row, more ...any) (User, error) {
	var u User
	var created int64
	var password, signedIn sql.NullInt64
	err := r.Scan(append([]any{
		&u.Name, &u.Role, &u.PasswordHash, &u.Credential, &u.Disabled, &created, &password, &signedIn,
	}, more...)...)
	u.CreatedAt = time.UnixMilli(created).UTC()
	u.PasswordAt, u.SignedInAt = sqlite.Time(password), sqlite.Time(signedIn)
	return u, err
}

const noUser = "there is no user %s"

const userByName = `SELECT ` + userColumns + ` FROM users u WHERE u.name = ?`

func user(ctx context.Context, q sqlite.Querier, name string) (User, error) {
	u, err := scanUser(q.QueryRowContext(ctx, userByName, name))
	return u, notFound(err, noUser, name)
}

// User returns the user with the given name, in upper or lower case. It returns NotFound if there is none.
func (s *Store) User(ctx context.Context, name string) (User, error) {
	return user(ctx, s.db, name)
}

// User returns the user as this transaction sees it, or NotFound.
func (t *Tx) User(ctx context.Context, name string) (User, error) { return user(ctx, t.tx, name) }

// UserRow is a user in a list, with how many sessions are open.
type UserRow struct {
	User
	Sessions int
}

const (
	usersWithSessions = `SELECT ` + userColumns + `,
		(SELECT count(*) FROM sessions s WHERE s.user = u.name AND s.expires_at > ?1 AND s.seen_at > ?2) FROM users u`
	oneUserWithSessions = usersWithSessions + ` WHERE u.name = ?3`
	usersByName         = usersWithSessions + ` ORDER BY u.name`
)

// Users returns all users by name. A session counts if it was used after seen.
func (s *Store) Users(ctx context.Context, at, seen time.Time) ([]UserRow, error) {
	var list []UserRow
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) (err error) {
		var row UserRow
		row.User, err = scanUser(r, &row.Sessions)
		list = append(list, row)
		return err
	}, usersByName, at.UnixMilli(), seen.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return list, nil
}

// UserRow returns one user as Users does. It returns NotFound if there is none.
func (s *Store) UserRow(ctx context.Context, name string, at, seen time.Time) (row UserRow, err error) {
	one := s.db.QueryRowContext(ctx, oneUserWithSessions, at.UnixMilli(), seen.UnixMilli(), name)
	row.User, err = scanUser(one, &row.Sessions)
	return row, notFound(err, noUser, name)
}

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

const countOtherAdmins = `SELECT count(*) FROM users
	WHERE role = 'admin' AND disabled = 0 AND password_hash <> '' AND name <> ?`

// OtherAdmins returns how many administrators besides the named one can sign in.
func (t *Tx) OtherAdmins(ctx context.Context, name string) (n int, err error) {
	if err := t.tx.QueryRowContext(ctx, countOtherAdmins, name).Scan(&n); err != nil {
		return 0, fmt.Errorf("count administrators: %w", err)
	}
	return n, nil
}

const insertUser = `INSERT INTO users (name, role, password_hash, credential, created_at, password_at)
	VALUES (?, ?, ?, 1, ?, ?) ON CONFLICT DO NOTHING`

// AddUser adds a user with its audit event. It returns Conflict if the name is in use.
func (t *Tx) AddUser(ctx context.Context, u User, e deadletter.Event) error {
	added, err := t.tx.ExecContext(
		ctx, insertUser, u.Name, u.Role, u.PasswordHash, u.CreatedAt.UnixMilli(), sqlite.Millis(u.PasswordAt),
	)
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

const (
	updateAccount = `UPDATE users SET role = ?, disabled = ? WHERE name = ?`
	deleteUser    = `DELETE FROM users WHERE name = ?`
)

// ApplyAccount writes the change of a user with its audit event. It ends the user's sessions if the change does. What
// belongs to a deleted user alone goes with it; shared views stay.
func (t *Tx) ApplyAccount(ctx context.Context, c deadletter.AccountChange) error {
	name := c.Before.Name
	if c.EndsSessions() {
		if _, err := t.EndSessions(ctx, name, ""); err != nil {
			return err
		}
	}
	var err error
	if c.After.Deleted {
		for _, query := range []string{
			deleteUser, `DELETE FROM password_links WHERE user = ?`, `DELETE FROM known_clients WHERE user = ?`,
			`DELETE FROM list_layouts WHERE user = ?`, `DELETE FROM views WHERE owner = ? AND shared = 0`,
		} {
			if _, err = t.tx.ExecContext(ctx, query, name); err != nil {
				break
			}
		}
	} else {
		_, err = t.tx.ExecContext(ctx, updateAccount, c.After.Role, c.After.Disabled, name)
	}
	if err != nil {
		return fmt.Errorf("change user %s: %w", name, err)
	}
	return t.Record(ctx, c.Event)
}

const setPassword = `UPDATE users SET password_hash = ?, password_at = ?, credential = credential + 1 WHERE name = ?`

// SetPassword changes a user's password with its audit event. Every session of the user ends, and so does a link to
// choose a password.
func (t *Tx) SetPassword(ctx context.Context, name, hash string, e deadletter.Event) error {
	if _, err := t.tx.ExecContext(ctx, setPassword, hash, e.At.UnixMilli(), name); err != nil {
		return fmt.Errorf("write password of user %s: %w", name, err)
	}
	if _, err := t.tx.ExecContext(ctx, `DELETE FROM password_links WHERE user = ?`, name); err != nil {
		return fmt.Errorf("end the link of user %s: %w", name, err)
	}
	if _, err := t.EndSessions(ctx, name, ""); err != nil {
		return err
	}
	return t.Record(ctx, e)
}

const (
	putPasswordLink = `INSERT INTO password_links (user, token_hash, expires_at) VALUES (?, ?, ?)
		ON CONFLICT (user) DO UPDATE SET token_hash = excluded.token_hash, expires_at = excluded.expires_at`
	findPasswordLink = `SELECT ` + userColumns + ` FROM password_links l JOIN users u ON u.name = l.user
		WHERE l.token_hash = ? AND l.expires_at > ?`
)

// SetPasswordLink makes the token the only one by which a user may choose a password, until it expires.
func (t *Tx) SetPasswordLink(ctx context.Context, name, token string, expires time.Time) error {
	if _, err := t.tx.ExecContext(ctx, putPasswordLink, name, tokenHash(token), expires.UnixMilli()); err != nil {
		return fmt.Errorf("write the link of user %s: %w", name, err)
	}
	return nil
}

// UserOfLink returns the user who may choose a password by a token. It returns NotFound for a token that was used, was
// replaced, has expired, or never was one.
func (s *Store) UserOfLink(ctx context.Context, token string, at time.Time) (User, error) {
	return userOfLink(ctx, s.db, token, at)
}

// UserOfLink is Store.UserOfLink as this transaction sees it.
func (t *Tx) UserOfLink(ctx context.Context, token string, at time.Time) (User, error) {
	return userOfLink(ctx, t.tx, token, at)
}

func userOfLink(ctx context.Context, q sqlite.Querier, token string, at time.Time) (User, error) {
	u, err := scanUser(q.QueryRowContext(ctx, findPasswordLink, tokenHash(token), at.UnixMilli()))
	return u, notFound(
		err,
		"this link was used already, was replaced, or has expired: ask an administrator for a new one",
	)
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
	if _, err := t.tx.ExecContext(ctx, insertSetup, tokenHash(token), at.UnixMilli()); err != nil {
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
	var found bool
	if err := q.QueryRowContext(ctx, findSetup, tokenHash(token)).Scan(&found); err != nil {
		return false, fmt.Errorf("find set-up link: %w", err)
	}
	return found, nil
}
