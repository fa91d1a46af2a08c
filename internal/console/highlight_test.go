package console_test

import (
	"net/url"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
)

func TestSearchHighlightsMatches(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "d0c5ba7e-1", func(c *deadletter.Capture) {
		c.WebhookID = "wh-0815"
		c.EventType = "conversation:updated"
		c.Reason = "The handler said: field id is missing"
		c.Body = []byte(
			`{"conversationId":"c0ffee00-1111-4222-8333-444455556666","customer":{"ssn":"078-05-1120"},` +
				`"text":"<i>a</i>"}`,
		)
	})
	p := b.member(t, "vera", deadletter.Viewer)
	for text, want := range map[string]struct{ marks, row string }{
		"conversation:upd": {"conversation updated", "The handler said: field id is missing"},
		"miss handler":     {"handler missing", "The handler said: field id is missing"},
		"c0ffee00-1111-4222-83": {
			"c0ffee00 1111 4222 8333", "is missing c0ffee00-1111-4222-8333-444455556666 " + redact.Mask,
		},
		"missing 444455556666": {
			"missing 444455556666", "is missing c0ffee00-1111-4222-8333-444455556666 " + redact.Mask,
		},
		"d0c5ba": {"d0c5ba7e", "is missing id d0c5ba7e-1"},
		"0815":   {"0815", "is missing webhook id wh-0815"},
	} {
		t.Run(text, func(t *testing.T) {
			got := p.get("/messages?" + url.Values{"q": {text}}.Encode())
			var marks []string
			for _, m := range got.doc().Find("mark").EachIter() {
				marks = append(marks, m.Text())
			}
			if strings.Join(marks, " ") != want.marks || !strings.Contains(got.says(".row-link"), want.row) {
				t.Errorf("%q marks %q in %q", text, marks, got.says(".row-link"))
			}
		})
	}
	if got := p.get("/messages?q=078-05-1120"); got.count("tr[data-message]") != 0 {
		t.Error("a message is found by what is masked")
	}
}
