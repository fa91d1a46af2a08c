// Package desk carries out what people order: replay, edit, archive, restore or redrive one message or many. It checks
// that the actor may, opens the transaction and lets the domain decide; it delivers nothing itself but copies of
// messages that test another destination. Console, API and command line go through it, so that all of them refuse the
// same orders for the same reasons.
package desk

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/memory"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// Source is what the desk needs to know of a configured source. Its functions must not block.
type Source struct {
	Name      string
	Masks     *redact.Rules          // of a message, set by SourceOf
	Probe     func()                 // lets the next message of a job go at once, past the circuit breaker
	ProbeSoon func()                 // lets a waiting message test a destination that is down at once, unless one does
	Waits     func() bool            // reports whether the circuit breaker makes retries and jobs wait
	Delivered func() time.Time       // when the latest successful delivery ended; zero: not known
	Pace      func() deadletter.Pace // what bounds deliveries now, without InFlight; nil: not known
	Signature deadletter.SignaturePolicy
	Unnamed   bool // it is the default source: webhooks that named none go there as well
	EventType []payload.Path
	OrderKey  payload.OrderKey
	Shapes    bool // the shape of its deliveries is sampled
	SignsID   bool // its platform signs the Webhook-Id: see payload.Dedup

	CopiesTo []CopyTo             // besides its destination
	Copies   delivery.Destination // how copies are sent, without URL
	ProvedBy []string             // headers by which a handler recognises the platform
}

// Origin knows the queues that the messages of one DLQ came from. No user chooses where a message goes.
type Origin interface {
	// To returns the URL of the queue that a message goes back to, or a Conflict that says why there is none.
	To(m deadletter.Message) (string, error)
}

// Ledger is the part of the reconciliation that acknowledging an imbalance needs.
type Ledger interface {
	State() ledger.State
	// Reload reads the acknowledgements that were stored since the latest check.
	Reload(ctx context.Context) error
}

// Deps are the parts that a desk works with.
type Deps struct {
	Store   *store.Store
	Sources func() []Source                // as configured now; "" is that of webhooks that named none
	Masks   func() *redact.Masks           // likewise
	Origins map[string]Origin              // by the name of a DLQ below queues; nil where none is listed
	Ledger  Ledger                         // nil where nothing is acknowledged
	Tickets func() deadletter.Tickets      // as configured at the moment; nil: no tracker
	Kick    func()                         // wakes the worker; it must not block
	JobRate func(deadletter.JobID) float64 // messages a second of a running job; 0: not known. It can be nil
	Copies  delivery.Sender                // sends copies of messages; nil where none are sent
	Sinks   func() []AlertSink             // where alerts go, as configured at the moment; nil: nowhere
	Tell    func()                         // wakes what sends alerts; it must not block. nil where Sinks is
	Now     func() time.Time
}

// Desk carries out orders. Its methods may be called from many goroutines.
type Desk struct {
	store   *store.Store
	sources func() []Source
	masks   func() *redact.Masks
	origins map[string]Origin
	ledger  Ledger
	tickets func() deadletter.Tickets
	kick    func()
	jobRate func(deadletter.JobID) float64
	copies  delivery.Sender
	sinks   func() []AlertSink
	tell    func()
	now     func() time.Time

	copying     copying
	copyMemory  *memory.Budget
	differences differencesCache
	previews    previewCache
}

// New makes a desk.
func New(deps Deps) *Desk {
	return &Desk{
		deps.Store, deps.Sources, deps.Masks, deps.Origins, deps.Ledger, deps.Tickets, deps.Kick,
		deps.JobRate, deps.Copies, deps.Sinks, deps.Tell, deps.Now,
		copying{all: map[copyKey]bool{}},
		memory.NewBudget(copyMemory),
		differencesCache{},
		previewCache{},
	}
}

// Source returns the source with the given name, and false where it is not configured, or no longer.
func (d *Desk) Source(name string) (Source, bool) {
	for _, s := range d.sources() {
		if s.Name == name {
			return s, true
		}
	}
	return Source{}, false
}

// SourceOf returns the source of a message with the masks of the message: those of its source and its queue. If the
// source is no longer configured, it has nothing but a name and masks.
func (d *Desk) SourceOf(m deadletter.Message) Source {
	s, ok := d.Source(m.Source)
	if !ok {
		s.Name = m.Source
	}
	s.Masks = d.masks().Of(m.Queue.ConfigName, m.Source)
	return s
}

// Ref names a message and the version of it that the person saw.
type Ref struct {
	ID      deadletter.ID
	Version int
}

