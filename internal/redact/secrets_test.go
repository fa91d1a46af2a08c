package redact_test

import (
	"fmt"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
)

func TestSecretsRepeatedInAResponseAreHidden(t *testing.T) {
	t.Parallel()
	ssn, err := payload.ParsePath("$.customer.ssn")
	if err != nil {
		t.Fatal(err)
	}
	pin, err := payload.ParsePath("$.pins")
	if err != nil {
		t.Fatal(err)
	}
	masks := redact.New(redact.Options{Headers: []string{"X-Tenant"}, Paths: []payload.Path{ssn, pin}})
	headers := deadletter.Headers{
		"Authorization": {
			"Bearer s3cret-token",
		},
		"Cookie":              {"id=s3cret-id; lang=en"},
		"X-Tenant":            {`acme "one"`},
		"X-Hub-Signature-256": {"sha256=0badc0de"},
		"Content-Type":        {"application/json"},
		"X-Api-Key":           {"abc"},
	}
	body := []byte(`{"customer":{"name":"Ann","ssn":"078-05-1120"},"pins":[4711,{"old":"0815x"},7,true],"n":12345}`)
	s := masks.Secrets(headers, "token=q-s3cret&page=2000", body)
	for text, want := range map[string]string{
		"401: Bearer s3cret-token is expired":      "401: ••• is expired",
		"the token s3cret-token is expired":        "the token ••• is expired",
		"the Bearer scheme":                        "the Bearer scheme",
		"no session s3cret-id, lang en":            "no session •••, lang en",
		`{"tenant":"acme \"one\"","was":"acme"}`:   `{"tenant":"•••","was":"acme"}`,
		"bad digest 0badc0de (sha256)":             "bad digest ••• (sha256)",
		"422: ssn 078-05-1120 of Ann is taken":     "422: ssn ••• of Ann is taken",
		"pin 4711, 0815x, 7 and true of 12345":     "pin •••, •••, 7 and true of 12345",
		"application/json, abc, page 2000":         "application/json, abc, page 2000",
		"/hook?token=q-s3cret&page=2000 not found": "/hook?token=•••&page=2000 not found",
		"": "",
	} {
		t.Run(fmt.Sprintf("%.40q", text), func(t *testing.T) {
			if got := string(s.Hide([]byte(text), false)); got != want {
				t.Errorf("%q is shown as %q, want %q", text, got, want)
			}
		})
	}
	if got := string(s.Hide([]byte("the token s3cret-to"), true)); got != "the token •••" {
		t.Errorf("a text that was cut within a secret is shown as %q", got)
	}
	loose := masks.Secrets(nil, "", []byte(`{"customer":{"ssn":'078-05-1120'`))
	if got := string(loose.Hide([]byte("078-05-1120"), false)); strings.Contains(got, "078") {
		t.Errorf("a secret in a body that is no JSON is shown as %q", got)
	}
	a := deadletter.Attempt{
		Error:           "no s3cret-id",
		ResponseBody:    []byte("s3cret-token"),
		ResponseHeaders: deadletter.Headers{"X-Echo": {"a", "s3cret-token"}},
	}
	s.HideIn(&a)
	if a.Error != "no •••" || string(a.ResponseBody) != "•••" || a.ResponseHeaders["X-Echo"][1] != "•••" ||
		a.ResponseHeaders["X-Echo"][0] != "a" {
		t.Errorf("the attempt tells %+v", a)
	}
}

// What the receiver masked by the same rules needs no second look, but for the secrets of the configuration, which no
// rule names. Everything else is masked, whatever the envelope says about it.
func TestHideInTrustsTheSameRulesAlone(t *testing.T) {
	t.Parallel()
	const masked, secret, known = "••• may not write", "t0ken-of-it may not write", "c0nfigured may not write"
	rules := redact.New(redact.Options{Names: []string{"ssn"}, Known: []string{"c0nfigured"}})
	others := redact.New(redact.Options{})
	for name, c := range map[string]struct{ masks, reason, attempt, want string }{
		"no mark":                {"", secret, secret, masked},
		"other rules":            {others.Name(), secret, secret, masked},
		"another reason":         {rules.Name(), secret, masked, masked},
		"no attempt":             {rules.Name(), secret, "", masked},
		"configured":             {rules.Name(), known, known, masked},
		"masked by the receiver": {rules.Name(), secret, secret, secret}, // by the test's lie
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := deadletter.Capture{
				Headers: deadletter.Headers{"Authorization": {"Bearer t0ken-of-it"}}, Masks: c.masks, Reason: c.reason,
			}
			if c.attempt != "" {
				got.FirstAttempt = &deadletter.Attempt{Error: c.attempt, ResponseBody: []byte(c.attempt)}
			}
			rules.HideIn(&got)
			if got.Reason != c.want {
				t.Errorf("reason %q, want %q", got.Reason, c.want)
			}
			if a := got.FirstAttempt; a != nil && (a.Error != c.want || string(a.ResponseBody) != c.want) {
				t.Errorf("attempt %q, %q, want %q", a.Error, a.ResponseBody, c.want)
			}
		})
	}
}
