package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// Session is a signed-in browser.
type Session struct {
	ID        string // see SessionID; set when it is read
	User      string
	OpenedAt  time.Time
	SeenAt    time.Time // the latest request, to within some minutes
	ExpiresAt time.Time
	Addr      string
	Agent     string // User-Agent of the browser
	Data      []byte // of the session manager; not set in a list
}

// sessionIDBytes is how much of a token's hash names a session on pages: too little to find the token, and enough to
// tell sessions apart.
const sessionIDBytes = 8

// tokenHash returns the SHA-256 of a token: the file has no token that would open a session or a link.
func tokenHash(token string) []byte {
	hash := sha256.Sum256([]byte(token))
	return hash[:]
}

// SessionID returns the name of a session on pages.
func SessionID(token string) string {
	return hex.EncodeToString(tokenHash(token)[:sessionIDBytes])
}

const findSession = `SELECT data FROM sessions WHERE token_hash = ? AND expires_at > ?`

// SessionData returns the data of the session with the given token, and whether there is one.
func (s *Store) SessionData(ctx context.Context, token string, at time.Time) (data []byte, found bool, err error) {
	err = s.db.QueryRowContext(ctx, findSession, tokenHash(token), at.UnixMilli()).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, err
}

const (
	expireSessions = `DELETE FROM sessions WHERE expires_at <= ?`
	openSession    = `INSERT INTO sessions (token_hash, data, expires_at, user, opened_at, seen_at, addr, agent)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	updateSession = `UPDATE sessions SET data = ?, expires_at = ?, seen_at = ? WHERE token_hash = ?`
)

// OpenSession writes a new session. It also deletes expired ones.
func (t *Tx) OpenSession(ctx context.Context, token string, n Session) error {
	if _, err := t.tx.ExecContext(ctx, expireSessions, n.SeenAt.UnixMilli()); err != nil {
		return fmt.Errorf("delete expired sessions: %w", err)
	}
	if _, err := t.tx.ExecContext(
		ctx, openSession, tokenHash(token), n.Data, n.ExpiresAt.UnixMilli(), n.User, n.OpenedAt.UnixMilli(),
		n.SeenAt.UnixMilli(), n.Addr, n.Agent,
	); err != nil {
		return fmt.Errorf("open session: %w", err)
	}
	return nil
}

// UpdateSession writes the data of a session, if it is still open: a request that was under way when its session was
// ended does not open it again.
func (t *Tx) UpdateSession(ctx context.Context, token string, n Session) error {
	if _, err := t.tx.ExecContext(
		ctx, updateSession, n.Data, n.ExpiresAt.UnixMilli(), n.SeenAt.UnixMilli(), tokenHash(token),
	); err != nil {
		return fmt.Errorf("write session: %w", err)
	}
	return nil
}

// DeleteSession ends the session with the given token.
func (t *Tx) DeleteSession(ctx context.Context, token string) error {
	if _, err := t.tx.ExecContext(ctx, `DELETE FROM sessions WHERE token_hash = ?`, tokenHash(token)); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

const (
	sessionsOfUser = `SELECT token_hash, user, opened_at, seen_at, expires_at, addr, agent FROM sessions
		WHERE user = ? AND expires_at > ? AND seen_at > ? ORDER BY seen_at DESC, opened_at DESC LIMIT ?`
	endSession  = `DELETE FROM sessions WHERE user = ? AND lower(hex(substr(token_hash, 1, ?))) = ?`
	endSessions = `DELETE FROM sessions WHERE user = ? AND lower(hex(substr(token_hash, 1, ?))) <> ?`
)

// Sessions returns up to limit sessions of a user that were used after seen, the latest first.
func (s *Store) Sessions(ctx context.Context, user string, at, seen time.Time, limit int) ([]Session, error) {
	var list []Session
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var one Session
		var hash []byte
		var opened, seen, expires int64
		err := r.Scan(&hash, &one.User, &opened, &seen, &expires, &one.Addr, &one.Agent)
		one.ID = hex.EncodeToString(hash[:min(len(hash), sessionIDBytes)])
		one.OpenedAt, one.SeenAt = time.UnixMilli(opened).UTC(), time.UnixMilli(seen).UTC()
		one.ExpiresAt = time.UnixMilli(expires).UTC()
		list = append(list, one)
		return err
	}, sessionsOfUser, user, at.UnixMilli(), seen.UnixMilli(), limit)
	if err != nil {
		return nil, fmt.Errorf("read sessions of %s: %w", user, err)
	}
	return list, nil
}

// EndSession ends the session of a user with the given id. It returns NotFound if there is none.
func (t *Tx) EndSession(ctx context.Context, user, id string) error {
	ended, err := t.tx.ExecContext(ctx, endSession, user, sessionIDBytes, id)
	if err != nil {
		return fmt.Errorf("end session of %s: %w", user, err)
	}
	if n, err := ended.RowsAffected(); err != nil || n == 0 {
		return errors.Join(deadletter.Errorf(deadletter.NotFound, "this session has ended already"), err)
	}
	return nil
}

// EndSessions ends every session of a user but the one with the id except, and returns how many there were.
func (t *Tx) EndSessions(ctx context.Context, user, except string) (int64, error) {
	ended, err := t.tx.ExecContext(ctx, endSessions, user, sessionIDBytes, except)
	if err != nil {
		return 0, fmt.Errorf("end sessions of %s: %w", user, err)
	}
	return ended.RowsAffected()
}

const accessVersion = `SELECT version FROM access`

// AccessVersion returns a number that changes when a session may have ended, or a user may do less. Other processes
// change it as well.
func (s *Store) AccessVersion(ctx context.Context) (n int64, err error) {
	if err := s.db.QueryRowContext(ctx, accessVersion).Scan(&n); err != nil {
		return 0, fmt.Errorf("read the access version: %w", err)
	}
	return n, nil
}

const (
	knownClient = `SELECT client FROM known_clients WHERE user = ? AND client IN (?, ?)`
	noteSignIn  = `UPDATE users SET signed_in_at = ? WHERE name = ?`
	noteClient  = `INSERT INTO known_clients (user, client, seen_at) VALUES (?, ?, ?)
		ON CONFLICT (user, client) DO UPDATE SET seen_at = excluded.seen_at`
	forgetClients = `DELETE FROM known_clients WHERE user = ?1 AND client NOT IN (
		SELECT client FROM known_clients WHERE user = ?1 ORDER BY seen_at DESC, client LIMIT 40)`
)

// KnownClients reports which of a network and a browser a user has signed in from before. A browser goes by the
// SHA-256 of its token.
func (s *Store) KnownClients(ctx context.Context, user, network, token string) (byNetwork, byToken bool, err error) {
	browser := browserID(token)
	known, err := sqlite.Column[string](ctx, s.db, "known clients", knownClient, user, network, browser)
	for _, client := range known {
		byNetwork, byToken = byNetwork || client == network, byToken || client == browser
	}
	return byNetwork, byToken && token != "", err
}

// NoteSignIn records when a user signed in, and from which network and browser. The latest ones are remembered.
func (t *Tx) NoteSignIn(ctx context.Context, user, network, token string, at time.Time) error {
	if _, err := t.tx.ExecContext(ctx, noteSignIn, at.UnixMilli(), user); err != nil {
		return fmt.Errorf("note the sign-in of %s: %w", user, err)
	}
	for _, client := range []string{network, browserID(token)} {
		if _, err := t.tx.ExecContext(ctx, noteClient, user, client, at.UnixMilli()); err != nil {
			return fmt.Errorf("remember where %s signed in: %w", user, err)
		}
	}
	if _, err := t.tx.ExecContext(ctx, forgetClients, user); err != nil {
		return fmt.Errorf("forget where %s signed in: %w", user, err)
	}
	return nil
}

func browserID(token string) string {
	return hex.EncodeToString(tokenHash(token))
}
