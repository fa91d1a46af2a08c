// Package notify tells people outside of the desk what they should look at. It looks for what is worth an alert, keeps
// the alerts in the store, and sends them to the configured sinks: Slack, Teams, PagerDuty, e-mail and webhooks. It
// decides nothing about messages, causes or jobs.
package notify

import (
	"context"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
)

// Notice is one event of an alert, as one sink is told of it. Every text in it is masked.
type Notice struct {
	// ID is of this event at this sink, and stays the same however often it is sent: receivers drop doubles by it.
	ID    string
	Event deadletter.AlertEvent
	Alert deadletter.Alert
	At    time.Time // when the event happened
	Links []Link    // to the desk, the page of the alert's subject first; none without a public_url
	Desk  string    // the address of the desk, which names it: public_url, or the host's name
}

// Link is a link to the desk. Example: Link{Label: "Claim", URL: "https://desk.example.com/causes/1f0c?open=claim"}.
type Link struct{ Label, URL string }

// Sink sends notices to one place. Send must be safe for concurrent use, must end with ctx, and must not follow
// redirects to other hosts. An error may be a *SendError; any other is tried again. Its text is shown and logged: it
// must hold no secret.
type Sink interface {
	Send(ctx context.Context, n Notice) error
}

// SendError is an error of a sink that says what to do next.
type SendError struct {
	Permanent  bool          // sending the same again cannot succeed
	Partly     bool          // it was sent, but not to all who are to get it: it is not sent again
	RetryAfter time.Duration // the receiver asked to wait so long; 0: it did not
	Err        error
}

func (e *SendError) Error() string {
	if e.RetryAfter > 0 {
		return fmt.Sprintf("%s; asked to wait %s", e.Err, deadletter.ShortDuration(e.RetryAfter))
	}
	return e.Err.Error()
}

// Unwrap returns the cause of the error.
func (e *SendError) Unwrap() error { return e.Err }
