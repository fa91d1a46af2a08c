package demo

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// destination is a handler behind dlqdesk that fails the way real ones do, until it is repaired:
//
//   - an event without an id is refused, repaired or not: it has to be edited
//   - messages need the CRM, which is down: 503 with a page of its proxy
//   - attachments are scanned, which takes longer than anybody waits
//   - wrap-ups come too fast: 429 with Retry-After
//
// Everything else is taken.
type destination struct {
	slow time.Duration // how long a scan takes while it is broken

	mu     sync.Mutex
	fixed  bool
	counts map[string]int // by what was answered
}

func newDestination(slow time.Duration) *destination {
	return &destination{slow: slow, counts: map[string]int{}}
}

const maxEvent = 1 << 20

// handler serves events on /genesys and /cxone, and the page on which the destination is repaired on /.
func (d *destination) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /genesys", func(w http.ResponseWriter, r *http.Request) { d.take(w, r, "id") })
	mux.HandleFunc("POST /cxone", func(w http.ResponseWriter, r *http.Request) { d.take(w, r, "eventId") })
	mux.HandleFunc("GET /{$}", d.page)
	mux.HandleFunc("POST /repair", func(w http.ResponseWriter, r *http.Request) { d.set(w, r, true) })
	mux.HandleFunc("POST /break", func(w http.ResponseWriter, r *http.Request) { d.set(w, r, false) })
	return mux
}

func (d *destination) take(w http.ResponseWriter, r *http.Request, idField string) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		return // the sender broke off
	}
	var fields map[string]any
	if json.Unmarshal(text, &fields) != nil {
		d.answer(w, http.StatusBadRequest, "application/json", `{"error":"the body is no JSON object"}`)
		return
	}
	if id, ok := fields[idField].(string); !ok || id == "" {
		d.answer(w, http.StatusUnprocessableEntity, "application/json", fmt.Sprintf(`{"error":"field %s is missing","code":"missing_field"}`, idField))
		return
	}
	if d.isFixed() {
		d.answer(w, http.StatusOK, "application/json", `{"status":"processed"}`)
		return
	}
	switch body := string(text); {
	case strings.Contains(body, `"Attachment"`):
		d.scan(w, r)
	case strings.Contains(body, `.acw"`):
		w.Header().Set("Retry-After", "15")
		d.answer(w, http.StatusTooManyRequests, "application/json", `{"message":"rate limit of 5 wrap-ups a minute reached","status":429}`)
	case strings.Contains(body, `"type":"Text"`), strings.Contains(body, `"MessageCreated"`):
		d.answer(w, http.StatusServiceUnavailable, "text/html; charset=utf-8", crmDown)
	default:
		d.answer(w, http.StatusOK, "application/json", `{"status":"processed"}`)
	}
}

const crmDown = `<!DOCTYPE html>
<html><head><title>CRM is down for maintenance</title></head>
<body><h1>Service Unavailable</h1><p>The upstream crm.internal:8443 did not answer.</p></body></html>
`

// scan takes longer than the caller waits.
func (d *destination) scan(w http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
		d.count("no answer in time")
	case <-time.After(d.slow):
		d.answer(w, http.StatusOK, "application/json", `{"status":"processed"}`)
	}
}

func (d *destination) answer(w http.ResponseWriter, status int, contentType, body string) {
	d.count(fmt.Sprintf("%d %s", status, http.StatusText(status)))
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func (d *destination) count(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts[what]++
}

func (d *destination) isFixed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fixed
}

func (d *destination) set(w http.ResponseWriter, r *http.Request, fixed bool) {
	d.mu.Lock()
	d.fixed = fixed
	d.mu.Unlock()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

var control = template.Must(template.New("control").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Demo destination</title>
<style>:root { color-scheme: light dark; font: 16px/1.5 system-ui; } body { max-width: 36rem; margin: 3rem auto; padding: 0 1rem; }
td { padding: .2rem 1.5rem .2rem 0; } button { font: inherit; padding: .5rem 1rem; }</style></head>
<body><h1>Demo destination</h1>
{{if .Fixed}}<p>It is <strong>repaired</strong>: events are taken, but for those without an id.</p>
<form method="post" action="/break"><button>Break it again</button></form>
{{else}}<p>It is <strong>broken</strong>: the CRM is down, scans take too long, wrap-ups are too many.</p>
<form method="post" action="/repair"><button>Repair it</button></form>{{end}}
<h2>Answers so far</h2><table>{{range $what, $n := .Counts}}<tr><td>{{$what}}</td><td>{{$n}}</td></tr>{{else}}<tr><td>none</td></tr>{{end}}</table>
</body></html>
`))

func (d *destination) page(w http.ResponseWriter, _ *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := control.Execute(w, struct {
		Fixed  bool
		Counts map[string]int
	}{d.fixed, d.counts}); err != nil {
		return // the browser hung up
	}
}
