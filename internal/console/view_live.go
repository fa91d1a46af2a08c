package console

import (
	"context"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
)

// tabs are the statuses of the list with their counts, as the page shows them.
func (f *follower) tabs(ctx context.Context) (string, error) {
	var err error
	if f.list.counts, err = f.c.Store.Counts(ctx, f.list.asked.Filter); err != nil {
		return "", err
	}
	return written(ctx, page.StatusTabs(tabs(f.list)))
}

// rows are those of the page whose messages something happened to.
func (f *follower) rows(ctx context.Context, happened []store.Happening) (map[string]string, error) {
	var ids []deadletter.ID
	for _, h := range happened {
		if f.shown[h.Message] {
			ids = append(ids, h.Message)
		}
	}
	messages, err := f.c.Store.Among(ctx, distinct(ids), store.Filter{})
	if err != nil || len(messages) == 0 {
		return nil, err
	}
	rows := map[string]string{}
	for _, l := range messages {
		if rows[string(l.ID)], err = written(ctx, page.MessageRowOf(f.c.rowView(ctx, l, f.back))); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// count tells how many messages came into the list since the page was shown; "" where none did.
func (f *follower) count(ctx context.Context, happened []store.Happening) (string, error) {
	var ids []deadletter.ID
	for _, h := range happened {
		if !f.shown[h.Message] && f.entered(h.Action) {
			ids = append(ids, h.Message)
		}
	}
	messages, err := f.c.Store.Among(ctx, distinct(ids), f.list.asked.Filter)
	if err != nil {
		return "", err
	}
	for _, l := range messages {
		f.fresh[l.ID] = true
	}
	switch n := len(f.fresh); {
	case n == 0:
		return "", nil
	case n > maxHappenings:
		return "many", nil
	default:
		return strconv.Itoa(n), nil
	}
}

// entered tells whether an action can bring a message into the list: it is received, or, into the list of those that
// need a person, it failed for good or is brought back.
func (f *follower) entered(action string) bool {
	if action == "message.received" {
		return true
	}
	return f.list.asked.Status == deadletter.Failed &&
		(strings.HasPrefix(action, "attempt.") && action != "attempt.started" || action == "message.restore")
}

func distinct(ids []deadletter.ID) []deadletter.ID {
	seen := map[deadletter.ID]bool{}
	var list []deadletter.ID
	for _, id := range ids {
		if !seen[id] {
			seen[id], list = true, append(list, id)
		}
	}
	return list
}

func written(ctx context.Context, part templ.Component) (string, error) {
	var text strings.Builder
	err := part.Render(ctx, &text)
	return text.String(), err
}
