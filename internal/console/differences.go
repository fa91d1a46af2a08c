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
		Kind: d.Kind.String(), Path: shortened(d.Path), Value: printable(d.Value), UsualIn: d.UsualIn,
		Here: d.Here.Count, Of: d.Here.Of, There: d.There.Count, Delivered: d.There.Of,
	}
	switch d.Kind {
	case payload.OtherType:
		row.Value, row.Usual = d.Type.String(), d.Usual.String()
	case payload.OutOfRange:
		row.Kind, row.Bound, row.Limit = d.Limit.Of.String(), boundText(d.Limit.Bound), d.Limit.Side()
	case payload.Missing, payload.Extra, payload.OtherValue:
	}
	return row
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
