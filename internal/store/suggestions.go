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

const suggestionColumns = `s.id, s.kind, s.cause, s.source, s.job, s.detail, s.why, s.by, s.made_at, s.expires_at,
	s.decision, s.decided_by, s.decided_at`

// suggestionDetail is the stored form of the note, the mute or the job that a suggestion is about.
type suggestionDetail struct {
	Note   string            `json:"note,omitempty"`
	Mute   deadletter.Mute   `json:"mute,omitzero"`
	Action deadletter.Action `json:"action,omitempty"`
	SaveAs string            `json:"saveAs,omitempty"`
}

func scanSuggestion(r sqlite.Row) (s deadletter.Suggestion, err error) {
	var job, decided sql.NullInt64
	var made, expires int64
	var detail string
	err = r.Scan(
		&s.ID, &s.Kind, &s.Cause, &s.Source, &job, &detail, &s.Why, &s.By, &made, &expires, &s.Decision, &s.DecidedBy,
		&decided,
	)
	if err != nil {
		return s, err
	}
	s.Job, s.At, s.ExpiresAt = deadletter.JobID(job.Int64), time.UnixMilli(made).UTC(), time.UnixMilli(expires).UTC()
	s.DecidedAt = sqlite.Time(decided)
	var d suggestionDetail
	err = json.Unmarshal([]byte(detail), &d)
	s.Note, s.Mute, s.Action, s.SaveAs = d.Note, d.Mute, d.Action, d.SaveAs
	return s, err
}

