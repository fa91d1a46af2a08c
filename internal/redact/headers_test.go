package redact_test

import (
	"reflect"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
)

func TestSecretHeaders(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Authorization", "Proxy-Authorization", "cookie", "Set-Cookie", "X-Api-Key", "x-api_key", "X-APIKEY",
		"X-Auth", "X-Auth-Token", "X-Hub-Signature-256",
		"Stripe-Signature", "webhook-signature", "X-Shopify-Hmac-SHA256", "X-Amz-Security-Token",
		"X-Gitlab-Token", "X-Telegram-Bot-Api-Secret-Token",
		"Ocp-Apim-Subscription-Key", "X-Functions-Key", "X-JWT-Assertion", "X-Password", "X-Customer-Key",
	} {
		t.Run(name, func(t *testing.T) {
			if !redact.New(redact.Options{Headers: []string{"x-customer-key"}}).IsSecretHeader(name) {
				t.Errorf("%s is shown", name)
			}
		})
	}
	for _, name := range []string{
		"Content-Type", "User-Agent", "X-Request-Id", "Idempotency-Key",
		"X-Customer-Key", "Traceparent", "Webhook-Id", "Webhook-Timestamp",
	} {
		t.Run(name, func(t *testing.T) {
			if redact.New(redact.Options{}).IsSecretHeader(name) {
				t.Errorf("%s is masked", name)
			}
		})
	}
}

func TestMaskedHeaders(t *testing.T) {
	t.Parallel()
	h := deadletter.Headers{
		"Authorization": {"Bearer s3cret", "Basic s3cret"},
		"X-Customer":    {"s3cret"},
		"Accept":        {"a", "b"},
		"Empty":         {},
	}
	got := customer.Headers(h)
	want := deadletter.Headers{
		"Authorization": {"•••", "•••"},
		"X-Customer":    {"•••"},
		"Accept":        {"a", "b"},
		"Empty":         {},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if h.Get("authorization") != "Bearer s3cret" {
		t.Error("the headers themselves were masked")
	}
}

func TestHeaderLock(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Connection": "belongs to one connection", "transfer-encoding": "belongs to one connection",
		"Host":           "belongs to one connection",
		"Content-Length": "belongs to one connection", "Webhook-Id": "identifies the delivery",
		"Traceparent":       "identifies the delivery",
		"X-Dlqdesk-Attempt": "identifies the delivery", "X-Hub-Signature-256": "signature of the platform",
		"Webhook-Timestamp":     "signature of the platform",
		"X-Shopify-Hmac-Sha256": "signature of the platform", "Authorization": "credential",
		"Cookie": "credential", "X-Customer": "credential",
		"Content-Type": "", "X-Request-Id": "",
	} {
		t.Run(name, func(t *testing.T) {
			if got := customer.HeaderLock(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		})
	}
}

func TestEditHeaders(t *testing.T) {
	t.Parallel()
	base := deadletter.Headers{
		"Authorization": {"Bearer s3cret"},
		"Webhook-Id":    {"7"},
		"X-Old":         {"1"},
		"Accept":        {"a", "b"},
		"X-Customer":    {"c"},
	}
	edited := deadletter.Headers{
		"authorization": {
			"Bearer forged",
		},
		"Webhook-Id":        {"8"},
		"X-Hub-Signature":   {"forged"},
		"Transfer-Encoding": {"chunked"},
		"Host":              {"elsewhere"},
		"accept":            {"c"},
		"x-new":             {"1", "2"},
		"X-Customer":        {"•••"},
	}
	got, err := customer.EditHeaders(base, edited)
	want := deadletter.Headers{
		"Authorization": {"Bearer s3cret"},
		"Webhook-Id":    {"7"},
		"Accept":        {"c"},
		"X-New":         {"1", "2"},
		"X-Customer":    {"c"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	got["Authorization"][0] = "changed"
	if base.Get("Authorization") != "Bearer s3cret" {
		t.Error("the edit shares its values with the revision it was made of")
	}
}

func TestEditHeadersRefusesInvalidHeaders(t *testing.T) {
	t.Parallel()
	for name, edited := range map[string]deadletter.Headers{
		"no name":        {"": {"x"}},
		"a space":        {"X Y": {"x"}},
		"a colon":        {"X:": {"x"}},
		"a line end":     {"X\r\nY": {"x"}},
		"an umlaut":      {"Größe": {"x"}},
		"split value":    {"X": {"x\r\nAuthorization: forged"}},
		"bare line feed": {"X": {"x\ny"}},
		"a zero byte":    {"X": {"x\x00"}},
		"a delete":       {"X": {"x\x7f"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := customer.EditHeaders(deadletter.Headers{}, edited); deadletter.KindOf(
				err,
			) != deadletter.Invalid {
				t.Errorf("%s: %v, want Invalid", name, err)
			}
		})
	}
	fine := deadletter.Headers{"X-Text": {"tab\tand Größe, \"quoted\"", ""}}
	if got, err := customer.EditHeaders(deadletter.Headers{}, fine); err != nil || !reflect.DeepEqual(got, fine) {
		t.Errorf("got %v, %v", got, err)
	}
}

var customer = redact.New(redact.Options{Headers: []string{"x-customer"}})
