package desk

import (
	"context"
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

// SaveView keeps a list by name; one of the same name is replaced. Invalid and Forbidden say why not.
func (d *Desk) SaveView(ctx context.Context, by deadletter.Actor, v store.View) error {
	if err := by.May(deadletter.ActView); err != nil {
		return err
	}
	if v.Shared {
		if err := by.May(deadletter.ActArchive); err != nil {
			return deadletter.Errorf(
				deadletter.Forbidden,
				"only operators and admins share views: save it for yourself",
			)
		}
	}
	v.Owner, v.Name = by.Name, strings.Join(strings.Fields(v.Name), " ")
	if n := utf8.RuneCountInString(v.Name); n == 0 || n > maxViewName || !utf8.ValidString(v.Name) {
		return deadletter.Errorf(deadletter.Invalid, "give the view a name of 1 to %d characters", maxViewName)
	}
	event, err := deadletter.NewEvent(
		by,
		"view.save",
		viewTarget,
		v.Name,
		"",
		nil,
		map[string]any{"query": v.Query, "shared": v.Shared},
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

// DropView takes away a view of one's own; an admin takes away any.
func (d *Desk) DropView(ctx context.Context, by deadletter.Actor, id int64) error {
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
			by,
			"view.delete",
			viewTarget,
			v.Name,
			"",
			map[string]any{"query": v.Query, "shared": v.Shared},
			nil,
			d.now(),
		)
		if err != nil {
			return err
		}
		return tx.DeleteView(ctx, id, event)
	})
}

// SetLook keeps how somebody has the list look.
func (d *Desk) SetLook(ctx context.Context, by deadletter.Actor, look string) error {
	if err := by.May(deadletter.ActView); err != nil {
		return err
	}
	return d.store.Write(
		ctx,
		func(ctx context.Context, tx *store.Tx) error { return tx.SetListLayout(ctx, by.Name, look) },
	)
}
