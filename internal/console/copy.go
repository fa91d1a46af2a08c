package console

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/shell"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const (
	maxCurlBody     = 16 << 10 // bytes; a larger body is sent from a file
	maxTicketBody   = 1 << 10  // bytes
	maxTicketRows   = 10       // attempts
	maxTicketInline = 300      // bytes of a value in a line
)

// curlOf returns a command that sends a revision to the configured destination as a replay does, with secrets masked.
// It returns the zero Curl if the message has no destination. saved reports whether the revision can be downloaded.
func (c *Console) curlOf(m deadletter.Message, r deadletter.Revision, masks desk.Source, saved bool) page.Curl {
	source, ok := c.sourceOf(m)
	if !ok || m.Source == "" && m.Queue.ConfigName != "" {
		return page.Curl{}
	}
	headers := delivery.Forwarded(source.URL, r.Headers, m.DeliveredWebhookID())
	body, bodyMasked, whole := masks.Masks.Wire(r.Headers, r.Body[:min(len(r.Body), maxHead)], maxHead)
	command := shell.Curl{
		URL:     delivery.Target(redact.URL(source.URL), masks.Masks.Query(m.Query)),
		Headers: masks.Masks.Headers(deadletter.Headers(headers)),
		Body:    body,
	}
	var v page.Curl
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if masks.Masks.IsSecretHeader(name) {
			v.Masked = append(v.Masked, "the header "+printable(name))
		}
	}
	if strings.Contains(command.URL, redact.Mask) {
		v.Masked = append(v.Masked, "values in the URL")
	}
	if bodyMasked {
		v.Masked = append(v.Masked, "values in the body")
	}
	if len(body) > maxCurlBody || !whole || len(r.Body) > maxHead {
		command.File = downloadName(m.ID, r, false)
		v.File = command.File
		if saved {
			v.FileURL = "/messages/" + url.PathEscape(string(m.ID)) + "/body?revision=" + strconv.Itoa(r.Number)
		}
	}
	v.Command = command.Command()
	return v
}

// tryCurl returns a command that sends a webhook to the first source that accepts one without a signature; "" if there
// is none.
func (c *Console) tryCurl(r *http.Request) string {
	sources := c.Settings().Sources
	i := slices.IndexFunc(sources, func(s Source) bool { return s.Setup.Open })
	if i < 0 {
		return ""
	}
	return curlTo(c.webhookBase(r) + "/webhooks/" + sources[i].Name)
}

// curlTo returns a command that sends a small webhook to the URL of a source.
func curlTo(endpoint string) string {
	return shell.Curl{
		URL:     endpoint,
		Headers: map[string][]string{"Content-Type": {"application/json"}},
		Body:    []byte(`{"eventType":"conversation:updated"}`),
	}.Command()
}

// ticketOf describes a message in Markdown, for readers without access to the desk. All text that is not ours stands in
// code spans and code blocks, where Markdown gives it no meaning: no link, no mention, no HTML.
func (c *Console) ticketOf(r *http.Request, m deadletter.Message, shown deadletter.Revision, h history) string {
	masks := c.Desk.SourceOf(m)
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	fact := func(label, value string) {
		if value != "" {
			line("- %s: %s", label, codeSpan(value))
		}
	}
	title := "Webhook not delivered"
	if m.Queue.ConfigName != "" {
		title = "Failed message of the queue " + codeSpan(m.Queue.ConfigName)
	}
	line("## %s: %s\n", title, codeSpan(m.Reason))
	line("- Message: <%s>", c.deskURL(r)+messageURL(m.ID, ""))
	fact("Source", m.Source)
	fact("Came from", m.Queue.SourceARN)
	fact("Was meant for", m.Queue.TargetARN)
	fact("Group", m.Queue.GroupID)
	fact("Request id", m.Queue.RequestID)
	fact("Event type", m.EventType)
	line("- Status: %s, attempts: %s", ui.StatusWord(string(m.Status)), c.attempts(m))
	line("- Received: %s", ui.At(m.ReceivedAt).Text)
	fact("Webhook-Id", m.WebhookID)
	if len(h.attempts) > 0 {
		line("\nAttempts, the latest first:\n")
	}
	for _, a := range h.attempts[:min(len(h.attempts), maxTicketRows)] {
		line("- %s", attemptLine(a))
	}
	if i := slices.IndexFunc(h.attempts, hasResponse); i >= 0 {
		a := h.attempts[i]
		line("\nResponse of attempt %d (%s):\n\n%s", a.Number, code(a.StatusCode), codeBlock(a.ResponseBody, masks))
	}
	body := show(shown, masks, excerptHead)
	form := strings.Join(append([]string{revisionName(shown), body.size()}, formOf(body.Text)...), ", ")
	line("\nPayload (%s):\n\n%s", form, codeBlock(body.Bytes, masks))
	return b.String()
}

func hasResponse(a deadletter.Attempt) bool { return len(a.ResponseBody) > 0 }

// attemptLine describes an attempt in a line of Markdown.
func attemptLine(a deadletter.Attempt) string {
	text := fmt.Sprintf("%d (%s), %s: ", a.Number, a.Trigger.Label(), ui.At(a.StartedAt).Text)
	if !a.Done {
		return text + "in flight"
	}
	text += a.Outcome.Label()
	if a.StatusCode > 0 {
		text += " " + code(a.StatusCode)
	}
	text += " in " + latency(a.Latency)
	if a.Error != "" {
		text += ", " + codeSpan(a.Error)
	}
	return text
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

// webhookBase returns the address of the receiver, as this browser knows it.
func (c *Console) webhookBase(r *http.Request) string {
	if c.WebhookURL != "" {
		return c.WebhookURL
	}
	return c.deskURL(r)
}

// codeSpan returns the beginning of a text as code within a line of Markdown.
func codeSpan(text string) string {
	text = strings.Join(strings.Fields(visible(cutAt(text, maxTicketInline))), " ")
	if text == "" {
		return "(empty)"
	}
	ticks := strings.Repeat("`", longestRun(text, '`')+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " " // Markdown removes one space at each end
	}
	return ticks + text + ticks
}

// codeBlock returns the beginning of a content, masked, as a block of Markdown.
func codeBlock(content []byte, masks desk.Source) string {
	masked, _ := masks.Masks.Text(content)
	text := "(binary)"
	if payload.IsText(masked) {
		text = visible(cutAt(string(masked), maxTicketBody))
	}
	ticks := strings.Repeat("`", max(3, longestRun(text, '`')+1))
	return ticks + "\n" + text + "\n" + ticks
}

// cutAt shortens a text to a number of bytes, and marks that.
func cutAt(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return string(cutText([]byte(text), limit)) + "…"
}

// visible is printable, and shows the characters that turn the direction of a text, too.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return utf8.RuneError
		}
		return r
	}, printable(text))
}

// longestRun returns how often a character stands in a row at most.
func longestRun(text string, char byte) (longest int) {
	run := 0
	for i := range len(text) {
		if run++; text[i] != char {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}
