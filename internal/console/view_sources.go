package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func (c *Console) sourcesView(r *http.Request, v page.SourcesView, f sourceFigures) page.SourcesView {
	v.AsOf = ui.At(f.now)
	for _, s := range c.Sources {
		line := c.sourceLine(r, s)
		f.fill(&line, s.Name)
		v.Rows = append(v.Rows, line)
	}
	return v
}

func (c *Console) sourceLine(r *http.Request, s Source) page.SourceLine {
	return page.SourceLine{
		Name: s.Name, URL: "/sources/" + url.PathEscape(s.Name), Endpoint: c.endpoint(r, s), Health: c.sourceHealth(s),
		Proof: page.Proof{Scheme: s.Setup.Scheme, Text: s.Setup.Proof, Open: s.Setup.Open},
	}
}

// endpoint is where a platform posts the webhooks of a source to: as configured, or else as this browser reaches the
// desk.
func (c *Console) endpoint(r *http.Request, s Source) string {
	if s.Setup.URL != "" {
		return s.Setup.URL
	}
	return c.webhookBase(r) + "/webhooks/" + s.Name
}

// fill writes the figures of a source into its line.
func (f sourceFigures) fill(line *page.SourceLine, source string) {
	received, tally := f.received[source], f.tallies[source]
	line.Received = counted(received, "/ledger", url.Values{"source": {source}})
	line.Failed, line.ByItself, line.ByPeople = talliesOf(tally, f.from, f.to, source)
	line.FailedShare = shareOf(tally.Failed, received)
	line.NeedPerson = f.open(source, deadletter.Failed)
}

// shareOf is a part in percent; "" where there is none.
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
	return counted(f.counts[source][s], "/messages", between(time.Time{}, time.Time{}, source, "status", string(s)))
}

func (c *Console) sourceView(r *http.Request, s Source) page.SourceView {
	v := page.SourceView{
		Chrome:   c.chrome(r, s.Name+" · Sources"),
		Line:     c.sourceLine(r, s),
		Settings: settingsOf(s.Setup),
		Try:      s.Setup.Doctor + " --send",
	}
	if s.Setup.URL == "" {
		v.Note = "This is how your browser reaches the desk. Set webhook_url in the configuration to how platforms do."
	}
	if s.Setup.Open {
		v.Try = curlTo(v.Line.Endpoint)
	} else {
		v.Sign = s.Setup.Sign
	}
	p := s.Setup.Platform
	v.Platform = page.SourcePlatform{
		Name:       p.Name,
		Title:      p.Title,
		Status:     p.Status,
		About:      p.About,
		Warning:    p.Warning,
		Deliveries: p.Deliveries,
		Register:   s.Setup.Register,
		Doctor:     s.Setup.Doctor,
	}
	if p.Paste != nil {
		for _, field := range p.Paste(v.Line.Endpoint) {
			v.Platform.Paste = append(
				v.Platform.Paste,
				page.Setting{Name: field.Field, Text: field.Value, Hint: field.Hint},
			)
		}
	}
	return v
}

// settingsOf puts a source's settings into words.
func settingsOf(s Setup) []page.Setting {
	mode := page.Setting{Name: "Mode", Text: "Direct", Hint: "It is delivered, then the platform is answered."}
	if s.Buffered {
		mode = page.Setting{
			Name: "Mode",
			Text: "Buffered",
			Hint: "The platform is answered once the webhook is on the queue; then it is delivered.",
		}
	}
	return []page.Setting{
		mode, answerSetting(s), proofSetting(s), repeatSetting(s), retrySetting(s.Retry), deliverySetting(s),
		{Name: "Largest webhook", Text: size(int(s.MaxBody)), Hint: "A larger one is answered 413."},
	}
}

func answerSetting(s Setup) page.Setting {
	switch {
	case s.Ack != Ack{}:
		v := page.Setting{
			Name: "Answer",
			Text: fmt.Sprintf("%d %s", s.Ack.Status, s.Ack.ContentType),
			Code: s.Ack.Body,
			Hint: "Whether it was delivered or is kept as a message.",
		}
		if s.Ack.Body == "" {
			v.Text = fmt.Sprintf("%d without a body", s.Ack.Status)
		}
		return v
	case s.Buffered:
		return page.Setting{Name: "Answer", Text: `200 {"status":"accepted"}`}
	}
	return page.Setting{
		Name: "Answer",
		Text: `200 {"status":"accepted"}`,
		Hint: `One that failed and is kept: 200 {"status":"queued_for_retry","messageId":"…"}`,
	}
}

func proofSetting(s Setup) page.Setting {
	if s.Open {
		return page.Setting{Name: "Verification", Text: "None", Hint: "Whoever knows the URL can post to it."}
	}
	v := page.Setting{Name: "Verification", Text: capital(s.Proof)}
	if len(s.Secrets) > 0 {
		v.Hint = "Secrets: " + strings.Join(s.Secrets, ", ")
	}
	return v
}

func repeatSetting(s Setup) page.Setting {
	if s.RepeatID == "" {
		return page.Setting{
			Name: "Repeats",
			Text: "Known by the header Webhook-Id alone",
			Hint: "Without it each webhook that fails is a message of its own, even if the platform sends it again.",
		}
	}
	return page.Setting{
		Name: "Repeats",
		Text: "Known by " + s.RepeatID,
		Hint: "For " + spell(s.Window) + ": what the platform sends again within it is no new message.",
	}
}

func retrySetting(p deadletter.RetryPolicy) page.Setting {
	if p.MaxAttempts <= 1 {
		return page.Setting{
			Name: "Retries",
			Text: "None by itself",
			Hint: "A webhook that fails goes straight to a person.",
		}
	}
	return page.Setting{
		Name: "Retries",
		Text: fmt.Sprintf("%d automatic deliveries, the first one included", p.MaxAttempts),
		Hint: fmt.Sprintf(
			"The time between them doubles from %s up to %s, and each wait is a random part of that.",
			spell(p.Base),
			spell(p.Cap),
		),
	}
}

func deliverySetting(s Setup) page.Setting {
	v := page.Setting{
		Name: "One delivery",
		Text: "Takes " + spell(s.Timeout) + " at most",
		Hint: fmt.Sprintf("Up to %s at once", number(s.MaxConcurrent)),
	}
	if s.MaxPerSecond > 0 {
		v.Hint += fmt.Sprintf(", and %g per second", s.MaxPerSecond)
	}
	return v
}

// spell writes a duration with the largest units that leave nothing over: 3 days, 15 min, 2 s.
func spell(d time.Duration) string {
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
