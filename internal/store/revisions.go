package store

import (
	"context"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// BodyPart is the size of the parts in which a long body is stored, in bytes. Nothing that shows or searches a body
// reads more than the first.
const BodyPart = 512 << 10

var (
	insertRevision = insertionOf(
		`INSERT INTO revisions (message, number, body, size, headers, by, reason, at, queue_message,
		recipe, recipe_version)`, 11, "",
	)
	insertPart = insertionOf(`INSERT INTO body_parts (message, number, part, bytes)`, 4, "")
)

func (t *Tx) insertRevisions(ctx context.Context, list []numbered) error {
	values := insertRevision.room(len(list))
	for _, c := range list {
		r := c.Revision
		if r == nil {
			continue
		}
		headers, err := r.Headers.MarshalJSON()
		if err != nil {
			return err
		}
		first, size := r.Body, any(nil)
		if len(r.Body) > BodyPart {
			first, size = r.Body[:BodyPart], int64(len(r.Body))
		}
		values = append(
			values, c.n, int64(r.Number), sqlite.Blob(first), size, string(headers), r.By, r.Reason,
			r.At.UnixMilli(), r.QueueMessage, orNull(r.Recipe.ID), orNull(r.Recipe.Version),
		)
	}
	if _, err := insertRevision.write(ctx, t.tx, values); err != nil {
		return err
	}
	for _, c := range list {
		if err := t.insertParts(ctx, c); err != nil {
			return fmt.Errorf("write the rest of a body: %w", err)
		}
	}
	return nil
}

// insertParts writes the rest of a long body.
func (t *Tx) insertParts(ctx context.Context, c numbered) error {
	if c.Revision == nil {
		return nil
	}
	body := c.Revision.Body
	for at := BodyPart; at < len(body); at += BodyPart {
		part := body[at:min(at+BodyPart, len(body))]
		values := []any{c.n, int64(c.Revision.Number), int64(at / BodyPart), part}
		if _, err := insertPart.write(ctx, t.tx, values); err != nil {
			return err
		}
	}
	return nil
}

// madeBy are the columns of the saved recipe that made a revision.
const madeBy = `coalesce(r.recipe, 0), coalesce(r.recipe_version, 0),
	coalesce((SELECT name FROM recipes WHERE id = r.recipe), '')`

// revisionColumns are those of a revision with the first part of its body.
var revisionColumns = fmt.Sprintf(`r.message, r.number, substr(r.body, 1, %d), coalesce(r.size, length(r.body)),
	r.headers, r.by, r.reason, r.at, r.queue_message, `, BodyPart) + madeBy

// scanHead reads revisionColumns, and returns the number of the message as well.
func scanHead(row sqlite.Row) (n int64, r deadletter.Revision, err error) {
	var headers string
	var at int64
	err = row.Scan(&n, &r.Number, &r.Body, &r.Size, &headers, &r.By, &r.Reason, &at, &r.QueueMessage,
		&r.Recipe.ID, &r.Recipe.Version, &r.Recipe.Name)
	if err != nil {
		return 0, deadletter.Revision{}, err
	}
	r.At = time.UnixMilli(at).UTC()
	if err := r.Headers.UnmarshalJSON([]byte(headers)); err != nil {
		return 0, deadletter.Revision{}, fmt.Errorf("read headers: %w", err)
	}
	return n, r, nil
}

const (
	// wholeBody is the body that an earlier version stored in one piece.
	wholeBody = `SELECT body FROM revisions WHERE message = ? AND number = ?`
	partList  = `SELECT bytes FROM body_parts WHERE message = ? AND number = ? ORDER BY part`
)

// scanRevision reads revisionColumns, and the rest of the body.
func scanRevision(ctx context.Context, q sqlite.Querier, row sqlite.Row) (deadletter.Revision, error) {
	n, r, err := scanHead(row)
	if err != nil || !r.IsHead() {
		return r, err
	}
	body := append(make([]byte, 0, r.Size), r.Body...)
	err = sqlite.Each(ctx, q, func(row sqlite.Row) error {
		var part []byte
		err := row.Scan(&part)
		body = append(body, part...)
		return err
	}, partList, n, r.Number)
	if err == nil && len(body) == len(r.Body) {
		err = q.QueryRowContext(ctx, wholeBody, n, r.Number).Scan(&body)
	}
	if err == nil && len(body) != r.Size {
		err = fmt.Errorf("it has %d bytes of %d", len(body), r.Size)
	}
	if err != nil {
		return deadletter.Revision{}, fmt.Errorf("read the rest of a body: %w", err)
	}
	r.Body = body
	return r, nil
}

var oneRevision = `SELECT ` + revisionColumns + ` FROM revisions r JOIN messages m ON m.n = r.message
	WHERE m.id = ? AND r.number = ?`

func revision(ctx context.Context, q sqlite.Querier, id deadletter.ID, number int) (deadletter.Revision, error) {
	r, err := scanRevision(ctx, q, q.QueryRowContext(ctx, oneRevision, id, number))
	return r, notFound(err, "message %s has no revision %d", id, number)
}

// Revision returns one revision of a message. It returns NotFound if there is none.
func (s *Store) Revision(ctx context.Context, id deadletter.ID, number int) (deadletter.Revision, error) {
	return revision(ctx, s.db, id, number)
}

// Revision returns one revision of a message as this transaction sees it, or NotFound.
func (t *Tx) Revision(ctx context.Context, id deadletter.ID, number int) (deadletter.Revision, error) {
	return revision(ctx, t.tx, id, number)
}

func revisionHead(ctx context.Context, q sqlite.Querier, id deadletter.ID, number int) (deadletter.Revision, error) {
	_, r, err := scanHead(q.QueryRowContext(ctx, oneRevision, id, number))
	return r, notFound(err, "message %s has no revision %d", id, number)
}

// RevisionHead is Revision with at most BodyPart bytes of the body.
func (s *Store) RevisionHead(ctx context.Context, id deadletter.ID, number int) (deadletter.Revision, error) {
	return revisionHead(ctx, s.db, id, number)
}

// RevisionHead is Revision with at most BodyPart bytes of the body.
func (t *Tx) RevisionHead(ctx context.Context, id deadletter.ID, number int) (deadletter.Revision, error) {
	return revisionHead(ctx, t.tx, id, number)
}

var revisionHeads = `SELECT ` + messageColumns + `, ` + revisionColumns + ` FROM json_each(?1) asked
	CROSS JOIN messages m ON m.id = asked.value
	JOIN revisions r ON r.message = m.n AND (r.number = 0 OR r.number > m.revision - ?2)`

// RevisionHeads calls fn with the first and the latest revisions of messages, in no order, each with at most BodyPart
// bytes of its body. One of them is in memory at a time. An id of no message has none.
func (s *Store) RevisionHeads(
	ctx context.Context, ids []deadletter.ID, latest int, fn func(deadletter.Message, deadletter.Revision),
) error {
	list, err := toJSON(ids)
	if err != nil {
		return err
	}
	err = sqlite.Each(ctx, s.db, func(row sqlite.Row) error {
		one, err := scanLatest(row)
		if err == nil {
			fn(one.Message, one.Revision)
		}
		return err
	}, revisionHeads, list, latest)
	if err != nil {
		return fmt.Errorf("read revisions of messages: %w", err)
	}
	return nil
}

const revisionList = `SELECT r.message, r.number, x'', coalesce(r.size, length(r.body)), r.headers, r.by, r.reason,
	r.at, NULL, ` + madeBy + ` FROM revisions r JOIN messages m ON m.n = r.message
	WHERE m.id = ? ORDER BY r.number DESC LIMIT 200`

// Revisions returns the revisions of a message without their bodies, newest first and at most 200.
func (s *Store) Revisions(ctx context.Context, id deadletter.ID) ([]deadletter.Revision, error) {
	var list []deadletter.Revision
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		_, revision, err := scanHead(r)
		list = append(list, revision)
		return err
	}, revisionList, id)
	if err != nil {
		return nil, fmt.Errorf("read revisions of message %s: %w", id, err)
	}
	return list, nil
}
