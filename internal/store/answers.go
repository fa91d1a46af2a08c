package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
)

// Answer is what a request of the API with an Idempotency-Key was answered.
type Answer struct {
	Request []byte // SHA-256 of its method, address and body
	Status  int    // 0 while the request is being worked on
	Header  map[string]string
	Body    []byte
}

// answersKept is how long an answer is kept.
const answersKept = 24 * time.Hour

const (
	dropOldAnswers = `DELETE FROM api_answers WHERE (token, key) IN
		(SELECT token, key FROM api_answers WHERE at < ? ORDER BY at LIMIT 100)`
	dropOldAnswer = `DELETE FROM api_answers WHERE token = ? AND key = ? AND at < ?`
	readAnswer    = `SELECT request, status, headers, body FROM api_answers WHERE token = ? AND key = ?`
	addAnswer     = `INSERT INTO api_answers (token, key, request, at, status, headers, body)
		VALUES (?, ?, ?, ?, 0, '{}', x'')`
	setAnswer  = `UPDATE api_answers SET status = ?, headers = ?, body = ? WHERE token = ? AND key = ?`
	dropAnswer = `DELETE FROM api_answers WHERE token = ? AND key = ?`
)

// BeginAnswer stores that a request is being worked on. If one with the same key came before, within a day, it returns
// what is stored of that, and false.
func (s *Store) BeginAnswer(
	ctx context.Context, token deadletter.TokenID, key string, request []byte, at time.Time,
) (a Answer, isFirst bool, err error) {
	old := at.Add(-answersKept).UnixMilli()
	err = s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		if _, err := tx.tx.ExecContext(ctx, dropOldAnswers, old); err != nil {
			return err
		}
		if _, err := tx.tx.ExecContext(ctx, dropOldAnswer, token, key, old); err != nil {
			return err
		}
		var headers string
		a = Answer{}
		err := tx.tx.QueryRowContext(ctx, readAnswer, token, key).Scan(&a.Request, &a.Status, &headers, &a.Body)
		if isFirst = errors.Is(err, sql.ErrNoRows); !isFirst {
			return errors.Join(err, json.Unmarshal([]byte(headers), &a.Header))
		}
		_, err = tx.tx.ExecContext(ctx, addAnswer, token, key, request, at.UnixMilli())
		return err
	})
	if err != nil {
		return a, false, fmt.Errorf("begin the answer to a request: %w", err)
	}
	return a, isFirst, nil
}

// EndAnswer stores the answer to a request.
func (s *Store) EndAnswer(ctx context.Context, token deadletter.TokenID, key string, a Answer) error {
	headers, err := toJSON(a.Header)
	if err != nil {
		return err
	}
	return s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.tx.ExecContext(ctx, setAnswer, a.Status, headers, append([]byte{}, a.Body...), token, key)
		if err != nil {
			return fmt.Errorf("keep the answer to a request: %w", err)
		}
		return nil
	})
}

// DropAnswer forgets a request, so that it can be sent again.
func (s *Store) DropAnswer(ctx context.Context, token deadletter.TokenID, key string) error {
	return s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		if _, err := tx.tx.ExecContext(ctx, dropAnswer, token, key); err != nil {
			return fmt.Errorf("forget a request: %w", err)
		}
		return nil
	})
}
