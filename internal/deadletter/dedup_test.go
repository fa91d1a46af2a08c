package deadletter_test

import (
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

func TestIDOfAnEvent(t *testing.T) {
	t.Parallel()
	inBody := deadletter.Dedup{Path: deadletter.Path{"data", "0", "id"}}
	inHeader := deadletter.Dedup{Header: "X-Event-Id"}
	large := `{"x":"` + strings.Repeat("y", 100_000) + `","data":[{"id":"evt-1"}]}`
	for name, c := range map[string]struct {
		dedup   deadletter.Dedup
		headers deadletter.Headers
		body    string
		want    string
	}{
		"nowhere":             {deadletter.Dedup{}, nil, `{"id":"1"}`, ""},
		"Webhook-Id":          {deadletter.Dedup{}, deadletter.Headers{"Webhook-Id": {"w-1"}}, "", "w-1"},
		"Webhook-Id first":    {inHeader, deadletter.Headers{"Webhook-Id": {"w-1"}, "X-Event-Id": {"e-1"}}, "", "w-1"},
		"header":              {inHeader, deadletter.Headers{"X-Event-Id": {"e-1"}}, "", "e-1"},
		"no header":           {inHeader, nil, `{"id":"1"}`, ""},
		"text":                {inBody, nil, `{"data":[{"id":"evt-1"}]}`, "evt-1"},
		"number":              {inBody, nil, `{"data":[{"id":12345678901234567890}]}`, "12345678901234567890"},
		"far down":            {inBody, nil, large, "evt-1"},
		"null":                {inBody, nil, `{"data":[{"id":null}]}`, ""},
		"object":              {inBody, nil, `{"data":[{"id":{}}]}`, ""},
		"no JSON":             {inBody, nil, `<id>1</id>`, ""},
		"nothing":             {inBody, nil, ``, ""},
		"longer than headers": {inBody, nil, `{"data":[{"id":"` + strings.Repeat("x", 129) + `"}]}`, "sha256-d99a28e6e91b3a4e5d9f3b0b6aac4f8f"},
		"no header's text":    {inBody, nil, `{"data":[{"id":"a\nb"}]}`, "sha256-"},
		"spaces around":       {inBody, nil, `{"data":[{"id":" a"}]}`, "sha256-"},
		"other messages":      {inBody, nil, `{"data":[{"id":"é"}]}`, "sha256-"},
	} {
		got := c.dedup.ID(c.headers, []byte(c.body))
		if strings.HasPrefix(c.want, "sha256-") {
			if len(got) != len("sha256-")+64 || !strings.HasPrefix(got, "sha256-") {
				t.Errorf("%s: %q", name, got)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestMessageCoversWhatNobodyWouldMiss(t *testing.T) {
	t.Parallel()
	original := deadletter.Revision{Body: []byte("one")}
	for _, status := range deadletter.Statuses() {
		l := deadletter.Message{ID: "a-1", Status: status}
		open := status == deadletter.Failed || status == deadletter.Retrying || status == deadletter.Replaying
		if !l.Covers(deadletter.Capture{ID: "a-1", Body: []byte("two")}, original, time.Hour) ||
			!l.Covers(deadletter.Capture{ID: "b-2", Body: []byte("one")}, original, time.Hour) {
			t.Errorf("%s: the same message, or the same bytes, would be another message", status)
		}
		if l.Covers(deadletter.Capture{ID: "b-2", Body: []byte("two")}, original, time.Hour) != open {
			t.Errorf("%s: other bytes of the event", status)
		}
	}
}

func TestMessageCoversWhatComesWithinTheWindow(t *testing.T) {
	t.Parallel()
	l := deadletter.Message{ID: "a-1", Status: deadletter.Failed, ReceivedAt: now}
	for _, c := range []struct {
		id            deadletter.ID
		after, window time.Duration
		want          bool
	}{
		{"b-2", 0, time.Hour, true},
		{"b-2", time.Hour, time.Hour, true},
		{"b-2", -time.Hour, time.Hour, true},
		{"b-2", time.Hour + 1, time.Hour, false},
		{"b-2", -time.Hour - 1, time.Hour, false},
		{"b-2", 0, 0, false},
		{"a-1", 100 * time.Hour, 0, true},
	} {
		if got := l.Covers(
			deadletter.Capture{ID: c.id, ReceivedAt: now.Add(c.after)},
			deadletter.Revision{},
			c.window,
		); got != c.want {
			t.Errorf("%s after %s within %s: %t", c.id, c.after, c.window, got)
		}
	}
}

func TestAck(t *testing.T) {
	t.Parallel()
	c := deadletter.Capture{ID: "0198", WebhookID: `w"<1>`, Body: []byte(`{"challenge":"a\"<b>&\n","n":7}`)}
	for _, a := range []struct{ contentType, template, want string }{
		{"application/json", `{"idOnExternalPlatform":"{message_id}"}`, `{"idOnExternalPlatform":"0198"}`},
		{"application/json", `{"w":"{webhook_id}","c":"{$.challenge}","n":{$.n},"none":"{$.x}"}`, `{"w":"w\"\u003c1\u003e","c":"a\"\u003cb\u003e\u0026\n","n":7,"none":""}`},
		{"text/plain", `{$.challenge}`, "a\"<b>&\n"},
		{"application/xml", `<a>{webhook_id}</a>`, `<a>w&#34;&lt;1&gt;</a>`},
		{"text/html", `{webhook_id}`, `w&#34;&lt;1&gt;`},
		{"application/json", `{}`, `{}`},
		{"application/json", ``, ``},
	} {
		ack, err := deadletter.NewAck(200, a.contentType, a.template)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(ack.Body(c)); got != a.want {
			t.Errorf("%s: %s, want %s", a.template, got, a.want)
		}
	}
	for _, bad := range []string{`{message}`, `{"id":"{messageid}"}`, `{$}`, `{$.}`, `{$x}`} {
		if _, err := deadletter.NewAck(200, "application/json", bad); deadletter.KindOf(err) != deadletter.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := deadletter.NewAck(204, "", "x"); deadletter.KindOf(err) != deadletter.Invalid {
		t.Errorf("204 with a body: %v", err)
	}
}
