package desk

import (
	"context"
	"fmt"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// RecordExport writes down that somebody takes a part of the audit trail away, before they get it. Whoever may read
// the trail may take it away: a page after another they could do so anyhow, and without a trace. filter says which
// part.
func (d *Desk) RecordExport(ctx context.Context, by deadletter.Actor, format string, filter map[string]string) error {
	if err := by.May(deadletter.ActView); err != nil {
		return err
	}
	facts := map[string]any{"format": format, "filter": filter}
	event, err := deadletter.NewEvent(by, "audit.export", "audit", format, "", nil, facts, d.now())
	if err != nil {
		return err
	}
	if err := d.store.Write(
		ctx,
		func(ctx context.Context, tx *store.Tx) error { return tx.Record(ctx, event) },
	); err != nil {
		return fmt.Errorf("record the export: %w", err)
	}
	return nil
}
