package console_test

import (
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/doctor"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/store"
)

// withSetups has a verified source with a platform, and an open one.
func withSetups(d *console.Deps) { configure(d, addSetups) }

func addSetups(d *console.Settings) {
	d.Sources[0].Setup = doctor.Setup{
		URL:    "https://hooks.example.com/webhooks/genesys",
		Scheme: "genesys-open-messaging",
		Proof:  "HMAC-SHA256 of the body in X-Hub-Signature-256",
		Secrets: []string{
			"env:GENESYS_SECRET",
		},
		RepeatID:      "$.id",
		Window:        7 * 24 * time.Hour,
		Timeout:       10 * time.Second,
		MaxConcurrent: 64,
		MaxBody:       1 << 20,
		Retry:         deadletter.RetryPolicy{MaxAttempts: 6, Base: 5 * time.Second, Factor: 4, Cap: 15 * time.Minute},
		Register:      "dlqdesk platform register genesys",
		Doctor:        "dlqdesk platform doctor genesys",
		Sign:          "dlqdesk sign --source genesys < body.json",
		Ack:           doctor.Ack{Status: 202, ContentType: "text/html", Body: "<b>{message_id}</b>"},
		Platform: doctor.Platform{
			Name:    "genesys-open-messaging",
			Title:   "Genesys Cloud, Open Messaging",
			Status:  "verified",
			Warning: "Mind the gap.",
		},
	}
	d.Sources = append(
		d.Sources,
		console.Source{
			Name:  "open",
			URL:   "https://open.internal/hooks",
			Setup: doctor.Setup{Scheme: "none", Open: true, Buffered: true},
		},
	)
}

func TestSourcesShowTheirHealth(t *testing.T) {
	t.Parallel()
	b := setup(t, withSetups, func(d *console.Deps) {
		d.Health = func(source string) delivery.DestinationHealth {
			if source != "open" {
				return delivery.DestinationHealth{}
			}
			return delivery.DestinationHealth{
				LatestAt:     d.Now(),
				FailingSince: d.Now(),
				Failures:     3,
				Latest:       deadletter.Attempt{Error: "Connection refused"},
				Breaker:      delivery.BreakerStatus{State: delivery.Open, Since: d.Now()},
			}
		}
	})
	b.receive(t, "00000000-0000-4000-8000-000000000001")
	hour := ledger.HourOf(b.clock.Now())
	b.recordCounts(t, "genesys", hour, ledger.Counts{Received: 1200, Delivered: 1200})
	b.recordCounts(t, "genesys", hour.Add(-23*time.Hour), ledger.Counts{Received: 50, Delivered: 50})
	b.recordCounts(t, "genesys", hour.Add(-24*time.Hour), ledger.Counts{Received: 999, Delivered: 999})
	b.recordCounts(t, "open", hour, ledger.Counts{Received: 3, Delivered: 3})
	p := b.member(t, "vera", deadletter.Viewer)
	list := p.get("/sources")
	if list.status != http.StatusOK || list.count("tbody tr") != 2 {
		t.Fatalf("%d: %s", list.status, list.text)
	}
	row := list.says("tbody tr:nth-child(1)")
	for _, want := range []string{
		"genesys", "https://hooks.example.com/webhooks/genesys", "genesys-open-messaging", "handler.internal:9090",
		"Received1,250", "Failed 1under 0.1 %",
	} {
		if !strings.Contains(row, want) {
			t.Errorf("no %q in %q", want, row)
		}
	}
	row = list.says("tbody tr:nth-child(2)")
	for _, want := range []string{
		"Not verified", b.server.URL + "/webhooks/open", "Circuit breaker open",
		"3 deliveries in a row: Connection refused",
	} {
		if !strings.Contains(row, want) {
			t.Errorf("no %q in %q", want, row)
		}
	}
	// Each number leads to the list that it counts.
	to, ok := list.doc().Find("#source-0-failed").Attr("href")
	if counted := p.get(to); !ok || counted.count("#messages tbody tr") != 1 {
		t.Errorf("the number leads to %q: %s", to, counted.says("#messages"))
	}
	to, ok = list.doc().Find("#source-0-received").Attr("href")
	if counted := p.get(to); !ok || counted.count(".reconciliation-table tbody tr") != 3 ||
		strings.Contains(counted.says(".reconciliation-table tbody"), "open") {
		t.Errorf("the number leads to %q: %s", to, counted.says(".reconciliation-table"))
	}
}