// View is a message with what an actor may do to it now. Every order for one message returns it: as it is after the
// order, or as it is before with the error of an order that was refused (Conflict, Invalid or NeedsConfirmation). With
// Forbidden, Unauthenticated and NotFound there is no message.
type View struct {
	Message    deadletter.Message
	Refused    map[deadletter.Action]error // why an action is not permitted; none for an action that is
	RedrivesTo string                      // the name of the queue that it can be sent back to; "" where there is none
	Signature  deadletter.SignaturePolicy  // of the source that delivers it

	CopiesTo    []deadletter.CopyTo // where copies of it can be sent, whatever its status
	RefusedCopy error               // why the actor may send none; nil: may
}

// View returns a message with the actions that the actor is refused, for the errors that the orders would return. A
// command can be refused all the same, for want of a reason or a confirmation.
func (d *Desk) View(by deadletter.Actor, m deadletter.Message) View {
	v := View{Message: m, Refused: map[deadletter.Action]error{}, RefusedCopy: by.May(deadletter.ActReplay)}
	noDestination, now := d.checkDestination(m), d.now()
	to, noOrigin := d.origin(m)
	v.RedrivesTo = to
	if s, ok := d.Source(m.Source); ok {
		v.Signature = s.Signature
		for _, to := range s.CopiesTo {
			v.CopiesTo = append(v.CopiesTo, to.CopyTo)
		}
	}
	for _, act := range deadletter.MessageActions() {
		err := m.Permits(by, act, now)
		switch {
		case err != nil:
		case act == deadletter.ActProbe:
			err = d.checkProbe(m)
		case act.Redrives():
			err = noOrigin
		case act.Delivers():
			err = noDestination
		}
		if err != nil {
			v.Refused[act] = err
		}
	}
	return v
}

func (d *Desk) checkDestination(m deadletter.Message) error {
	_, ok := d.Source(m.Source)
	return m.CheckDestination(ok)
}

// origin returns the name of the queue that a message goes back to, or a Conflict that says why it has none.
func (d *Desk) origin(m deadletter.Message) (string, error) {
	from, ok := d.origins[m.Queue.ConfigName]
	if err := m.CheckOrigin(ok); err != nil {
		return "", err
	}
	to, err := from.To(m)
	if err != nil {
		return "", err
	}
	return path.Base(to), nil
}

func (d *Desk) checkWay(m deadletter.Message, trigger deadletter.Trigger) error {
	if trigger.Redrives() {
		_, err := d.origin(m)
		return err
	}
	return d.checkDestination(m)
}

// SendCommand asks for a revision of a message to be sent.
type SendCommand struct {
	Revision       int
	ConfirmUnknown bool // send it even if the latest delivery may already have been processed
	ConfirmNewer   bool // send it even if newer events of the same thing were delivered
}

// Edit is a new body and headers for a message, which are sent at once.
type Edit struct {
	Base    int // the revision that was edited
	Body    []byte
	Headers deadletter.Headers
	Reason  string
	Confirm SendCommand // what it confirms; its Revision does not count
}

// Replay orders the delivery of a revision of a message.
func (d *Desk) Replay(ctx context.Context, by deadletter.Actor, ref Ref, cmd SendCommand) (View, error) {
	return d.change(ctx, by, deadletter.ActReplay, ref, d.send(by, deadletter.TriggerReplay, ref, cmd))
}

// Redrive orders that a revision of a message is sent back to the queue that the message came from.
func (d *Desk) Redrive(ctx context.Context, by deadletter.Actor, ref Ref, cmd SendCommand) (View, error) {
	return d.change(ctx, by, deadletter.ActRedrive, ref, d.send(by, deadletter.TriggerRedrive, ref, cmd))
}

// EditAndReplay adds a revision to a message and orders its delivery.
func (d *Desk) EditAndReplay(ctx context.Context, by deadletter.Actor, ref Ref, e Edit) (View, error) {
	return d.change(ctx, by, deadletter.ActEdit, ref, d.edit(by, deadletter.TriggerEdit, ref, e))
}

// EditAndRedrive adds a revision to a message and orders that it is sent back. Its queue attributes stay as they are.
func (d *Desk) EditAndRedrive(ctx context.Context, by deadletter.Actor, ref Ref, e Edit) (View, error) {
	return d.change(ctx, by, deadletter.ActEditRedrive, ref, d.edit(by, deadletter.TriggerRedrive, ref, e))
}

// Archive puts a message away for a reason.
func (d *Desk) Archive(ctx context.Context, by deadletter.Actor, ref Ref, reason string) (View, error) {
	return d.change(ctx, by, deadletter.ActArchive, ref,
		func(ctx context.Context, tx *store.Tx, m deadletter.Message) (deadletter.Change, error) {
			latest, err := tx.RevisionHead(ctx, m.ID, m.Revision)
			if err != nil {
				return deadletter.Change{}, err
			}
			reason, err := d.reasonFor(m, reason, latest)
			if err != nil {
				return deadletter.Change{}, err
			}
			return m.Archive(by, reason, ref.Version, d.now())
		})
}

