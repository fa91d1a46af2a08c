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
	exportChunk = 500              // events that are read at once
	exportLimit = 15 * time.Minute // of a whole export
	exportPause = 30 * time.Second // a client may take so long to read a chunk
	exportStamp = "20060102T150405Z"
	stampMillis = "2006-01-02T15:04:05.000Z"
)

// exportAudit sends the events of a filter as a file, newest first. It is a form, because the export itself is on
// record: a link must not write in the name of the person who follows it. It reads the first chunk before it writes
// anything, so that a bad request gets an error page. A later failure aborts the response: a partial file must not
// look complete.
func (c *Console) exportAudit(w http.ResponseWriter, r *http.Request) error {
	query := pickFields(r.URL.Query(), auditFields())
	filter, err := eventFilter(query)
	if err != nil {
		return err
	}
	format := cmp.Or(r.PostForm.Get("format"), formatCSV)
	if format != formatCSV && format != formatJSON {
		return deadletter.Errorf(deadletter.Invalid, "there is no format %q: use csv or jsonl", format)
	}
	if err := c.Desk.RecordExport(r.Context(), auth.Actor(r.Context()), format, firstValues(query)); err != nil {
		return err
	}
	// A long export takes longer than a page may. A client that hangs up makes a write fail.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), exportLimit)
	defer cancel()
	events, err := c.Store.Events(ctx, store.EventQuery{EventFilter: filter, Limit: exportChunk})
	if err != nil {
		return err
	}
	exportHeaders(w.Header(), format, c.Now())
	if err := c.stream(ctx, w, newEventWriter(format, w), filter, events); err != nil {
		c.Log.WarnContext(ctx, "an export was aborted", "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

func exportHeaders(h http.Header, format string, now time.Time) {
	types := map[string]string{formatCSV: "text/csv; charset=utf-8", formatJSON: "application/x-ndjson"}
	h.Set("Content-Type", types[format])
	h.Set(
		"Content-Disposition",
		fmt.Sprintf(`attachment; filename="dlqdesk-audit-%s.%s"`, now.UTC().Format(exportStamp), format),
	)
}

// firstValues returns the first value of each name.
func firstValues(query url.Values) map[string]string {
	values := map[string]string{}
	for name := range query {
		values[name] = query.Get(name)
	}
	return values
}

func (c *Console) stream(
	ctx context.Context, w http.ResponseWriter, out eventWriter, filter store.EventFilter,
	events store.Page[store.EventRow],
) error {
	conn := http.NewResponseController(w)
	for {
		// A response recorder has no deadline, and needs none.
		_ = conn.SetWriteDeadline(time.Now().Add(exportPause))
		if err := c.Desk.Hider().Events(ctx, events.Items); err != nil {
			return err
		}
		for _, e := range events.Items {
			if err := out.write(e); err != nil {
				return fmt.Errorf("write event %d: %w", e.Sequence, err)
			}
		}
		if err := out.flush(); err != nil {
			return fmt.Errorf("write events: %w", err)
		}
		if events.Older == "" {
			return nil
		}
		var err error
		if events, err = c.Store.Events(
			ctx, store.EventQuery{EventFilter: filter, Cursor: events.Older, Limit: exportChunk},
		); err != nil {
			return err
		}
	}
}

// eventWriter writes events in one format.
type eventWriter interface {
	write(e store.EventRow) error
	flush() error
}

func newEventWriter(format string, w io.Writer) eventWriter {
	if format == formatCSV {
		out := csv.NewWriter(w)
		_ = out.Write(eventColumns) // flush reports the error
		return csvEvents{out}
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return jsonEvents{out}
}

// eventColumns is the first line of a CSV file.
var eventColumns = []string{
	"event", "at", "actor_kind", "actor", "address", "action", "target_kind", "target", "source", "reason", "before",
	"after",
}

// csvEvents writes one line per event.
type csvEvents struct{ out *csv.Writer }

func (c csvEvents) write(e store.EventRow) error {
	line := []string{
		strconv.FormatInt(e.Sequence, 10), e.At.Format(stampMillis), string(e.Actor), e.By, e.Addr, e.Action,
		e.TargetKind, e.Target, e.Source, e.Reason, string(e.Before), string(e.After),
	}
	for i := range line {
		line[i] = noFormula(line[i])
	}
	return c.out.Write(line)
}

func (c csvEvents) flush() error {
	c.out.Flush()
	return c.out.Error()
}

// noFormula stops a spreadsheet from evaluating text that outsiders wrote: it puts a quote before text that begins like
// a formula. See https://owasp.org/www-community/attacks/CSV_Injection.
func noFormula(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

// jsonEvents writes one JSON object per event.
type jsonEvents struct{ out *json.Encoder }

func (j jsonEvents) write(e store.EventRow) error {
	return j.out.Encode(struct {
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
	})
}

func (j jsonEvents) flush() error { return nil }
