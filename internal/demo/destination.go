package demo

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Destination is a handler behind dlqdesk that fails the way real ones do. What it does depends on the event alone:
//
//   - an event without its id gets a 422 with a JSON error, repaired or not: it has to be edited
//   - messages need the CRM, which is down: 503 with the HTML page of a proxy
//   - attachments are scanned, which takes longer than any timeout
//   - wrap-ups come too fast: 429 with Retry-After, and the next attempt succeeds
//   - everything else succeeds
//
// Once it is repaired, every event that has its id succeeds.
type Destination struct {
	scan time.Duration

	mu       sync.Mutex
	repaired bool
	answers  map[answer]int
}

// answer is what an event was answered, for the page that counts them.
type answer struct{ Path, What string }

// NewDestination makes a broken destination whose scans take that long.
func NewDestination(scan time.Duration) *Destination {
	return &Destination{scan: scan, answers: map[answer]int{}}
}

const maxEvent = 1 << 20

// Handler takes events on /genesys and /cxone. On / it shows what it does, and /repair and /break change it, for a
// browser or curl.
func (d *Destination) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /genesys", func(w http.ResponseWriter, r *http.Request) { d.take(w, r, "id") })
	mux.HandleFunc("POST /cxone", func(w http.ResponseWriter, r *http.Request) { d.take(w, r, "eventId") })
	mux.HandleFunc("GET /{$}", d.show)
	mux.HandleFunc("POST /repair", func(w http.ResponseWriter, r *http.Request) { d.set(w, r, true) })
	mux.HandleFunc("POST /break", func(w http.ResponseWriter, r *http.Request) { d.set(w, r, false) })
	return mux
}

func (d *Destination) take(w http.ResponseWriter, r *http.Request, idField string) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		d.answer(
			w, r, http.StatusRequestEntityTooLarge, "application/json",
			`{"error":"the event is too large, or broke off"}`,
		)
		return
	}
	var fields map[string]any
	if json.Unmarshal(text, &fields) != nil {
		d.answer(w, r, http.StatusBadRequest, "application/json", `{"error":"the body is no JSON object"}`)
		return
	}
	switch kind := kindOf(fields); {
	case kind != kindOutbound && word(fields[idField]) == "":
		d.answer(
			w, r, http.StatusUnprocessableEntity, "application/json",
			fmt.Sprintf(`{"error":"field %s is missing"}`, idField),
		)
	case d.isRepaired():
		d.accept(w, r)
	case kind == kindMessage:
		d.answer(w, r, http.StatusServiceUnavailable, "text/html; charset=utf-8", crmDown)
	case kind == kindAttachment:
		d.scanFor(w, r)
	case kind == kindWrapUp && r.Header.Get("X-Dlqdesk-Attempt") == "1":
		w.Header().Set("Retry-After", "5")
		d.answer(
			w, r, http.StatusTooManyRequests, "application/json",
			`{"message":"rate limit of 10 wrap-ups a minute reached","status":429}`,
		)
	default:
		d.accept(w, r)
	}
}

// kind is what the destination tells events apart by.
type kind int

const (
	kindOther kind = iota
	kindMessage
	kindAttachment
	kindWrapUp
	kindOutbound // has no id of its own: its thread has one
)

func kindOf(fields map[string]any) kind {
	content, _ := fields["content"].([]any)
	thread, _ := fields["thread"].(map[string]any)
	switch {
	case word(thread["idOnExternalPlatform"]) != "":
		return kindOutbound
	case len(content) > 0:
		return kindAttachment
	case strings.HasSuffix(word(fields["detail-type"]), ".acw"):
		return kindWrapUp
	case word(fields["type"]) == "Text" || word(fields["eventType"]) == "MessageCreated":
		return kindMessage
	}
	return kindOther
}

// word is a value that is a text; "" where it is none.
func word(value any) string {
	text, _ := value.(string)
	return text
}

const crmDown = `<!DOCTYPE html>
<html><head><title>The CRM is down for maintenance</title></head>
<body><h1>Service Unavailable</h1><p>The upstream crm.internal:8443 did not answer.</p></body></html>
`

// scanFor takes longer than the caller waits.
func (d *Destination) scanFor(w http.ResponseWriter, r *http.Request) {
	timer := time.NewTimer(d.scan)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
		d.count(r, "none in time")
	case <-timer.C:
		d.accept(w, r)
	}
}

func (d *Destination) accept(w http.ResponseWriter, r *http.Request) {
	d.answer(w, r, http.StatusOK, "application/json", `{"status":"processed"}`)
}

func (d *Destination) answer(w http.ResponseWriter, r *http.Request, status int, contentType, body string) {
	d.count(r, fmt.Sprintf("%d %s", status, http.StatusText(status)))
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func (d *Destination) count(r *http.Request, what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answers[answer{r.URL.Path, what}]++
}

func (d *Destination) isRepaired() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.repaired
}

// set repairs or breaks it, and says so: a browser by the page it goes back to, curl in a line.
func (d *Destination) set(w http.ResponseWriter, r *http.Request, repaired bool) {
	d.mu.Lock()
	d.repaired = repaired
	d.mu.Unlock()
	if isBrowser(r) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	d.show(w, r)
}

func isBrowser(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// state is what the page shows.
type state struct {
	Repaired bool
	Answers  []answered
}

type answered struct {
	answer
	Times int
}

func (d *Destination) state() state {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := state{Repaired: d.repaired}
	for a, times := range d.answers {
		s.Answers = append(s.Answers, answered{a, times})
	}
	slices.SortFunc(s.Answers, func(a, b answered) int { return strings.Compare(a.Path+" "+a.What, b.Path+" "+b.What) })
	return s
}

func (s state) String() string {
	var b strings.Builder
	b.WriteString("broken: the CRM is down, scans take too long, wrap-ups are too many\n")
	if s.Repaired {
		b.Reset()
		b.WriteString("repaired: events are taken, but for those without their id\n")
	}
	for _, a := range s.Answers {
		fmt.Fprintf(&b, "%6d  %-9s %s\n", a.Times, a.Path, a.What)
	}
	return b.String()
}

func (d *Destination) show(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if !isBrowser(r) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, d.state().String())
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = control.Execute(w, d.state()) // it fails when the browser hangs up
}

var control = template.Must(template.New("control").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Demo destination</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui; }
body { max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
td, th { padding: .2rem 1.5rem .2rem 0; text-align: left; }
.n { text-align: right; }
button { font: inherit; padding: .5rem 1rem; }
</style></head>
<body><h1>Demo destination</h1>
{{if .Repaired}}<p>It is <strong>repaired</strong>: events are processed, but for those without their id.
These have to be edited.</p>
<form method="post" action="/break"><button>Break it again</button></form>
{{else}}<p>It is <strong>broken</strong>: the CRM is down (503), scans take too long, wrap-ups are too many (429).
Events without their id are refused (422).</p>
<form method="post" action="/repair"><button>Repair it</button></form>{{end}}
<h2>Answers so far</h2>
<table><tr><th>path</th><th>answer</th><th class="n">times</th></tr>
{{range .Answers}}<tr><td>{{.Path}}</td><td>{{.What}}</td><td class="n">{{.Times}}</td></tr>
{{else}}<tr><td colspan="3">none</td></tr>{{end}}</table>
<p><a href="/">Look again</a></p>
</body></html>
`))
