package console

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
)

// ledgerRows is how many lines a page of the ledger has at most, unless one hour alone has more.
const ledgerRows = 240

// book is what the ledger's page is made of.
type book struct {
	query  url.Values
	now    time.Time
	state  deadletter.LedgerState
	page   store.LedgerPage
	counts map[string]map[deadletter.Status]int
	queues []queueDepth
}

func (c *Console) ledger(w http.ResponseWriter, r *http.Request) {
	shown, status := c.ledgerBook(r)
	if isPartial(r) {
		c.render(w, r, status, page.LedgerTable(shown))
		return
	}
	chrome := c.chrome(r, "Ledger")
	if status == http.StatusOK { // a check may have ended since: the page says one thing
		chrome.Unbalanced = len(shown.Imbalances) > 0
	}
	c.render(w, r, status, page.Ledger(page.LedgerView{Chrome: chrome, Book: shown}))
}

// ledgerBook answers the account that a query asks for, or the state that says why there is none.
func (c *Console) ledgerBook(r *http.Request) (page.LedgerBook, int) {
	b, err := c.readLedger(r.Context(), only(r.URL.Query(), []field{{name: "source"}, {name: "before"}}))
	if err != nil {
		kind := deadletter.KindOf(err)
		c.logFailure(r, kind, err)
		return page.LedgerBook{State: page.StateFault, Fault: why(err), RetryURL: "/ledger"}, statusOf(kind)
	}
	return c.ledgerView(b), http.StatusOK
}

func (c *Console) readLedger(ctx context.Context, query url.Values) (book, error) {
	b := book{query: query, now: c.Now().UTC(), state: c.Ledger()}
	var q store.LedgerQuery
	var errs [2]error
	q.Source, errs[0] = parseText("source", query.Get("source"))
	q.Before, errs[1] = parseTime("time", query.Get("before"))
	if err := first(errs[:]...); err != nil {
		return b, err
	}
	q.Rows = ledgerRows
	var err error
	if b.page, err = c.Store.Ledger(ctx, q); err != nil {
		return b, err
	}
	if b.counts, err = c.Store.CountsBySource(ctx); err != nil {
		return b, err
	}
	b.queues = c.queueDepths(ctx)
	return b, nil
}

// queueDepths asks every queue, each of which answers at once or says why it cannot.
func (c *Console) queueDepths(ctx context.Context) []queueDepth {
	var list []queueDepth
	for _, q := range c.Queues {
		depth, err := q.Depth(ctx)
		list = append(list, queueDepth{q, depth, err})
	}
	return list
}
