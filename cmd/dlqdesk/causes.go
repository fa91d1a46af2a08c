package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/api"
	"dlqdesk/internal/client"
	"dlqdesk/internal/terminal"
)

// causeCmds are the commands about causes at a desk.
type causeCmds struct {
	List    causeList    `cmd:"" help:"List causes, the most urgent first."`
	Show    causeShow    `cmd:"" help:"Show a cause with its notes."`
	Claim   causeClaim   `cmd:"" help:"Say that you are at it."`
	Release causeRelease `cmd:"" help:"End a claim."`
	Note    causeNote    `cmd:"" help:"Write a note about a cause."`
	Mute    causeMute    `cmd:"" help:"Keep causes out of the way until a condition is true."`
	Unmute  causeUnmute  `cmd:"" help:"End a mute."`
	Known   causeKnown   `cmd:"" help:"Give causes a ticket."`
	Unmark  causeUnmark  `cmd:"" help:"Take the ticket away."`
}

type causeList struct {
	deskFlag
	form
	pageFlags
	Query  []string `arg:"" optional:"" help:"As in the search box of the desk."`
	State  string   `placeholder:"STATE" help:"Only in this state."`
	Source string   `placeholder:"SOURCE" help:"Only of this source."`
	Sort   string   `default:"urgency" enum:"urgency,newest,oldest,size,growing" help:"Which first."`
}

func (l causeList) Run(p program) error {
	q := url.Values{"sort": {l.Sort}}
	set(q, "q", query(l.Query, l.Source, ""))
	set(q, "state", l.State)
	return l.ask(p, l.form, func(ctx context.Context, d asked) error {
		return causeListing(q, l.pageFlags).print(ctx, d)
	})
}

func causeListing(q url.Values, pages pageFlags) listing[api.Cause] {
	return listing[api.Cause]{
		path: "/causes", query: q, pages: pages, none: "No causes match.",
		columns: []terminal.Column{
			{Title: "ID"},
			{Title: "STATE"},
			{Title: "OPEN"},
			{Title: "SOURCE", Shrinks: true},
			{Title: "LAST", Spare: true},
			{Title: "OWNER", Shrinks: true, Spare: true},
			{Title: "TITLE", Shrinks: true},
		},
		id: func(c api.Cause) string { return c.ID },
		row: func(c api.Cause) []terminal.Cell {
			return []terminal.Cell{
				{Text: c.ID},
				{Text: c.State, Tone: toneOf(c.State)},
				{Text: strconv.Itoa(c.Failed + c.Retrying)},
				{Text: c.Source},
				{Text: age(c.LastAt), Tone: terminal.Faint},
				{Text: c.Owner},
				{Text: c.Title},
			}
		},
	}
}

type causeShow struct {
	deskFlag
	form
	ID string `arg:"" help:"The id of the cause."`
}

func (s causeShow) Run(p program) error {
	return s.ask(p, s.form, func(ctx context.Context, d asked) error {
		at := "/causes/" + url.PathEscape(s.ID)
		c, answer, err := client.Read[api.Cause](d.Get(ctx, at, nil))
		if err != nil {
			return err
		}
		return d.printOne(answer.Body, c.ID, func() error {
			notes, _, err := client.Read[api.PageOf[api.Note]](d.Get(ctx, at+"/notes", nil))
			if err != nil {
				return err
			}
			return showCause(d, c, notes.Items)
		})
	})
}

func showCause(d asked, c api.Cause, notes []api.Note) error {
	replays := ""
	if r := c.Replays; r.Unedited+r.Edited > 0 {
		replays = fmt.Sprintf("%d of %d unedited and %d of %d edited were delivered", r.UneditedDelivered, r.Unedited,
			r.EditedDelivered, r.Edited)
	}
	if c.Owner != "" && c.OwnedUntil != nil {
		c.Owner += ", until " + when(*c.OwnedUntil)
	}
	err := d.screen.Facts([]terminal.Fact{
		fact("Cause", c.ID), fact("Title", c.Title),
		{Name: "State", Cell: terminal.Cell{Text: c.State, Tone: toneOf(c.State)}},
		fact("Source", c.Source), fact("Destination", c.Destination), fact("Owner", c.Owner),
		fact("Ticket", strings.TrimSpace(c.Ticket+" "+c.TicketURL)),
		fact("Messages", fmt.Sprintf("%d, of which %d failed and %d are retried", c.Messages, c.Failed, c.Retrying)),
		fact("First", when(c.FirstAt)), fact("Last", when(c.LastAt)), fact("Replays", replays),
		fact("Next step", c.NextStep), fact("You can", strings.Join(c.Allowed, ", ")),
	})
	for _, n := range notes {
		if err == nil {
			text := terminal.SafeLines(n.Text)
			_, err = fmt.Fprintf(d.stdout, "\n%s, %s:\n%s\n", terminal.Safe(n.By), when(n.At), text)
		}
	}
	return err
}

