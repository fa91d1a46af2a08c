package console

import (
	"encoding/json"
	"net/url"
	"strconv"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// letterTarget is the kind of target of what was done to a letter.
const letterTarget = "letter"

// sentenceOf says of an action what was done. The name of its target may follow.
func sentenceOf(action string) string {
	switch action {
	case "letter.received":
		return "received"
	case "letter.arrived_again":
		return "received again"
	case "letter.replay":
		return "replayed"
	case "letter.edit":
		return "edited and replayed"
	case "letter.archive":
		return "archived"
	case "letter.restore":
		return "restored"
	case "attempt.started":
		return "began to deliver"
	case "attempt.delivered":
		return "delivered"
	case "attempt.rejected":
		return "could not deliver (rejected)"
	case "attempt.unreachable":
		return "could not deliver (unreachable)"
	case "attempt.unknown":
		return "sent, without an answer,"
	case "user.add":
		return "added"
	case "user.sign_in":
		return "signed in"
	case "user.sign_in_refused":
		return "was refused at sign-in"
	case "user.sign_out":
		return "signed out"
	case "user.password":
		return "changed their password"
	case "setup.use":
		return "used the set-up link"
	}
	return action
}

// auditActions are what the filter offers; one that ends in a dot stands for all that begin with it.
func auditActions() []ui.Option {
	return []ui.Option{
		{Value: "letter.", Label: "Letters: everything"},
		{Value: "letter.replay", Label: "Replays"},
		{Value: "letter.edit", Label: "Edits"},
		{Value: "letter.archive", Label: "Archived"},
		{Value: "letter.restore", Label: "Restored"},
		{Value: "letter.received", Label: "Received"},
		{Value: "attempt.", Label: "Deliveries: everything"},
		{Value: "attempt.delivered", Label: "Delivered"},
		{Value: "attempt.rejected", Label: "Rejected"},
		{Value: "attempt.unreachable", Label: "Unreachable"},
		{Value: "attempt.unknown", Label: "Unknown"},
		{Value: "user.", Label: "Users: everything"},
		{Value: "user.sign_in", Label: "Sign-ins"},
		{Value: "user.sign_in_refused", Label: "Refused sign-ins"},
		{Value: "user.add", Label: "Users added"},
		{Value: "user.password", Label: "Passwords changed"},
	}
}

func (c *Console) auditView(query url.Values, cursor string, events store.Page[store.EventRow]) page.AuditTableView {
	v := page.AuditTableView{
		RetryURL: address("/audit", with(query, "cursor", cursor)), Chain: chainView(c.Chain()), Filter: c.auditFilter(query),
		Chips: chips("/audit", query, auditFields(), sayAudit), ClearURL: "/audit",
		NewerURL: pageURL("/audit", query, events.Newer), OlderURL: pageURL("/audit", query, events.Older),
	}
	if v.NewerURL != "" {
		v.NewestURL = address("/audit", query)
	}
	for _, e := range events.Items {
		v.Rows = append(v.Rows, auditRow(e))
	}
	switch {
	case len(v.Rows) == 0 && len(query) == 0:
		v.State = page.StateNothing
	case len(v.Rows) == 0:
		v.State = page.StateNoMatch
	}
	return v
}

// auditDoers tell people from the program itself.
func auditDoers() []ui.Option {
	return []ui.Option{{Value: string(store.People), Label: "People"}, {Value: string(store.Program), Label: "dlqdesk itself"}}
}

func (c *Console) auditFilter(query url.Values) page.AuditFilter {
	return page.AuditFilter{
		Actor: query.Get("actor"), Letter: query.Get("letter"), From: formTimeOf(query.Get("from")), To: formTimeOf(query.Get("to")),
		Doers: selected(auditDoers(), query.Get("by")), Actions: selected(auditActions(), query.Get("action")),
		Sources: c.sourceOptions(nil, query.Get("source")),
	}
}

// selected marks the option of a value.
func selected(options []ui.Option, value string) []ui.Option {
	for i := range options {
		options[i].Selected = options[i].Value == value
	}
	return options
}

// sayAudit writes a filter's value as people do.
func sayAudit(name, value string) string {
	switch name {
	case "action":
		return labelOf(auditActions(), value)
	case "by":
		return labelOf(auditDoers(), value)
	}
	return sayTime(name, value)
}

// labelOf is the label of a value, or the value where there is none.
func labelOf(options []ui.Option, value string) string {
	for _, option := range options {
		if option.Value == value {
			return option.Label
		}
	}
	return value
}

func auditRow(e store.EventRow) page.AuditRow {
	row := page.AuditRow{
		Number: strconv.FormatInt(e.Sequence, 10), At: ui.At(e.At), Actor: printable(e.By), System: e.Actor == deadletter.ActorSystem, Action: e.Action,
		Sentence: sentenceOf(e.Action), Target: printable(e.Target), Source: printable(e.Source), Addr: e.Addr, Reason: printable(e.Reason),
		Before: facets(e.Before), After: facets(e.After),
	}
	if row.Actor == "" {
		row.Actor = "somebody without a name"
	}
	if e.TargetKind == letterTarget {
		row.URL = letterURL(deadletter.ID(e.Target), "")
	} else if e.Target == e.By && e.Action != "user.add" {
		row.Target = "" // the sentence is about whoever did it
	}
	return row
}

// maxFacets bounds the facts of an event on a page, in bytes.
const maxFacets = 16 << 10

// facets are the facts of an event, one a line.
func facets(text json.RawMessage) string {
	if pretty, whole := indent(text, maxFacets); whole {
		return printable(pretty)
	}
	return printable(string(cutText(text, maxFacets)))
}

// chainView says whether the trail is whole; nothing before it was verified.
func chainView(chain Chain) page.Chain {
	switch {
	case chain.At.IsZero():
		return page.Chain{}
	case chain.Fault != "":
		return page.Chain{Broken: true, Text: sentence(chain.Fault), At: ui.At(chain.At)}
	}
	return page.Chain{Text: plural(int(chain.Events), "event") + ", each vouched for by the next.", At: ui.At(chain.At)}
}
