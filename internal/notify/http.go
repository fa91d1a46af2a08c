package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/redact"
)

const (
	// sendLimit is how long a sink may take to accept a notice.
	sendLimit = 10 * time.Second

	// minSecretPart is the shortest part of a sink's URL that is hidden in other texts.
	minSecretPart = 8
)

// endpoint is a URL that notices are posted to. It follows no redirects and reads a bounded part of a response, as the
// delivery of webhooks does, which it uses.
type endpoint struct {
	client   *delivery.Client
	platform string // names the receiver in errors: "Slack"
	to       delivery.Destination
	masks    *redact.Rules // the secrets of the sink, which a response may repeat
	fix      func(deadletter.Attempt) string
}

// newEndpoint returns an endpoint. fix says what a refusal means and what to do; "" if it does not know. secrets are
// hidden in errors besides those of the address.
func newEndpoint(
	client *delivery.Client, platform string, address redact.Secret, fix func(deadletter.Attempt) string,
	secrets ...redact.Secret,
) endpoint {
	known := partsOf(address.Reveal())
	for _, s := range secrets {
		known = append(known, s.Reveal())
	}
	return endpoint{
		client: client, platform: platform, fix: fix,
		to:    delivery.Destination{Source: platform, URL: address.Reveal(), Timeout: sendLimit},
		masks: redact.New(redact.Options{Known: known}),
	}
}

// partsOf returns the secret parts of a sink's URL: all but its host.
func partsOf(address string) []string {
	u, err := url.Parse(address)
	if err != nil {
		return []string{address}
	}
	parts := []string{address, u.RequestURI()}
	if password, ok := u.User.Password(); ok {
		parts = append(parts, password)
	}
	separates := func(r rune) bool { return strings.ContainsRune("/?&=", r) }
	for part := range strings.FieldsFuncSeq(u.RequestURI(), separates) {
		if len(part) >= minSecretPart {
			parts = append(parts, part)
		}
	}
	return parts
}

// post sends a document. id names it to the receiver, the same whenever it is sent again.
func (e endpoint) post(ctx context.Context, id string, headers deadletter.Headers, body []byte) error {
	all := deadletter.Headers{"Content-Type": {"application/json"}, "User-Agent": {"dlqdesk"}}
	for name, values := range headers {
		all[name] = values
	}
	return e.errorOf(e.client.Send(untraced{ctx}, e.to, delivery.Request{
		Body: body, Headers: all, WebhookID: id, Attempt: 1, Masks: e.masks,
	}))
}

func (e endpoint) errorOf(a deadletter.Attempt) error {
	var text string
	switch a.Outcome {
	case deadletter.Delivered:
		return nil
	case deadletter.Unreachable:
		text = fmt.Sprintf("%s cannot be reached. %s", e.platform, a.Error)
	case deadletter.Unknown:
		text = fmt.Sprintf("%s did not confirm it within %s: it may have arrived", e.platform,
			deadletter.ShortDuration(sendLimit))
	case deadletter.ErrorResponse:
		text = fmt.Sprintf("%s answered %d: %s", e.platform, a.StatusCode, e.refusal(a))
	}
	return &SendError{Permanent: !a.Transient(), RetryAfter: a.RetryAfter, Err: errors.New(text)}
}

// refusal says why a response refuses a notice, and what to do.
func (e endpoint) refusal(a deadletter.Attempt) string {
	if fix := e.fix(a); fix != "" {
		return strings.TrimSuffix(a.Error, ".") + ". " + fix
	}
	switch {
	case a.StatusCode >= 300 && a.StatusCode < 400:
		return "it redirects to another address, which is not followed. Configure the address that it redirects to"
	case a.StatusCode == 429:
		return "too many notices"
	case a.StatusCode == 404 || a.StatusCode == 410:
		return a.Error + ". Configure the address that it has now"
	case a.StatusCode == 401 || a.StatusCode == 403:
		return a.Error + ". Check its address, and that it knows the secret of this sink"
	}
	return a.Error
}

// untraced is a context that belongs to no trace: a span would name the path of the address, which is a secret.
type untraced struct{ context.Context }

// Value returns nil.
func (untraced) Value(any) any { return nil }

// encode returns a document as JSON. What sinks send can always be encoded. It leaves < and > as they are: as escapes
// they would count six times against the limits of platforms.
func encode(document any) []byte {
	var out bytes.Buffer
	to := json.NewEncoder(&out)
	to.SetEscapeHTML(false)
	_ = to.Encode(document)
	return bytes.TrimSpace(out.Bytes())
}