const (
	suggestionByID  = `SELECT ` + suggestionColumns + ` FROM suggestions s WHERE s.id = ?`
	suggestionOfJob = `SELECT ` + suggestionColumns + ` FROM suggestions s WHERE s.job = ?`
	openSuggestions = `SELECT ` + suggestionColumns + ` FROM suggestions s
		WHERE s.decided_at IS NULL AND s.expires_at > ? ORDER BY s.expires_at DESC LIMIT ?`
	openSuggestionsOf = `SELECT ` + suggestionColumns + ` FROM suggestions s
		WHERE s.cause = ? AND s.decided_at IS NULL AND s.expires_at > ? ORDER BY s.expires_at DESC LIMIT ?`
	countSuggestionsBy = `SELECT count(*) FROM suggestions
		WHERE by = ? AND decided_at IS NULL AND expires_at > ?`
	dropOldSuggestions = `DELETE FROM suggestions WHERE id IN
		(SELECT id FROM suggestions WHERE expires_at < ? ORDER BY expires_at LIMIT 100)`
	addSuggestion = `INSERT INTO suggestions (kind, cause, source, job, detail, why, by, made_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	decideSuggestion = `UPDATE suggestions SET decision = ?, decided_by = ?, decided_at = ?
		WHERE id = ? AND decided_at IS NULL`
)

// suggestionsKept is how long a suggestion is kept after it can no longer be started. The audit trail keeps it longer.
const suggestionsKept = 30 * 24 * time.Hour

// Suggestion returns a suggestion. It returns NotFound if there is none.
func (s *Store) Suggestion(ctx context.Context, id deadletter.SuggestionID) (deadletter.Suggestion, error) {
	return suggestion(ctx, s.db, id)
}

// Suggestion is Store.Suggestion as this transaction sees it.
func (t *Tx) Suggestion(ctx context.Context, id deadletter.SuggestionID) (deadletter.Suggestion, error) {
	return suggestion(ctx, t.tx, id)
}

func suggestion(ctx context.Context, q sqlite.Querier, id deadletter.SuggestionID) (deadletter.Suggestion, error) {
	found, err := scanSuggestion(q.QueryRowContext(ctx, suggestionByID, id))
	return found, notFound(err, "there is no suggestion %d", id)
}

// SuggestionOfJob returns the suggestion to start a draft. It returns NotFound if no assistant made the draft.
func (s *Store) SuggestionOfJob(ctx context.Context, id deadletter.JobID) (deadletter.Suggestion, error) {
	return suggestionThatStarts(ctx, s.db, id)
}

// SuggestionOfJob is Store.SuggestionOfJob as this transaction sees it.
func (t *Tx) SuggestionOfJob(ctx context.Context, id deadletter.JobID) (deadletter.Suggestion, error) {
	return suggestionThatStarts(ctx, t.tx, id)
}

func suggestionThatStarts(
	ctx context.Context, q sqlite.Querier, id deadletter.JobID,
) (deadletter.Suggestion, error) {
	found, err := scanSuggestion(q.QueryRowContext(ctx, suggestionOfJob, id))
	return found, notFound(err, "no assistant suggested job %d", id)
}

// MaxOpenSuggestions is how many suggestions OpenSuggestions returns.
const MaxOpenSuggestions = 200

// OpenSuggestions returns the suggestions about a cause, or all for "", that can be started at a time, newest first.
func (s *Store) OpenSuggestions(
	ctx context.Context, cause string, at time.Time,
) (list []deadletter.Suggestion, err error) {
	query, args := openSuggestions, []any{at.UnixMilli(), MaxOpenSuggestions}
	if cause != "" {
		query, args = openSuggestionsOf, append([]any{cause}, args...)
	}
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		found, err := scanSuggestion(r)
		list = append(list, found)
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read suggestions: %w", err)
	}
	return list, nil
}

// RoomForSuggestion returns Conflict if an actor has deadletter.MaxSuggestions open suggestions.
func (s *Store) RoomForSuggestion(ctx context.Context, by string, at time.Time) error {
	return roomForSuggestion(ctx, s.db, by, at)
}

func roomForSuggestion(ctx context.Context, q sqlite.Querier, by string, at time.Time) error {
	var n int
	if err := q.QueryRowContext(ctx, countSuggestionsBy, by, at.UnixMilli()).Scan(&n); err != nil {
		return fmt.Errorf("count suggestions: %w", err)
	}
	if n >= deadletter.MaxSuggestions {
		return deadletter.Errorf(deadletter.Conflict,
			"%d suggestions wait for a person already: ask them to decide about those first", n)
	}
	return nil
}

// AddSuggestion stores a new suggestion with its audit event, and returns it with its id. It returns Conflict if its
// author has deadletter.MaxSuggestions already.
func (t *Tx) AddSuggestion(ctx context.Context, c deadletter.SuggestionChange) (deadletter.Suggestion, error) {
	s := c.After
	if _, err := t.tx.ExecContext(ctx, dropOldSuggestions, s.At.Add(-suggestionsKept).UnixMilli()); err != nil {
		return s, fmt.Errorf("remove old suggestions: %w", err)
	}
	if err := roomForSuggestion(ctx, t.tx, s.By, s.At); err != nil {
		return s, err
	}
	detail, err := toJSON(suggestionDetail{s.Note, s.Mute, s.Action, s.SaveAs})
	if err != nil {
		return s, err
	}
	added, err := t.tx.ExecContext(
		ctx, addSuggestion, s.Kind, s.Cause, s.Source, sql.NullInt64{Int64: int64(s.Job), Valid: s.Job != 0}, detail,
		s.Why, s.By, s.At.UnixMilli(), s.ExpiresAt.UnixMilli(),
	)
	if err != nil {
		return s, fmt.Errorf("write a suggestion: %w", err)
	}
	id, err := added.LastInsertId()
	if err != nil {
		return s, err
	}
	s.ID = deadletter.SuggestionID(id)
	c.Event.Target = s.ID.String()
	return s, t.Record(ctx, c.Event)
}

// DecideSuggestion writes the decision of a person about a suggestion, with its audit event.
func (t *Tx) DecideSuggestion(ctx context.Context, c deadletter.SuggestionChange) error {
	s := c.After
	if _, err := t.tx.ExecContext(
		ctx, decideSuggestion, s.Decision, s.DecidedBy, s.DecidedAt.UnixMilli(), s.ID,
	); err != nil {
		return fmt.Errorf("decide about suggestion %d: %w", s.ID, err)
	}
	return t.Record(ctx, c.Event)
}
