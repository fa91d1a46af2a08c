package search

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/sqlite"
)

// document is a message as a search sees it, without the values that are masked.
type document struct {
	row       int64
	isNew     bool // its first event is among those that were read
	source    string
	code      int
	hosts     []string // of the destination, with and without its port
	eventType string
	texts     []string // error, ids and event type
	revisions []revision
}

// revision is the received or the latest content.
type revision struct {
	headers deadletter.Headers
	body    []byte // the part of it that is searched
	whole   bool
	values  string // of body, as text; see text
}

// text returns the values of the body. It reads them once.
func (r *revision) text() string {
	if r.values == "" {
		r.values = payload.SearchText(r.body)
	}
	return r.values
}

// MaxSearchedFields is how many values of a revision have tokens in the index.
const MaxSearchedFields = 1000

// entry is the row of a message in the index.
type entry struct {
	row   int64
	isNew bool
	text  []byte
}

// entryOf returns the entry of a document, and notes its fields.
func (i *Index) entryOf(d *document) entry {
	e := entry{row: d.row, isNew: d.isNew}
	for _, text := range d.texts {
		e.text = appendText(e.text, text)
	}
	whole := true
	for _, r := range d.revisions {
		e.text = i.appendHeaders(e.text, r.headers)
		fields := 0
		var own []byte // the texts come first
		text, all := payload.SearchValues(r.body, func(l payload.Leaf) bool {
			fields++
			own = i.appendField(own, l.Path, l.Value)
			return fields < MaxSearchedFields
		})
		e.text = append(appendText(e.text, text), own...)
		whole = whole && r.whole && all
	}
	tokens := []string{facet(tokenSource, d.source), facet(tokenCode, strconv.Itoa(d.code))}
	for _, host := range d.hosts {
		tokens = append(tokens, facet(tokenHost, host))
	}
	for _, token := range tokens {
		e.text = append(append(e.text, token...), ' ')
	}
	if !whole {
		e.text = append(e.text, tokenCut...)
	}
	return e
}

// appendField writes the tokens of a value.
func (i *Index) appendField(out, path []byte, value string) []byte {
	if value == redact.Mask {
		return out
	}
	n, isNumber := numberOf(value)
	day, isTime := dayOf(value)
	switch {
	case isNumber:
		out = append(appendNumber(out, path, n), ' ')
		if strings.ContainsAny(value, "eE") {
			out = append(append(out, wholePart(n)...), ' ')
		}
	case isTime:
		out = append(appendDay(out, path, day), ' ')
	case !isWorded(value):
		out = append(appendValue(out, path, value), ' ')
	}
	i.seen.add(path, value, !isNumber && !isTime && !isSingular(value))
	return out
}

// untold are headers that say nothing of a webhook, and that each message has.
var untold = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Connection": true, "Content-Length": true, "Date": true,
}

// appendHeaders writes the tokens of headers. Their values are no text, so each has a token of its own.
func (i *Index) appendHeaders(out []byte, h deadletter.Headers) []byte {
	for name, values := range h {
		if untold[name] {
			continue
		}
		path := append([]byte(headerPrefix), strings.ToLower(name)...)
		for _, value := range values {
			value = deadletter.ReadableValue(value)
			if value == redact.Mask {
				continue
			}
			out = append(appendValue(out, path, value), ' ')
			if n, isNumber := numberOf(value); isNumber {
				out = append(appendNumber(out, path, n), ' ')
			}
			i.seen.add(path, value, !isSingular(value))
		}
	}
	return out
}

const (
	addText    = `INSERT INTO message_search (rowid, text) VALUES (?, ?)`
	removeText = `DELETE FROM message_search WHERE rowid = ?`
)

// write indexes a message. first says that it was never indexed before.
func (e entry) write(ctx context.Context, tx *sqlite.Tx, first bool) error {
	if !first {
		if _, err := tx.ExecContext(ctx, removeText, e.row); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, addText, e.row, string(e.text))
	return err
}

// failureText reads the error of a message, with the status code of its latest failure.
const failureText = `coalesce((
			SELECT nullif(a.status_code, 0) || ' ' FROM attempts a
			WHERE a.message = m.n AND a.outcome NOT IN ('', 'delivered')
			ORDER BY a.number DESC LIMIT 1
		), '') || m.reason`

