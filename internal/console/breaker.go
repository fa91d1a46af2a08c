package console

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// openBreakers returns the destinations whose breaker makes messages wait, in the order of the page's sources.
func (c *Console) openBreakers(by deadletter.Actor, o overview) []page.BreakerView {
	var list []page.BreakerView
	settings := c.Settings()
	for _, name := range c.sourcesOf(o) {
		if _, ok := settings.Source(name); !ok {
			continue
		}
		named, unnamed := o.counts[name][deadletter.Retrying], 0
		if name == settings.DefaultSource {
			unnamed = o.counts[""][deadletter.Retrying]
		}
		v, ok := breakerView(c.health(name), named+unnamed, o.waitingJobs[name], o.now)
		if !ok {
			continue
		}
		v.CauseURL = o.latestCauses[name]
		v.Source, v.Back, v.Position = printable(name), o.query.Encode(), strconv.Itoa(len(list))
		v.Waiting.Text, v.Messages = number(named), waitingMessages(named)
		if unnamed > 0 {
			v.WithoutSource = page.Count{
				Text: number(unnamed) + " without a source",
				URL:  openURL(noSource, deadletter.Retrying),
			}
		}
		if named > 0 {
			v.Waiting.URL = openURL(name, deadletter.Retrying)
		}
		if v.State != page.BreakerHalfOpen {
			v.Probe = "/destinations/" + url.PathEscape(name) + "/probe"
		}
		v.Denied = cmp.Or(errorText(by.May(deadletter.ActProbe)), v.Denied)
		list = append(list, v)
	}
	return list
}

// waitingJobs returns, by source, a job that waits for a destination whose breaker is not closed.
func (c *Console) waitingJobs(ctx context.Context) (map[string]deadletter.JobID, error) {
	jobs := map[string]deadletter.JobID{}
	for _, s := range c.Settings().Sources {
		name := s.Name
		if _, ok := c.breakerNotice(name); !ok {
			continue
		}
		id, err := c.Desk.JobWaiting(ctx, name)
		if err == nil {
			jobs[name] = id
		} else if deadletter.KindOf(err) != deadletter.NotFound {
			return nil, err
		}
	}
	return jobs, nil
}

// breakerView shows the breaker of a destination with the messages that wait for it; false if none have to wait.
func breakerView(
	h delivery.DestinationHealth, waiting int, job deadletter.JobID, now time.Time,
) (v page.BreakerView, ok bool) {
	v = page.BreakerView{Waiting: page.Count{Text: number(waiting)}, Messages: waitingMessages(waiting)}
	if h.Failures > 0 {
		v.LastDelivery, v.LastOutcome = ui.At(h.LatestAt), latestError(h)
	}
	if job != 0 {
		v.Job, v.JobURL = "job "+job.String(), jobPath(job)
	}
	if waiting == 0 && job == 0 {
		v.Denied = "No message waits for a retry, so there is none to probe with."
	}
	b := h.Breaker
	paused := b.PausedUntil.After(now)
	switch {
	case b.State == delivery.Open:
		v.State, v.Since = page.BreakerOpen, ui.At(b.Since)
		if paused && b.PausedUntil.After(b.NextProbe) {
			b.NextProbe = b.PausedUntil
		}
		v.Note, v.Next = nextProbe(b, waiting > 0 || job != 0, now)
	case paused:
		v.State, v.Since, v.Note = page.BreakerPaused, ui.At(b.PausedUntil), "Retries and jobs continue then."
	case b.State == delivery.HalfOpen && (waiting > 0 || job != 0):
		v.State, v.Since = page.BreakerHalfOpen, ui.At(b.Since)
		v.Note = halfOpenNote(b)
	default:
		return page.BreakerView{}, false
	}
	return v, true
}

// halfOpenNote returns how fast the messages go that wait for a half-open breaker.
func halfOpenNote(b delivery.BreakerStatus) string {
	if b.RateUnused {
		return "Waiting messages are sent."
	}
	return "Waiting messages are sent: " + ratePerSecond(b.Rate) + " a second now, more while deliveries succeed."
}

func waitingMessages(n int) string {
	if n == 1 {
		return "message waiting"
	}
	return "messages waiting"
}

// nextProbe returns how the destination is probed next, and when.
func nextProbe(b delivery.BreakerStatus, waiting bool, now time.Time) (note string, at ui.Moment) {
	switch {
	case !waiting:
		return "The next webhook or replay probes it.", ui.Moment{}
	case b.NextProbe.After(now):
		return "Next probe", ui.At(b.NextProbe)
	}
	return "The next probe is sent now.", ui.Moment{}
}

