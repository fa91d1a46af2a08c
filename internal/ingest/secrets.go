package ingest

import (
	"dlqdesk/internal/deadletter"

	"dlqdesk/internal/redact"
)

// hideSecrets leaves no secret of a webhook in the reasons for which other programs say that it failed.
func hideSecrets(c *deadletter.Capture, m redact.Rules) {
	secrets := redact.SecretsOf(c.Headers, c.Query, c.Body, m)
	c.Reason = string(secrets.Hide([]byte(c.Reason), false))
	if c.FirstAttempt != nil {
		secrets.HideIn(c.FirstAttempt)
	}
}