func TestSourceShowsHowToRegisterIt(t *testing.T) {
	t.Parallel()
	b := setup(t, withSetups)
	b.receive(t, "00000000-0000-4000-8000-000000000001")
	p := b.member(t, "vera", deadletter.Viewer)
	page := p.get("/sources/genesys")
	for selector, want := range map[string]string{
		"#endpoint": "https://hooks.example.com/webhooks/genesys", "#register": "dlqdesk platform register genesys",
		"#doctor": "dlqdesk platform doctor genesys",
		"#try":    "dlqdesk platform doctor genesys --send", "#figure-open": "1",
		"#sign": "dlqdesk sign --source genesys < body.json", ".setting-code": "<b>{message_id}</b>",
	} {
		t.Run(selector, func(t *testing.T) {
			if got := page.says(selector); got != want {
				t.Errorf("%s says %q", selector, got)
			}
		})
	}
	settings := page.says(".settings")
	for _, want := range []string{
		"Direct", "202 text/html", "Secrets: env:GENESYS_SECRET", "Detected by $.id",
		"For 7 days", "Up to 5 times", "about 5 s, 20 s, 1 min, 5 min, 15 min", "Takes 10 s at most", "1.0 MiB",
	} {
		if !strings.Contains(settings, want) {
			t.Errorf("no %q in %q", want, settings)
		}
	}
	open := p.get("/sources/open")
	for _, want := range []string{
		"Webhooks of this source are not verified.",
		"Set webhook_url in the configuration", "Buffered", "set platform in the source's configuration",
	} {
		if !strings.Contains(open.says("main"), want) {
			t.Errorf("no %q in %q", want, open.says("main"))
		}
	}
	if got := open.says("#try"); !strings.HasPrefix(got, "curl ") || open.count("#sign") != 0 {
		t.Errorf("try %q", got)
	}
	if missing := p.get("/sources/nobody"); missing.status != http.StatusNotFound {
		t.Errorf("a source that is not: %d", missing.status)
	}
}

func TestSourcesPageWithoutSourcesOrFigures(t *testing.T) {
	t.Parallel()
	none := setup(
		t,
		func(d *console.Deps) { d.Settings = desktest.Always(console.Settings{}) },
	).member(t, "vera", deadletter.Viewer).
		get("/sources")
	if none.status != http.StatusOK || !strings.Contains(none.says("main"), "No sources configured") {
		t.Errorf("%d: %s", none.status, none.says("main"))
	}
	b := setup(t, withSetups)
	p := b.member(t, "vera", deadletter.Viewer)
	if a := b.stranger(t).get("/sources"); a.status != http.StatusSeeOther {
		t.Errorf("a stranger: %d", a.status)
	}
	if a := p.get("/sources/genesys"); a.count("#figure-open") != 0 ||
		!strings.Contains(a.says(".headlines"), "Failed now0") {
		t.Errorf("says %q", a.says(".headlines"))
	}
}

func TestSourceIsShownWithoutItsRefusals(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "desk.db")
	s, err := store.Open(t.Context(), path, desktest.Key(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	vera := setupOn(t, s).member(t, "vera", deadletter.Viewer)
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "DROP TABLE refusals")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	a := vera.get("/sources/genesys")
	if got := a.says("main"); a.status != http.StatusInternalServerError || a.count(".source-columns") != 1 ||
		!strings.Contains(got, "Could not load the figures of this source.") {
		t.Errorf("status %d: %s", a.status, got)
	}
}
