package acceptance_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// A reload puts sinks and routes in force: what begins then is told, and what began before is not.
func TestReloadAppliesAlerts(t *testing.T) {
	t.Parallel()
	destination := desktest.NewDestination(t)
	destination.Set(func(w http.ResponseWriter, r *http.Request) {
		desktest.Answer(http.StatusUnprocessableEntity, `{"error":"no `+r.Header.Get("X-Word")+` here"}`)(w, r)
	})
	sources := fmt.Sprintf("sources: { genesys: { destination: %s } }\n", destination.URL)
	r := startReloaded(t, sources)
	if status, text := r.send(t, "genesys", `{"n":1}`, "X-Word", "before"); status != http.StatusOK {
		t.Fatalf("a webhook is answered %d %s", status, text)
	}
	s := program{cfg: config.Config{DataDir: filepath.Join(filepath.Dir(r.file), "data")}}.beside(t)
	var before []deadletter.Alert
	eventually(t, func() bool {
		page, err := s.Alerts(t.Context(), store.AlertQuery{Kind: deadletter.AlertNewCause, Limit: 10})
		if before = page.Items; err != nil {
			t.Fatal(err)
		}
		return len(before) > 0
	})
	on := newPager(t)
	alerts := "alerts: { sinks: { pager: { kind: webhook, url: %q } }, routes: { all: { to: [%s] } } }\n"
	r.reload(t, sources+fmt.Sprintf(alerts, on.url, "pagre")) // a fault changes nothing
	if text := r.log.String(); !strings.Contains(text, "there is no sink pagre: did you mean pager?") {
		t.Errorf("the log does not say what is wrong:\n%s", text)
	}
	r.reload(t, sources+fmt.Sprintf(alerts, on.url, "pager"))
	if status, text := r.send(t, "genesys", `{"n":2}`, "X-Word", "after"); status != http.StatusOK {
		t.Fatalf("a webhook is answered %d %s", status, text)
	}
	eventually(t, func() bool { return len(on.told()) > 0 })
	for told := range on.told() {
		if strings.HasSuffix(told, before[0].Key) {
			t.Errorf("the pager was told %s, from before", told)
		}
	}
}
