package desk

import (
	"context"
	"path"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// Origin knows the queue that messages of a DLQ came from. Nobody chooses it.
type Origin interface {
	// To answers the URL of the queue that a message goes back to; a Conflict says why there is none.
	To(l deadletter.Message) (string, error)
}

// SetOrigins says by which queues of the list messages can be sent back. It is called before the desk takes orders.
func (d *Desk) SetOrigins(byQueue map[string]Origin) { d.origins = byQueue }

// Redrivable answers the name of the queue that a message would be sent back to, or a Conflict that says why it has
// no way back.
func (d *Desk) Redrivable(l deadletter.Message) (string, error) {
	if l.Queue.From == "" {
		return "", deadletter.Errorf(
			deadletter.Conflict,
			"this message came from no queue of the list queues: there is nothing to redrive it to",
		)
	}
	origin, ok := d.origins[l.Queue.From]
	if !ok {
		return "", deadletter.Errorf(
			deadletter.Conflict,
			"the queue %q of this message is not on the list queues: add it and restart",
			l.Queue.From,
		)
	}
	to, err := origin.To(l)
	if err != nil {
		return "", err
	}
	return path.Base(to), nil
}

// Redrive orders that a revision of a message is sent back to the queue that it came from. Forbidden, NotFound or
// Conflict say why not.
func (d *Desk) Redrive(ctx context.Context, by deadletter.Actor, ref Ref, revision int) error {
	return d.one(
		ctx,
		by,
		deadletter.ActRedrive,
		ref,
		func(_ context.Context, _ *store.Tx, l deadletter.Message, version int) (deadletter.Change, error) {
			if _, err := d.Redrivable(l); err != nil {
				return deadletter.Change{}, err
			}
			return l.OrderRedrive(by, deadletter.TriggerRedrive, revision, version, d.now())
		},
	)
}

// EditAndRedrive adds a revision to a message and orders that it is sent back. The attributes of the message stay
// what they are.
func (d *Desk) EditAndRedrive(ctx context.Context, by deadletter.Actor, ref Ref, e Edit) error {
	return d.one(ctx, by, deadletter.ActEditRedrive, ref, d.edit(by, deadletter.TriggerRedrive, e))
}
