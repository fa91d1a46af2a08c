package api_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"dlqdesk/internal/api"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// raise opens an alert about sources, of which the sink ops is to be told.
func (b bundle) raise(t *testing.T, key string, partOf deadletter.AlertID, sources ...string) deadletter.Alert {
	t.Helper()
	a := deadletter.Alert{
		Kind: deadletter.AlertDestination, Key: key, Severity: deadletter.SeverityCritical, Sources: sources,
		Title: "down: " + key, RaisedAt: b.clock.Now(), PartOf: partOf,
		Facts: []deadletter.AlertFact{{Label: "Failed in a row", Value: "5"}},
	}
	due := map[string]time.Time{"ops": b.clock.Now()}
	if partOf != 0 {
		due = nil
	}
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		a, err = tx.RaiseAlert(ctx, a, due)
		return err
	})
	if err != nil || a.ID == 0 {
		t.Fatalf("%d, %v", a.ID, err)
	}
	return a
}

// tell does what the sender does for the next thing that the sink ops is to be told.
func (b bundle) tell(t *testing.T, fault string) {
	t.Helper()
	d, err := b.store.DueAlertDelivery(t.Context(), "ops", b.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	try := d.Begin("lease", b.clock.Now())
	err = b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if err := tx.WriteAlertDelivery(ctx, d, try); err != nil {
			return err
		}
		_, err := tx.EndAlertTry(ctx, try, deadletter.AlertResult{Error: fault}, b.clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAlertsAreListedWithWhoWasTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	whole := b.raise(t, "genesys", 0, "genesys")
	b.raise(t, "part", whole.ID, "genesys")
	b.raise(t, "cxone", 0, "cxone")
	b.tell(t, "")
	b.tell(t, "Slack answered 503")
	vera := b.tokens["vera"]
	list := func(who, query string) []api.Alert {
		return read[api.PageOf[api.Alert]](t, b.ask(t, who, "GET", "/alerts"+query, ""), http.StatusOK).Items
	}
	all := list(vera, "")
	if len(all) != 2 || all[1].ID != int64(whole.ID) || len(all[1].Told) != 1 || all[1].Facts[0].Value != "5" {
		t.Fatalf("%+v", all)
	}
	if told := all[0].Told[0]; told.State != "waiting" || told.Error != "Slack answered 503" || told.DueAt == nil {
		t.Errorf("%+v", told)
	}
	for query, n := range map[string]int{
		"?open=true": 2, "?source=genesys": 1, "?sink=ops": 2, "?sink=other": 0, "?kind=job-done": 0, "?limit=1": 1,
		fmt.Sprintf("?partOf=%d", whole.ID): 1,
	} {
		if got := list(vera, query); len(got) != n {
			t.Errorf("%s: %d alerts", query, len(got))
		}
	}
	if got := list(b.tokens["limited"], ""); len(got) != 1 || got[0].Sources[0] != "cxone" {
		t.Errorf("a token of another source gets %+v", got)
	}
	path := fmt.Sprintf("/alerts/%d", whole.ID)
	if a := b.ask(t, b.tokens["limited"], "GET", path, ""); a.status != http.StatusNotFound {
		t.Errorf("a token of another source gets %d", a.status)
	}
	if got := read[api.Alert](t, b.ask(t, vera, "GET", path, ""), http.StatusOK); got.Severity != "critical" {
		t.Errorf("%+v", got)
	}
	if a := b.ask(t, vera, "GET", "/alerts/99", ""); a.status != http.StatusNotFound {
		t.Errorf("one that is not there: %d", a.status)
	}
}

func TestTestOfASinkIsOrderedAndFollowed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for who, status := range map[string]int{"vera": http.StatusForbidden, "limited": http.StatusForbidden} {
		if a := b.ask(t, b.tokens[who], "POST", "/sinks/ops/test", ""); a.status != status {
			t.Errorf("%s: %d %s", who, a.status, a.text)
		}
	}
	olga := b.tokens["olga"]
	if a := b.ask(t, olga, "POST", "/sinks/nowhere/test", ""); a.status != http.StatusNotFound {
		t.Errorf("another sink: %d", a.status)
	}
	begun := read[api.Sink](t, b.ask(t, olga, "POST", "/sinks/ops/test", ""), http.StatusAccepted)
	if begun.Test == nil || begun.Test.State != "waiting" || begun.Test.By != "ci of olga" || begun.Routes[0] != "all" {
		t.Fatalf("%+v", begun)
	}
	if a := b.ask(t, olga, "POST", "/sinks/ops/test", ""); a.status != http.StatusConflict {
		t.Errorf("a second one: %d", a.status)
	}
	b.tell(t, "Slack answered 404: no_service")
	sinks := read[api.PageOf[api.Sink]](t, b.ask(t, b.tokens["vera"], "GET", "/sinks", ""), http.StatusOK).Items
	if len(sinks) != 1 || sinks[0].Test.State != "given_up" ||
		sinks[0].Test.Error != "Slack answered 404: no_service" || sinks[0].State != "gave_up" ||
		sinks[0].Refused == "" {
		t.Errorf("%+v", sinks)
	}
	if a := b.ask(t, b.tokens["limited"], "GET", "/sinks", ""); a.status != http.StatusForbidden {
		t.Errorf("a token of one source gets %d", a.status)
	}
	for who, seen := range map[string]bool{"vera": true, "limited": false} {
		health := read[api.Health](t, b.ask(t, b.tokens[who], "GET", "/health", ""), http.StatusOK)
		fault := api.Trouble{Kind: "sink", Text: "alerts do not arrive at ops: Slack answered 404: no_service"}
		if slices.Contains(health.Problems, fault) != seen {
			t.Errorf("%s sees the health %+v", who, health)
		}
	}
}
