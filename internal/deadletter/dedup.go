package deadletter

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Dedup says where a platform that sends no Webhook-Id writes the id of an event, by which its own retries of it are
// known.
type Dedup struct {
	Header string        // "": Path says it
	Path   Path          // in the body; nil: the platform sends no id
	Window time.Duration // in which two webhooks of one id are the same event; 0: they never are
}

// DefaultWindow outlasts the retries of the platforms, which go on for days.
const DefaultWindow = 7 * 24 * time.Hour

const (
	webhookID    = "Webhook-Id" // of the Standard Webhooks specification
	maxWebhookID = 128          // bytes
)

// ID answers the id of the event that a webhook tells of: that of its Webhook-Id header, or else what is found where
// the platform writes it; "" where there is none.
func (d Dedup) ID(h Headers, body []byte) string {
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

// safeWebhookID lets a hash stand for an id that a header could not carry as it is.
func safeWebhookID(id string) string {
	if len(id) > maxWebhookID || strings.Trim(id, " ") != id ||
		strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r > '~' }) {
		sum := sha256.Sum256([]byte(id))
		return "sha256-" + hex.EncodeToString(sum[:])
	}
	return id
}

// Covers tells whether a capture of the same id counts as one more arrival of the message. The same message always
// does. Another one does if it was received within the window, unless it brings other bytes after the message is
// dealt with, where nobody would look for them.
func (l Message) Covers(c Capture, original Revision, window time.Duration) bool {
	open := l.Status == Failed || l.Status == Retrying || l.Status == Replaying
	recent := window > 0 && c.ReceivedAt.Sub(l.ReceivedAt).Abs() <= window
	return l.ID == c.ID || recent && (open || string(c.Body) == string(original.Body))
}