// probe requests a probe of a destination and shows the overview after it.
func (c *Console) probe(w http.ResponseWriter, r *http.Request) error {
	source := chi.URLParam(r, "source")
	done := ui.Notice{
		Kind: ui.Info,
		Text: "Probe requested: " + printable(source) + " receives one of the messages that wait.",
	}
	err := c.Desk.Probe(r.Context(), auth.Actor(r.Context()), source)
	if err != nil && (!isPartial(r) || deadletter.KindOf(err) != deadletter.Conflict) {
		return err
	}
	back, parseErr := url.ParseQuery(r.PostForm.Get("back"))
	if parseErr != nil {
		back = url.Values{}
	}
	back = pickFields(back, overviewFields())
	if !isPartial(r) {
		c.redirect(w, r, address("/overview", back), done)
		return nil
	}
	status := http.StatusOK
	if err != nil {
		done, status = ui.Notice{Kind: ui.Warn, Text: errorText(err)}, statusOf(deadletter.KindOf(err))
	}
	figures, _ := c.overviewFigures(r, back)
	return c.render(w, r, status, page.OverviewProbed(figures, done))
}

// probeWith sends a message to its destination to test it.
func (c *Console) probeWith(w http.ResponseWriter, r *http.Request) error {
	done := func(deadletter.Message) ui.Notice {
		return ui.Notice{
			Kind: ui.Info, Text: "Probe requested: waiting for the response.",
			Hint: "If it is delivered, retries and jobs continue.",
		}
	}
	return c.act(w, r, done, func(ctx context.Context, by deadletter.Actor, ref desk.Ref) (desk.View, error) {
		return c.Desk.ProbeWith(ctx, by, ref, confirmed(r))
	})
}

// overviewFields are the query parameters of the overview.
func overviewFields() []field { return []field{{name: "range"}, {name: "source"}} }

// breakerNotice returns why retries and jobs for a source wait; false if they do not.
func (c *Console) breakerNotice(source string) (page.BreakerNotice, bool) {
	if _, ok := c.Settings().Source(source); !ok {
		return page.BreakerNotice{}, false
	}
	b := c.health(source).Breaker
	notice := page.BreakerNotice{Source: printable(source)}
	switch {
	case b.State == delivery.Open:
		notice.State, notice.At = page.BreakerOpen, ui.At(b.Since)
	case b.PausedUntil.After(c.Now()):
		notice.State, notice.At = page.BreakerPaused, ui.At(b.PausedUntil)
	case b.State == delivery.HalfOpen:
		notice.State, notice.At = page.BreakerHalfOpen, ui.At(b.Since)
	default:
		return page.BreakerNotice{}, false
	}
	return notice, true
}

// maxJobLimits bounds how many limits a job lists.
const maxJobLimits = 5

// jobLimits returns what holds a job, or would hold a draft.
func (c *Console) jobLimits(ctx context.Context, j deadletter.Job) (limits page.JobLimits, err error) {
	list, err := c.Desk.JobLimits(ctx, j)
	for _, l := range list[:min(len(list), maxJobLimits)] {
		limits.List = append(limits.List, limitView(l))
	}
	if more := len(list) - maxJobLimits; more > 0 {
		limits.More = "And " + plural(more, "more destination")
	}
	return limits, err
}

func limitView(l desk.JobLimit) page.JobLimit {
	v := page.JobLimit{Kind: string(l.Kind), Source: printable(l.Source)}
	switch l.Kind {
	case deadletter.LimitBreaker:
		v.At = ui.At(l.Since)
	case deadletter.LimitPause:
		v.At = ui.At(l.Until)
	case deadletter.LimitStep, deadletter.LimitConcurrency:
		v.Messages = plural(l.Number, "message")
	case deadletter.LimitJobRate, deadletter.LimitRateLimit, deadletter.LimitRamp:
		v.Messages = ratePerSecond(l.Rate)
	case deadletter.LimitNone:
	}
	return v
}

// ratePerSecond returns a rate with two digits at least: "0.25", "7.5", "1,280".
func ratePerSecond(rate float64) string {
	if rate < 10 {
		return strconv.FormatFloat(math.Round(rate*100)/100, 'f', -1, 64)
	}
	return number(int(math.Round(rate)))
}
