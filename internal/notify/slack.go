package notify

import (
	"context"
	"regexp"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/redact"
)

// The limits of a Slack message (docs.slack.dev/reference/block-kit/blocks). The whole of one has a limit as well that
// is not documented, about 13,000 characters: these stay below it together.
const (
	slackHeader    = 150
	slackSection   = 2000 // 3,000 are permitted
	slackLabel     = 60
	slackValue     = 150 // 2,000 are permitted
	slackCause     = 150
	slackFields    = 10 // of a section
	slackFallback  = 500
	slackMaxFields = 2 * slackFields
)

// Slack sends to an incoming webhook of Slack.
type Slack struct{ endpoint endpoint }

// NewSlack returns a sink for the URL of an incoming webhook.
func NewSlack(client *delivery.Client, address redact.Secret) Slack {
	return Slack{newEndpoint(client, "Slack", address, slackFix)}
}

// Send posts a message. Slack's webhooks know no ids: a message that is sent again is there twice.
func (s Slack) Send(ctx context.Context, n Notice) error {
	return s.endpoint.post(ctx, n.ID, nil, encode(slackMessage(n)))
}

// slackObject is an object of Slack's JSON.
type slackObject map[string]any

func slackMessage(n Notice) slackObject {
	blocks := []slackObject{{"type": "header", "text": slackPlain(slackMark(n)+headline(n), slackHeader)}}
	if told := text(n); told != "" {
		blocks = append(blocks, slackObject{"type": "section", "text": slackPlain(told, slackSection)})
	}
	var fields []slackObject
	for _, f := range facts(n) {
		value := cut(withoutMentions(f.Value), slackValue, slackEscape)
		text := "*" + cut(f.Label, slackLabel, slackEscape) + "*\n" + value
		fields = append(fields, slackMarkup(text))
	}
	for fields = fields[:min(len(fields), slackMaxFields)]; len(fields) > 0; {
		size := min(len(fields), slackFields)
		blocks = append(blocks, slackObject{"type": "section", "fields": fields[:size]})
		fields = fields[size:]
	}
	if heading, lines := causes(n, deadletter.MaxAlertCauses, slackCause); heading != "" {
		list := heading + "\n• " + strings.Join(lines, "\n• ")
		blocks = append(blocks, slackObject{"type": "section", "text": slackPlain(list, slackSection)})
	}
	if len(n.Links) > 0 {
		links := make([]string, len(n.Links))
		for i, l := range n.Links {
			links[i] = "<" + slackEscaped(l.URL) + "|" + slackEscaped(l.Label) + ">"
		}
		// Links and not buttons: Slack warns of a button whose app takes no clicks.
		blocks = append(blocks, slackObject{"type": "section", "text": slackMarkup(strings.Join(links, "  ·  "))})
	}
	footer := slackPlain("dlqdesk "+n.Desk, slackHeader)
	blocks = append(blocks, slackObject{"type": "context", "elements": []slackObject{footer}})
	return slackObject{
		"text":         cut(withoutMentions(headline(n)), slackFallback, slackEscape), // what a notification shows
		"blocks":       blocks,
		"unfurl_links": false,
		"unfurl_media": false,
	}
}

// slackMark makes the severity visible.
func slackMark(n Notice) string {
	switch {
	case n.Event == deadletter.AlertResolved:
		return "🟢 "
	case n.Alert.Severity == deadletter.SeverityCritical:
		return "🔴 "
	case n.Alert.Severity == deadletter.SeverityWarning:
		return "🟠 "
	}
	return "🔵 "
}

// slackPlain is a text without markup, in which Slack sees neither mentions nor links.
func slackPlain(text string, limit int) slackObject {
	return slackObject{"type": "plain_text", "text": cut(withoutMentions(text), limit, slackEscape), "emoji": false}
}

// slackMarkup is a text of ours, in which the texts of others are escaped. verbatim: Slack makes no links and mentions
// of what looks like them.
func slackMarkup(text string) slackObject {
	return slackObject{"type": "mrkdwn", "text": text, "verbatim": true}
}

// slackEscape escapes the characters that begin mentions and links.
func slackEscape(r rune) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	}
	return string(r)
}

func slackEscaped(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "%7C").Replace(text)
}

var mention = regexp.MustCompile(`(?i)@(channel|here|everyone)\b`)

// withoutMentions keeps a text from notifying the members of a channel: it puts a character without width between @
// and the name.
func withoutMentions(text string) string { return mention.ReplaceAllString(text, "@\u200b$1") }

// slackFix says what an error of Slack means (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
func slackFix(a deadletter.Attempt) string {
	code, _, _ := strings.Cut(strings.TrimSpace(string(a.ResponseBody)), "\n")
	switch code {
	case "no_service", "no_service_id", "no_team", "team_disabled", "invalid_token", "no_active_hooks":
		return "The webhook is no more: make a new one, and configure its URL"
	case "channel_is_archived":
		return "Take the channel out of the archive, or make a webhook for another one"
	case "channel_not_found", "user_not_found":
		return "The channel is no more: make a webhook for another one, and configure its URL"
	case "action_prohibited", "posting_to_general_channel_denied":
		return "An administrator of the workspace does not permit it: ask for it, or make a webhook for another channel"
	case "invalid_payload", "invalid_blocks", "invalid_blocks_format", "no_text", "too_many_attachments":
		return "dlqdesk sent a message that Slack does not understand: please report it"
	}
	return ""
}
