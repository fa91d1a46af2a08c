package console

import (
	"context"
	"net/http"
	"net/url"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func (c *Console) messages(w http.ResponseWriter, r *http.Request) {
	c.showMessages(w, r, ui.Notice{}, r.URL.Query())
}

// showMessages answers the list that a query asks for, with what an action did on top.
func (c *Console) showMessages(w http.ResponseWriter, r *http.Request, notice ui.Notice, values url.Values) {
	table, status := c.table(r, values)
	table.Notice = notice
	if isPartial(r) {
		c.render(w, r, status, page.MessagesTable(table))
		return
	}
	c.render(w, r, status, page.Messages(page.MessagesView{Chrome: c.chrome(r, "Messages"), Table: table}))
}

// list is what a list page is made of.
type list struct {
	query   url.Values // of the address, without cursor
	after   int64      // the newest event of the audit trail before it was read
	cursor  string
	asked   store.MessageQuery
	page    store.Page[deadletter.Message]
	counts  store.Counts
	empty   bool // no message was ever kept
	sources []string
	queues  []string // of the list, that messages came from
	types   []string // of events
	codes   []int
	// snippets are the parts of payloads in which the text that was looked for stands, where nothing else of the
	// message has it.
	snippets map[deadletter.ID]string
	views    []page.SavedView
	cause    string // the reason of the group that is asked for, in short
	behind   int64  // changes that the search does not find yet
}

// table answers the list, or the state that says why there is none.
func (c *Console) table(r *http.Request, values url.Values) (page.MessagesTableView, int) {
	l := list{query: only(values, messageFields()), cursor: values.Get("cursor")}
	err := c.readList(r.Context(), &l)
	v := c.tableView(r, l)
	inSight, fault := c.jobsInSight(r, address("/messages", with(l.query, "cursor", l.cursor)))
	v.Jobs, err = inSight, first(err, fault)
	v.Denied = why(auth.Actor(r.Context()).May(deadletter.ActReplay))
	kind := deadletter.KindOf(err)
	switch {
	case err == nil:
		return v, http.StatusOK
	case kind == deadletter.Invalid || kind == deadletter.NotFound:
		// Nothing is shown rather than messages that were not asked for.
		v.State, v.Filter.Error = page.StateNoMatch, why(err)
	default:
		c.logFailure(r, kind, err)
		v.State, v.Fault = page.StateFault, why(err)
	}
	return v, statusOf(kind)
}

func (c *Console) readList(ctx context.Context, l *list) error {
	var err error
	if l.after, err = c.Store.LatestSequence(ctx); err != nil {
		return err
	}
	if l.sources, err = c.Store.Sources(ctx); err != nil {
		return err
	}
	if l.queues, err = c.Store.Queues(ctx); err != nil {
		return err
	}
	if l.codes, err = c.Store.StatusCodes(ctx); err != nil {
		return err
	}
	if l.types, err = c.Store.EventTypes(ctx); err != nil {
		return err
	}
	if l.views, err = c.views(ctx, l.query); err != nil {
		return err
	}
	if l.asked, err = messageQuery(l.query, l.cursor); err != nil {
		return err
	}
	if l.cause, err = c.cause(ctx, l.asked.Group); err != nil {
		return err
	}
	if l.page, err = c.Store.Messages(ctx, l.asked); err != nil {
		return err
	}
	if err = c.mark(ctx, l); err != nil {
		return err
	}
	if l.asked.Text != "" {
		if l.behind, err = c.Store.Unsearched(ctx); err != nil {
			return err
		}
	}
	if l.counts, err = c.Store.Counts(ctx, l.asked.Filter); err != nil {
		return err
	}
	if len(l.page.Items) > 0 {
		return nil
	}
	all, err := c.Store.Counts(ctx, store.Filter{})
	l.empty = total(all) == 0
	return err
}

// maxCause is how much of a reason stands in a chip, in characters.
const maxCause = 60

// cause says what the messages of a group failed for; "" where there is no such group.
func (c *Console) cause(ctx context.Context, fingerprint string) (string, error) {
	if fingerprint == "" {
		return "", nil
	}
	group, err := c.Store.Group(ctx, fingerprint)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return "", nil
	}
	if runes := []rune(group.Reason); len(runes) > maxCause {
		return string(runes[:maxCause-1]) + "…", err
	}
	return group.Reason, err
}

func total(counts store.Counts) int {
	n := 0
	for _, messages := range counts.ByStatus {
		n += messages
	}
	return n
}
