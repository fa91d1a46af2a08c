package payload

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
)

// Dedup describes where the webhooks of a source say which event they are. A platform's own retries repeat that id.
type Dedup struct {
	Header string        // "": Path says it
	Path   Path          // in the body; nil: the header Webhook-Id, if it counts
	Window time.Duration // in which two webhooks of one id are the same event; 0: they never are

	// Signed is set if Header is Webhook-Id and part of what the platform signs. A handler that verifies signatures
	// accepts no delivery with another value.
	Signed bool
	// IgnoreWebhookID is set if anyone could have written the header Webhook-Id, although the source verifies the rest
	// of a webhook: a sender who repeats one signed body could choose the id of another event.
	IgnoreWebhookID bool
}

// DefaultDedupWindow outlasts the retries of the platforms, which go on for days.
const DefaultDedupWindow = 7 * 24 * time.Hour

const (
	webhookID    = "Webhook-Id" // of the Standard Webhooks specification
	maxWebhookID = 128          // bytes

	// Svix sends the headers of Standard Webhooks under its own names as well.
	standardSignature = "Webhook-Signature"
	svixID            = "Svix-Id"
)

// ID returns the id of the event of a webhook; "" if it has none. The header Webhook-Id counts where it is signed, or
// where the source names no other place and its sender cannot be another than that of the rest of the webhook.
func (d Dedup) ID(h deadletter.Headers, body []byte) string {
	header, path := d.Place()
	switch {
	case d.Signed && h.Get(standardSignature) == "" && h.Get(svixID) != "":
		return safeWebhookID(h.Get(svixID))
	case path != nil:
		return safeWebhookID(ValueAt(h, body, path))
	}
	return safeWebhookID(h.Get(header))
}

// Place returns the header or else the path in the body that has the id of an event. If webhooks have no id that
// counts, both are zero.
func (d Dedup) Place() (header string, path Path) {
	switch {
	case d.Header != "":
		return d.Header, nil
	case d.Path != nil:
		return "", d.Path
	case d.IgnoreWebhookID:
		return "", nil
	}
	return webhookID, nil
}

// safeWebhookID returns the id, or its hash if it is not valid in a header.
func safeWebhookID(id string) string {
	if len(id) > maxWebhookID || strings.Trim(id, " ") != id ||
		strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r > '~' }) {
		sum := sha256.Sum256([]byte(id))
		return "sha256-" + hex.EncodeToString(sum[:])
	}
	return id
}
