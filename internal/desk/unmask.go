package desk

import (
	"context"
	"slices"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// Viewer is who looks at a page: an actor in a session.
type Viewer struct {
	Actor   deadletter.Actor
	Session string
}

// TokenViewer returns who looks at the answers of the API. Values that were unmasked with a token are shown to that
// token alone.
func TokenViewer(by deadletter.Actor) Viewer {
	if by.Token == 0 {
		return Viewer{Actor: by}
	}
	return Viewer{by, "token " + by.Token.String()}
}

// Unmask shows the masked values of a message to a viewer for deadletter.UnmaskFor, and returns until when that is.
// value names the field or header; "" is everything.
func (d *Desk) Unmask(
	ctx context.Context, by Viewer, id deadletter.ID, value, reason string,
) (until time.Time, err error) {
	if err := by.Actor.May(deadletter.ActUnmask); err != nil {
		return until, err
	}
	err = d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		m, err := tx.Message(ctx, id)
		if err == nil {
			err = by.Actor.Reaches(m.Source, "message "+string(id))
		}
		if err != nil {
			return err
		}
		latest, err := tx.RevisionHead(ctx, id, m.Revision)
		if err != nil {
			return err
		}
		reason, err := d.reasonFor(m, reason, latest)
		if err != nil {
			return err
		}
		u, event, err := m.Unmask(by.Actor, by.Session, value, reason, d.now())
		if err != nil {
			return err
		}
		until = u.Until
		return tx.AddUnmasking(ctx, u, event)
	})
	return until, err
}

// MaskAgain ends every unmasking of a message that shows values to a viewer. It returns Conflict if there is none.
func (d *Desk) MaskAgain(ctx context.Context, by Viewer, id deadletter.ID) error {
	if err := by.Actor.May(deadletter.ActUnmask); err != nil {
		return err
	}
	return d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		m, err := tx.Message(ctx, id)
		if err == nil {
			err = by.Actor.Reaches(m.Source, "message "+string(id))
		}
		if err != nil {
			return err
		}
		now := d.now()
		list, err := tx.Unmaskings(ctx, id, now)
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(u deadletter.Unmasking) bool {
			return !u.ShowsTo(by.Actor, by.Session, now)
		})
		if len(list) == 0 {
			return deadletter.Errorf(deadletter.Conflict, "these values are masked again already")
		}
		for _, u := range list {
			ended, event, err := u.End(by.Actor, m.Source, now)
			if err != nil {
				return err
			}
			if err := tx.EndUnmasking(ctx, ended, event); err != nil {
				return err
			}
		}
		return nil
	})
}

// Unmaskings returns the unmaskings of a message that are in force, and its masks as they are for a viewer.
func (d *Desk) Unmaskings(
	ctx context.Context, by Viewer, m deadletter.Message,
) (list []deadletter.Unmasking, masks *redact.Rules, err error) {
	now := d.now()
	masks = d.masks().Of(m.Queue.ConfigName, m.Source)
	if list, err = d.store.Unmaskings(ctx, m.ID, now); err != nil {
		return nil, masks, err
	}
	for _, u := range list {
		if u.ShowsTo(by.Actor, by.Session, now) {
			masks = masks.Show(u.Value)
		}
	}
	return list, masks, nil
}
