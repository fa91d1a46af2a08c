package console

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// The formats of an export.
const (
	formatCSV  = "csv"
	formatJSON = "jsonl"
)

const (
	exportChunk = 500              // rows that are read at once
	exportLimit = 15 * time.Minute // of a whole export
	exportPause = 30 * time.Second // a client may take so long to read a chunk
	exportStamp = "20060102T150405Z"
	stampMillis = "2006-01-02T15:04:05.000Z"
)

// export describes a file of rows.
type export[T any] struct {
	name    string // of the file, with the time behind it
	columns []string
	line    func(T) []string // of CSV, in the order of the columns
	object  func(T) any      // of JSON
	read    func(ctx context.Context, cursor string) (rows []T, next string, err error)
}

// exportFormat returns the format that a form asks for.
func exportFormat(r *http.Request) (string, error) {
	format := cmp.Or(r.PostForm.Get("format"), formatCSV)
	if format != formatCSV && format != formatJSON {
		return "", deadletter.Errorf(deadletter.Invalid, "there is no format %q: use csv or jsonl", format)
	}
	return format, nil
}

// exportAudit sends the events of a filter as a file, newest first. It is a form, because the export itself is on
// record: a link must not write in the name of the person who follows it.
func (c *Console) exportAudit(w http.ResponseWriter, r *http.Request) error {
	query := pickFields(r.URL.Query(), auditFields())
	filter, err := eventFilter(query)
	if err != nil {
		return err
	}
	format, err := exportFormat(r)
	if err != nil {
		return err
	}
	if err := c.Desk.RecordExport(r.Context(), auth.Actor(r.Context()), format, firstValues(query)); err != nil {
		return err
	}
	events := export[store.EventRow]{name: "audit", columns: eventColumns, line: eventLine, object: eventObject}
	events.read = func(ctx context.Context, cursor string) ([]store.EventRow, string, error) {
		rows, err := c.Store.Events(ctx, store.EventQuery{EventFilter: filter, Cursor: cursor, Limit: exportChunk})
		if err == nil {
			err = c.Desk.Hider().Events(ctx, rows.Items)
		}
		return rows.Items, rows.Older, err
	}
	return send(c, w, r, format, events)
}

// firstValues returns the first value of each name.
func firstValues(query url.Values) map[string]string {
	values := map[string]string{}
	for name := range query {
		values[name] = query.Get(name)
	}
	return values
}

// send sends rows as a file. It reads the first chunk before it writes anything, so that a bad request gets an error
// page. A later failure aborts the response: a partial file must not look complete.
func send[T any](c *Console, w http.ResponseWriter, r *http.Request, format string, e export[T]) error {
	// A long export takes longer than a page may. A client that hangs up makes a write fail.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), exportLimit)
	defer cancel()
	rows, next, err := e.read(ctx, "")
	if err != nil {
		return err
	}
	exportHeaders(w.Header(), e.name, format, c.Now())
	if err := e.stream(ctx, w, format, rows, next); err != nil {
		c.Log.WarnContext(ctx, "an export was aborted", "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

func exportHeaders(h http.Header, name, format string, now time.Time) {
	types := map[string]string{formatCSV: "text/csv; charset=utf-8", formatJSON: "application/x-ndjson"}
	h.Set("Content-Type", types[format])
	h.Set(
		"Content-Disposition",
		fmt.Sprintf(`attachment; filename="dlqdesk-%s-%s.%s"`, name, now.UTC().Format(exportStamp), format),
	)
}

// stream writes the first rows, and then chunk after chunk.
func (e export[T]) stream(ctx context.Context, w http.ResponseWriter, format string, rows []T, next string) error {
	conn, write := http.NewResponseController(w), e.writer(format, w)
	for {
		// A response recorder has no deadline, and needs none.
		_ = conn.SetWriteDeadline(time.Now().Add(exportPause))
		if err := write(rows); err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
		if next == "" {
			return nil
		}
		var err error
		if rows, next, err = e.read(ctx, next); err != nil {
			return err
		}
	}
}

// writer returns a function that writes rows: lines of CSV below those of the columns, or JSON objects, one a line.
func (e export[T]) writer(format string, w io.Writer) func([]T) error {
	if format == formatJSON {
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false)
		return func(rows []T) error {
			for _, row := range rows {
				if err := out.Encode(e.object(row)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	out := csv.NewWriter(w)
	_ = out.Write(e.columns) // Error reports it
	return func(rows []T) error {
		for _, row := range rows {
			line := e.line(row)
			for i := range line {
				line[i] = noFormula(line[i])
			}
			_ = out.Write(line) // likewise
		}
		out.Flush()
		return out.Error()
	}
}

// noFormula stops a spreadsheet from evaluating text that outsiders wrote: it puts a quote before text that begins like
// a formula. See https://owasp.org/www-community/attacks/CSV_Injection.
func noFormula(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

// eventColumns is the first line of a CSV file of events.
var eventColumns = []string{
	"event", "at", "actor_kind", "actor", "address", "action", "target_kind", "target", "source", "reason", "before",
	"after",
}

func eventLine(e store.EventRow) []string {
	return []string{
		strconv.FormatInt(e.Sequence, 10), e.At.Format(stampMillis), string(e.Actor), e.By, e.Addr, e.Action,
		e.TargetKind, e.Target, e.Source, e.Reason, string(e.Before), string(e.After),
	}
}

func eventObject(e store.EventRow) any {
	return struct {
		Event      int64                `json:"event"`
		At         string               `json:"at"`
		ActorKind  deadletter.ActorKind `json:"actorKind"`
		Actor      string               `json:"actor"`
		Address    string               `json:"address,omitempty"`
		Action     string               `json:"action"`
		TargetKind string               `json:"targetKind"`
		Target     string               `json:"target"`
		Source     string               `json:"source,omitempty"`
		Reason     string               `json:"reason,omitempty"`
		Before     json.RawMessage      `json:"before,omitempty"`
		After      json.RawMessage      `json:"after,omitempty"`
	}{
		e.Sequence, e.At.Format(stampMillis), e.Actor, e.By, e.Addr, e.Action, e.TargetKind, e.Target,
		e.Source, e.Reason, e.Before, e.After,
	}
}
