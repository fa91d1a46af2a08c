package console

import (
	"context"
	"net/http"
	"time"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/web/ui"
)

// sendElsewhere sends a copy of a message to a destination that the configuration names, and shows the result.
func (c *Console) sendElsewhere(w http.ResponseWriter, r *http.Request) error {
	var sent deadletter.Attempt
	name := r.PostForm.Get("to")
	done := func(deadletter.Message) ui.Notice { return copyNotice(name, sent) }
	return c.act(w, r, done, func(
		ctx context.Context, by deadletter.Actor, ref desk.Ref,
	) (seen desk.View, err error) {
		seen, sent, err = c.Desk.SendElsewhere(ctx, by, ref, name)
		return seen, err
	})
}

func copyNotice(name string, a deadletter.Attempt) ui.Notice {
	n := ui.Notice{
		Kind: ui.Done, Text: "Sent to " + printable(name) + ": " + copyResult(a.Outcome, a.StatusCode, a.Latency),
		Hint: "The message stays as it is.",
	}
	if a.Outcome != deadletter.Delivered {
		n.Kind, n.Hint = ui.Warn, sentence(printable(a.Error))+" The message stays as it is."
	}
	return n
}

// copyResult describes the result of a copy: "200 in 12 ms", "unreachable after 3 ms".
func copyResult(outcome deadletter.Outcome, statusCode int, took time.Duration) string {
	if statusCode > 0 {
		return code(statusCode) + " in " + latency(took)
	}
	return outcome.Label() + " after " + latency(took)
}

// sendSelectedElsewhere sends copies of the selected messages to the destination of that name, each to that of its
// source.
func (c *Console) sendSelectedElsewhere(w http.ResponseWriter, r *http.Request) error {
	by, name := auth.Actor(r.Context()), r.PostForm.Get("to")
	if r.PostForm.Get("scope") == "all" {
		return deadletter.Errorf(deadletter.Invalid,
			"select up to %d messages one by one: copies test a handler", deadletter.MaxCopies)
	}
	refs, err := selection(r.PostForm["item"])
	if err != nil {
		return err
	}
	all, err := c.Desk.SendAllElsewhere(r.Context(), by, refs, name)
	if err != nil {
		return err
	}
	return c.backToList(w, r, copiesNotice(name, all))
}

// copiesNotice says how many copies were sent and accepted, and why others were not.
func copiesNotice(name string, all desk.Copies) ui.Notice {
	accepted, other := 0, ""
	for _, a := range all.Sent {
		if a.Outcome == deadletter.Delivered {
			accepted++
		} else if other == "" {
			other = sentence(printable(a.Error))
		}
	}
	sent := plural(len(all.Sent), "message")
	n := ui.Notice{
		Kind: ui.Done, Hint: "The messages stay as they are.",
		Text: "Sent " + sent + " to " + printable(name) + ": " + number(accepted) + " accepted.",
	}
	if accepted < len(all.Sent) {
		n.Kind, n.Hint = ui.Warn, "One of the others: "+other
	}
	if len(all.Refused) > 0 {
		n.Kind = ui.Warn
		n.Hint = number(len(all.Refused)) + " not sent, one because " + errorText(all.Refused[0]) + ". " + n.Hint
	}
	return n
}

// copySentence returns the verb phrase of the event of a copy: "sent to staging (200 in 12 ms)".
func copySentence(action string, facts deadletter.CopyFacts) string {
	how := ""
	if !facts.Masked {
		how = "unmasked "
	}
	if action == deadletter.ActionCopy {
		return "began to send " + how + "to " + printable(facts.To)
	}
	result := copyResult(facts.Outcome, facts.StatusCode, time.Duration(facts.LatencyMS)*time.Millisecond)
	return "sent " + how + "to " + printable(facts.To) + " (" + result + ")"
}