// documentColumns read a revision of a message beside its error, as far as it is searched.
var documentColumns = fmt.Sprintf(
	`m.n, m.source, m.destination, m.id, m.webhook_id, m.event_type, m.status_code, m.queue, m.query, m.attempted_at,
		r.headers, substr(r.body, 1, CASE WHEN instr(r.headers, '"Content-Encoding"') > 0 THEN %d ELSE %d END)`,
	payload.SearchedHead,
	payload.MaxSearched+1,
)

// changedDocuments reads the received and the latest body of a message: once for each event that changed what the
// message is found by.
var changedDocuments = `SELECT e.seq, e.before IS NULL, ` + failureText + `, ` + documentColumns + `
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
	ORDER BY e.seq DESC`

// documentsOf reads messages by their rows, fieldsOf without their errors: that takes a third less time.
var (
	documentsOf = `SELECT 0, 0, ` + failureText + `, ` + documentColumns + ofRows
	fieldsOf    = `SELECT 0, 0, '', ` + documentColumns + ofRows
)

const ofRows = `
	FROM json_each(?) k
	CROSS JOIN messages m ON m.n = k.value
	CROSS JOIN revisions r ON r.message = m.n AND r.number IN (0, m.revision)`

// documentRow is one revision of a message, as it is stored.
type documentRow struct {
	document
	seq, attemptedAt        int64
	queue, query            string
	destination             string
	reason, id, webhook     string
	writtenHeaders, content []byte
}

func scanDocument(r sqlite.Row) (d documentRow, err error) {
	err = r.Scan(&d.seq, &d.isNew, &d.reason, &d.row, &d.source, &d.destination, &d.id, &d.webhook, &d.eventType,
		&d.code, &d.queue, &d.query, &d.attemptedAt, &d.writtenHeaders, &d.content)
	return d, err
}

var aPort = regexp.MustCompile(`:[0-9]*$`)

// read sets the texts of a document, unless they are there, and adds the revision, all without what is masked.
func (d *documentRow) read(into *document, masks *redact.Masks) error {
	headers := deadletter.Headers{}
	if err := json.Unmarshal(d.writtenHeaders, &headers); err != nil {
		return fmt.Errorf("read the headers of message %s: %w", d.id, err)
	}
	rules := masks.Of(d.queue, d.source)
	if len(into.texts) == 0 {
		reason := d.reason
		if reason != "" && masks.Stale(time.UnixMilli(d.attemptedAt)) {
			reason = rules.Error(rules.Secrets(headers, d.query, d.content).HideText(reason))
		}
		into.texts = []string{reason, d.id, d.webhook, d.eventType}
		host := redact.Host(d.destination)
		into.hosts = slices.Compact([]string{host, aPort.ReplaceAllString(host, "")})
	}
	body, whole := rules.Searched(headers, d.content)
	into.revisions = append(into.revisions, revision{headers: rules.Headers(headers), body: body, whole: whole})
	return nil
}

// errEnough ends reading early.
var errEnough = errors.New("enough was read")

// readEntries returns the entries of messages that events have changed, in the order of their rows, and the number
// after which it read the events: more than that of the events if they are too much at once. A message is read as it is
// now, once for all of its events.
func (i *Index) readEntries(ctx context.Context, of events, masks *redact.Masks) ([]entry, int64, error) {
	documents := map[int64]*document{}
	var last int64 // the event of the row before
	size := 0
	err := sqlite.Each(ctx, i.desk, func(r sqlite.Row) error {
		d, err := scanDocument(r)
		if err != nil {
			return err
		}
		if d.seq != last && size > batchBytes {
			return errEnough
		}
		m, ok := documents[d.row]
		if ok && d.seq != last {
			m.isNew = m.isNew || d.isNew
			return nil // a later event has read it
		}
		if !ok {
			m, last = &d.document, d.seq
			documents[d.row] = m
		}
		size += len(d.content)
		return d.read(m, masks)
	}, changedDocuments, of.after, of.upto)
	after := of.after
	if errors.Is(err, errEnough) {
		after, err = last-1, nil
	}
	if err != nil {
		return nil, 0, err
	}
	var list []entry
	byRow := func(a, b *document) int { return cmp.Compare(a.row, b.row) }
	for _, d := range slices.SortedFunc(maps.Values(documents), byRow) {
		list = append(list, i.entryOf(d))
	}
	return list, after, nil
}
