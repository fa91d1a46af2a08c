package page_test

import (
	"net/http"
	"slices"
	"testing"

	"dlqdesk/web/gallery"
)

// A form shows times in the reader's zone, and sends them in UTC, whatever it is for.
func TestTimesOfFormsAreSentInUTC(t *testing.T) {
	t.Parallel()
	examples := gallery.Examples()
	cause := examples[slices.IndexFunc(examples, func(e gallery.Example) bool { return e.Name == "cause-many" })]
	sent := make(chan string, 1)
	mux := http.NewServeMux()
	mux.Handle("GET /messages", show(http.StatusOK, cause.Component))
	mux.HandleFunc("POST /causes/", func(w http.ResponseWriter, r *http.Request) {
		sent <- r.FormValue("until")
		w.WriteHeader(http.StatusNoContent)
	})
	_, ctx := openMessages(t, mux)
	eval[bool](t, ctx, `(() => {
		const field = document.getElementById('mute-until')
		field.value = '2026-07-01T18:00'
		field.form.requestSubmit(field.form.querySelector('button'))
		return true
	})()`)
	if got := <-sent; got != "2026-07-01T16:00" {
		t.Errorf("18:00 in Berlin is sent as %q", got)
	}
}
