package notify_test

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/notify"
)

const routingKey = "0123456789abcdef0123456789abcdef"

// pagerDuty stands for the Events API v2: it knows the forms and limits of the documentation, and what is open by key.
type pagerDuty struct {
	*platform
	mu        sync.Mutex
	open      map[string]int // dedup key -> how often it was triggered since it was opened
	incidents int
}

type pagerDutyEvent struct {
	RoutingKey  string `json:"routing_key"`
	EventAction string `json:"event_action"`
	DedupKey    string `json:"dedup_key"`
	Client      string `json:"client"`
	ClientURL   string `json:"client_url"`
	Links       []struct {
		Href string `json:"href"`
		Text string `json:"text"`
	} `json:"links"`
	Payload *struct {
		Summary       string         `json:"summary"`
		Source        string         `json:"source"`
		Severity      string         `json:"severity"`
		Timestamp     string         `json:"timestamp"`
		Component     string         `json:"component"`
		Group         string         `json:"group"`
		Class         string         `json:"class"`
		CustomDetails map[string]any `json:"custom_details"`
	} `json:"payload"`
}

func (e pagerDutyEvent) faults() (list []string) {
	wrong := func(is bool, text string) {
		if is {
			list = append(list, text)
		}
	}
	wrong(len(e.RoutingKey) != 32, "Length of 'routing_key' is incorrect (should be 32 characters)")
	wrong(!slices.Contains([]string{"trigger", "acknowledge", "resolve"}, e.EventAction), "'event_action' is unknown")
	wrong(len(e.DedupKey) > 255, "Length of 'dedup_key' exceeds 255")
	wrong(e.EventAction != "trigger" && e.DedupKey == "", "'dedup_key' is missing")
	for _, l := range e.Links {
		u, err := url.Parse(l.Href)
		wrong(err != nil || u.Scheme != "https" || l.Text == "", "a link")
	}
	if e.EventAction != "trigger" {
		return list
	}
	if e.Payload == nil {
		return append(list, "'payload' is missing or blank")
	}
	wrong(strings.TrimSpace(e.Payload.Summary) == "", "'payload.summary' is missing or blank")
	wrong(size(e.Payload.Summary) > 1024, "'payload.summary' is too long")
	wrong(strings.ContainsAny(e.Payload.Summary, "\n\r\x00"), "'payload.summary' is not one line")
	wrong(e.Payload.Source == "", "'payload.source' is missing or blank")
	severities := []string{"critical", "error", "warning", "info"}
	wrong(!slices.Contains(severities, e.Payload.Severity), "'payload.severity' is unknown")
	_, err := time.Parse(time.RFC3339, e.Payload.Timestamp)
	wrong(err != nil, "'payload.timestamp' is no time")
	return list
}

func newPagerDuty(t *testing.T) *pagerDuty {
	t.Helper()
	p := &pagerDuty{open: map[string]int{}}
	p.platform = newPlatform(t, func(w http.ResponseWriter, r request) {
		var e pagerDutyEvent
		faults := []string{}
		if err := strictly(r.body, &e); err != nil || len(r.body) > 512<<10 {
			faults = append(faults, "no event: "+string(r.body))
		}
		if faults = append(faults, e.faults()...); len(faults) > 0 {
			t.Error(faults)
			p.reply(w, http.StatusBadRequest, map[string]any{
				"status": "invalid event", "message": "Event object is invalid", "errors": faults,
			})
			return
		}
		p.take(e)
		p.reply(w, http.StatusAccepted, map[string]any{
			"status": "success", "message": "Event processed", "dedup_key": e.DedupKey,
		})
	})
	return p
}

func (*pagerDuty) reply(w http.ResponseWriter, code int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(document)
}

func (p *pagerDuty) take(e pagerDutyEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.EventAction == "resolve" {
		delete(p.open, e.DedupKey)
		return
	}
	if p.open[e.DedupKey]++; p.open[e.DedupKey] == 1 {
		p.incidents++
	}
}

// counts returns how many alerts are open, and how many there ever were.
func (p *pagerDuty) counts() (open, ever int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open), p.incidents
}

func (p *pagerDuty) sink(t *testing.T) notify.PagerDuty {
	t.Helper()
	return notify.NewPagerDuty(newClient(t), secret(p.URL+"/v2/enqueue"), secret(routingKey))
}

