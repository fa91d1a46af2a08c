package store

import (
	"context"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const (
	noteColumns = `id, fingerprint, by, at, text`
	// Notes of causes that became part of this one are among them, and go with their causes if these come back.
	notesOf = `WITH present (fingerprint) AS (SELECT ` + presentCause + `)
		SELECT ` + noteColumns + ` FROM cause_notes WHERE fingerprint IN (SELECT fingerprint FROM present
		UNION ALL SELECT m.fingerprint FROM present p JOIN moved_causes m ON m.moved_to = p.fingerprint)
		ORDER BY id LIMIT ?`
	oneNote     = `SELECT ` + noteColumns + ` FROM cause_notes WHERE id = ?`
	editsOf     = `SELECT text, at FROM cause_note_edits WHERE note = ? ORDER BY rowid`
	addNote     = `INSERT INTO cause_notes (fingerprint, by, at, text) VALUES (?, ?, ?, ?)`
	setNote     = `UPDATE cause_notes SET text = ? WHERE id = ?`
	addNoteEdit = `INSERT INTO cause_note_edits (note, at, text) VALUES (?, ?, ?)`
)

// MaxNotes bounds how many notes of a cause are read.
const MaxNotes = 500

func scanNote(r sqlite.Row) (deadletter.CauseNote, error) {
	var n deadletter.CauseNote
	var at int64
	err := r.Scan(&n.ID, &n.Fingerprint, &n.By, &at, &n.Text)
	n.At = time.UnixMilli(at).UTC()
	return n, err
}

// CauseNotes returns the notes about a cause, oldest first and at most MaxNotes, with their earlier texts.
func (s *Store) CauseNotes(ctx context.Context, fingerprint string) (list []deadletter.CauseNote, err error) {
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		n, err := scanNote(r)
		list = append(list, n)
		return err
	}, notesOf, fingerprint, fingerprint, MaxNotes)
	for i := range list {
		if err == nil {
			list[i].Edits, err = noteEdits(ctx, s.db, list[i].ID)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the notes of the cause %s: %w", fingerprint, err)
	}
	return list, nil
}

func noteEdits(ctx context.Context, q sqlite.Querier, note int64) (list []deadletter.NoteEdit, err error) {
	err = sqlite.Each(ctx, q, func(r sqlite.Row) error {
		var e deadletter.NoteEdit
		var at int64
		err := r.Scan(&e.Text, &at)
		e.At = time.UnixMilli(at).UTC()
		list = append(list, e)
		return err
	}, editsOf, note)
	return list, err
}

// CauseNote returns the note with the given id. It returns NotFound if there is none.
func (t *Tx) CauseNote(ctx context.Context, id int64) (deadletter.CauseNote, error) {
	n, err := scanNote(t.tx.QueryRowContext(ctx, oneNote, id))
	if err := notFound(err, "there is no note %d", id); err != nil {
		return n, err
	}
	n.Edits, err = noteEdits(ctx, t.tx, id)
	return n, err
}

// AddCauseNote adds a note, with its audit event.
func (t *Tx) AddCauseNote(ctx context.Context, n deadletter.CauseNote, e deadletter.Event) error {
	if _, err := t.tx.ExecContext(ctx, addNote, n.Fingerprint, n.By, n.At.UnixMilli(), n.Text); err != nil {
		return fmt.Errorf("write a note: %w", err)
	}
	return t.Record(ctx, e)
}

// EditCauseNote replaces the text of a note and keeps the text before, with the audit event.
func (t *Tx) EditCauseNote(ctx context.Context, n deadletter.CauseNote, e deadletter.Event) error {
	last := n.Edits[len(n.Edits)-1]
	if _, err := t.tx.ExecContext(ctx, addNoteEdit, n.ID, last.At.UnixMilli(), last.Text); err != nil {
		return fmt.Errorf("keep the text of a note: %w", err)
	}
	if _, err := t.tx.ExecContext(ctx, setNote, n.Text, n.ID); err != nil {
		return fmt.Errorf("write a note: %w", err)
	}
	return t.Record(ctx, e)
}
