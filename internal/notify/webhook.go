package notify

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/verify"
)

// Webhook sends to an HTTP endpoint of the operator's own, as Standard Webhooks has it (www.standardwebhooks.com).
type Webhook struct {
	endpoint endpoint
	signer   *verify.Verifier // nil: notices are not signed
	now      func() time.Time
}

// NewWebhook returns a sink for an address. An empty secret signs nothing. Its error is about the secret, and does not
// repeat it.
func NewWebhook(client *delivery.Client, address, secret redact.Secret, now func() time.Time) (Webhook, error) {
	w := Webhook{endpoint: newEndpoint(client, "The webhook", address, webhookFix, secret), now: now}
	if secret.Reveal() == "" {
		return w, nil
	}
	signer, err := verify.New(verify.Settings{Scheme: verify.StandardWebhooks, Secrets: []redact.Secret{secret}})
	if err != nil {
		return w, err
	}
	w.signer = signer
	return w, nil
}

// Send posts a document. Its webhook-id stays the same when it is sent again, so that receivers can drop doubles.
func (w Webhook) Send(ctx context.Context, n Notice) error {
	document, signed := encode(webhookDocument(n)), http.Request{Header: http.Header{}}
	if w.signer != nil {
		if err := w.signer.Sign(&signed, document, n.ID, w.now()); err != nil {
			return &SendError{Permanent: true, Err: fmt.Errorf("the webhook cannot be signed: %w", err)}
		}
	}
	return w.endpoint.post(ctx, n.ID, deadletter.Headers(signed.Header), document)
}

// webhookEvent is the document of a webhook: type, timestamp and data, as Standard Webhooks recommends.
type webhookEvent struct {
	Type      string       `json:"type"` // alert.raised, alert.resolved or alert.test
	Timestamp time.Time    `json:"timestamp"`
	Data      webhookAlert `json:"data"`
}

type webhookAlert struct {
	ID         string                 `json:"id"`
	Kind       string                 `json:"kind"`
	Key        string                 `json:"key"`
	Severity   string                 `json:"severity"`
	Title      string                 `json:"title"`
	Text       string                 `json:"text,omitempty"`
	Sources    []string               `json:"sources"`
	Cause      string                 `json:"cause,omitempty"`
	Job        string                 `json:"job,omitempty"`
	Facts      []deadletter.AlertFact `json:"facts"`
	Causes     []webhookCause         `json:"causes"`
	CauseCount int                    `json:"cause_count"`
	RaisedAt   *time.Time             `json:"raised_at,omitempty"`
	ResolvedAt *time.Time             `json:"resolved_at,omitempty"`
	Resolution string                 `json:"resolution,omitempty"`
	Links      []webhookLink          `json:"links"`
	Desk       string                 `json:"desk"`
}

type webhookCause struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

type webhookLink struct {
	Label string `json:"label"`
	URL   string `json:"url"`
}

// The limits of a document: of texts in characters, and of lists.
const (
	webhookText  = 4000
	webhookValue = 1000
	webhookList  = 50
)

func webhookDocument(n Notice) webhookEvent {
	a := n.Alert
	long := func(text string) string { return cut(plain(text), webhookText, asIs) }
	short := func(text string) string { return cut(plain(text), webhookValue, asIs) }
	data := webhookAlert{
		ID: a.ID.String(), Kind: string(a.Kind), Key: a.Key, Severity: string(a.Severity),
		Title: short(a.Title), Text: long(a.Text), Sources: []string{}, Cause: a.Cause,
		Facts: []deadletter.AlertFact{}, Causes: []webhookCause{}, CauseCount: a.CauseCount,
		RaisedAt: timeOrNone(a.RaisedAt), ResolvedAt: timeOrNone(a.ResolvedAt), Resolution: long(a.Resolution),
		Links: []webhookLink{}, Desk: n.Desk,
	}
	if a.Job != 0 {
		data.Job = a.Job.String()
	}
	for _, source := range a.Sources[:min(len(a.Sources), webhookList)] {
		data.Sources = append(data.Sources, short(source))
	}
	for _, f := range a.Facts[:min(len(a.Facts), webhookList)] {
		data.Facts = append(data.Facts, deadletter.AlertFact{Label: short(f.Label), Value: short(f.Value)})
	}
	for _, c := range a.Causes {
		data.Causes = append(data.Causes, webhookCause{c.Fingerprint, short(c.Title)})
	}
	for _, l := range n.Links {
		data.Links = append(data.Links, webhookLink(l))
	}
	return webhookEvent{Type: "alert." + string(n.Event), Timestamp: n.At.UTC(), Data: data}
}

func timeOrNone(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

// webhookFix says what a refusal of an operator's own endpoint means.
func webhookFix(a deadletter.Attempt) string {
	if a.StatusCode == 401 || a.StatusCode == 403 {
		return "Check that the receiver verifies with the same secret"
	}
	return ""
}
