package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/doctor"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// sourceFigures are desk.SourceFigures for a page.
type sourceFigures struct{ desk.SourceFigures }

// readSourceFigures reads the figures of one source, or of all if source is empty.
func (c *Console) readSourceFigures(ctx context.Context, source string) (sourceFigures, error) {
	f, err := c.Desk.SourceFigures(ctx, auth.Actor(ctx), source)
	return sourceFigures{f}, err
}

func (c *Console) sourceList(w http.ResponseWriter, r *http.Request) error {
	v := page.SourcesView{Chrome: c.chrome(r, "Sources")}
	figures, err := c.readSourceFigures(r.Context(), "")
	status := http.StatusOK
	switch {
	case err != nil:
		v.RetryURL = "/sources"
		v.State, v.Fault, status = c.unreadable(r, err)
	case len(c.Settings().Sources) == 0:
		v.State = page.StateNothing
	default:
		v = c.sourcesView(r, v, figures)
	}
	return c.render(w, r, status, page.Sources(v))
}

// sourcePage shows the settings of a source even if its figures cannot be read.
func (c *Console) sourcePage(w http.ResponseWriter, r *http.Request) error {
	source, ok := c.Settings().Source(chi.URLParam(r, "source"))
	if !ok {
		return deadletter.Errorf(deadletter.NotFound, "there is no such source in the configuration")
	}
	v := c.sourceView(r, source)
	figures, err := c.readSourceFigures(r.Context(), source.Name)
	status := http.StatusOK
	if err != nil {
		v.RetryURL = r.URL.Path
		v.State, v.Fault, status = c.unreadable(r, err)
	}
	figures.fill(&v.Line, source.Name)
	v.Refusals = refusalRows(figures.Refusals)
	v.Retrying = figures.open(source.Name, deadletter.Retrying)
	return c.render(w, r, status, page.Source(v))
}

func (c *Console) sourcesView(r *http.Request, v page.SourcesView, f sourceFigures) page.SourcesView {
	v.AsOf, v.Refusals = ui.At(f.At), refusalRows(f.Refusals)
	for _, s := range c.Settings().Sources {
		line := c.sourceLine(r, s)
		f.fill(&line, s.Name)
		v.Rows = append(v.Rows, line)
	}
	return v
}

func (c *Console) sourceLine(r *http.Request, s Source) page.SourceLine {
	cause, err := c.latestCause(r.Context(), s)
	if err != nil {
		c.logFailure(r, deadletter.KindOf(err), err) // the page without the link is still useful
	}
	return page.SourceLine{
		Name: s.Name, URL: "/sources/" + url.PathEscape(s.Name), Endpoint: c.endpoint(r, s),
		Health:       c.sourceHealth(s, cause),
		Verification: page.Verification{Scheme: s.Setup.Scheme, Text: s.Setup.Proof, Unverified: s.Setup.Open},
	}
}

// endpoint returns the address for the webhooks of a source: as configured, or else as this browser reaches the desk.
func (c *Console) endpoint(r *http.Request, s Source) string {
	if s.Setup.URL != "" {
		return s.Setup.URL
	}
	return c.webhookBase(r) + "/webhooks/" + s.Name
}

// fill writes the figures of a source into its row.
func (f sourceFigures) fill(line *page.SourceLine, source string) {
	received, tally := f.Received[source], f.Tallies[source]
	line.Received = counted(received, "/reconciliation", url.Values{"source": {source}})
	line.Failed, line.ByRetries, line.ByPeople = talliesOf(tally, f.From, f.To, source)
	line.FailedShare = shareOf(tally.Failed, received)
	line.FailedNow = f.open(source, deadletter.Failed)
}

// shareOf returns a percentage; "" for none.
func shareOf(part, whole int) string {
	share := float64(part) / float64(max(whole, 1)) * 100
	switch {
	case part == 0 || part > whole:
		return ""
	case share < 0.1:
		return "under 0.1 %"
	}
	return strconv.FormatFloat(share, 'f', 1, 64) + " %"
}

func (f sourceFigures) open(source string, s deadletter.Status) page.Count {
	return countedOpen(f.Counts[source][s], source, s)
}

