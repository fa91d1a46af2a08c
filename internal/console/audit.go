package console

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// sentences say of each action what was done.
var sentences = map[string]string{
	"letter.received":      "kept as a new letter",
	"letter.arrived_again": "arrived once more",
	"letter.replay":        "ordered a replay",
	"letter.edit":          "edited and ordered a replay",
	"letter.archive":       "archived",
	"letter.restore":       "restored",
	"attempt.started":      "began a delivery",
	"attempt.delivered":    "delivered",
	"attempt.rejected":     "delivered, and was rejected",
	"attempt.unreachable":  "could not reach the destination",
	"attempt.unknown":      "sent, and got no answer",
	"user.add":             "added a user",
	"user.sign_in":         "signed in",
	"user.sign_in_failed":  "tried to sign in",
	"user.sign_out":        "signed out",
	"user.password":        "changed the password",
}

// auditActions are what the filter offers, in its order; one that ends in a dot stands for all that begin with it.
var auditActions = []ui.Option{
	{Value: "", Label: "Any action"}, {Value: "letter.", Label: "Letters: all"}, {Value: "letter.replay", Label: "Replays"},
	{Value: "letter.edit", Label: "Edits"}, {Value: "letter.archive", Label: "Archived"}, {Value: "letter.restore", Label: "Restored"},
	{Value: "letter.received", Label: "Received"}, {Value: "attempt.", Label: "Deliveries: all"}, {Value: "attempt.delivered", Label: "Delivered"},
	{Value: "user.", Label: "Users: all"}, {Value: "user.sign_in", Label: "Sign-ins"}, {Value: "user.sign_in_failed", Label: "Failed sign-ins"},
}

func auditRow(e store.EventRow) page.AuditRow {
	row := page.AuditRow{
		Number: strconv.FormatInt(e.Sequence, 10), At: ui.At(e.At), Actor: e.By, System: e.Actor == deadletter.ActorSystem, Action: e.Action,
		Sentence: sentences[e.Action], Target: e.Target, Source: e.Source, Addr: e.Addr, Reason: e.Reason, Before: indent(e.Before), After: indent(e.After),
	}
	if row.Sentence == "" {
		row.Sentence = e.Action
	}
	if e.TargetKind == "letter" {
		row.URL = letterURL(deadletter.ID(e.Target), "")
	}
	return row
}

func indent(text json.RawMessage) string {
	var out bytes.Buffer
	if len(text) == 0 || json.Indent(&out, text, "", "  ") != nil {
		return string(text)
	}
	return out.String()
}

var auditNames = []string{"actor", "action", "letter", "from", "to"}

func (c *Console) audit(w http.ResponseWriter, r *http.Request) {
	table, status := c.auditTable(r)
	whole := page.AuditView{Table: table}
	if !isPartial(r) {
		whole.Chrome = c.chrome(r, "Audit")
	}
	c.renderEither(w, r, status, page.Audit(whole), page.AuditTable(table))
}

func (c *Console) auditTable(r *http.Request) (page.AuditTableView, int) {
	query := url.Values{}
	for _, name := range auditNames {
		if v := strings.TrimSpace(r.URL.Query().Get(name)); v != "" {
			query.Set(name, v)
		}
	}
	v := page.AuditTableView{Chain: c.chainView(), ClearURL: "/audit", RetryURL: r.URL.RequestURI(), Filter: auditFilter(query), Chips: auditChips(query)}
	events, err := c.events(r, query)
	if err != nil {
		kind := deadletter.KindOf(err)
		if kind == deadletter.Invalid {
			v.State, v.Filter.Error = page.StateNoMatch, sentence(deadletter.TextOf(err))
		} else {
			c.Log.ErrorContext(r.Context(), "the audit trail could not be read", "err", err)
			v.State, v.Fault = page.StateFault, sentence(deadletter.TextOf(err))
		}
		return v, statusOf(kind)
	}
	for _, e := range events.Items {
		v.Rows = append(v.Rows, auditRow(e))
	}
	if events.Older != "" {
		v.OlderURL = auditURL(query, events.Older)
	}
	if events.Newer != "" {
		v.NewerURL, v.NewestURL = auditURL(query, events.Newer), auditURL(query, "")
	}
	if len(v.Rows) == 0 {
		v.State = page.StateNoMatch
		if len(query) == 0 {
			v.State = page.StateNothing
		}
	}
	return v, http.StatusOK
}

func (c *Console) events(r *http.Request, query url.Values) (store.Page[store.EventRow], error) {
	from, err := parseTime("from", query.Get("from"))
	if err != nil {
		return store.Page[store.EventRow]{}, err
	}
	to, err := parseTime("to", query.Get("to"))
	if err != nil {
		return store.Page[store.EventRow]{}, err
	}
	return c.Store.Events(r.Context(), store.EventQuery{Cursor: r.URL.Query().Get("cursor"), Limit: pageSize, EventFilter: store.EventFilter{
		By: query.Get("actor"), Action: query.Get("action"), Target: query.Get("letter"), From: from, To: to,
	}})
}

// auditURL is a page of the trail; without a cursor the newest.
func auditURL(query url.Values, cursor string) string {
	next := without(query, "")
	if cursor != "" {
		next.Set("cursor", cursor)
	}
	if len(next) == 0 {
		return "/audit"
	}
	return "/audit?" + next.Encode()
}

func auditFilter(query url.Values) page.AuditFilter {
	f := page.AuditFilter{Actor: query.Get("actor"), Letter: query.Get("letter"), From: query.Get("from"), To: query.Get("to")}
	for _, option := range auditActions {
		option.Selected = option.Value == query.Get("action")
		f.Actions = append(f.Actions, option)
	}
	return f
}

var auditLabels = map[string]string{"actor": "Who", "action": "Action", "letter": "Letter", "from": "From", "to": "To"}

func auditChips(query url.Values) []ui.Chip {
	var list []ui.Chip
	for _, name := range auditNames {
		if value := query.Get(name); value != "" {
			list = append(list, ui.Chip{Label: auditLabels[name], Value: value, RemoveURL: auditURL(without(query, name), "")})
		}
	}
	return list
}

func (c *Console) chainView() page.Chain {
	chain := c.Chain()
	switch {
	case chain.At.IsZero():
		return page.Chain{Text: "The trail is being verified."}
	case chain.Fault != "":
		return page.Chain{Broken: true, Text: sentence(chain.Fault), At: ui.At(chain.At)}
	}
	return page.Chain{Text: plural(int(chain.Events), "event") + ", each vouched for by the next.", At: ui.At(chain.At)}
}
