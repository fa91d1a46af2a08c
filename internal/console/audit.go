package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func (c *Console) audit(w http.ResponseWriter, r *http.Request) {
	table, status := c.auditTable(r)
	if isPartial(r) {
		c.render(w, r, status, page.AuditTable(table))
		return
	}
	c.render(w, r, status, page.Audit(page.AuditView{Chrome: c.chrome(r, "Audit"), Table: table}))
}

// auditTable answers the trail that a query asks for, or the state that says why there is none.
func (c *Console) auditTable(r *http.Request) (page.AuditTableView, int) {
	query, cursor := only(r.URL.Query(), auditFields()), r.URL.Query().Get("cursor")
	events, err := c.readEvents(r.Context(), query, cursor)
	v := c.auditView(query, cursor, events)
	kind := deadletter.KindOf(err)
	switch {
	case err == nil:
		return v, http.StatusOK
	case kind == deadletter.Invalid:
		v.State, v.Filter.Error = page.StateNoMatch, why(err)
	default:
		c.logFailure(r, kind, err)
		v.State, v.Fault = page.StateFault, why(err)
	}
	return v, statusOf(kind)
}

func (c *Console) readEvents(ctx context.Context, query url.Values, cursor string) (store.Page[store.EventRow], error) {
	filter, err := eventFilter(query)
	if err != nil {
		return store.Page[store.EventRow]{}, err
	}
	return c.Store.Events(ctx, store.EventQuery{EventFilter: filter, Cursor: cursor, Limit: pageSize})
}

// eventFilter reads the address of the trail.
func eventFilter(query url.Values) (store.EventFilter, error) {
	var f store.EventFilter
	var errs [6]error
	f.By, errs[0] = parseText("name", query.Get("actor"))
	f.Action, errs[1] = parseAction(query.Get("action"))
	f.Target, errs[2] = parseText("message", query.Get("message"))
	f.From, f.To, errs[3] = parseRange(query)
	f.Doers, errs[4] = parseDoers(query.Get("by"))
	f.Source, f.NoSource, errs[5] = parseSource(query.Get("source"))
	return f, first(errs[:]...)
}

func parseAction(action string) (string, error) {
	if action == "" ||
		slices.ContainsFunc(auditActions(), func(known ui.Option) bool { return known.Value == action }) {
		return action, nil
	}
	return "", deadletter.Errorf(deadletter.Invalid, "there is no action %q to look for", action)
}

func parseDoers(text string) (store.Doers, error) {
	switch d := store.Doers(text); d {
	case "", store.People, store.Program:
		return d, nil
	}
	return "", deadletter.Errorf(deadletter.Invalid, "there is nobody %q: look for people or for the program", text)
}
