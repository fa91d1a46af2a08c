package notify

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/redact"
)

// pagerDutyAddress takes events of the service region US. Others are configured.
const pagerDutyAddress = "https://events.pagerduty.com/v2/enqueue"

// The limits of an event (developer.pagerduty.com/docs/send-alert-event). The whole may have 512 KB.
const (
	pagerDutySummary = 1024
	pagerDutyKey     = 255
	pagerDutyDetail  = 4000
	pagerDutyFacts   = 50
)

// PagerDuty sends to the Events API v2 of PagerDuty.
type PagerDuty struct {
	endpoint endpoint
	key      redact.Secret
}

// NewPagerDuty returns a sink for the integration key of a service. An empty address is that of PagerDuty's events.
func NewPagerDuty(client *delivery.Client, address, key redact.Secret) PagerDuty {
	if address.Reveal() == "" {
		address = redact.NewSecret("", pagerDutyAddress)
	}
	return PagerDuty{newEndpoint(client, "PagerDuty", address, pagerDutyFix, key), key}
}

// Send triggers or resolves an alert. PagerDuty takes events with one key as one alert, so that an event may be sent
// again.
func (p PagerDuty) Send(ctx context.Context, n Notice) error {
	return p.endpoint.post(ctx, n.ID, nil, encode(p.event(n)))
}

type pagerDutyEvent struct {
	RoutingKey string            `json:"routing_key"`
	Action     string            `json:"event_action"`
	DedupKey   string            `json:"dedup_key"`
	Client     string            `json:"client,omitempty"`
	ClientURL  string            `json:"client_url,omitempty"`
	Links      []pagerDutyLink   `json:"links,omitempty"`
	Payload    *pagerDutyPayload `json:"payload,omitempty"`
}

type pagerDutyLink struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

type pagerDutyPayload struct {
	Summary   string            `json:"summary"`
	Source    string            `json:"source"`
	Severity  string            `json:"severity"`
	Timestamp string            `json:"timestamp,omitempty"`
	Component string            `json:"component,omitempty"`
	Class     string            `json:"class"`
	Details   map[string]string `json:"custom_details,omitempty"`
}

func (p PagerDuty) event(n Notice) pagerDutyEvent {
	e := pagerDutyEvent{RoutingKey: p.key.Reveal(), Action: "trigger", DedupKey: dedupKey(n)}
	if n.Event == deadletter.AlertResolved {
		e.Action = "resolve"
		return e
	}
	for _, l := range n.Links {
		e.Links = append(e.Links, pagerDutyLink{l.URL, l.Label})
	}
	if e.Client = "dlqdesk"; len(n.Links) > 0 {
		e.ClientURL = n.Links[0].URL
	}
	e.Payload = &pagerDutyPayload{
		Summary:   cut(headline(n), pagerDutySummary, asIs),
		Source:    cut(cmp.Or(n.Desk, "dlqdesk"), pagerDutyKey, asIs),
		Severity:  string(n.Alert.Severity), // PagerDuty has the same ones, and error
		Component: cut(oneLine(strings.Join(n.Alert.Sources, ", ")), pagerDutyKey, asIs),
		Class:     string(n.Alert.Kind),
		Details:   pagerDutyDetails(n),
	}
	if !n.At.IsZero() {
		e.Payload.Timestamp = n.At.UTC().Format(time.RFC3339)
	}
	return e
}

func pagerDutyDetails(n Notice) map[string]string {
	details := map[string]string{}
	list := facts(n)
	for _, f := range list[:min(len(list), pagerDutyFacts)] {
		details[cut(f.Label, pagerDutyKey, asIs)] = cut(f.Value, pagerDutyDetail, asIs)
	}
	if told := text(n); told != "" {
		details["What happened"] = cut(told, pagerDutyDetail, asIs)
	}
	if _, lines := causes(n, deadletter.MaxAlertCauses, pagerDutyDetail); len(lines) > 0 {
		details["Causes"] = cut(strings.Join(lines, "\n"), pagerDutyDetail, asIs)
	}
	return details
}

// dedupKey names the topic of an alert at this desk: PagerDuty has one alert of it. A test is of nothing.
func dedupKey(n Notice) string {
	key := n.Alert.Topic()
	if n.Event == deadletter.AlertTest {
		key = n.ID
	}
	if key += " " + n.Desk; len(key) > pagerDutyKey {
		sum := sha256.Sum256([]byte(key))
		return hex.EncodeToString(sum[:])
	}
	return key
}

// pagerDutyFix says what a refusal of PagerDuty means.
func pagerDutyFix(a deadletter.Attempt) string {
	switch a.StatusCode {
	case 400:
		return "If it names the routing key, configure the integration key of an Events API v2 integration"
	case 401, 403, 404:
		return "Check the integration key, and the service region that the address is of"
	}
	return ""
}
