package redact_test

import (
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
)

func BenchmarkMaskingOfAFailure(b *testing.B) {
	body := []byte(`{"id":"c0ffee00-1111-4222-8333-444455556666","eventType":"conversation:updated","items":[` +
		strings.Repeat(`{"name":"line","price":1990,"text":"Größe M, 2 × 19,90 €","tags":["a","b"]},`, 20) + `{}]}`)
	headers := deadletter.Headers{
		"Authorization": {"Bearer s3cret-token-of-the-platform"}, "Content-Type": {"application/json"},
		"X-Hub-Signature-256": {"sha256=0badc0de0badc0de0badc0de"}, "User-Agent": {"platform/1.0"},
	}
	rules := redact.New(redact.Options{})
	for b.Loop() {
		a := deadletter.Attempt{
			Error:        "Service Unavailable",
			ResponseBody: []byte(`{"error":"upstream is restarting"}`),
		}
		rules.Secrets(headers, "page=2", body).HideIn(&a)
		a.Error = rules.Error(a.Error)
	}
}
