package payload_test

import (
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

func TestIDOfAnEvent(t *testing.T) {
	t.Parallel()
	inBody := payload.Dedup{Path: payload.Path{"data", "0", "id"}}
	inHeader := payload.Dedup{Header: "X-Event-Id"}
	signed := payload.Dedup{Header: "webhook-id", Signed: true}
	large := `{"x":"` + strings.Repeat("y", 100_000) + `","data":[{"id":"evt-1"}]}`
	for name, c := range map[string]struct {
		dedup   payload.Dedup
		headers deadletter.Headers
		body    string
		want    string
	}{
		"nowhere":    {payload.Dedup{}, nil, `{"id":"1"}`, ""},
		"Webhook-Id": {payload.Dedup{}, deadletter.Headers{"Webhook-Id": {"w-1"}}, "", "w-1"},
		"key first":  {inHeader, deadletter.Headers{"Webhook-Id": {"w-1"}, "X-Event-Id": {"e-1"}}, "", "e-1"},
		"key alone":  {inHeader, deadletter.Headers{"Webhook-Id": {"w-1"}}, "", ""},
		"ignored":    {payload.Dedup{IgnoreWebhookID: true}, deadletter.Headers{"Webhook-Id": {"w-1"}}, "", ""},
		"signed":     {signed, deadletter.Headers{"Webhook-Id": {"w-1"}, "Webhook-Signature": {"v1,x"}}, "", "w-1"},
		"signed by Svix": {
			signed,
			deadletter.Headers{"Webhook-Id": {"forged"}, "Svix-Id": {"s-1"}, "Svix-Signature": {"v1,x"}},
			"",
			"s-1",
		},
		"signed beside Svix": {
			signed,
			deadletter.Headers{"Webhook-Id": {"w-1"}, "Webhook-Signature": {"v1,x"}, "Svix-Id": {"s-1"}},
			"",
			"w-1",
		},
		"header":    {inHeader, deadletter.Headers{"X-Event-Id": {"e-1"}}, "", "e-1"},
		"no header": {inHeader, nil, `{"id":"1"}`, ""},
		"text":      {inBody, nil, `{"data":[{"id":"evt-1"}]}`, "evt-1"},
		"number":    {inBody, nil, `{"data":[{"id":12345678901234567890}]}`, "12345678901234567890"},
		"far down":  {inBody, nil, large, "evt-1"},
		"null":      {inBody, nil, `{"data":[{"id":null}]}`, ""},
		"object":    {inBody, nil, `{"data":[{"id":{}}]}`, ""},
		"no JSON":   {inBody, nil, `<id>1</id>`, ""},
		"nothing":   {inBody, nil, ``, ""},
		"longer than headers": {
			inBody, nil, `{"data":[{"id":"` + strings.Repeat("x", 129) + `"}]}`,
			"sha256-d99a28e6e91b3a4e5d9f3b0b6aac4f8f",
		},
		"no header's text": {inBody, nil, `{"data":[{"id":"a\nb"}]}`, "sha256-"},
		"spaces around":    {inBody, nil, `{"data":[{"id":" a"}]}`, "sha256-"},
		"other messages":   {inBody, nil, `{"data":[{"id":"é"}]}`, "sha256-"},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.dedup.ID(c.headers, []byte(c.body))
			if strings.HasPrefix(c.want, "sha256-") {
				if len(got) != len("sha256-")+64 || !strings.HasPrefix(got, "sha256-") {
					t.Errorf("%s: %q", name, got)
				}
				return
			}
			if got != c.want {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		})
	}
}
