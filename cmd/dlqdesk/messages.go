package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/api"
	"dlqdesk/internal/client"
	"dlqdesk/internal/terminal"
)

// messageCmds are the commands about messages, most of them at a desk.
type messageCmds struct {
	List    messageList    `cmd:"" help:"List messages, newest first."`
	Show    messageShow    `cmd:"" help:"Show a message with its attempts, or its body."`
	Replay  messageReplay  `cmd:"" help:"Deliver messages again."`
	Edit    messageEdit    `cmd:"" help:"Edit the body of a message in your editor, and deliver it."`
	Redrive messageRedrive `cmd:"" help:"Send messages back to the queue that they came from."`
	Archive messageArchive `cmd:"" help:"Put messages away, for a reason."`
	Restore messageRestore `cmd:"" help:"Bring archived messages back."`
	Forward forward        `cmd:"" help:"Send a copy of a message to a handler on this machine."`
}

type messageList struct {
	deskFlag
	form
	pageFlags
	Query  []string `arg:"" optional:"" help:"As in the search box of the desk."`
	Status string   `placeholder:"STATUS" help:"Only of this status."`
	Source string   `placeholder:"SOURCE" help:"Only of this source."`
	Cause  string   `placeholder:"CAUSE" help:"Only of the cause with this id."`
}

// query returns the search of a list, with what flags add to it.
func query(words []string, source, cause string) string {
	for _, term := range [][2]string{{"source", source}, {"cause", cause}} {
		if term[1] != "" {
			words = append(words, term[0]+":"+strconv.Quote(term[1]))
		}
	}
	return strings.Join(words, " ")
}

func (l messageList) Run(p program) error {
	q := url.Values{}
	set(q, "q", query(l.Query, l.Source, l.Cause))
	set(q, "status", l.Status)
	return l.ask(p, l.form, func(ctx context.Context, d asked) error {
		return messageListing(q, l.pageFlags).print(ctx, d)
	})
}

// set adds a parameter that has a value.
func set(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

func messageListing(q url.Values, pages pageFlags) listing[api.Message] {
	return listing[api.Message]{
		path: "/messages", query: q, pages: pages, none: "No messages match.",
		columns: []terminal.Column{
			{Title: "ID"},
			{Title: "STATUS"},
			{Title: "SOURCE", Shrinks: true},
			{Title: "EVENT", Shrinks: true, Spare: true},
			{Title: "AGE"},
			{Title: "TRIES", Spare: true},
			{Title: "ERROR", Shrinks: true},
		},
		id: func(m api.Message) string { return m.ID },
		row: func(m api.Message) []terminal.Cell {
			return []terminal.Cell{
				{Text: m.ID},
				{Text: m.Status, Tone: toneOf(m.Status)},
				{Text: m.Source},
				{Text: m.EventType},
				{Text: age(m.ReceivedAt), Tone: terminal.Faint},
				{Text: strconv.Itoa(m.Attempts)},
				{Text: errorOf(m.StatusCode, m.Error)},
			}
		},
	}
}

// errorOf returns an error with the status code of the response that it came from, as pages have it.
func errorOf(code int, text string) string {
	if code == 0 {
		return text
	}
	return strings.TrimSpace(strconv.Itoa(code) + " " + text)
}

// toneOf returns the tone of a status or a state.
func toneOf(state string) terminal.Tone {
	switch state {
	case "failed", "new", "regressed", "cancelled", "open", "error_response", "unreachable", "unknown":
		return terminal.Bad
	case "resolved", "redriven", "done", "delivered", "closed":
		return terminal.Good
	case "retrying", "replaying", "running", "paused", "scheduled", "claimed", "half-open":
		return terminal.Busy
	case "archived", "muted", "known", "draft":
		return terminal.Faint
	}
	return terminal.Plain
}

// when writes a time in the time zone of the machine.
func when(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// age writes how long ago a time was, in its largest unit: 4m.
func age(t time.Time) string {
	const day = 24 * time.Hour
	d := max(0, time.Since(t))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 2*day:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d/day))
}

