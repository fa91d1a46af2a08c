package console

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
)

// Setup is how a source takes webhooks, and what becomes of them.
type Setup struct {
	URL      string // where platforms post to; "": the configuration does not tell
	Scheme   string // of verification, as the configuration names it
	Proof    string // what proves a webhook genuine, in a few words
	Open     bool   // nothing does
	Secrets  []string
	Buffered bool
	Ack      Ack           // what the platform is told; the zero Ack: dlqdesk's own answers
	RepeatID string        // where a webhook's own id is; "": repeats are not known
	Window   time.Duration // for which an id is remembered

	Timeout       time.Duration
	MaxConcurrent int
	MaxPerSecond  float64 // 0: no limit
	MaxBody       int64
	Retry         deadletter.RetryPolicy

	Register, Doctor, Sign string // commands
	Platform               Platform
}

// Ack is the answer that a source's platform gets.
type Ack struct {
	Status            int
	ContentType, Body string // with variables in braces
}

// Platform is where the webhooks of a source come from. The zero Platform: that is not known.
type Platform struct {
	Name, Title, Status, About, Warning, Deliveries string
	// what to fill in by hand; nil: there is a command
	Paste func(url string) []Paste
}

// Paste is one field of a form at a platform, and what to put in it, or where that is.
type Paste struct{ Field, Value, Hint string }

// sourceFigures are how the sources did in the last day, and what is open now.
type sourceFigures struct {
	now, from, to time.Time
	received      map[string]int
	tallies       map[string]store.Tally
	counts        map[string]map[deadletter.Status]int
}

// The figures of a source are of whole hours, the present one included, as those of the ledger are: so they can be
// compared.
const (
	sourcesSpan = 24 * time.Hour
	sourcesStep = time.Hour
)

// readSourceFigures reads those of one source, or of all where that is empty.
func (c *Console) readSourceFigures(ctx context.Context, source string) (sourceFigures, error) {
	f := sourceFigures{now: c.Now().UTC(), tallies: map[string]store.Tally{}}
	f.to = f.now.Truncate(sourcesStep).Add(sourcesStep)
	f.from = f.to.Add(-sourcesSpan)
	tallies, err := c.Store.Tallies(ctx, store.TallyQuery{Source: source, From: f.from, To: f.to, Step: sourcesStep})
	if err != nil {
		return f, err
	}
	for _, t := range tallies {
		sum := f.tallies[t.Source]
		sum.Failed, sum.ByItself, sum.ByPeople = sum.Failed+t.Failed, sum.ByItself+t.ByItself, sum.ByPeople+t.ByPeople
		f.tallies[t.Source] = sum
	}
	if f.received, err = c.Store.Received(ctx, source, f.from, f.to); err != nil {
		return f, err
	}
	f.counts, err = c.Store.CountsBySource(ctx)
	return f, err
}

func (c *Console) sourceList(w http.ResponseWriter, r *http.Request) {
	v := page.SourcesView{Chrome: c.chrome(r, "Sources")}
	figures, err := c.readSourceFigures(r.Context(), "")
	status := http.StatusOK
	switch {
	case err != nil:
		kind := deadletter.KindOf(err)
		c.logFailure(r, kind, err)
		v.State, v.Fault, v.RetryURL, status = page.StateFault, why(err), "/sources", statusOf(kind)
	case len(c.Sources) == 0:
		v.State = page.StateNothing
	default:
		v = c.sourcesView(r, v, figures)
	}
	c.render(w, r, status, page.Sources(v))
}

// sourcePage shows the settings of a source even where its figures cannot be read.
func (c *Console) sourcePage(w http.ResponseWriter, r *http.Request) {
	source, ok := c.sources[chi.URLParam(r, "source")]
	if !ok {
		c.fail(w, r, deadletter.Errorf(deadletter.NotFound, "there is no such source in the configuration"))
		return
	}
	v := c.sourceView(r, source)
	figures, err := c.readSourceFigures(r.Context(), source.Name)
	status := http.StatusOK
	if err != nil {
		kind := deadletter.KindOf(err)
		c.logFailure(r, kind, err)
		v.State, v.Fault, v.RetryURL, status = page.StateFault, why(err), r.URL.Path, statusOf(kind)
	}
	figures.fill(&v.Line, source.Name)
	v.Retrying = figures.open(source.Name, deadletter.Retrying)
	c.render(w, r, status, page.Source(v))
}
