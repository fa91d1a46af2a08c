package desk

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

const (
	maxViews    = 50 // of one user
	maxViewName = 60 // characters
	viewTarget  = "view"
)

// SaveView saves the query of a list under a name, and replaces a view of the same name. It returns Invalid for a bad
// name or one view too many, and Forbidden for a shared view of a viewer.
func (d *Desk) SaveView(ctx context.Context, by deadletter.Actor, v store.View) error {
	if err := by.May(deadletter.ActView); err != nil {
		return err
	}
	if v.Shared {
		if err := by.May(deadletter.ActArchive); err != nil {
			return deadletter.Errorf(deadletter.Forbidden,
				"only operators and admins share views: save it without sharing")
		}
	}
	v.Owner, v.Name = by.Name, strings.Join(strings.Fields(v.Name), " ")
	if n := utf8.RuneCountInString(v.Name); n == 0 || n > maxViewName || !utf8.ValidString(v.Name) {
		return deadletter.Errorf(deadletter.Invalid, "give the view a name of 1 to %d characters", maxViewName)
	}
	event, err := deadletter.NewEvent(
		by, "view.save", viewTarget, v.Name, "", nil, map[string]any{"query": v.Query, "shared": v.Shared},
		d.now(),
	)
	if err != nil {
		return err
	}
	return d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		n, err := tx.CountViews(ctx, by.Name)
		if err != nil {
			return err
		}
		if n >= maxViews {
			return deadletter.Errorf(deadletter.Invalid, "you have %d views: delete one first", n)
		}
		return tx.SaveView(ctx, v, event)
	})
}

// DeleteView deletes a view of the actor. An admin may delete any view.
func (d *Desk) DeleteView(ctx context.Context, by deadletter.Actor, id int64) error {
	if err := by.May(deadletter.ActView); err != nil {
		return err
	}
	return d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		v, err := tx.View(ctx, id)
		if err != nil {
			return err
		}
		if !strings.EqualFold(v.Owner, by.Name) && by.May(deadletter.ActUsers) != nil {
			return deadletter.Errorf(deadletter.Forbidden, "this view is %s's: only they and admins delete it", v.Owner)
		}
		event, err := deadletter.NewEvent(
			by, "view.delete", viewTarget, v.Name, "", map[string]any{"query": v.Query, "shared": v.Shared},
			nil, d.now(),
		)
		if err != nil {
			return err
		}
		return tx.DeleteView(ctx, id, event)
	})
}

// SaveListLayout saves how the message list is laid out for the actor.
func (d *Desk) SaveListLayout(ctx context.Context, by deadletter.Actor, layout string) error {
	if err := by.May(deadletter.ActView); err != nil {
		return err
	}
	return d.store.Write(
		ctx, func(ctx context.Context, tx *store.Tx) error { return tx.SetListLayout(ctx, by.Name, layout) },
	)
}

// RecordExport records an audit event for an export of the audit trail, before the export begins. Every reader of the
// trail may export it: they could copy it page by page, and leave no event. filter is the query of the export.
func (d *Desk) RecordExport(ctx context.Context, by deadletter.Actor, format string, filter map[string]string) error {
	return d.recordExport(ctx, by, "audit", format, map[string]any{"format": format, "filter": filter})
}

// RecordJobExport is RecordExport for the messages of a job.
func (d *Desk) RecordJobExport(ctx context.Context, by deadletter.Actor, id deadletter.JobID, format string) error {
	return d.recordExport(ctx, by, "job", id.String(), map[string]any{"format": format})
}

func (d *Desk) recordExport(
	ctx context.Context, by deadletter.Actor, kind, target string, facts map[string]any,
) error {
	if err := by.May(deadletter.ActView); err != nil {
		return err
	}
	event, err := deadletter.NewEvent(by, kind+".export", kind, target, "", nil, facts, d.now())
	if err != nil {
		return err
	}
	if err := d.store.Record(ctx, event); err != nil {
		return fmt.Errorf("record the export: %w", err)
	}
	return nil
}