// whenever is when for a time that may not be.
func whenever(t *time.Time) string {
	if t == nil {
		return ""
	}
	return when(*t)
}

type messageShow struct {
	deskFlag
	form
	ID       string `arg:"" help:"The id of the message."`
	Body     bool   `help:"Print the body alone, decoded and masked."`
	Revision *int   `placeholder:"N" help:"The revision of the body. Default: the latest."`
}

func (s messageShow) Run(p program) error {
	return s.ask(p, s.form, func(ctx context.Context, d asked) error {
		m, answer, err := client.Read[api.MessageView](d.Get(ctx, "/messages/"+url.PathEscape(s.ID), nil))
		if err != nil {
			return err
		}
		if s.Body {
			return s.printBody(ctx, d, m.Revision)
		}
		return d.printOne(answer.Body, m.ID, func() error { return s.show(ctx, d, m) })
	})
}

func (s messageShow) printBody(ctx context.Context, d asked, revision int) error {
	if s.Revision != nil {
		revision = *s.Revision
	}
	body, err := d.Content(ctx, s.ID, revision)
	if err != nil {
		return err
	}
	text := body.Bytes
	if d.screen.Width > 0 {
		text = []byte(terminal.SafeLines(string(text)) + "\n")
	}
	_, err = d.stdout.Write(text)
	return err
}

func (s messageShow) show(ctx context.Context, d asked, m api.MessageView) error {
	attempts, _, err := client.Read[api.PageOf[api.Attempt]](
		d.Get(ctx, "/messages/"+url.PathEscape(s.ID)+"/attempts", nil),
	)
	if err != nil {
		return err
	}
	facts := []terminal.Fact{
		fact("Message", m.ID),
		{Name: "Status", Cell: terminal.Cell{Text: m.Status, Tone: toneOf(m.Status)}},
		fact("Source", m.Source), fact("Destination", m.Destination), fact("Cause", m.Cause),
		fact("Event", m.EventType), fact("Error", errorOf(m.StatusCode, m.Error)), fact("Received", when(m.ReceivedAt)),
		fact("Retry due", whenever(m.DueAt)), fact("Revision", strconv.Itoa(m.Revision)),
		fact("You can", strings.Join(m.Allowed, ", ")),
	}
	if err := d.screen.Facts(facts); err != nil {
		return err
	}
	fmt.Fprintln(d.stdout)
	table := d.screen.NewTable(
		terminal.Column{Title: "#"}, terminal.Column{Title: "STARTED"}, terminal.Column{Title: "BY", Shrinks: true},
		terminal.Column{Title: "OUTCOME"}, terminal.Column{Title: "CODE"}, terminal.Column{Title: "TOOK", Spare: true},
		terminal.Column{Title: "ERROR", Shrinks: true},
	)
	var rows [][]terminal.Cell
	for _, a := range attempts.Items {
		code := ""
		if a.StatusCode > 0 {
			code = strconv.Itoa(a.StatusCode)
		}
		rows = append(rows, []terminal.Cell{
			{Text: strconv.Itoa(a.Number)},
			{Text: when(a.StartedAt), Tone: terminal.Faint},
			{Text: a.Actor},
			{Text: a.Outcome, Tone: toneOf(a.Outcome)},
			{Text: code},
			{Text: (time.Duration(a.LatencyMS) * time.Millisecond).String()},
			{Text: a.Error},
		})
	}
	return table.Write(rows)
}

type messageReplay struct {
	orderFlags
	confirmFlags
}

func (c messageReplay) Run(p program) error {
	return c.carryOut(p, order{"/messages/", "/replay", "replay", c.in(map[string]any{})})
}

type messageRedrive struct {
	orderFlags
	confirmFlags
}

func (c messageRedrive) Run(p program) error {
	return c.carryOut(p, order{"/messages/", "/redrive", "redrive", c.in(map[string]any{})})
}

type messageArchive struct {
	orderFlags
	Reason string `required:"" placeholder:"TEXT" help:"Why, for the audit trail."`
}

