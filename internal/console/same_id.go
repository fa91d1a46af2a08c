package console

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// maxSameID is how many other messages with the same id the page of a message lists.
const maxSameID = 5

// sameIDView lists the messages that have the platform's id of m with other content.
func (c *Console) sameIDView(ctx context.Context, m deadletter.Message, back string) (page.SameID, error) {
	others, err := c.Store.SameID(ctx, m)
	if err != nil || len(others) == 0 {
		return page.SameID{}, err
	}
	v := page.SameID{
		WebhookID: printable(m.WebhookID),
		Delivered: printable(m.DeliveredWebhookID()),
		Others:    plural(len(others), "message"),
		ListURL:   listPath(url.Values{"same": {string(m.ID)}, "status": {allStatus}}.Encode()),
	}
	if len(others) >= store.CountCap {
		v.Others = number(len(others)) + "+ messages"
	}
	for n, other := range others {
		v.Shared = v.Shared || other.DeliveredWebhookID() == m.DeliveredWebhookID()
		if n < maxSameID {
			v.Rows = append(v.Rows, page.SameIDRow{
				ID:         string(other.ID),
				URL:        messageURL(other.ID, back),
				CompareURL: compareWith(m.ID, "with", string(other.ID), back),
				Status:     string(other.Status),
				Received:   ui.At(other.ReceivedAt),
			})
		}
	}
	return v, nil
}

// arrivalViews lists the arrivals of a message: the latest ones, and all with content that is not the message's.
func (c *Console) arrivalViews(r *http.Request, m deadletter.Message, s desk.Source) ([]page.Arrival, error) {
	ctx := r.Context()
	list, err := c.Store.Arrivals(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	differing, err := c.Store.DifferingArrivals(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	list = append(list, differing...)
	newestFirst := func(a, b deadletter.Arrival) int { return cmp.Compare(b.Number, a.Number) }
	slices.SortStableFunc(list, newestFirst)
	list = slices.CompactFunc(list, func(a, b deadletter.Arrival) bool { return a.Number == b.Number })
	var views []page.Arrival
	for _, a := range list {
		v := page.Arrival{At: ui.At(a.At)}
		if a.Differs {
			if v.Other, err = c.otherContent(r, m, a, s); err != nil {
				return nil, err
			}
		}
		views = append(views, v)
	}
	return views, nil
}

// otherContent shows an arrival that an earlier version merged into a message although its content differs.
func (c *Console) otherContent(
	r *http.Request, m deadletter.Message, a deadletter.Arrival, s desk.Source,
) (*page.OtherContent, error) {
	number, back := strconv.Itoa(a.Number), backQuery(r)
	base := "/messages/" + url.PathEscape(string(m.ID))
	v := &page.OtherContent{
		Number:      number,
		Excerpt:     excerpt(deadletter.Revision{Headers: a.Headers, Body: a.Body}, s),
		CompareURL:  compareWith(m.ID, "arrival", number, back),
		DownloadURL: address(base+"/body", url.Values{"arrival": {number}}),
	}
	own, err := c.Store.Message(r.Context(), m.SeparatedID(a))
	switch {
	case err == nil:
		v.MessageURL = messageURL(own.ID, back)
	case deadletter.KindOf(err) != deadletter.NotFound:
		return nil, err
	case auth.Actor(r.Context()).May(deadletter.ActSeparate) == nil:
		v.SeparateURL = base + "/arrivals/" + number + "/separate"
	}
	return v, nil
}

// separate makes an arrival a message of its own, and shows that message.
func (c *Console) separate(w http.ResponseWriter, r *http.Request) error {
	number, err := arrivalNumber(chi.URLParam(r, "arrival"))
	if err != nil {
		return err
	}
	seen, err := c.Desk.Separate(r.Context(), auth.Actor(r.Context()), messageID(r), number)
	if err != nil {
		return err
	}
	c.redirect(w, r, messageURL(seen.Message.ID, backQuery(r)), ui.Notice{
		Kind: ui.Done,
		Text: "This arrival is a message of its own now.",
		Hint: "Replay it where you want it delivered.",
	})
	return nil
}

func arrivalNumber(text string) (int, error) {
	number, err := strconv.Atoi(text)
	if err != nil {
		return 0, deadletter.Errorf(deadletter.Invalid, "%q is not the number of an arrival", text)
	}
	return number, nil
}
