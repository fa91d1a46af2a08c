package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/web/ui"
)

const (
	maxCurlBody   = 16 << 10 // bytes; a larger body is sent from a file
	maxTicketBody = 1 << 10  // bytes
	maxTicketRows = 10       // attempts
)

// curlOf returns a command that sends a revision as a replay does, with secrets masked; "" if the message has no
// destination.
func curlOf(m deadletter.Message, r deadletter.Revision, s desk.Source) string {
	if m.Source == "" && m.Queue.ConfigName != "" {
		return ""
	}
	lines := []string{"curl -i -X " + payload.ShellQuote(m.Method)}
	masked := redact.Headers(r.Headers.EndToEnd(), s.MaskHeaders...)
	for _, name := range masked.Names() {
		for _, value := range masked[name] {
			lines = append(lines, "-H "+payload.ShellQuote(printable(name+": "+value)))
		}
	}
	lines = append(lines, "-H "+payload.ShellQuote("Webhook-Id: "+printable(m.DeliveredWebhookID())))
	body, _ := redact.Body(r.Body, s.MaskPaths)
	switch {
	case len(body) > maxCurlBody || !utf8.Valid(body):
		lines = append(lines, "--data-binary @"+downloadName(m.ID, r))
	case len(body) > 0:
		lines = append(lines, "--data-binary "+payload.ShellQuote(string(body)))
	}
	return printable(strings.Join(append(lines, payload.ShellQuote(maskedURL(m, s))), " \\\n  "))
}

// maskedURL returns the address that a message was sent to, with secrets masked.
func maskedURL(m deadletter.Message, s desk.Source) string {
	u, err := url.Parse(m.Destination)
	if err != nil || m.Destination == "" {
		return "http://destination"
	}
	u.RawQuery = strings.Trim(maskQuery(u.RawQuery, s)+"&"+maskQuery(m.Query, s), "&")
	return u.String()
}

// ticketOf describes a message in Markdown, for readers without access to the desk.
func (c *Console) ticketOf(r *http.Request, m deadletter.Message, shown deadletter.Revision, h history) string {
	source, _ := c.Desk.Source(m.Source)
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	what := "Webhook not delivered"
	if m.Queue.ConfigName != "" {
		what = "Failed message of the queue " + inline(m.Queue.ConfigName)
	}
	line("## %s: %s\n", what, inline(m.Reason))
	line("- Message: %s", c.deskURL(r)+messageURL(m.ID, ""))
	told := func(label, value string) {
		if value != "" {
			line("- %s: %s", label, inline(value))
		}
	}
	told("Source", m.Source)
	told("Came from", m.Queue.SourceARN)
	told("Was meant for", m.Queue.TargetARN)
	told("Group", m.Queue.GroupID)
	told("Request id", m.Queue.RequestID)
	told("Event type", m.EventType)
	line("- Status: %s, attempts: %s", ui.StatusWord(string(m.Status)), c.attempts(m))
	line("- Received: %s", ui.At(m.ReceivedAt).Text)
	line("- Webhook-Id: `%s`", inline(m.DeliveredWebhookID()))
	if len(h.attempts) > 0 {
		line("\n| attempt | at | outcome | code | took | error |\n| --- | --- | --- | --- | --- | --- |")
	}
	for _, a := range h.attempts[:min(len(h.attempts), maxTicketRows)] {
		line(
			"| %d (%s) | %s | %s | %s | %s | %s |", a.Number, a.Trigger.Label(), ui.At(a.StartedAt).Text,
			a.Outcome.Label(), code(a.StatusCode), latency(a.Latency), inline(a.Error),
		)
	}
	line("\nPayload (%s, %s):\n\n```\n%s\n```", revisionName(shown), size(len(shown.Body)), fenced(shown.Body, source))
	return b.String()
}

// deskURL returns the address of the desk, as browsers reach it.
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

// inline makes a text fit one line of Markdown and one table cell.
func inline(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "`", "'", "<", "&lt;").Replace(printable(text))
}

// fenced returns the beginning of a body, which cannot end the code block around it.
func fenced(body []byte, s desk.Source) string {
	masked, _ := redact.Body(body, s.MaskPaths)
	if !utf8.Valid(masked) {
		return "(binary)"
	}
	text := printable(string(masked))
	if len(text) > maxTicketBody {
		text = strings.ToValidUTF8(text[:maxTicketBody], "") + "…"
	}
	return strings.ReplaceAll(text, "```", "'''")
}

// curl returns a command that sends a webhook here.
func (c *Console) curl(r *http.Request) string {
	sources := c.Settings().Sources
	if len(sources) == 0 {
		return ""
	}
	return curlTo(c.webhookBase(r) + "/webhooks/" + sources[0].Name)
}

func curlTo(url string) string {
	return "curl -i -H 'Content-Type: application/json' \\\n  -d '{\"eventType\":\"conversation:updated\"}' " +
		"\\\n  " + url
}

// webhookBase returns the address of the receiver, as this browser knows it.
func (c *Console) webhookBase(r *http.Request) string {
	if c.WebhookURL != "" {
		return c.WebhookURL
	}
	return c.deskURL(r)
}