func (c messageArchive) Run(p program) error {
	return c.carryOut(p, order{"/messages/", "/archive", "archive", map[string]any{"reason": c.Reason}})
}

type messageRestore struct{ orderFlags }

func (c messageRestore) Run(p program) error {
	return c.carryOut(p, order{"/messages/", "/restore", "restore", nil})
}

type messageEdit struct {
	deskFlag
	form
	confirmFlags
	ID      string `arg:"" help:"The id of the message."`
	Reason  string `required:"" placeholder:"TEXT" help:"Why, for the audit trail."`
	File    string `placeholder:"FILE" help:"Take the new body from this file instead of an editor."`
	Redrive bool   `help:"Send it back to the queue that it came from, instead of to its destination."`
	DryRun  bool   `name:"dry-run" help:"Say what would happen, and change nothing."`
}

// Run edits the body of the latest revision. Where it is masked, the desk puts back what was received.
func (c messageEdit) Run(p program) error {
	return c.ask(p, c.form, func(ctx context.Context, d asked) error {
		at := "/messages/" + url.PathEscape(c.ID)
		m, answer, err := client.Read[api.MessageView](d.Get(ctx, at, nil))
		if err != nil {
			return err
		}
		act := "edit and replay"
		if c.Redrive {
			act = "edit and redrive"
		}
		send := order{"/messages/", "/edit", act, c.in(map[string]any{"base": m.Revision, "reason": c.Reason})}
		if c.Redrive {
			send.body["redrive"] = true
		}
		if _, err := send.tryOut(ctx, d, at); err != nil {
			return err // before a person writes what cannot be sent
		}
		base, err := d.Content(ctx, c.ID, m.Revision)
		if err != nil {
			return err
		}
		edited, kept, err := c.edit(p, base)
		if err != nil {
			return err
		}
		if c.DryRun {
			return d.screen.Line("%s  would be sent with %d bytes instead of %d", c.ID, len(edited), len(base.Bytes))
		}
		send.body["body"] = string(edited)
		after, err := d.confirmed(ctx, at+send.path, answer.ETag, send.body, c.File != "-")
		if err := d.sent(kept, err); err != nil {
			return err
		}
		return orderFlags{form: c.form}.shown(d, c.ID, after.Body)
	})
}

// edit returns the new body, and the file that has it as long as it was not sent.
func (c messageEdit) edit(p program, base client.Content) (edited []byte, kept string, err error) {
	switch c.File {
	case "":
		return p.edit(base.Bytes, base.Suffix())
	case "-":
		edited, err = client.ReadBody(p.stdin)
	default:
		var f *os.File
		if f, err = os.Open(c.File); err == nil {
			edited, err = client.ReadBody(f)
			_ = f.Close() // it was only read
		}
	}
	if err == nil && bytes.Equal(edited, base.Bytes) {
		err = terminal.ErrUnchanged
	}
	return edited, kept, err
}

// edit opens a text in the person's editor. It returns the file that has what they wrote: see sent.
func (p program) edit(text []byte, suffix string) (edited []byte, kept string, err error) {
	if !isTerminal(p.stdin) || !isTerminal(p.stdout) {
		return nil, "", usageError{
			errors.New("there is no terminal for an editor: give the text otherwise, see --help"),
		}
	}
	edited, kept, err = terminal.Edit(terminal.Editor(p.environ), text, "dlqdesk-*"+suffix)
	switch {
	case errors.Is(err, terminal.ErrUnchanged):
		_ = os.Remove(kept) // it has nothing that the desk has not
	case err != nil:
		err = fmt.Errorf("%w (the text is kept in %s)", err, kept)
	}
	return edited, kept, err
}

// sent removes the file of an edited text that the desk has, where err is nil. Otherwise it says where the text is, and
// returns err.
func (d asked) sent(file string, err error) error {
	switch {
	case file == "":
	case err != nil:
		d.dialog.Say("Your text is kept in %s", file)
	default:
		_ = os.Remove(file) // else it stays in the folder for temporary files
	}
	return err
}
