package notify_test

import (
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/notify"
)

func TestSinkIsOfItsConfiguredKind(t *testing.T) {
	t.Parallel()
	slack, teams, pd := newSlack(t), newTeams(t), newPagerDuty(t)
	webhook, server := newPlatform(t, accepts), newMailServer(t, "PLAIN=yes", "PASSWORD=")
	smtp := config.SMTP{Address: server.address, From: "desk@example.com", AllowPlain: true}
	for _, c := range []struct {
		sink config.AlertSink
		to   *platform
	}{
		{config.AlertSink{Kind: config.SinkSlack, URL: secret(slack.URL)}, slack},
		{config.AlertSink{Kind: config.SinkTeams, URL: secret(teams.URL)}, teams},
		{config.AlertSink{Kind: config.SinkPagerDuty, URL: secret(pd.URL), RoutingKey: secret(routingKey)}, pd.platform},
		{config.AlertSink{Kind: config.SinkWebhook, URL: secret(webhook.URL)}, webhook},
		{config.AlertSink{Kind: config.SinkEmail, To: []string{"oncall@example.com"}}, server.platform},
	} {
		if err := notify.NewSink(newClient(t), c.sink, smtp, time.Now).Send(t.Context(), newCause()); err != nil {
			t.Errorf("%s: %v", c.sink.Kind, err)
		}
		if len(c.to.received()) != 1 {
			t.Errorf("%s: nothing arrived", c.sink.Kind)
		}
	}
}

func TestUnusableSinkSaysSo(t *testing.T) {
	t.Parallel()
	for _, s := range []config.AlertSink{
		{Kind: config.SinkWebhook, URL: secret("http://127.0.0.1:1"), Secret: secret("whsec_hunter2!")},
		{Kind: config.SinkEmail, To: []string{"oncall"}},
		{Kind: "pigeon"},
	} {
		smtp := config.SMTP{Address: "mail.example.com:587", From: "desk@example.com"}
		sink := notify.NewSink(newClient(t), s, smtp, time.Now)
		failed := sendError(t, sink.Send(t.Context(), newCause()))
		if !failed.Permanent || strings.Contains(failed.Error(), "hunter2") {
			t.Errorf("%s: %v", s.Kind, failed)
		}
	}
}