type causeClaim struct {
	orderFlags
	Hours int `default:"4" enum:"1,4,24,168" help:"For how long: 1, 4, 24 or 168 hours."`
}

func (c causeClaim) Run(p program) error {
	return c.carryOut(p, order{"/causes/", "/claim", "claim a cause", map[string]any{"hours": c.Hours}})
}

type causeRelease struct{ orderFlags }

func (c causeRelease) Run(p program) error {
	return c.carryOut(p, order{"/causes/", "/release", "release a cause", nil})
}

type causeMute struct {
	orderFlags
	For            time.Duration `placeholder:"DURATION" help:"Until so much time has passed, such as 8h."`
	Count          int           `placeholder:"N" help:"Until so many further messages have failed."`
	PerHour        int           `name:"per-hour" placeholder:"N" help:"Until so many fail within an hour."`
	UntilDelivered bool          `name:"until-delivered" help:"Until a delivery to its destination succeeds."`
}

func (c causeMute) Run(p program) error {
	body := map[string]any{"count": c.Count, "perHour": c.PerHour, "untilDelivered": c.UntilDelivered}
	if c.For > 0 {
		body["until"] = time.Now().Add(c.For).UTC().Format(time.RFC3339)
	}
	return c.carryOut(p, order{"/causes/", "/mute", "mute a cause", body})
}

type causeUnmute struct{ orderFlags }

func (c causeUnmute) Run(p program) error {
	return c.carryOut(p, order{"/causes/", "/unmute", "unmute a cause", nil})
}

type causeKnown struct {
	orderFlags
	Ticket string `required:"" placeholder:"TICKET" help:"Its id, or its address at the tracker."`
}

func (c causeKnown) Run(p program) error {
	return c.carryOut(p, order{"/causes/", "/known", "mark a cause as known", map[string]any{"ticket": c.Ticket}})
}

type causeUnmark struct{ orderFlags }

func (c causeUnmark) Run(p program) error {
	return c.carryOut(p, order{"/causes/", "/unmark", "take a ticket from a cause", nil})
}

type causeNote struct {
	deskFlag
	ID     string `arg:"" help:"The id of the cause."`
	Text   string `arg:"" optional:"" help:"The note, as Markdown. A hyphen reads it from stdin. Default: your editor."`
	DryRun bool   `name:"dry-run" help:"Say what would happen, and change nothing."`
}

func (c causeNote) Run(p program) error {
	return c.ask(p, form{}, func(ctx context.Context, d asked) error {
		o := order{"/causes/", "/notes", "write notes", nil}
		at := o.things + url.PathEscape(c.ID)
		if _, err := o.tryOut(ctx, d, at); err != nil {
			return err
		}
		text, kept, err := c.text(p)
		if err != nil {
			return err
		}
		if c.DryRun {
			return d.screen.Line("%s  would have a note of %d characters", c.ID, len([]rune(text)))
		}
		_, err = d.Post(ctx, at+o.path, "", map[string]string{"text": text})
		if err := d.sent(kept, err); err != nil {
			return err
		}
		return d.screen.Line("%s  has your note", c.ID)
	})
}

// text returns the note, and the file that has it as long as it was not sent.
func (c causeNote) text(p program) (text, kept string, err error) {
	var written []byte
	switch {
	case c.Text == "-":
		written, err = client.ReadBody(p.stdin)
	case c.Text != "":
		return c.Text, "", nil
	default:
		written, kept, err = p.edit(nil, ".md")
	}
	if err == nil && strings.TrimSpace(string(written)) == "" {
		err = usageError{errors.New("the note is empty")}
	}
	return string(written), kept, err
}
