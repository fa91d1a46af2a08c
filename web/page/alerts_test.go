package page_test

import (
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"dlqdesk/web/gallery"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// The outcome of a test appears by itself, is announced, and ends the polling.
func TestOutcomeOfASinkTestAppears(t *testing.T) {
	t.Parallel()
	examples := gallery.Examples()
	runs := examples[slices.IndexFunc(examples, func(e gallery.Example) bool { return e.Name == "alerts-test-runs" })]
	var polls atomic.Int64
	mux := http.NewServeMux()
	mux.Handle("GET /messages", show(http.StatusOK, runs.Component))
	done := page.AlertSinks{
		Rows: []page.AlertSinkRow{
			{Name: "ops", Test: &page.AlertTest{By: "anna", State: "was taken", Tone: ui.Done}},
		},
		Notice: ui.Notice{Kind: ui.Done, Text: "The test of ops was taken."},
		Quiet:  true,
	}
	mux.HandleFunc("GET /alerts/sinks", func(w http.ResponseWriter, r *http.Request) {
		polls.Add(1)
		show(http.StatusOK, page.AlertSinksSection(done)).ServeHTTP(w, r)
	})
	_, ctx := openMessages(t, mux)
	await(t, ctx, `document.querySelector('.alert-test')?.textContent.includes('was taken')`)
	await(t, ctx, `document.getElementById('announcer').textContent.includes('The test of ops was taken.')`)
	if eval[bool](t, ctx, `document.querySelector('#sinks').hasAttribute('hx-get')`) || polls.Load() != 1 {
		t.Errorf("it goes on polling, after %d polls", polls.Load())
	}
}
