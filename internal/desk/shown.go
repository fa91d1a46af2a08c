package desk

import (
	"context"
	"maps"
	"slices"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// Hider masks stored texts before they are shown: error texts, responses and audit events. Texts are stored without the
// secrets of their time, so only what is older than the masks in force needs a look at the message. A Hider is for one
// page: it remembers the secrets of the messages that it has read.
type Hider struct {
	store   *store.Store
	masks   *redact.Masks
	secrets map[deadletter.ID]redact.Secrets
}

// Hider returns a Hider by the masks in force.
func (d *Desk) Hider() *Hider {
	return &Hider{d.store, d.masks(), map[deadletter.ID]redact.Secrets{}}
}

// maxHiderRevisions bounds the revisions of a message whose secrets are looked for: the first and the latest.
const maxHiderRevisions = 8

// of returns the secrets of a message and its revisions.
func (h *Hider) of(ctx context.Context, m deadletter.Message) (redact.Secrets, error) {
	err := h.read(ctx, []deadletter.ID{m.ID})
	return h.secrets[m.ID], err
}

// read remembers the secrets of messages, all in one query, so that a page does not ask for each.
func (h *Hider) read(ctx context.Context, ids []deadletter.ID) error {
	slices.Sort(ids)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id deadletter.ID) bool {
		_, known := h.secrets[id]
		return known
	})
	if len(ids) == 0 {
		return nil
	}
	found := map[deadletter.ID][]redact.Secrets{}
	err := h.store.RevisionHeads(ctx, ids, maxHiderRevisions, func(m deadletter.Message, r deadletter.Revision) {
		rules := h.masks.Of(m.Queue.ConfigName, m.Source)
		found[m.ID] = append(found[m.ID], rules.Secrets(r.Headers, m.Query, r.Body))
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		h.secrets[id] = redact.Join(found[id]...)
	}
	return nil
}

// storedAt returns when the reason of a message was stored, or earlier.
func storedAt(m deadletter.Message) time.Time {
	if m.LastAttemptAt.IsZero() {
		return m.ReceivedAt
	}
	return m.LastAttemptAt
}

