package main

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/api"
	"dlqdesk/internal/terminal"
)

// eventFlags choose events of the audit trail.
type eventFlags struct {
	By     string    `placeholder:"NAME" help:"Only what this user or token did, named as in the list."`
	Action string    `placeholder:"ACTION" help:"Only this action, or all of a kind, such as message."`
	Target string    `placeholder:"ID" help:"Only what was done to this, such as a message."`
	Job    int64     `placeholder:"ID" help:"Only of this job."`
	From   time.Time `placeholder:"TIME" help:"Only from this time on, such as 2026-03-02T10:00:00Z."`
	To     time.Time `placeholder:"TIME" help:"Only before this time."`
}

func (f eventFlags) query() url.Values {
	q := url.Values{}
	set(q, "by", f.By)
	action := f.Action
	if action != "" && !strings.Contains(action, ".") {
		action += "." // the API's word for all of a kind
	}
	set(q, "action", action)
	set(q, "target", f.Target)
	if f.Job > 0 {
		q.Set("job", strconv.FormatInt(f.Job, 10))
	}
	for name, at := range map[string]time.Time{"from": f.From, "to": f.To} {
		if !at.IsZero() {
			q.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return q
}

type auditList struct {
	deskFlag
	form
	pageFlags
	eventFlags
}

func (l auditList) Run(p program) error {
	return l.ask(p, l.form, func(ctx context.Context, d asked) error {
		return eventListing(l.query(), l.pageFlags).print(ctx, d)
	})
}

func eventListing(q url.Values, pages pageFlags) listing[api.Event] {
	return listing[api.Event]{
		path: "/audit", query: q, pages: pages, none: "No events match.",
		columns: []terminal.Column{
			{Title: "EVENT"},
			{Title: "AT"},
			{Title: "BY", Shrinks: true},
			{Title: "ACTION"},
			{Title: "TARGET", Shrinks: true},
			{Title: "REASON", Shrinks: true, Spare: true},
		},
		id: func(e api.Event) string { return strconv.FormatInt(e.Sequence, 10) },
		row: func(e api.Event) []terminal.Cell {
			return []terminal.Cell{
				{Text: strconv.FormatInt(e.Sequence, 10)},
				{Text: when(e.At), Tone: terminal.Faint},
				{Text: e.By},
				{Text: e.Action},
				{Text: strings.TrimSpace(e.TargetKind + " " + e.Target)},
				{Text: e.Reason},
			}
		},
	}
}

type auditExport struct {
	deskFlag
	eventFlags
}

// Run prints all events that match as JSON Lines, newest first.
func (c auditExport) Run(p program) error {
	return c.ask(p, form{JSONL: true}, func(ctx context.Context, d asked) error {
		l := eventListing(c.query(), pageFlags{All: true})
		l.none = ""
		return l.print(ctx, d)
	})
}
