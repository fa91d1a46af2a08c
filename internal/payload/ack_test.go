package payload_test

import (
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

func TestAck(t *testing.T) {
	t.Parallel()
	c := deadletter.Capture{ID: "0198", WebhookID: `w"<1>`, Body: []byte(`{"challenge":"a\"<b>&\n","n":7}`)}
	for _, a := range []struct{ contentType, template, want string }{
		{"application/json", `{"idOnExternalPlatform":"{message_id}"}`, `{"idOnExternalPlatform":"0198"}`},
		{
			"application/json", `{"w":"{webhook_id}","c":"{$.challenge}","n":{$.n},"none":"{$.x}"}`,
			`{"w":"w\"\u003c1\u003e","c":"a\"\u003cb\u003e\u0026\n","n":7,"none":""}`,
		},
		{"text/plain", `{$.challenge}`, "a\"<b>&\n"},
		{"application/xml", `<a>{webhook_id}</a>`, `<a>w&#34;&lt;1&gt;</a>`},
		{"text/html", `{webhook_id}`, `w&#34;&lt;1&gt;`},
		{"application/json", `{}`, `{}`},
		{"application/json", ``, ``},
	} {
		t.Run(a.template, func(t *testing.T) {
			ack, err := payload.NewAck(200, a.contentType, a.template)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(ack.Body(c)); got != a.want {
				t.Errorf("%s: %s, want %s", a.template, got, a.want)
			}
		})
	}
	for _, bad := range []string{`{message}`, `{"id":"{messageid}"}`, `{$}`, `{$.}`, `{$x}`} {
		t.Run(bad, func(t *testing.T) {
			if _, err := payload.NewAck(200, "application/json", bad); deadletter.KindOf(err) != deadletter.Invalid {
				t.Errorf("%s: %v", bad, err)
			}
		})
	}
	if _, err := payload.NewAck(204, "", "x"); deadletter.KindOf(err) != deadletter.Invalid {
		t.Errorf("204 with a body: %v", err)
	}
}