// Restore brings an archived message back.
func (d *Desk) Restore(ctx context.Context, by deadletter.Actor, ref Ref) (View, error) {
	return d.change(ctx, by, deadletter.ActRestore, ref,
		func(_ context.Context, _ *store.Tx, m deadletter.Message) (deadletter.Change, error) {
			return m.Restore(by, ref.Version, d.now())
		})
}

// Separate makes an arrival of a message, whose content an earlier version merged into it, a message of its own. It
// returns that message. It returns Conflict if the arrival is one already.
func (d *Desk) Separate(ctx context.Context, by deadletter.Actor, id deadletter.ID, arrival int) (View, error) {
	if err := by.May(deadletter.ActSeparate); err != nil {
		return View{}, err
	}
	var added deadletter.Message
	err := d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		m, err := tx.Message(ctx, id)
		if err == nil {
			err = by.Reaches(m.Source, "message "+string(id))
		}
		if err != nil {
			return err
		}
		a, err := tx.Arrival(ctx, id, arrival)
		if err != nil {
			return err
		}
		source, _ := d.Source(m.Source)
		add, from, err := m.Separate(by, a, payload.EventType(a.Headers, a.Body, source.EventType), d.now())
		if err != nil {
			return err
		}
		add.After.OrderKey = source.OrderKey.Of(m.Source, a.Headers, a.Body)
		if _, err := tx.Message(ctx, add.After.ID); deadletter.KindOf(err) != deadletter.NotFound {
			taken := deadletter.Errorf(deadletter.Conflict, "this arrival is a message of its own already")
			return errors.Join(taken, err)
		}
		if add, err = beside(ctx, tx, add, *add.Revision, source.SignsID); err != nil {
			return err
		}
		added = add.After
		return errors.Join(tx.Apply(ctx, add), tx.Apply(ctx, from), tx.RecordSeparated(ctx, added))
	})
	return d.View(by, added), err
}

// beside completes the change that adds a message, or gives it a source, if another message has its webhook id there.
func beside(
	ctx context.Context, tx *store.Tx, add deadletter.Change, received deadletter.Revision, signed bool,
) (deadletter.Change, error) {
	holder, err := tx.HolderOfWebhookID(ctx, add.After.Source, add.After.WebhookID)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return add, nil
	}
	if err != nil {
		return add, err
	}
	original, err := tx.Revision(ctx, holder.ID, 0)
	return add.Beside(holder, original, received, signed), err
}

// decision returns what becomes of a message, within the transaction that applies it.
type decision func(ctx context.Context, tx *store.Tx, m deadletter.Message) (deadletter.Change, error)

func (d *Desk) send(by deadletter.Actor, trigger deadletter.Trigger, ref Ref, cmd SendCommand) decision {
	return func(ctx context.Context, tx *store.Tx, m deadletter.Message) (deadletter.Change, error) {
		if err := d.checkWay(m, trigger); err != nil {
			return deadletter.Change{}, err
		}
		order := m.Replay
		if trigger.Redrives() {
			order = m.Redrive
		}
		c, err := order(by, trigger, cmd.Revision, ref.Version, d.now())
		if err != nil {
			return c, err
		}
		return c, d.checkConfirmed(ctx, tx, m, cmd)
	}
}

// checkConfirmed returns NeedsConfirmation for the first thing that the command has to confirm and does not.
func (d *Desk) checkConfirmed(ctx context.Context, tx *store.Tx, m deadletter.Message, cmd SendCommand) error {
	if err := m.CheckConfirmed(cmd.ConfirmUnknown); err != nil {
		return err
	}
	newer, err := d.newer(ctx, tx, m)
	if err != nil {
		return err
	}
	return newer.CheckConfirmed(cmd.ConfirmNewer)
}

// Newer returns how many newer events of what a message is about were delivered.
func (d *Desk) Newer(ctx context.Context, m deadletter.Message) (deadletter.Newer, error) {
	return d.newer(ctx, d.store, m)
}

func (d *Desk) newer(ctx context.Context, from interface {
	Newer(ctx context.Context, m deadletter.Message) (deadletter.Newer, error)
}, m deadletter.Message,
) (deadletter.Newer, error) {
	n, err := from.Newer(ctx, m)
	s, _ := d.Source(m.Source)
	n.Thing = s.OrderKey.Name()
	return n, err
}

