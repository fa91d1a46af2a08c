package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/deadletter"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// HeldQuery asks for some of the messages that a queue holds, oldest first.
type HeldQuery struct {
	InWork bool  // those that somebody works on; otherwise those that wait
	After  int64 // the number of the message before the first; 0: from the oldest
	Limit  int
}

// Held is a message that a queue holds.
type Held struct {
	Number   int64
	ID       string // of the message that it becomes
	Source   string // "": it names none
	Reason   string // "": it failed nowhere yet
	Cut      bool   // it is too large to be read for a list: source and reason are not known
	Bytes    int
	Since    time.Time
	Receives int
	Until    time.Time // when it waits again at the latest; zero: it waits
}

const inWork = "work" // what an address says of messages that somebody works on

func queuePath(name string, query url.Values) string {
	return address("/overview/queues/"+url.PathEscape(name), query)
}

// queue lists what a queue of this machine holds.
func (c *Console) queue(w http.ResponseWriter, r *http.Request) {
	name, err := url.PathUnescape(chi.URLParam(r, "queue"))
	at := slices.IndexFunc(c.Queues, func(q Queue) bool { return q.Browse != nil && q.Name == name })
	if err != nil || at < 0 {
		c.fail(
			w,
			r,
			deadletter.Errorf(deadletter.NotFound, "there is no queue of that name whose messages can be listed"),
		)
		return
	}
	asked, err := heldQuery(r.URL.Query())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v, status := c.queueView(r, c.Queues[at], asked), http.StatusOK
	list, err := c.Queues[at].Browse(r.Context(), asked)
	if err != nil {
		kind := deadletter.KindOf(err)
		c.logFailure(r, kind, err)
		v.State, v.Fault, status = page.StateFault, why(err), statusOf(kind)
	}
	v.show(list)
	v.Chrome = c.chrome(r, v.Content)
	c.render(w, r, status, page.Queue(v.QueueView))
}

func heldQuery(query url.Values) (HeldQuery, error) {
	q := HeldQuery{InWork: query.Get("in") == inWork, Limit: pageSize + 1}
	text := query.Get("after")
	if text == "" {
		return q, nil
	}
	var err error
	if q.After, err = strconv.ParseInt(text, 10, 64); err != nil || q.After < 0 {
		return q, deadletter.Errorf(
			deadletter.Invalid,
			"this page address is not complete: start again from the first page",
		)
	}
	return q, nil
}

// queuePage is the view of a queue while it is put together.
type queuePage struct {
	page.QueueView
	query url.Values
}

func (c *Console) queueView(r *http.Request, q Queue, asked HeldQuery) *queuePage {
	v := &queuePage{
		QueueView: page.QueueView{
			Name:     q.Name,
			Content:  q.Holds,
			NextStep: q.Fate,
			InFlight: asked.InWork,
			RetryURL: r.URL.RequestURI(),
		},
		query: url.Values{},
	}
	waiting, working := queuePath(q.Name, nil), queuePath(q.Name, url.Values{"in": {inWork}})
	v.Tabs = []page.QueueTab{
		{Label: "Waiting", URL: waiting, Current: !asked.InWork},
		{Label: "In work", URL: working, Current: asked.InWork},
	}
	// Without the counts the list is still worth showing.
	if depth, err := q.Depth(r.Context()); err == nil {
		v.Tabs[0].Count, v.Tabs[1].Count = number(depth.Visible), number(depth.InFlight)
	}
	if asked.InWork {
		v.query.Set("in", inWork)
	}
	if asked.After > 0 {
		v.FirstURL = queuePath(q.Name, v.query)
	}
	return v
}

// show puts in what was found, of which one more than a page has says that there is another.
func (v *queuePage) show(list []Held) {
	if len(list) > pageSize {
		list = list[:pageSize]
		v.NextURL = queuePath(v.Name, with(v.query, "after", strconv.FormatInt(list[len(list)-1].Number, 10)))
	}
	for _, h := range list {
		row := page.QueuedRow{
			ID: printable(
				h.ID,
			),
			Source:    printable(h.Source),
			Reason:    printable(h.Reason),
			Size:      size(h.Bytes),
			QueuedAt:  ui.At(h.Since),
			TooLarge:  h.Cut,
			VisibleAt: ui.At(h.Until),
		}
		if h.Receives > 0 {
			row.Receives = number(h.Receives)
		}
		v.Rows = append(v.Rows, row)
	}
	if v.State == page.StateRows && len(v.Rows) == 0 {
		v.State = page.StateNothing
	}
}

// queueCount is a number of messages, with the list of them where the queue shows one.
func queueCount(n int, q Queue, query url.Values) page.Count {
	if n == 0 || q.Browse == nil {
		return page.Count{Text: number(n)}
	}
	return page.Count{Text: number(n), URL: queuePath(q.Name, query)}
}

// stillOn answers the queue that still has the message of a message, which it forgets one day, and when that is; the
// zero value: none is known to have it.
func (c *Console) stillOn(ctx context.Context, id deadletter.ID) page.UndeletedCopy {
	for _, q := range c.Queues {
		if q.Left == nil {
			continue
		}
		for _, l := range q.Left() {
			if l.Message != id {
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