func (c *Console) sourceView(r *http.Request, s Source) page.SourceView {
	v := page.SourceView{
		Chrome:      c.chrome(r, s.Name+" · Sources"),
		Line:        c.sourceLine(r, s),
		Settings:    settingsOf(s.Setup),
		TestCommand: s.Setup.Doctor + " --send",
	}
	if s.Setup.URL == "" {
		v.Note = "This is the address of your browser. Set webhook_url in the configuration to the address for " +
			"platforms."
	}
	if s.Setup.Open {
		v.TestCommand = curlTo(v.Line.Endpoint)
	} else {
		v.SignCommand = s.Setup.Sign
	}
	p := s.Setup.Platform
	v.Platform = page.SourcePlatform{
		Name:           p.Name,
		Title:          p.Title,
		Status:         p.Status,
		About:          p.About,
		Warning:        p.Warning,
		DeliveryPolicy: p.Deliveries,
		Register:       s.Setup.Register,
		Doctor:         s.Setup.Doctor,
	}
	if p.Paste != nil {
		for _, field := range p.Paste(v.Line.Endpoint) {
			v.Platform.Fields = append(
				v.Platform.Fields, page.Setting{Name: field.Field, Text: field.Value, Hint: field.Hint},
			)
		}
	}
	return v
}

// settingsOf describes the settings of a source.
func settingsOf(s doctor.Setup) []page.Setting {
	mode := page.Setting{Name: "Mode", Text: "Direct", Hint: "The webhook is delivered before the platform gets its " +
		"response."}
	if s.Buffered {
		mode = page.Setting{
			Name: "Mode",
			Text: "Buffered",
			Hint: "The platform gets its response once the webhook is queued; it is delivered after that.",
		}
	}
	return []page.Setting{
		mode,
		answerSetting(s),
		proofSetting(s),
		handshakeSetting(s),
		replaySetting(s),
		repeatSetting(s),
		retrySetting(s.Retry),
		deliverySetting(s),
		{Name: "Largest webhook", Text: size(int(s.MaxBody)), Hint: "A larger webhook gets 413."},
	}
}

func answerSetting(s doctor.Setup) page.Setting {
	switch {
	case s.Ack != doctor.Ack{}:
		v := page.Setting{
			Name: "Response",
			Text: fmt.Sprintf("%d %s", s.Ack.Status, s.Ack.ContentType),
			Code: s.Ack.Body,
			Hint: "For delivered and for failed webhooks.",
		}
		if s.Ack.Body == "" {
			v.Text = fmt.Sprintf("%d without a body", s.Ack.Status)
		}
		return v
	case s.Buffered:
		return page.Setting{Name: "Response", Text: `200 {"status":"accepted"}`}
	}
	return page.Setting{
		Name: "Response",
		Text: `200 {"status":"accepted"}`,
		Hint: `For a failed webhook that is stored: 200 {"status":"queued_for_retry","messageId":"…"}`,
	}
}

func proofSetting(s doctor.Setup) page.Setting {
	if s.Open {
		return page.Setting{Name: "Verification", Text: "None", Hint: "Anyone who knows the URL can post to it."}
	}
	v := page.Setting{Name: "Verification", Text: capital(s.Proof)}
	if len(s.Secrets) > 0 {
		v.Hint = "Secrets: " + strings.Join(s.Secrets, ", ")
	}
	return v
}

func handshakeSetting(s doctor.Setup) page.Setting {
	if s.Handshake == "" {
		return page.Setting{Name: "Handshake", Text: "None", Hint: "Only webhooks are accepted at the URL."}
	}
	return page.Setting{
		Name: "Handshake", Text: capital(s.Handshake),
		Hint: "It gets its response from dlqdesk, and is neither delivered nor stored.",
	}
}

func replaySetting(s doctor.Setup) page.Setting {
	v := page.Setting{Name: "Signatures of replays"}
	switch {
	case s.Resign:
		v.Text, v.Hint = "Made anew", "For edited and late deliveries, by the first secret."
	case s.Signs:
		v.Text = "As received"
		v.Hint = "A handler that verifies may refuse edited and late replays, unless verify.resign is set."
	default:
		v.Text = "None"
		v.Hint = "No signature of bodies is verified here: every delivery has the headers that were received."
	}
	return v
}

func repeatSetting(s doctor.Setup) page.Setting {
	if s.RepeatID == "" {
		return page.Setting{
			Name: "Repeats",
			Text: "Not detected",
			Hint: "Each failed webhook is a separate message, even if the platform sends it again. Set dedup.key to " +
				"the place of the platform's own id.",
		}
	}
	return page.Setting{
		Name: "Repeats",
		Text: "Detected by " + s.RepeatID,
		Hint: fmt.Sprintf("For %s: a webhook with the same id and content creates no new message. One with other "+
			"content always does.", formatDuration(s.Window)),
	}
}