func (d *Desk) edit(by deadletter.Actor, trigger deadletter.Trigger, ref Ref, e Edit) decision {
	return func(ctx context.Context, tx *store.Tx, m deadletter.Message) (deadletter.Change, error) {
		if err := d.checkWay(m, trigger); err != nil {
			return deadletter.Change{}, err
		}
		base, err := EditBase(ctx, tx, m.ID, e.Base)
		if err != nil {
			return deadletter.Change{}, err
		}
		next, err := e.Apply(base, d.SourceOf(m).Masks)
		if err != nil {
			return deadletter.Change{}, err
		}
		if next.Reason, err = d.reasonFor(m, e.Reason, base, next); err != nil {
			return deadletter.Change{}, err
		}
		c, err := m.EditAndReplay(by, trigger, next, ref.Version, d.now())
		if err != nil {
			return c, err
		}
		return c, d.checkConfirmed(ctx, tx, m, e.Confirm)
	}
}

// revisions is where revisions are read: the store, or a transaction.
type revisions interface {
	RevisionHead(ctx context.Context, id deadletter.ID, number int) (deadletter.Revision, error)
	Revision(ctx context.Context, id deadletter.ID, number int) (deadletter.Revision, error)
}

// EditBase reads a revision to edit: with its whole body, unless that is too long to be edited.
func EditBase(ctx context.Context, from revisions, id deadletter.ID, number int) (deadletter.Revision, error) {
	base, err := from.RevisionHead(ctx, id, number)
	if err == nil && base.IsHead() && base.Size <= payload.MaxEdit {
		return from.Revision(ctx, id, number)
	}
	return base, err
}

// Apply returns the next revision of a message: an edit of the content of its base, with the masked values put back, in
// the encoding in which the base came.
func (e Edit) Apply(base deadletter.Revision, masks *redact.Rules) (deadletter.Revision, error) {
	body, err := EditBody(base, e.Body, masks)
	if err != nil {
		return deadletter.Revision{}, err
	}
	headers, err := EditHeaders(base, e.Headers, masks)
	return deadletter.Revision{Body: body, Headers: headers}, err
}

// EditBody returns the body of an edit of a revision. It returns Invalid or TooLarge for one that cannot be sent.
func EditBody(base deadletter.Revision, edited []byte, masks *redact.Rules) ([]byte, error) {
	text := payload.Read(base, payload.MaxEdit)
	content, err := text.Edit(edited)
	if err != nil {
		return nil, err
	}
	if content, err = masks.Restore(content, text.Bytes); err != nil {
		return nil, err
	}
	return text.Encode(content)
}

// EditHeaders returns the headers of an edit of a revision. It returns Invalid for headers that cannot be sent, or that
// would no longer describe the body.
func EditHeaders(
	base deadletter.Revision, edited deadletter.Headers, masks *redact.Rules,
) (deadletter.Headers, error) {
	headers, err := masks.EditHeaders(base.Headers, edited)
	if err != nil {
		return nil, err
	}
	return headers, payload.Read(base, payload.MaxEdit).CheckHeaders(headers)
}

// change reads a message once, decides, writes, and returns the message as it is then.
func (d *Desk) change(
	ctx context.Context, by deadletter.Actor, act deadletter.Action, ref Ref, decide decision,
) (View, error) {
	if err := by.May(act); err != nil {
		return View{}, err
	}
	var c deadletter.Change
	err := d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		m, err := tx.Message(ctx, ref.ID)
		if err != nil {
			return err
		}
		if err := by.Reaches(m.Source, "message "+string(m.ID)); err != nil {
			return err
		}
		c.Before = m
		decided, err := decide(ctx, tx, m)
		if err != nil {
			return err
		}
		c = decided
		return tx.Apply(ctx, c)
	})
	if err != nil {
		return d.View(by, c.Before), err
	}
	d.kick()
	return d.View(by, c.After), nil
}

// reasonFor returns a reason that a person wrote, without the secrets of the message and its revisions that it repeats.
func (d *Desk) reasonFor(m deadletter.Message, reason string, revisions ...deadletter.Revision) (string, error) {
	reason, err := cleanReason(reason)
	if err != nil {
		return "", err
	}
	rules := d.SourceOf(m).Masks
	for _, r := range revisions {
		reason = rules.Secrets(r.Headers, m.Query, r.Body).HideText(reason)
	}
	return rules.Note(reason), nil
}

// maxReason is how many characters a reason may have.
const maxReason = 1000

func cleanReason(reason string) (string, error) {
	reason = strings.TrimSpace(strings.ToValidUTF8(reason, "\uFFFD"))
	if n := utf8.RuneCountInString(reason); n > maxReason {
		return "", &deadletter.Error{
			Kind: deadletter.Invalid, Field: deadletter.FieldReason,
			Text: fmt.Sprintf("the reason has %d characters: shorten it to %d", n, maxReason),
		}
	}
	return reason, nil
}
