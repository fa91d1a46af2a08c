package console

import (
	"context"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// cause tells what is known of the reason that a message failed for: whom else it met, and what replays came to.
func (c *Console) causeView(ctx context.Context, l deadletter.Message) (page.Cause, error) {
	group, err := c.Store.Group(ctx, l.Fingerprint)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return page.Cause{}, nil
	}
	if err != nil {
		return page.Cause{}, err
	}
	v := page.Cause{Unedited: replays("unedited", group.Unedited), Edited: replays("edited", group.Edited)}
	if others := group.Messages - 1; others > 0 {
		v.Others, v.Since = plural(others, "other message"), ui.At(group.FirstAt)
		v.URL = listPath("group=" + group.Fingerprint + "&status=" + allStatus)
	}
	return v, nil
}

// replays says in words what the replays of a cause came to; "" where there were none.
func replays(kind string, r store.Replays) string {
	tried := plural(r.Tried, kind+" replay")
	switch {
	case r.Tried == 0:
		return ""
	case r.Delivered == 0 && r.Tried == 1:
		return "the one " + kind + " replay failed"
	case r.Delivered == 0:
		return "none of " + tried + " succeeded"
	case r.Delivered == r.Tried && r.Tried == 1:
		return "the one " + kind + " replay succeeded"
	case r.Delivered == r.Tried:
		return "all " + tried + " succeeded"
	}
	return number(r.Delivered) + " of " + tried + " succeeded"
}
