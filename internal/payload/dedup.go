package payload

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
)

// Dedup describes the place where a platform without Webhook-Id writes the id of an event. The platform's own retries
// repeat that id.
type Dedup struct {
	Header string        // "": Path says it
	Path   Path          // in the body; nil: the platform sends no id
	Window time.Duration // in which two webhooks of one id are the same event; 0: they never are
}

// DefaultDedupWindow outlasts the retries of the platforms, which go on for days.
const DefaultDedupWindow = 7 * 24 * time.Hour

const (
	webhookID    = "Webhook-Id" // of the Standard Webhooks specification
	maxWebhookID = 128          // bytes
)

// ID returns the id of the event of a webhook: its Webhook-Id header, or else the value where the platform writes it;
// "" if there is none.
func (d Dedup) ID(h deadletter.Headers, body []byte) string {
	if id := h.Get(webhookID); id != "" {
		return id
	}
	switch {
	case d.Header != "":
		return safeWebhookID(h.Get(d.Header))
	case d.Path != nil:
		return safeWebhookID(ValueAt(body, d.Path))
	}
	return ""
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