func TestPagerDutyHasOneAlertOfACause(t *testing.T) {
	t.Parallel()
	pd := newPagerDuty(t)
	sink := pd.sink(t)
	regressed := newCause()
	regressed.ID, regressed.Alert.ID, regressed.Alert.Kind = "alert-9", 9, deadletter.AlertRegressedCause
	for i, step := range []struct {
		notice     notify.Notice
		open, ever int
	}{
		{newCause(), 1, 1},
		{newCause(), 1, 1}, // sent again, because its answer was lost
		{resolved(newCause()), 0, 1},
		{resolved(newCause()), 0, 1},
		{regressed, 1, 2},
		{resolved(regressed), 0, 2},
	} {
		if err := sink.Send(t.Context(), step.notice); err != nil {
			t.Fatal(err)
		}
		if open, ever := pd.counts(); open != step.open || ever != step.ever {
			t.Errorf("step %d: %d open of %d", i, open, ever)
		}
	}
}

func TestPagerDutyKeepsAlertsApart(t *testing.T) {
	t.Parallel()
	pd := newPagerDuty(t)
	sink := pd.sink(t)
	growing, elsewhere, other, tried := newCause(), newCause(), newCause(), newCause()
	growing.Alert.Kind = deadletter.AlertGrowingCause // it ends before the cause does
	elsewhere.Desk = "https://other.example.com"      // with the same source
	other.Alert.Key = "cause:" + strings.Repeat("2", 300)
	tried.ID, tried.Event = "test-3", deadletter.AlertTest
	for _, n := range []notify.Notice{newCause(), growing, elsewhere, other, tried} {
		if err := sink.Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if open, _ := pd.counts(); open != 5 {
		t.Errorf("%d open", open)
	}
	if err := sink.Send(t.Context(), resolved(growing)); err != nil {
		t.Fatal(err)
	}
	if open, _ := pd.counts(); open != 4 {
		t.Errorf("%d open after one ended", open)
	}
}

func TestPagerDutyGetsWhatPeopleNeed(t *testing.T) {
	t.Parallel()
	pd := newPagerDuty(t)
	for _, severity := range deadletter.Severities() {
		n := newCause()
		n.Alert.Severity = severity
		if err := pd.sink(t).Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	var e pagerDutyEvent
	if err := strictly(pd.received()[1].body, &e); err != nil {
		t.Fatal(err)
	}
	if e.Payload.Summary != "New cause: customer is required" || e.Payload.Severity != "warning" ||
		e.Payload.Component != "genesys" || e.Payload.Class != "new-cause" || e.Payload.Source != "https://desk.example.com" {
		t.Errorf("%+v", e.Payload)
	}
	for label, want := range map[string]string{
		"Failed": "1,204 messages", "Since": "30 November 08:15:00 UTC", "What happened": newCause().Alert.Text,
	} {
		if e.Payload.CustomDetails[label] != want {
			t.Errorf("%s: %v", label, e.Payload.CustomDetails[label])
		}
	}
	if len(e.Links) != 4 || e.Links[3].Text != "Test batch" || e.ClientURL != e.Links[0].Href {
		t.Errorf("%+v", e)
	}
}

func TestNoPayloadBreaksPagerDuty(t *testing.T) {
	t.Parallel()
	eachHostile(t, newPagerDuty(t).sink(t))
}

func TestErrorsOfPagerDutySayWhatToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer    http.HandlerFunc
		permanent bool
		wait      time.Duration
		text      string
	}{
		"wrong key": {
			status(400, `{"status":"invalid event","message":"Event object is invalid","errors":["Length of 'routing_key' is`+
				` incorrect (should be 32 characters)"]}`), true, 0, "integration key",
		},
		"too many": {
			status(429, `{"status":"throttle exceeded","message":"Requests for this service are arriving too quickly."}`,
				"Retry-After", "60"), false, time.Minute, "429",
		},
		"trouble":          {status(503, ""), false, 0, "503"},
		"key in an answer": {status(404, "no such key "+routingKey), true, 0, "region"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pd := newPagerDuty(t)
			pd.answers(c.answer)
			failed := sendError(t, pd.sink(t).Send(t.Context(), newCause()))
			if failed.Permanent != c.permanent || failed.RetryAfter != c.wait {
				t.Errorf("%+v", failed)
			}
			if text := failed.Error(); !strings.Contains(text, c.text) || strings.Contains(text, routingKey) {
				t.Error(cmp.Or(text, "no text"))
			}
		})
	}
}
