package page_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// A day is one of the reader's time zone: in Tokyo yesterday began nine hours before it did in UTC.
func TestPresetsAreDaysOfTheReadersZone(t *testing.T) {
	t.Parallel()
	asked := make(chan url.Values, 8)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /audit", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		table := page.AuditTableView{
			Filter: page.AuditFilter{From: query.Get("from"), To: query.Get("to")},
			TimePresets: []page.Preset{
				{Label: "Yesterday", URL: "/audit?utc=yes", Days: "1 0"},
				{Label: "7 days", URL: "/audit?utc=yes", Days: "7"},
			},
			ActionPresets: []page.Preset{{Label: "Replays", URL: "/audit?action=attempt."}},
		}
		part := page.Audit(page.Chrome{}, table)
		if r.Header.Get("HX-Request") != "" {
			part = page.AuditTable(table)
			asked <- query
		}
		if err := part.Render(r.Context(), w); err != nil {
			t.Error(err)
		}
	})
	b := setup(t, mux)
	ctx := b.tab(t)
	if _, err := chromedp.Call(
		ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Tokyo"},
	); err != nil {
		t.Fatal(err)
	}
	tokyo := time.FixedZone("Tokyo", 9*60*60)
	midnight := func(daysAgo int) string {
		y, m, d := time.Now().In(tokyo).Date()
		return time.Date(y, m, d-daysAgo, 0, 0, 0, 0, tokyo).UTC().Format("2006-01-02T15:04")
	}
	run(t, ctx, chromedp.Navigate(b.server.URL+"/audit"), chromedp.Click(chromedp.CSS("#preset-yesterday")))
	if got := <-asked; got.Get("from") != midnight(1) || got.Get("to") != midnight(0) || got.Has("utc") {
		t.Errorf("yesterday is %v", got)
	}
	await(
		t,
		ctx,
		`document.querySelector('#preset-yesterday').ariaCurrent === 'true' && document.activeElement.id === `+
			`'preset-yesterday'`,
	)
	run(t, ctx, chromedp.Click(chromedp.CSS("#preset-7-days")))
	if got := <-asked; got.Get("from") != midnight(7) || got.Has("to") {
		t.Errorf("seven days are %v", got)
	}
	await(
		t,
		ctx,
		`document.querySelector('#preset-7-days').ariaCurrent === 'true' && `+
			`document.querySelector('#preset-yesterday').ariaCurrent === 'false'`,
	)
	run(t, ctx, chromedp.Click(chromedp.CSS("#preset-7-days")))
	if got := <-asked; len(got) != 0 {
		t.Errorf("taken off, it asks for %v", got)
	}
	await(t, ctx, `document.querySelector('#preset-7-days').ariaCurrent === 'false'`)
	run(t, ctx, chromedp.Click(chromedp.CSS("#preset-replays")))
	if got := <-asked; got.Get("action") != "attempt." {
		t.Errorf("replays are %v", got)
	}
}

// The last hour of the list begins an hour before the click, and the chip of a range is in the reader's zone.
func TestListPresetsAndChipsAreInTheReadersZone(t *testing.T) {
	t.Parallel()
	asked := make(chan url.Values, 8)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /messages", func(w http.ResponseWriter, r *http.Request) {
		table := listOf(1)
		table.Filter.From = r.URL.Query().Get("from")
		table.Presets = []page.Preset{{Label: "Last hour", URL: "/messages?utc=yes", Minutes: "60"}}
		at := time.Date(2026, 3, 2, 20, 30, 0, 0, time.UTC)
		table.Chips = []ui.Chip{{
			Label: "Received from", Value: "2026-03-02 20:30 UTC", At: ui.At(at),
			RemoveURL: "/messages",
		}}
		part := page.Messages(page.Chrome{}, table)
		if r.Header.Get("HX-Request") != "" {
			part = page.MessagesTable(table)
			asked <- r.URL.Query()
		}
		if err := part.Render(r.Context(), w); err != nil {
			t.Error(err)
		}
	})
	b := setup(t, mux)
	ctx := b.tab(t)
	if _, err := chromedp.Call(
		ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Tokyo"},
	); err != nil {
		t.Fatal(err)
	}
	run(t, ctx, chromedp.Navigate(b.server.URL+"/messages"))
	await(t, ctx, `document.querySelector('.chip time').textContent.includes('Mar 3') &&
		document.querySelector('.chip time').textContent.includes('5:30')`)
	before := time.Now().Add(-time.Hour).UTC().Truncate(time.Minute)
	run(t, ctx, chromedp.Click(chromedp.CSS(`.preset`)))
	select {
	case query := <-asked:
		from, err := time.Parse("2006-01-02T15:04", query.Get("from"))
		if err != nil || from.Before(before) || from.After(time.Now()) || query.Get("to") != "" ||
			query.Get("utc") != "" {
			t.Errorf("it asks for %v, %v", query, err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was asked for")
	}
}
