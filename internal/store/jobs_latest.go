package store

import (
	"context"
	"fmt"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// Latest is a message with its latest revision.
type Latest struct {
	Message  deadletter.Message
	Revision deadletter.Revision
}

const itemMessages = `SELECT ` + messageColumns + `, ` + revisionColumns + ` FROM json_each(?) k CROSS JOIN messages m ON m.n = k.value
	JOIN revisions r ON r.message = m.n AND r.number = m.revision`

// Latest answers the messages of items as they are now, at a cost that no write waits for. A change that starts from
// them is a Conflict where they are changed before it is written.
func (s *Store) Latest(ctx context.Context, items []Item) (map[deadletter.ID]Latest, error) {
	rows := make([]int64, len(items))
	for i, item := range items {
		rows[i] = item.n
	}
	list, err := toJSON(rows)
	if err != nil {
		return nil, err
	}
	found := make(map[deadletter.ID]Latest, len(items))
	err = sqlite.Each(ctx, s.db.Prepared(), func(r sqlite.Row) error {
		latest, err := scanLatest(r)
		found[latest.Message.ID] = latest
		return err
	}, itemMessages, list)
	if err != nil {
		return nil, fmt.Errorf("read messages of a job: %w", err)
	}
	return found, nil
}

// Latest answers the message of that id as this transaction sees it, or NotFound.
func (t *Tx) Latest(ctx context.Context, id deadletter.ID) (l Latest, err error) {
	if l.Message, err = t.Message(ctx, id); err != nil {
		return l, err
	}
	l.Revision, err = t.Revision(ctx, id, l.Message.Revision)
	return l, err
}

// scanLatest reads messageColumns and revisionColumns.
func scanLatest(r sqlite.Row) (l Latest, err error) {
	_, l.Message, err = scanMessage(scanFunc(func(message ...any) (err error) {
		l.Revision, err = scanRevision(
			scanFunc(func(revision ...any) error { return r.Scan(append(message, revision...)...) }),
		)
		return err
	}))
	return l, err
}

// scanning is a row that a function scans.
type scanFunc func(dest ...any) error

// Scan scans it.
func (s scanFunc) Scan(dest ...any) error { return s(dest...) }
