package search

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/sqlite"
)

// messageText is what a message is found by.
type messageText struct {
	row   int64
	isNew bool // its first event is among those that were read
	parts []string
}

const (
	addText    = `INSERT INTO message_search (rowid, text) VALUES (?, ?)`
	removeText = `DELETE FROM message_search WHERE rowid = ?`
)

// write indexes a message. first says that it was never indexed before.
func (m messageText) write(ctx context.Context, tx *sqlite.Tx, first bool) error {
	if !first {
		if _, err := tx.ExecContext(ctx, removeText, m.row); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, addText, m.row, strings.Join(m.parts, "\n"))
	return err
}

// changedTexts reads the received and the latest body of a message, as far as they are searched: once for each event
// that changed what the message is found by.
var changedTexts = fmt.Sprintf(
	`SELECT e.seq, e.before IS NULL, m.n, m.source,
		coalesce((
			SELECT nullif(a.status_code, 0) || ' ' FROM attempts a
			WHERE a.message = m.n AND a.outcome NOT IN ('', 'delivered')
			ORDER BY a.number DESC LIMIT 1
		), '') || m.reason,
		m.id, m.webhook_id, m.event_type, m.queue, m.query, m.attempted_at, r.headers,
		substr(r.body, 1, CASE WHEN instr(r.headers, '"Content-Encoding"') > 0 THEN %d ELSE %d END)
	FROM audit_events e
	CROSS JOIN messages m ON m.id = e.target
	CROSS JOIN revisions r ON r.message = m.n AND r.number IN (0, m.revision)
	WHERE e.seq > ? AND e.seq <= ? AND e.target_kind = 'message'
		AND e.action NOT IN ('attempt.started', 'attempt.delivered')
		AND (e.before IS NULL
			OR e.before ->> 'revision' IS NOT e.after ->> 'revision'
			OR e.before ->> 'reason' IS NOT e.after ->> 'reason'
			OR e.after ->> 'attempt' > 1 AND coalesce(e.after ->> 'statusCode', 0) <> coalesce((
				SELECT a.status_code FROM attempts a WHERE a.message = m.n AND a.number = (e.after ->> 'attempt') - 1
			), 0))
	ORDER BY e.seq DESC`,
	payload.SearchedHead, payload.MaxSearched+1,
)

// errEnough ends reading early.
var errEnough = errors.New("enough was read")

// readTexts returns the texts of messages that events have changed, in the order of their rows, and the number after
// which it read the events: more than that of the events if they are too much at once. A message is read as it is now,
// once for all of its events.
func (i *Index) readTexts(ctx context.Context, of events, masks *redact.Masks) ([]*messageText, int64, error) {
	texts := map[int64]*messageText{}
	var last int64 // the event of the row before
	size := 0
	err := sqlite.Each(ctx, i.desk, func(r sqlite.Row) error {
		var seq, row int64
		var isNew bool
		var source, reason, id, webhook, eventType, queue, query string
		var attemptedAt int64
		var written, body []byte
		err := r.Scan(&seq, &isNew, &row, &source, &reason, &id, &webhook, &eventType, &queue, &query, &attemptedAt,
			&written, &body)
		if err != nil {
			return err
		}
		if seq != last && size > batchBytes {
			return errEnough
		}
		m, ok := texts[row]
		if ok && seq != last {
			m.isNew = m.isNew || isNew
			return nil // a later event has read it
		}
		if !ok {
			m = &messageText{row: row, isNew: isNew, parts: []string{reason, id, webhook, eventType}}
			texts[row], last = m, seq
		}
		size += len(body)
		headers := deadletter.Headers{}
		if err := json.Unmarshal(written, &headers); err != nil {
			return fmt.Errorf("read the headers of message %s: %w", id, err)
		}
		rules := masks.Of(queue, source)
		if masks.Stale(time.UnixMilli(attemptedAt)) {
			m.parts[0] = rules.Error(rules.Secrets(headers, query, body).HideText(m.parts[0]))
		}
		m.parts = append(m.parts, rules.SearchText(headers, body))
		return nil
	}, changedTexts, of.after, of.upto)
	list := slices.SortedFunc(maps.Values(texts), func(a, b *messageText) int { return cmp.Compare(a.row, b.row) })
	if errors.Is(err, errEnough) {
		return list, last - 1, nil
	}
	return list, of.after, err
}
