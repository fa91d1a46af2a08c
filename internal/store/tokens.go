package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const tokenColumns = `t.id, t.hint, t.name, t.owner, t.role, t.sources, t.made_by, t.created_at, t.expires_at,
	t.used_at, t.revoked_at, t.assistant, t.parent`

func scanToken(r sqlite.Row) (deadletter.Token, error) {
	var t deadletter.Token
	var sources string
	var created int64
	var expires, used, revoked sql.NullInt64
	err := r.Scan(
		&t.ID, &t.Hint, &t.Name, &t.Owner, &t.Role, &sources, &t.By, &created, &expires, &used, &revoked,
		&t.Assistant, &t.Parent,
	)
	if err != nil {
		return t, err
	}
	t.CreatedAt, t.ExpiresAt = time.UnixMilli(created).UTC(), sqlite.Time(expires)
	t.UsedAt, t.RevokedAt = sqlite.Time(used), sqlite.Time(revoked)
	return t, json.Unmarshal([]byte(sources), &t.Sources)
}

const tokenByHash = `SELECT ` + tokenColumns + ` FROM tokens t WHERE t.hash = ?`

// TokenByHash returns the token whose secret has this SHA-256. It returns NotFound if there is none.
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (deadletter.Token, error) {
	t, err := scanToken(s.db.QueryRowContext(ctx, tokenByHash, hash))
	return t, notFound(err, "there is no such token")
}

const tokenByID = `SELECT ` + tokenColumns + ` FROM tokens t WHERE t.id = ?`

// Token returns a token as this transaction sees it. It returns NotFound if there is none.
func (t *Tx) Token(ctx context.Context, id deadletter.TokenID) (deadletter.Token, error) {
	token, err := scanToken(t.tx.QueryRowContext(ctx, tokenByID, id))
	return token, notFound(err, "there is no token %d", id)
}

// MaxTokens is how many tokens Tokens returns.
const MaxTokens = 200

const tokensOf = `SELECT ` + tokenColumns + ` FROM tokens t WHERE t.owner = ? AND t.revoked_at IS NULL
	ORDER BY t.id DESC LIMIT ?`

// Tokens returns the tokens of a user, or of machines for "", that were not revoked, newest first.
func (s *Store) Tokens(ctx context.Context, owner string) (list []deadletter.Token, err error) {
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		t, err := scanToken(r)
		list = append(list, t)
		return err
	}, tokensOf, owner, MaxTokens)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	return list, nil
}

const countTokensOf = `SELECT count(*) FROM tokens WHERE owner = ? AND revoked_at IS NULL`

const addToken = `INSERT INTO tokens (hash, hint, name, owner, role, sources, made_by, created_at, expires_at,
	assistant, parent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// AddToken stores a new token, with the SHA-256 of its secret, and its audit event. It returns Conflict if there are
// MaxTokens already.
func (t *Tx) AddToken(ctx context.Context, c deadletter.TokenChange, hash []byte) (deadletter.Token, error) {
	token := c.After
	var n int
	if err := t.tx.QueryRowContext(ctx, countTokensOf, token.Owner).Scan(&n); err != nil {
		return token, fmt.Errorf("count tokens: %w", err)
	}
	if n >= MaxTokens {
		return token, deadletter.Errorf(deadletter.Conflict,
			"there are %d tokens already: revoke those that nobody uses", MaxTokens)
	}
	sources, err := toJSON(append([]string{}, token.Sources...))
	if err != nil {
		return token, err
	}
	added, err := t.tx.ExecContext(
		ctx,
		addToken,
		hash,
		token.Hint,
		token.Name,
		token.Owner,
		token.Role,
		sources,
		token.By,
		token.CreatedAt.UnixMilli(),
		sqlite.Millis(token.ExpiresAt),
		token.Assistant,
		token.Parent,
	)
	if err != nil {
		return token, fmt.Errorf("write token: %w", err)
	}
	id, err := added.LastInsertId()
	if err != nil {
		return token, err
	}
	token.ID = deadletter.TokenID(id)
	return token, t.Record(ctx, c.Event)
}

const tokensMadeWith = `SELECT ` + tokenColumns + ` FROM tokens t WHERE t.parent = ? AND t.revoked_at IS NULL`

// TokensMadeWith returns the tokens that were made with a token and were not revoked.
func (t *Tx) TokensMadeWith(ctx context.Context, parent deadletter.TokenID) (list []deadletter.Token, err error) {
	err = sqlite.Each(ctx, t.tx, func(r sqlite.Row) error {
		token, err := scanToken(r)
		list = append(list, token)
		return err
	}, tokensMadeWith, parent)
	if err != nil {
		return nil, fmt.Errorf("read tokens made with token %d: %w", parent, err)
	}
	return list, nil
}

const revokeToken = `UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL`

// RevokeToken writes that a token was revoked, and its audit event.
func (t *Tx) RevokeToken(ctx context.Context, c deadletter.TokenChange) error {
	if _, err := t.tx.ExecContext(ctx, revokeToken, c.After.RevokedAt.UnixMilli(), c.After.ID); err != nil {
		return fmt.Errorf("revoke token %d: %w", c.After.ID, err)
	}
	return t.Record(ctx, c.Event)
}

// tokenUseEvery is how often the use of a token is noted.
const tokenUseEvery = time.Minute

const useToken = `UPDATE tokens SET used_at = ?2 WHERE id = ?1 AND (used_at IS NULL OR used_at < ?3)`

// UseToken notes that a token was used.
func (s *Store) UseToken(ctx context.Context, token deadletter.Token, at time.Time) error {
	if at.Sub(token.UsedAt) < tokenUseEvery {
		return nil
	}
	return s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.tx.ExecContext(ctx, useToken, token.ID, at.UnixMilli(), at.Add(-tokenUseEvery).UnixMilli())
		if err != nil {
			return fmt.Errorf("note the use of token %d: %w", token.ID, err)
		}
		return nil
	})
}