// Messages masks the reasons and destinations of messages.
func (h *Hider) Messages(ctx context.Context, list []deadletter.Message) error {
	var stale []deadletter.ID
	for _, m := range list {
		if h.isStale(m) {
			stale = append(stale, m.ID)
		}
	}
	if err := h.read(ctx, stale); err != nil {
		return err
	}
	for i := range list {
		if err := h.Message(ctx, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

// isStale reports whether the reason of a message may have values that are masked now.
func (h *Hider) isStale(m deadletter.Message) bool {
	return m.Reason != "" && h.masks.Stale(storedAt(m))
}

// Message masks the reason and the destination of a message.
func (h *Hider) Message(ctx context.Context, m *deadletter.Message) error {
	m.Destination = redact.Address(m.Destination)
	if !h.isStale(*m) {
		return nil
	}
	secrets, err := h.of(ctx, *m)
	if err != nil {
		return err
	}
	m.Reason = h.masks.Of(m.Queue.ConfigName, m.Source).Error(secrets.HideText(m.Reason))
	return nil
}

// Attempts masks the errors and responses of a message's attempts.
func (h *Hider) Attempts(ctx context.Context, m deadletter.Message, list []deadletter.Attempt) error {
	rules := h.masks.Of(m.Queue.ConfigName, m.Source)
	for i := range list {
		if !h.masks.Stale(list[i].StartedAt) {
			continue
		}
		secrets, err := h.of(ctx, m)
		if err != nil {
			return err
		}
		secrets.HideIn(&list[i])
		list[i].Error = rules.Error(list[i].Error)
	}
	return nil
}

// Revisions masks the reasons of a message's revisions.
func (h *Hider) Revisions(ctx context.Context, m deadletter.Message, list []deadletter.Revision) error {
	for i := range list {
		if h.masks.Stale(list[i].At) && list[i].Reason != "" {
			secrets, err := h.of(ctx, m)
			if err != nil {
				return err
			}
			list[i].Reason = secrets.HideText(list[i].Reason)
		}
		list[i].Reason = h.masks.All().Note(list[i].Reason)
	}
	return nil
}

// Capture masks the reason and the first attempt of a queued message.
func (h *Hider) Capture(c *deadletter.Capture) {
	h.masks.Of(c.Queue.ConfigName, c.Source).HideIn(c)
}

// Events masks the reasons and facts of audit events, and targets that people named.
func (h *Hider) Events(ctx context.Context, list []store.EventRow) error {
	var stale []deadletter.ID
	for _, e := range list {
		if h.isStaleEvent(e.Event) {
			stale = append(stale, deadletter.ID(e.Target))
		}
	}
	if err := h.read(ctx, stale); err != nil {
		return err
	}
	for i := range list {
		e := &list[i]
		var secrets redact.Secrets
		if h.isStaleEvent(e.Event) {
			secrets = h.secrets[deadletter.ID(e.Target)]
		}
		rules := h.masks.All()
		e.Reason = rules.Note(secrets.HideText(e.Reason))
		if e.TargetKind != "message" {
			e.Target = rules.Note(e.Target)
		}
		for _, facts := range []*[]byte{(*[]byte)(&e.Before), (*[]byte)(&e.After)} {
			*facts, _ = rules.Text(secrets.Hide(*facts, false))
		}
	}
	return nil
}

// isStaleEvent reports whether the event of a message may have values of it that are masked now.
func (h *Hider) isStaleEvent(e deadletter.Event) bool {
	return e.TargetKind == "message" && h.masks.Stale(e.At)
}

// hiddenReason stands for the error text of an old cause whose messages failed for other causes since: it is not known
// what was secret in it.
const hiddenReason = "(an error text from before the present masks)"

// Causes masks the reasons of causes. That of an old cause is the reason of one of its messages.
func (h *Hider) Causes(ctx context.Context, list []deadletter.Cause) error {
	var stale []string
	for i := range list {
		c := &list[i]
		c.Destination = redact.Address(c.Destination)
		if h.masks.Stale(c.FirstAt) {
			c.Title, stale = hiddenReason, append(stale, c.Fingerprint)
		}
	}
	if len(stale) == 0 {
		return nil
	}
	messages, err := h.store.MessagesOfCauses(ctx, stale)
	if err != nil {
		return err
	}
	if err := h.Messages(ctx, messages); err != nil {
		return err
	}
	for _, m := range messages {
		at := slices.IndexFunc(list, func(c deadletter.Cause) bool { return c.Fingerprint == m.Fingerprint })
		list[at].Title = deadletter.WithStatus(m.StatusCode, m.Reason)
	}
	return nil
}

// Alerts masks the texts of alerts, and adds the titles of the causes that they are about.
func (h *Hider) Alerts(ctx context.Context, list []deadletter.Alert) error {
	titles, err := h.causeTitles(ctx, list)
	for i := range list {
		a := &list[i]
		if title := titles[a.Cause]; title != "" {
			a.Title += ": " + title
		}
		if a.Kind == deadletter.AlertDestination || a.Kind == deadletter.AlertBreaker {
			a.Text = h.Text(a.Text, a.RaisedAt) // of a delivery
		}
		a.Text, a.Resolution = h.Note(a.Text), h.Note(a.Resolution)
		for n := range a.Facts {
			a.Facts[n].Value = h.Note(a.Facts[n].Value)
		}
	}
	return err
}

// causeTitles returns the titles of the causes that alerts are about, masked, by the fingerprints that the alerts have.
func (h *Hider) causeTitles(ctx context.Context, list []deadletter.Alert) (map[string]string, error) {
	causes, err := h.store.CausesOf(ctx, list)
	if err != nil || len(causes) == 0 {
		return nil, err
	}
	shown := slices.Collect(maps.Values(causes))
	if err := h.Causes(ctx, shown); err != nil {
		return nil, err
	}
	masked, titles := map[string]string{}, map[string]string{}
	for _, c := range shown {
		masked[c.Fingerprint] = c.Title
	}
	for fingerprint, c := range causes {
		titles[fingerprint] = masked[c.Fingerprint]
	}
	return titles, nil
}

// Text returns an error text that was stored at a time and no longer belongs to a message: nothing of it is shown if
// it may have values that are masked now.
func (h *Hider) Text(text string, at time.Time) string {
	if text != "" && h.masks.Stale(at) {
		return hiddenReason
	}
	return h.masks.All().Error(text)
}

// ErrorText returns the error of a delivery that ended at a time as it may be shown. See Hider.Text.
func (d *Desk) ErrorText(text string, at time.Time) string { return d.Hider().Text(text, at) }

// Job masks the reason of a job and why the program paused it. The latter can have the error of a delivery.
func (h *Hider) Job(j *deadletter.Job) {
	j.Reason, j.PauseReason = h.Note(j.Reason), h.Text(j.PauseReason, j.StartedAt)
}

// Patch returns the text of the recipe of a job as it may be shown.
func (h *Hider) Patch(patch string) string {
	shown, _ := h.masks.All().Text([]byte(patch))
	return string(shown)
}

// Note returns what a person wrote as it may be shown.
func (h *Hider) Note(text string) string { return h.masks.All().Note(text) }
