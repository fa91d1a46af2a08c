package console

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
)

// causeOnly asks for updates of the page of one cause.
const causeOnly = "cause"

// presentAt is where an open page is, as far as others see it.
type presentAt struct {
	cause   string        // of the page, or of the message that is edited: its fingerprint; "": none
	editing deadletter.ID // the message that is edited; "": none
}

// presentAt returns where the page of a stream is. It returns Forbidden for a message that the user may not edit.
func (c *Console) presentAt(ctx context.Context, values url.Values) (at presentAt, err error) {
	if values.Get("only") == causeOnly {
		return presentAt{cause: values.Get("cause")}, nil
	}
	at.editing = deadletter.ID(values.Get("editing"))
	if at.editing == "" {
		return at, nil
	}
	if err := auth.Actor(ctx).May(deadletter.ActEdit); err != nil {
		return at, err
	}
	m, err := c.Store.Message(ctx, at.editing)
	at.cause = m.Fingerprint
	return at, err
}

// presence returns who else has the page of a cause open or is editing a message of it, by name.
func (s *streams) presence(cause, except string) []page.CausePresence {
	s.mu.Lock()
	defer s.mu.Unlock()
	edits := map[string]map[deadletter.ID]bool{}
	for one := range s.open {
		if one.at.cause != cause || cause == "" || strings.EqualFold(one.user, except) {
			continue
		}
		if edits[one.user] == nil {
			edits[one.user] = map[deadletter.ID]bool{}
		}
		if one.at.editing != "" {
			edits[one.user][one.at.editing] = true
		}
	}
	var list []page.CausePresence
	for _, user := range slices.Sorted(maps.Keys(edits)) {
		list = append(list, page.CausePresence{User: printable(user), Edits: len(edits[user])})
	}
	return list
}

// tellPresence makes the pages of a cause show who else is there. The caller holds the lock.
func (s *streams) tellPresence(cause string) {
	for one := range s.open {
		if cause != "" && one.at.cause == cause {
			select {
			case one.crowd <- struct{}{}:
			default: // it has not looked yet, and will see both
			}
		}
	}
}

// liveCause is the open page of a cause.
type liveCause struct {
	c           *Console
	fingerprint string
}

func (l *liveCause) beat(context.Context) (*liveUpdate, error) { return nil, nil } //nolint:nilnil // see liveList

// presence returns who else is on the page.
func (l *liveCause) presence(ctx context.Context) (*liveUpdate, error) {
	list := l.c.live.presence(l.fingerprint, auth.Actor(ctx).Name)
	text, err := written(ctx, page.CausePresent(list))
	return &liveUpdate{Parts: map[string]string{"cause-presence": text}}, err
}

// add adds the state of the cause, what was tried, the recipes and the notes, if something happened to the cause or its
// messages.
func (l *liveCause) add(ctx context.Context, u *liveUpdate, news []store.TrailEntry, lost bool) error {
	var ids []deadletter.ID
	changed := lost
	for _, h := range news {
		changed = changed || h.Cause == l.fingerprint
		if h.Message != "" {
			ids = append(ids, h.Message)
		}
	}
	if !changed && len(ids) > 0 {
		causes, err := l.c.Store.CausesOfMessages(ctx, distinct(ids))
		if err != nil {
			return err
		}
		changed = slices.Contains(causes, l.fingerprint)
	}
	if !changed {
		return nil
	}
	return l.addParts(ctx, u)
}

func (l *liveCause) addParts(ctx context.Context, u *liveUpdate) error {
	seen, err := l.c.Desk.Cause(ctx, auth.Actor(ctx), l.fingerprint)
	if deadletter.KindOf(err) == deadletter.NotFound || err == nil && seen.Cause.Fingerprint != l.fingerprint {
		return nil // it was joined to another: the page says so when it is loaded again
	}
	if err != nil {
		return err
	}
	head, err := l.c.causeHead(ctx, seen)
	if err != nil {
		return err
	}
	jobs, err := l.c.Store.CauseJobs(ctx, l.fingerprint, maxCauseJobs)
	if err != nil {
		return err
	}
	recipes, err := l.c.causeRecipes(ctx, seen)
	if err != nil {
		return err
	}
	notes, err := l.c.causeNotes(ctx, l.fingerprint)
	if err != nil {
		return err
	}
	u.Parts = map[string]string{}
	if u.Parts["cause-head"], err = written(ctx, page.CauseHeader(head)); err != nil {
		return err
	}
	if u.Parts["cause-tried"], err = written(ctx, page.CauseTriedSection(triedView(seen.Cause, jobs))); err != nil {
		return err
	}
	if u.Parts["cause-recipes"], err = written(ctx, page.CauseRecipesSection(recipes)); err != nil {
		return err
	}
	u.Parts["cause-note-list"], err = written(ctx, page.CauseNoteList(notes.List))
	return err
}
