package store

import (
	"context"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const tokenRequestColumns = `r.id, r.code, r.name, r.addr, r.state, r.decided_by, r.role, r.days, r.created_at,
	r.expires_at`

func scanTokenRequest(row sqlite.Row) (deadletter.TokenRequest, error) {
	var r deadletter.TokenRequest
	var created, expires int64
	err := row.Scan(&r.ID, &r.Code, &r.Name, &r.Addr, &r.State, &r.By, &r.Role, &r.Days, &created, &expires)
	r.CreatedAt, r.ExpiresAt = time.UnixMilli(created).UTC(), time.UnixMilli(expires).UTC()
	return r, err
}

// MaxTokenRequests is how many programs can wait for a token at a time.
const MaxTokenRequests = 1000

const (
	dropTokenRequests  = `DELETE FROM token_requests WHERE expires_at <= ?`
	countTokenRequests = `SELECT count(*) FROM token_requests`
	addTokenRequest    = `INSERT INTO token_requests
	(secret_hash, code, name, addr, state, decided_by, role, days, created_at, expires_at)
	VALUES (?, ?, ?, ?, ?, '', '', 0, ?, ?)`
)

// AddTokenRequest stores a request with the SHA-256 of its secret, and drops those that have expired. It returns
// Unavailable while MaxTokenRequests wait.
func (s *Store) AddTokenRequest(ctx context.Context, r deadletter.TokenRequest, hash []byte) error {
	return s.Write(ctx, func(ctx context.Context, t *Tx) error {
		var n int
		_, err := t.tx.ExecContext(ctx, dropTokenRequests, r.CreatedAt.UnixMilli())
		if err == nil {
			err = t.tx.QueryRowContext(ctx, countTokenRequests).Scan(&n)
		}
		if err == nil && n >= MaxTokenRequests {
			return deadletter.Errorf(
				deadletter.Unavailable, "too many programs wait for a token: try again in a minute",
			)
		}
		if err == nil {
			_, err = t.tx.ExecContext(ctx, addTokenRequest, hash, r.Code, r.Name, r.Addr, r.State,
				r.CreatedAt.UnixMilli(), r.ExpiresAt.UnixMilli())
		}
		if err != nil {
			return fmt.Errorf("write a request for a token: %w", err)
		}
		return nil
	})
}

const (
	tokenRequestByCode   = `SELECT ` + tokenRequestColumns + ` FROM token_requests r WHERE r.code = ?`
	tokenRequestBySecret = `SELECT ` + tokenRequestColumns + ` FROM token_requests r WHERE r.secret_hash = ?`
)

// TokenRequest returns the request with a code. It returns NotFound if there is none.
func (s *Store) TokenRequest(ctx context.Context, code string) (deadletter.TokenRequest, error) {
	r, err := scanTokenRequest(s.db.QueryRowContext(ctx, tokenRequestByCode, code))
	return r, notFound(err, "no program waits with this code")
}

// TokenRequestBySecret returns the request whose secret has this SHA-256. It returns NotFound if there is none.
func (s *Store) TokenRequestBySecret(ctx context.Context, hash []byte) (deadletter.TokenRequest, error) {
	r, err := scanTokenRequest(s.db.QueryRowContext(ctx, tokenRequestBySecret, hash))
	return r, notFound(err, "this code has expired or was used")
}

// TokenRequestBySecret is Store.TokenRequestBySecret as this transaction sees it.
func (t *Tx) TokenRequestBySecret(ctx context.Context, hash []byte) (deadletter.TokenRequest, error) {
	r, err := scanTokenRequest(t.tx.QueryRowContext(ctx, tokenRequestBySecret, hash))
	return r, notFound(err, "this code has expired or was used")
}

// TokenRequest is Store.TokenRequest as this transaction sees it.
func (t *Tx) TokenRequest(ctx context.Context, code string) (deadletter.TokenRequest, error) {
	r, err := scanTokenRequest(t.tx.QueryRowContext(ctx, tokenRequestByCode, code))
	return r, notFound(err, "no program waits with this code")
}

const changeTokenRequest = `UPDATE token_requests SET state = ?, decided_by = ?, role = ?, days = ? WHERE id = ?`

// ChangeTokenRequest writes a request as it became. Its audit event is that of the token, or of DecideTokenRequest.
func (t *Tx) ChangeTokenRequest(ctx context.Context, r deadletter.TokenRequest) error {
	if _, err := t.tx.ExecContext(ctx, changeTokenRequest, r.State, r.By, r.Role, r.Days, r.ID); err != nil {
		return fmt.Errorf("write a request for a token: %w", err)
	}
	return nil
}

// DecideTokenRequest writes that a person decided about a request, and its audit event.
func (t *Tx) DecideTokenRequest(ctx context.Context, c deadletter.TokenRequestChange) error {
	if err := t.ChangeTokenRequest(ctx, c.After); err != nil {
		return err
	}
	return t.Record(ctx, c.Event)
}
