package console

import (
	"context"
	"strconv"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/payload"
	"dlqdesk/web/page"
)

// causeDifferences shows how the messages of a cause differ from delivered webhooks.
func (c *Console) causeDifferences(ctx context.Context, fingerprint string) (page.DifferencesView, error) {
	d, err := c.Desk.CauseDifferences(ctx, auth.Actor(ctx), fingerprint)
	return differencesView(d), err
}

// messageDifferences shows how a revision of a message differs from delivered webhooks.
func (c *Console) messageDifferences(
	ctx context.Context, m deadletter.Message, r deadletter.Revision, back string,
) (page.DifferencesView, error) {
	d, err := c.Desk.MessageDifferences(ctx, m, r)
	if err != nil {
		return page.DifferencesView{}, err
	}
	v := differencesView(d)
	v.OneMessage, v.PasteURL = true, compareWith(m.ID, "paste", "yes", back)
	nearest, err := c.nearestDelivered(ctx, m, r)
	if nearest != "" {
		v.NearestURL = compareWith(m.ID, "delivered", nearest, back)
	}
	return v, err
}

func differencesView(d desk.Differences) page.DifferencesView {
	v := page.DifferencesView{
		EventType: printable(d.EventType), AllTypes: d.AllTypes, Failed: d.Failed, Delivered: d.Delivered,
		Others: d.Others, Unread: d.Unread,
	}
	switch {
	case d.Off:
		v.State = page.DifferencesOff
	case d.Failed == 0:
		v.State = page.DifferencesUnread
	case d.Delivered == 0:
		v.State = page.DifferencesNoDelivered
	case len(d.Rows) == 0:
		v.State = page.DifferencesNone
	}
	for _, row := range d.Rows {
		v.Rows = append(v.Rows, differenceRow(row))
	}
	return v
}

// maxPath is the length up to which a path of a body is shown, in bytes.
const maxPath = 120

func differenceRow(d payload.Difference) page.Difference {
	row := page.Difference{
		Path: shortened(d.Path), Here: d.Here.Count, Of: d.Here.Of, There: d.There.Count, Delivered: d.There.Of,
		UsualIn: d.UsualIn,
	}
	switch d.Kind {
	case payload.Missing:
		row.Kind = "missing"
	case payload.Extra:
		row.Kind = "extra"
	case payload.OtherType:
		row.Kind, row.Value, row.Usual = "type", d.Type.String(), d.Usual.String()
	case payload.OtherValue:
		row.Kind, row.Value = "value", printable(d.Value)
	case payload.OutOfRange:
		row.Kind, row.Bound, row.Limit = d.Limit.Of.String(), boundText(d.Limit.Bound), limitName(d.Limit)
	}
	return row
}

func limitName(l payload.Limit) string {
	switch {
	case l.Over && l.Included:
		return "least"
	case l.Over:
		return "over"
	case l.Included:
		return "below"
	}
	return "most"
}

// boundText writes a limit as people do: 10,000 and 0.005.
func boundText(bound float64) string {
	if whole := int(bound); float64(whole) == bound {
		if whole < 0 {
			return "-" + number(-whole)
		}
		return number(whole)
	}
	return strconv.FormatFloat(bound, 'g', -1, 64)
}

func shortened(path string) string {
	text := printable(string(cutText([]byte(path), maxPath)))
	if len(path) > maxPath {
		return text + "…"
	}
	return text
}
