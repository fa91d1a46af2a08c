package config

import (
	"dlqdesk/internal/redact"
)

// The kinds of sinks that alerts are sent to.
const (
	SinkSlack     = "slack"
	SinkTeams     = "teams"
	SinkPagerDuty = "pagerduty"
	SinkEmail     = "email"
	SinkWebhook   = "webhook"
)

// AlertSink is a place that alerts are sent to.
type AlertSink struct {
	Name       string // its key below alerts.sinks
	Kind       string
	URL        redact.Secret // of Slack, Teams and webhooks, whose addresses are credentials; of PagerDuty, to replace its own
	RoutingKey redact.Secret // of PagerDuty
	Secret     redact.Secret // of a webhook, whsec_ and base64, by which it is signed; empty: it is not signed
	To         []string      // addresses, of e-mail
}

// SMTP is the server that sends e-mail.
type SMTP struct {
	Address  string // host:port; empty: none is configured
	From     string // an address
	User     string // empty: without authentication
	Password redact.Secret
	// AllowPlain permits a server without STARTTLS: others on the way can read the e-mail then.
	AllowPlain bool
}
