package mcp

import (
	"context"
	"fmt"
	"strconv"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/store"
)

// Cause is an error for which messages of one source and destination fail.
type Cause struct {
	ID          string `json:"id"`
	Title       string `json:"title"       jsonschema:"the error that its messages have in common"`
	Source      string `json:"source"`
	Destination string `json:"destination"`
	StatusCode  int    `json:"statusCode"  jsonschema:"of the destination's answer; 0 without one"`
	State       string `json:"state"       jsonschema:"new, open, claimed, known, muted, resolved or regressed"`
	Owner       string `json:"owner,omitempty"`
	Ticket      string `json:"ticket,omitempty"`
	Messages    int    `json:"messages"    jsonschema:"that ever failed for it"`
	Failed      int    `json:"failed"      jsonschema:"now"`
	Retrying    int    `json:"retrying"    jsonschema:"now"`
	FirstAt     string `json:"firstAt"`
	LastAt      string `json:"lastAt"      jsonschema:"of its latest failure"`

	Replays          int `json:"replays"          jsonschema:"of its messages as they came"`
	ReplaysDelivered int `json:"replaysDelivered"`
	Edits            int `json:"edits"            jsonschema:"replays of edited messages"`
	EditsDelivered   int `json:"editsDelivered"`

	LatestFix string `json:"latestFix,omitempty" jsonschema:"the reason of the latest edit that was delivered"`
	NextStep  string `json:"nextStep,omitempty"  jsonschema:"look, test, replay, recipe, edit, fix, breaker or retries"`
	Page      string `json:"page"                jsonschema:"its address, for people"`
}

// Note is a note of a person about a cause.
type Note struct {
	By   string `json:"by"`
	At   string `json:"at"`
	Text string `json:"text" max:"10000"`
}

func causeOf(ctx context.Context, v desk.CauseView) Cause {
	c := v.Cause
	return Cause{
		ID: c.Fingerprint, Title: c.Title, Source: c.Source, Destination: c.Destination, StatusCode: c.StatusCode,
		State: string(c.State), Owner: c.Owner, Ticket: c.Ticket, Messages: c.Messages, Failed: c.Failed,
		Retrying: c.Retrying, FirstAt: when(c.FirstAt), LastAt: when(c.LastAt), Replays: c.Unedited.Tried,
		ReplaysDelivered: c.Unedited.Delivered, Edits: c.Edited.Tried, EditsDelivered: c.Edited.Delivered,
		LatestFix: c.EditReason, NextStep: string(v.Next.Kind), Page: pageAt(ctx, "/causes/"+c.Fingerprint),
	}
}

type causeSearch struct {
	Query  string `json:"query,omitempty"  jsonschema:"as in the search box, such as source:genesys code:5xx; empty: all"`
	State  string `json:"state,omitempty"  jsonschema:"one of the states of a cause; empty: all"`
	Sort   string `json:"sort,omitempty"   jsonschema:"newest, oldest, size or growing; empty: the most urgent first"`
	Limit  int    `json:"limit,omitempty"  jsonschema:"how many, 20 unless given, 50 at most"`
	Cursor string `json:"cursor,omitempty" jsonschema:"next of the page before; empty: the first page"`
}

// CauseList is a page of causes.
type CauseList struct {
	Causes []Cause `json:"causes"`
	Next   string  `json:"next,omitempty" jsonschema:"the cursor of the next page"`
}

// CauseRef names a cause.
type CauseRef struct {
	Cause string `json:"cause" jsonschema:"its id"`
}

// compared names the messages that are compared with delivered webhooks: those of a cause, or one.
type compared struct {
	Cause   string `json:"cause,omitempty"   jsonschema:"the id of a cause: all its messages"`
	Message string `json:"message,omitempty" jsonschema:"the id of a message, instead of a cause"`
}

// CauseFacts is a cause with the notes of people about it.
type CauseFacts struct {
	Cause
	Notes []Note `json:"notes" jsonschema:"the latest 50, oldest first"`
}

// Difference is one way in which failed webhooks differ from delivered ones.
type Difference struct {
	Kind        string `json:"kind"                jsonschema:"missing, extra, type, value or limit"`
	Path        string `json:"path"                jsonschema:"where in the body; empty: the body itself" max:"300"`
	Value       string `json:"value,omitempty"     jsonschema:"the value or the type that failed webhooks have there"`
	Usual       string `json:"usual,omitempty"     jsonschema:"the type that delivered ones have there"`
	Failed      int    `json:"failed"              jsonschema:"failed webhooks of which it is true"`
	FailedOf    int    `json:"failedOf"`
	Delivered   int    `json:"delivered"           jsonschema:"delivered webhooks of which it is true"`
	DeliveredOf int    `json:"deliveredOf"`
}

