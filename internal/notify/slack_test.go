package notify_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"dlqdesk/internal/notify"
)

// The forms of Slack that its documentation has, as far as we send them.
type slackText struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji"`
	Verbatim *bool  `json:"verbatim"`
}

type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackText  `json:"text"`
	Fields   []slackText `json:"fields"`
	Elements []slackText `json:"elements"`
}

type slackMessage struct {
	Text        string       `json:"text"`
	Blocks      []slackBlock `json:"blocks"`
	UnfurlLinks *bool        `json:"unfurl_links"`
	UnfurlMedia *bool        `json:"unfurl_media"`
}

// maxSlackBlocks is where Slack answers msg_blocks_too_long, which it does not document.
const maxSlackBlocks = 13_000

// newSlack stands for Slack's incoming webhooks. It refuses what Slack refuses, and what would call people.
func newSlack(t *testing.T) *platform {
	t.Helper()
	return newPlatform(t, func(w http.ResponseWriter, r request) {
		if fault := slackFault(r.body); fault != "" {
			t.Errorf("%s in %.3000s", fault, r.body)
			http.Error(w, "invalid_blocks", http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, "ok")
	})
}

var (
	slackControl = regexp.MustCompile(`<[^>]*>`)
	slackLink    = regexp.MustCompile(`^<https://desk\.example\.com/[^|<>]*\|[^|<>]+>$`)
	slackEntity  = regexp.MustCompile(`&(amp|lt|gt);`)
	slackCall    = regexp.MustCompile(`(?i)@(channel|here|everyone)`)
)

func slackFault(body []byte) string {
	var m slackMessage
	if err := strictly(body, &m); err != nil {
		return err.Error()
	}
	switch {
	case m.Text == "" || size(m.Text) > 40_000:
		return "no_text"
	case len(m.Blocks) == 0 || len(m.Blocks) > 50:
		return "blocks"
	case m.UnfurlLinks == nil || *m.UnfurlLinks || m.UnfurlMedia == nil || *m.UnfurlMedia:
		return "it unfurls"
	}
	total, fault := 0, textFault(slackText{Type: "mrkdwn", Text: m.Text, Verbatim: new(true)}, 40_000)
	look := func(t slackText, limit int) {
		total += size(t.Text)
		if found := textFault(t, limit); found != "" {
			fault = found
		}
	}
	for _, b := range m.Blocks {
		switch {
		case b.Type == "header" && b.Text != nil && b.Text.Type == "plain_text":
			look(*b.Text, 150)
		case b.Type == "section" && (b.Text != nil) != (len(b.Fields) > 0) && len(b.Fields) <= 10:
			if b.Text != nil {
				look(*b.Text, 3000)
			}
			for _, f := range b.Fields {
				look(f, 2000)
			}
		case b.Type == "context" && len(b.Elements) > 0 && len(b.Elements) <= 10:
			for _, e := range b.Elements {
				look(e, 2000)
			}
		default:
			return "block " + b.Type
		}
	}
	if total > maxSlackBlocks {
		return "msg_blocks_too_long"
	}
	return fault
}

// textFault looks for what is no valid text, and for anything in it that Slack would read as a mention or a link.
func textFault(t slackText, limit int) string {
	rest := t.Text
	switch {
	case t.Text == "" || size(t.Text) > limit:
		return "a text is empty or too long: " + t.Text
	case t.Type == "plain_text" && (t.Emoji == nil || *t.Emoji || t.Verbatim != nil):
		return "plain text with emoji"
	case t.Type == "mrkdwn":
		if t.Verbatim == nil || !*t.Verbatim || t.Emoji != nil {
			return "markup in which Slack looks for links"
		}
		for _, found := range slackControl.FindAllString(t.Text, -1) {
			if !slackLink.MatchString(found) {
				return "a control sequence: " + found
			}
		}
		rest = slackControl.ReplaceAllString(rest, "")
	case t.Type != "plain_text":
		return "type " + t.Type
	}
	rest = slackEntity.ReplaceAllString(rest, "")
	switch {
	case strings.ContainsAny(rest, "<>&"):
		return "an unescaped character: " + rest
	case slackCall.MatchString(rest):
		return "a mention: " + rest
	}
	return ""
}

func TestSlackTakesAlerts(t *testing.T) {
	t.Parallel()
	slack := newSlack(t)
	sink := notify.NewSlack(newClient(t), secret(slack.URL+"/services/T000/B000/s3cret"))
	for _, n := range []notify.Notice{newCause(), resolved(newCause())} {
		if err := sink.Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	sent := slack.received()
	if len(sent) != 2 || sent[0].path != "/services/T000/B000/s3cret" {
		t.Fatalf("%+v", sent)
	}
	for _, want := range []string{
		"New cause: customer is required", "1,204 messages", "*Source*\\ngenesys", "30 November 08:15:00 UTC",
		"<https://desk.example.com/causes/1f0c?open=test|Test batch>", "open=mute&amp;from=alert|Mute>",
	} {
		if !strings.Contains(string(sent[0].body), want) {
			t.Errorf("without %q: %s", want, sent[0].body)
		}
	}
	for _, want := range []string{"Resolved: New cause", "All messages of the cause are resolved.", "after 1m35s"} {
		if !strings.Contains(string(sent[1].body), want) {
			t.Errorf("without %q: %s", want, sent[1].body)
		}
	}
}

func TestNoPayloadCallsPeopleInSlack(t *testing.T) {
	t.Parallel()
	slack := newSlack(t)
	eachHostile(t, notify.NewSlack(newClient(t), secret(slack.URL)))
}

func TestErrorsOfSlackSayWhatToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer    http.HandlerFunc
		permanent bool
		wait      string
		text      string
	}{
		"no webhook":       {status(404, "no_service"), true, "0s", "make a new one"},
		"archived channel": {status(410, "channel_is_archived"), true, "0s", "out of the archive"},
		"not permitted":    {status(403, "action_prohibited"), true, "0s", "administrator"},
		"not understood":   {status(400, "invalid_blocks"), true, "0s", "report it"},
		"too many":         {status(429, "rate_limited", "Retry-After", "30"), false, "30s", "429"},
		"trouble":          {status(500, "rollup_error"), false, "0s", "500"},
		"redirect":         {status(302, "", "Location", "https://evil.example/"), true, "0s", "redirects"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slack := newSlack(t)
			slack.answers(c.answer)
			sink := notify.NewSlack(newClient(t), secret(slack.URL+"/services/T000/B000/s3cretpart"))
			failed := sendError(t, sink.Send(t.Context(), newCause()))
			if failed.Permanent != c.permanent || failed.RetryAfter.String() != c.wait {
				t.Errorf("%+v", failed)
			}
			if !strings.Contains(failed.Error(), "Slack") || !strings.Contains(failed.Error(), c.text) {
				t.Error(failed)
			}
		})
	}
}
