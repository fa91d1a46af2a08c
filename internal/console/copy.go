package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/web/ui"
)

const (
	maxCurlBody   = 16 << 10 // bytes; a larger body is sent from a file
	maxTicketBody = 1 << 10  // bytes
	maxTicketRows = 10       // attempts
)

// curlOf is a command that sends a revision the way a replay does; "" where none is to be had. Secrets stay masked.
func curlOf(l deadletter.Message, r deadletter.Revision, s desk.Source) string {
	if l.Source == "" && l.Queue.From != "" {
		return ""
	}
	lines := []string{"curl -i -X " + quoted(l.Method)}
	masked := r.Headers.EndToEnd().Masked(s.MaskHeaders...)
	for _, name := range masked.Names() {
		for _, value := range masked[name] {
			lines = append(lines, "-H "+quoted(printable(name+": "+value)))
		}
	}
	lines = append(lines, "-H "+quoted("Webhook-Id: "+printable(l.WebhookID)))
	body, _ := deadletter.MaskJSON(r.Body, s.MaskPaths)
	switch {
	case len(body) > maxCurlBody || !utf8.Valid(body):
		lines = append(lines, "--data-binary @"+downloadName(l.ID, r))
	case len(body) > 0:
		lines = append(lines, "--data-binary "+quoted(string(body)))
	}
	return printable(strings.Join(append(lines, quoted(maskedURL(l, s))), " \\\n  "))
}

// maskedURL is where a message was sent to, without what is secret in it.
func maskedURL(l deadletter.Message, s desk.Source) string {
	u, err := url.Parse(l.Destination)
	if err != nil || l.Destination == "" {
		return "http://destination"
	}
	u.RawQuery = strings.Trim(maskQuery(u.RawQuery, s)+"&"+maskQuery(l.Query, s), "&")
	return u.String()
}

// quoted writes a text as one word of a shell (POSIX.1-2024, section 2.2.2).
func quoted(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// ticketOf describes a message in Markdown, for somebody who has no desk.
func (c *Console) ticketOf(r *http.Request, l deadletter.Message, shown deadletter.Revision, h history) string {
	source, _ := c.Desk.Source(l.Source)
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	what := "Webhook not delivered"
	if l.Queue.From != "" {
		what = "Dead message of the queue " + inline(l.Queue.From)
	}
	line("## %s: %s\n", what, inline(l.Reason))
	line("- Message: %s", c.deskURL(r)+messageURL(l.ID, ""))
	told := func(label, value string) {
		if value != "" {
			line("- %s: %s", label, inline(value))
		}
	}
	told("Source", l.Source)
	told("Came from", l.Queue.SourceARN)
	told("Was meant for", l.Queue.TargetARN)
	told("Group", l.Queue.GroupID)
	told("Request id", l.Queue.RequestID)
	told("Event type", l.EventType)
	line("- Status: %s, retries %s", ui.StatusWord(string(l.Status)), c.retries(l))
	line("- Received: %s", ui.At(l.ReceivedAt).Text)
	line("- Webhook-Id: `%s`", inline(l.WebhookID))
	if len(h.attempts) > 0 {
		line("\n| attempt | at | outcome | code | took | error |\n| --- | --- | --- | --- | --- | --- |")
	}
	for _, a := range h.attempts[:min(len(h.attempts), maxTicketRows)] {
		line(
			"| %d (%s) | %s | %s | %s | %s | %s |",
			a.Number,
			a.Trigger,
			ui.At(a.StartedAt).Text,
			a.Outcome,
			code(a.StatusCode),
			latency(a.Latency),
			inline(a.Error),
		)
	}
	line("\nPayload (%s, %s):\n\n```\n%s\n```", revisionName(shown), size(len(shown.Body)), fenced(shown.Body, source))
	return b.String()
}

// deskURL is how browsers reach the desk.
func (c *Console) deskURL(r *http.Request) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	u := url.URL{Scheme: "http", Host: r.Host}
	if r.TLS != nil {
		u.Scheme = "https"
	}
	return u.String()
}

// inline makes a text fit for one line of Markdown and one cell of a table.
func inline(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "`", "'", "<", "&lt;").Replace(printable(text))
}

// fenced is the beginning of a body, which cannot end the code block that it stands in.
func fenced(body []byte, s desk.Source) string {
	masked, _ := deadletter.MaskJSON(body, s.MaskPaths)
	if !utf8.Valid(masked) {
		return "(binary)"
	}
	text := printable(string(masked))
	if len(text) > maxTicketBody {
		text = strings.ToValidUTF8(text[:maxTicketBody], "") + "…"
	}
	return strings.ReplaceAll(text, "```", "'''")
}
