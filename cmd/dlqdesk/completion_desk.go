package main

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/alecthomas/kong"

	"dlqdesk/internal/api"
	"dlqdesk/internal/client"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/terminal"
)

// completionLimit bounds what a person who pressed a key waits for the desk.
const completionLimit = 1500 * time.Millisecond

// asksDesk reports whether the command of the cursor asks a desk.
func (c *cursor) asksDesk() bool {
	return slices.ContainsFunc(c.node.Flags, func(f *kong.Flag) bool { return f.Name == "desk" })
}

// offerOfDesk offers the values that a desk has now. A desk that does not answer has none, and nothing is said of it.
func (c *cursor) offerOfDesk(v *kong.Value, p program, offer func(candidate, help string)) {
	noun := ""
	if c.node.Parent != nil {
		noun = c.node.Parent.Name
	}
	switch {
	case v.Name == "status":
		for _, s := range deadletter.Statuses() {
			offer(string(s), "")
		}
	case v.Name == "state":
		for _, s := range deadletter.CauseStates() {
			offer(string(s), "")
		}
	case v.Name == "order":
		for _, o := range deadletter.JobOrders() {
			offer(string(o), "")
		}
	case v.Name == "sequence":
		for _, s := range deadletter.JobSequences() {
			offer(string(s), "")
		}
	case v.Name == "source":
		offerAll(c, p, "/sources", offer, func(s api.Source) (id, help string) { return s.Name, "" })
	case v.Name == "cause", v.Name == "id" && noun == "causes":
		offerAll(c, p, "/causes", offer, func(c api.Cause) (id, help string) { return c.ID, c.Title })
	case v.Name == "job", v.Name == "id" && noun == "jobs":
		offerAll(c, p, "/jobs", offer, func(j api.Job) (id, help string) { return jobID(j), j.Action + ", " + j.State })
	}
}

// offerAll offers the items of the first page of a list.
func offerAll[T any](
	c *cursor, p program, path string, offer func(candidate, help string), of func(T) (id, help string),
) {
	found, err := client.Find(c.desk.Desk, p.environ)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), completionLimit)
	defer cancel()
	list, _, err := client.Read[api.PageOf[T]](found.Do(ctx, client.Request{Path: path, Once: true}))
	if err != nil {
		return
	}
	for _, item := range list.Items {
		id, help := of(item)
		if isWord(id) {
			offer(id, terminal.Cut(terminal.Safe(help), 60))
		}
	}
}

// isWord reports whether a shell takes a text as one word, whatever is in it.
func isWord(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r)
	})
}