// Differences are how the messages of a cause differ from delivered webhooks.
type Differences struct {
	Sampled   bool         `json:"sampled"             jsonschema:"false: deliveries are not sampled, so nothing is known"`
	EventType string       `json:"eventType,omitempty" jsonschema:"of all that are compared"`
	Failed    int          `json:"failed"              jsonschema:"failed webhooks that are compared"`
	Delivered int          `json:"delivered"           jsonschema:"delivered ones"`
	Unread    int          `json:"unread"              jsonschema:"failed ones that cannot be read"`
	Rows      []Difference `json:"rows"                jsonschema:"the most telling first"`
}

func (t tools) addCauses() {
	addRead(t, "search_causes", "Search causes",
		"Lists causes of failed webhooks, the most urgent first.", t.searchCauses)
	addRead(t, "get_cause", "Read a cause",
		"Returns one cause with its state, counts, what replays came to, and the notes of people.", t.cause)
	addRead(t, "get_differences", "Compare failed with delivered webhooks",
		"Returns how the bodies that fail for a cause, or one body, differ from those of the same kind that were "+
			"delivered.",
		t.differences)
}

func (t tools) searchCauses(ctx context.Context, by deadletter.Actor, in causeSearch) (out CauseList, err error) {
	q := store.CauseQuery{
		CauseFilter: store.CauseFilter{Text: in.Query, By: by.Name, At: t.Now()}, Cursor: in.Cursor,
		Limit: limitOf(in.Limit), Sort: store.CauseSort(in.Sort),
	}
	if in.State != "" {
		q.States = []deadletter.CauseState{deadletter.CauseState(in.State)}
	}
	found, err := t.Desk.Causes(ctx, by, q)
	out = CauseList{Causes: make([]Cause, len(found.Items)), Next: found.Older}
	for i, v := range found.Items {
		out.Causes[i] = causeOf(ctx, v)
	}
	return out, err
}

func (t tools) cause(ctx context.Context, by deadletter.Actor, in CauseRef) (out CauseFacts, err error) {
	seen, err := t.Desk.Cause(ctx, by, in.Cause)
	if err != nil {
		return out, err
	}
	out = CauseFacts{Cause: causeOf(ctx, seen), Notes: []Note{}}
	notes, err := t.Desk.CauseNotes(ctx, by, seen.Cause.Fingerprint)
	for _, n := range notes[max(0, len(notes)-maxListed):] {
		out.Notes = append(out.Notes, Note{n.By, when(n.At), n.Text})
	}
	return out, err
}

func (t tools) differences(ctx context.Context, by deadletter.Actor, in compared) (out Differences, err error) {
	d, err := t.compare(ctx, by, in)
	if err != nil {
		return out, err
	}
	out = Differences{
		Sampled: !d.Off, EventType: d.EventType, Failed: d.Failed, Delivered: d.Delivered, Unread: d.Unread,
		Rows: []Difference{},
	}
	for _, row := range d.Rows {
		out.Rows = append(out.Rows, differenceOf(row))
	}
	return out, nil
}

// compare compares the messages of a cause or, if one is named, a message.
func (t tools) compare(ctx context.Context, by deadletter.Actor, in compared) (desk.Differences, error) {
	if (in.Cause == "") == (in.Message == "") {
		return desk.Differences{}, deadletter.Errorf(deadletter.Invalid, "name a cause or a message")
	}
	if in.Message != "" {
		v, err := t.Desk.Message(ctx, by, deadletter.ID(in.Message))
		if err != nil {
			return desk.Differences{}, err
		}
		return t.Desk.DifferencesOf(ctx, by, v.Message.ID, v.Message.Revision)
	}
	return t.Desk.CauseDifferences(ctx, by, in.Cause)
}

func differenceOf(d payload.Difference) Difference {
	out := Difference{
		Kind: d.Kind.String(), Path: d.Path, Value: d.Value,
		Failed: d.Here.Count, FailedOf: d.Here.Of, Delivered: d.There.Count, DeliveredOf: d.There.Of,
	}
	switch l := d.Limit; d.Kind {
	case payload.OtherType:
		out.Value, out.Usual = d.Type.String(), d.Usual.String()
	case payload.OutOfRange:
		out.Value = fmt.Sprintf("%s %s %s", l.Of, l.Side(), strconv.FormatFloat(l.Bound, 'g', -1, 64))
	case payload.Missing, payload.Extra, payload.OtherValue:
	}
	return out
}
