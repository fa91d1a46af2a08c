package console

import (
	"context"
	"net/http"
	"strconv"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// exportJob sends the messages of a job with their results as a file, in the order of receipt.
func (c *Console) exportJob(w http.ResponseWriter, r *http.Request) error {
	j, err := c.readJob(r)
	if err != nil {
		return err
	}
	format, err := exportFormat(r)
	if err != nil {
		return err
	}
	if err := c.Desk.RecordJobExport(r.Context(), auth.Actor(r.Context()), j.ID, format); err != nil {
		return err
	}
	return send(c, w, r, format, export[store.JobMessage]{
		name: "job-" + j.ID.String(), columns: jobColumns, line: jobLine, object: jobObject,
		read: func(ctx context.Context, cursor string) ([]store.JobMessage, string, error) {
			rows, next, err := c.Store.JobMessages(ctx, j.ID, cursor, exportChunk)
			if err == nil {
				err = c.hideJobMessages(ctx, j, rows)
			}
			return rows, next, err
		},
	})
}

// hideJobMessages masks rows of an export like the pages. It remembers no secret of a message from chunk to chunk.
func (c *Console) hideJobMessages(ctx context.Context, j deadletter.Job, rows []store.JobMessage) error {
	if err := c.Desk.Hider().JobMessages(ctx, j, rows); err != nil {
		return err
	}
	fingerprints := make([]string, len(rows))
	for i, row := range rows {
		fingerprints[i] = row.Cause
	}
	titles := map[string]string{}
	if err := c.eachCause(ctx, fingerprints, func(cause deadletter.Cause) {
		titles[cause.Fingerprint] = cause.Title
	}); err != nil {
		return err
	}
	for i := range rows {
		rows[i].Cause = titles[rows[i].Cause]
	}
	return nil
}

// jobColumns is the first line of a CSV file of a job's messages.
var jobColumns = []string{
	"message", "source", "destination", "received_at", "cause", "result", "error", "attempts", "status",
}

func jobLine(m store.JobMessage) []string {
	return []string{
		string(m.ID), m.Source, m.Destination, m.ReceivedAt.Format(stampMillis), m.Cause, string(m.State), m.Error,
		strconv.Itoa(m.Attempts), string(m.Status),
	}
}

func jobObject(m store.JobMessage) any {
	return struct {
		Message     deadletter.ID        `json:"message"`
		Source      string               `json:"source,omitempty"`
		Destination string               `json:"destination,omitempty"`
		ReceivedAt  string               `json:"receivedAt"`
		Cause       string               `json:"cause,omitempty"`
		Result      deadletter.ItemState `json:"result"`
		Error       string               `json:"error,omitempty"`
		Attempts    int                  `json:"attempts"`
		Status      deadletter.Status    `json:"status"`
	}{
		m.ID, m.Source, m.Destination, m.ReceivedAt.Format(stampMillis), m.Cause, m.State, m.Error, m.Attempts,
		m.Status,
	}
}
