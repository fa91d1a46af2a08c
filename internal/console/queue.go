package console

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/queue"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const inFlightTab = "in-flight" // value of the query parameter tab

func queuePath(name string, query url.Values) string {
	return address("/overview/queues/"+url.PathEscape(name), query)
}

// queue lists the messages of an embedded queue.
func (c *Console) queue(w http.ResponseWriter, r *http.Request) error {
	name, err := url.PathUnescape(chi.URLParam(r, "queue"))
	of := desk.ListableQueue(c.Queues, name)
	if err != nil || of.Browse == nil {
		return deadletter.Errorf(deadletter.NotFound, "there is no such queue, or its messages cannot be listed")
	}
	asked, err := browseQuery(r.URL.Query())
	if err != nil {
		return err
	}
	v, status := c.queueView(r, of, asked), http.StatusOK
	list, err := c.Desk.QueuedMessages(r.Context(), auth.Actor(r.Context()), of, asked)
	if err != nil {
		v.State, v.Fault, status = c.unreadable(r, err)
	}
	v.show(list)
	v.Chrome = c.chrome(r, v.Content)
	return c.render(w, r, status, page.Queue(v.QueueView))
}

func browseQuery(query url.Values) (queue.BrowseQuery, error) {
	q := queue.BrowseQuery{InFlight: query.Get("tab") == inFlightTab, Limit: pageSize + 1}
	text := query.Get("after")
	if text == "" {
		return q, nil
	}
	var err error
	if q.After, err = strconv.ParseInt(text, 10, 64); err != nil || q.After < 0 {
		return q, deadletter.Errorf(deadletter.Invalid,
			"this address is incomplete: start again from the first page")
	}
	return q, nil
}

// queuePage is the view of a queue while it is built.
type queuePage struct {
	page.QueueView
	query url.Values
}

func (c *Console) queueView(r *http.Request, q desk.Queue, asked queue.BrowseQuery) *queuePage {
	v := &queuePage{
		QueueView: page.QueueView{
			Name:     q.Name,
			Content:  q.Holds,
			NextStep: q.Fate,
			InFlight: asked.InFlight,
			RetryURL: r.URL.RequestURI(),
		},
		query: url.Values{},
	}
	waiting, working := queuePath(q.Name, nil), queuePath(q.Name, url.Values{"tab": {inFlightTab}})
	v.Tabs = []page.QueueTab{
		{Label: "Waiting", URL: waiting, Current: !asked.InFlight},
		{Label: "In flight", URL: working, Current: asked.InFlight},
	}
	// The list is worth showing even without the counts.
	if depth, err := q.Depth(r.Context()); err == nil {
		v.Tabs[0].Count, v.Tabs[1].Count = number(depth.Visible), number(depth.InFlight)
	}
	if asked.InFlight {
		v.query.Set("tab", inFlightTab)
	}
	if asked.After > 0 {
		v.FirstURL = queuePath(q.Name, v.query)
	}
	return v
}

// show adds the messages. One more than fits a page means that there is a next page.
func (v *queuePage) show(list []desk.QueuedMessage) {
	if len(list) > pageSize {
		list = list[:pageSize]
		v.NextURL = queuePath(v.Name, replaceParam(v.query, "after", strconv.FormatInt(list[len(list)-1].Number, 10)))
	}
	for _, m := range list {
		v.Rows = append(v.Rows, queuedRow(m))
	}
	if v.State == page.StateRows && len(v.Rows) == 0 {
		v.State = page.StateNothing
	}
}

func queuedRow(m desk.QueuedMessage) page.QueuedRow {
	row := page.QueuedRow{
		ID: printable(m.ID), TooLarge: m.TooLarge, Source: printable(m.Source), Reason: printable(m.Reason),
		Size: size(m.Size), QueuedAt: ui.At(m.SentAt), VisibleAt: ui.At(m.HiddenUntil),
	}
	if m.ReceiveCount > 0 {
		row.Receives = number(m.ReceiveCount)
	}
	return row
}

// queueCount returns a number of messages, with a link to their list if the queue has one.
func queueCount(n int, q desk.Queue, query url.Values) page.Count {
	if n == 0 || q.Browse == nil {
		return page.Count{Text: number(n)}
	}
	return page.Count{Text: number(n), URL: queuePath(q.Name, query)}
}

// undeletedCopy returns the queue that still has the queued message of a message, and when it expires there; the zero
// value if none is known.
func (c *Console) undeletedCopy(ctx context.Context, id deadletter.ID) page.UndeletedCopy {
	for _, q := range c.Queues {
		if q.Undeleted == nil {
			continue
		}
		for _, l := range q.Undeleted() {
			if l.ID != string(id) {
				continue
			}
			depth, err := q.Depth(ctx)
			if expires := l.SentAt.Add(depth.Retention); err == nil && depth.Retention > 0 && expires.After(c.Now()) {
				return page.UndeletedCopy{Queue: printable(q.Name), Expires: ui.At(expires)}
			}
		}
	}
	return page.UndeletedCopy{}
}
