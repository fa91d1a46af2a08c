package notify

import (
	"context"
	"fmt"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/delivery"
)

// NewSink returns the sink of a configuration. One that cannot be used, such as one whose secret is no secret of its
// kind, says so whenever something is sent to it: a test shows it on the page of alerts.
func NewSink(client *delivery.Client, s config.AlertSink, server config.SMTP, now func() time.Time) Sink {
	var sink Sink
	var err error
	switch s.Kind {
	case config.SinkSlack:
		sink = NewSlack(client, s.URL)
	case config.SinkTeams:
		sink = NewTeams(client, s.URL)
	case config.SinkPagerDuty:
		sink = NewPagerDuty(client, s.URL, s.RoutingKey)
	case config.SinkEmail:
		sink, err = NewEmail(server, s.To, nil)
	case config.SinkWebhook:
		sink, err = NewWebhook(client, s.URL, s.Secret, now)
	default:
		err = fmt.Errorf("there is no kind %q of sinks", s.Kind)
	}
	if err != nil {
		return unusable{err}
	}
	return sink
}

// unusable is a sink whose configuration nothing can be sent by.
type unusable struct{ err error }

func (u unusable) Send(context.Context, Notice) error { return &SendError{Permanent: true, Err: u.err} }