func retrySetting(p deadletter.RetryPolicy) page.Setting {
	if p.MaxAttempts <= 1 {
		return page.Setting{
			Name: "Retries",
			Text: "None",
			Hint: "A webhook that fails needs a person at once.",
		}
	}
	return page.Setting{
		Name: "Retries",
		Text: "Up to " + plural(p.MaxAttempts-1, "time"),
		Hint: "Waits: " + retryWaits(p) + ". The destination can demand more by Retry-After.",
	}
}

// retryWaits lists the waits of a retry policy for people, as in "about 5 s, 20 s, 1 min, 5 min, 15 min". Waits that
// are equal at the end are counted.
func retryWaits(p deadletter.RetryPolicy) string {
	waits := p.Schedule()
	rising := 1
	for rising < len(waits) && waits[rising] != waits[rising-1] {
		rising++
	}
	var texts []string
	for _, wait := range waits[:rising] {
		texts = append(texts, aboutDuration(wait))
	}
	text := "about " + strings.Join(texts, ", ")
	if same := len(waits) - rising; same > 0 {
		text += fmt.Sprintf(", then %s more of %s", number(same), texts[rising-1])
	}
	return text
}

// aboutDuration formats a duration rounded to its largest unit: 80 s is 1 min.
func aboutDuration(d time.Duration) string {
	for _, unit := range []time.Duration{time.Hour, time.Minute, time.Second, time.Millisecond} {
		if d >= unit {
			return formatDuration(d.Round(unit))
		}
	}
	return d.String()
}

func deliverySetting(s doctor.Setup) page.Setting {
	v := page.Setting{
		Name: "One delivery",
		Text: "Takes " + formatDuration(s.Timeout) + " at most",
		Hint: fmt.Sprintf("Up to %s at once", number(s.MaxConcurrent)),
	}
	if s.MaxPerSecond > 0 {
		v.Hint += fmt.Sprintf(", and %g per second", s.MaxPerSecond)
	}
	return v
}

// formatDuration formats a duration in its largest exact unit: 3 days, 15 min, 2 s.
func formatDuration(d time.Duration) string {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		if n := d / u.size; n >= 1 && d%u.size == 0 {
			if u.name == "day" {
				return plural(int(n), "day")
			}
			return fmt.Sprintf("%d %s", n, u.name)
		}
	}
	return d.String()
}

// refusalRows shows the requests that the receiver refused.
func refusalRows(list []store.ReasonRefusals) []page.RefusalRow {
	var rows []page.RefusalRow
	for _, r := range list {
		words := refusalWords[r.Reason]
		rows = append(rows, page.RefusalRow{
			Code:   code(r.Reason.Status()),
			Reason: cmp.Or(words.reason, string(r.Reason)),
			Hint:   words.hint,
			Count:  number(r.Count),
			Since:  ui.At(r.First),
			Latest: ui.At(r.LatestAt),
			Why:    printable(sentence(r.Why)),
		})
	}
	return rows
}

// refusalWords say of each reason what happened and what to do.
var refusalWords = map[ledger.RefusalReason]struct{ reason, hint string }{
	ledger.RefusedUnproven:      {"No signature or credential", "Set the secret at the platform."},
	ledger.RefusedMismatch:      {"Wrong signature or credential", "Compare the secret here and at the platform."},
	ledger.RefusedStale:         {"Signed too long ago", "Compare the clocks, or raise verify.tolerance."},
	ledger.RefusedMalformed:     {"Unreadable signature or credential", "Check verify.scheme."},
	ledger.RefusedHandshake:     {"Wrong handshake", "Check handshake and its secrets."},
	ledger.RefusedTooLarge:      {"Body too large", "Raise max_body of the source."},
	ledger.RefusedIncomplete:    {"Body did not arrive whole", "Look for a proxy or a network that cuts connections."},
	ledger.RefusedUnknownSource: {"Unknown source", "Compare the URL at the platform with the names above."},
	ledger.RefusedMethod:        {"Method other than POST", "Set the method POST at the platform."},
	ledger.RefusedUnstored:      {"Could not be stored", "The platform was told to send it again. See the log."},
}
