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
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const (
	alertsPath = "/alerts"
	sinksPath  = alertsPath + "/sinks"
	allAlerts  = "all" // the value of which for alerts that ended, too
)

func (c *Console) alertRoutes(r chi.Router) {
	r.Get(alertsPath, c.handle(c.alerts))
	r.Get(sinksPath, c.handle(c.sinks))
	r.Get(alertsPath+"/{alert}", c.handle(c.alert))
	r.With(c.form(maxForm)).Post(sinksPath+"/{sink}/test", c.handle(c.testSink))
}

func alertURL(id deadletter.AlertID) string { return alertsPath + "/" + id.String() }

func (c *Console) alerts(w http.ResponseWriter, r *http.Request) error {
	query, by := r.URL.Query(), auth.Actor(r.Context())
	v, status := page.AlertsView{
		Open: query.Get("which") != allAlerts, RetryURL: r.URL.RequestURI(), OpenURL: alertsPath,
		AllURL: address(alertsPath, url.Values{"which": {allAlerts}}), Sinks: c.alertSinks(r),
	}, http.StatusOK
	list, err := c.Desk.Alerts(r.Context(), by, store.AlertQuery{
		Open: v.Open, Cursor: query.Get("cursor"), Limit: pageSize,
	})
	if err == nil {
		v.Rows, err = c.alertRows(r.Context(), by, list.Items)
	}
	if err != nil {
		v.State, v.Fault, status = c.unreadable(r, err)
	} else if len(v.Rows) == 0 {
		v.State = page.StateNothing
	}
	kept := url.Values{}
	if v.NewestURL = v.OpenURL; !v.Open {
		kept.Set("which", allAlerts)
		v.NewestURL = v.AllURL
	}
	v.NewerURL, v.OlderURL = pageURL(alertsPath, kept, list.Newer), pageURL(alertsPath, kept, list.Older)
	if v.NewerURL == "" {
		v.NewestURL = ""
	}
	for _, route := range c.Settings().AlertRoutes {
		v.Routes = append(v.Routes, routeText(route))
	}
	if !v.Open && v.OlderURL == "" && v.State != page.StateFault {
		v.Deleted = c.alertsDeleted()
	}
	v.Chrome = c.chrome(r, "Alerts")
	return c.render(w, r, status, page.Alerts(v))
}

// alertRows shows alerts. Those about several causes come with them.
func (c *Console) alertRows(
	ctx context.Context, by deadletter.Actor, list []desk.AlertView,
) (rows []page.AlertRow, err error) {
	for _, a := range list {
		if tellsOfCauses(a.Alert) {
			if a, err = c.Desk.Alert(ctx, by, a.ID); err != nil {
				return nil, err
			}
		}
		row := alertRow(a)
		for _, cause := range a.Causes {
			row.Parts = append(row.Parts, page.AlertPart{
				Title: cmp.Or(printable(cause.Title), "No error recorded"), URL: page.CauseURL(cause.Fingerprint),
			})
		}
		if more := a.CauseCount - len(a.Causes); more > 0 {
			row.PartsMore = "and " + number(more) + " more"
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// tellsOfCauses reports whether an alert can have others that are part of it.
func tellsOfCauses(a deadletter.Alert) bool {
	switch a.Kind { //nolint:exhaustive // all others tell about themselves alone
	case deadletter.AlertDestination, deadletter.AlertNewCause, deadletter.AlertRegressedCause,
		deadletter.AlertGrowingCause:
		return a.Cause == ""
	}
	return false
}

func alertRow(a desk.AlertView) page.AlertRow {
	row := page.AlertRow{
		ID: a.ID.String(), URL: alertURL(a.ID), Severity: string(a.Severity), Title: printable(a.Title),
		Text: printable(a.Text), Sources: printable(strings.Join(a.Sources, ", ")), Since: ui.At(a.RaisedAt),
		Resolved: ui.At(a.ResolvedAt), Why: printable(a.Resolution),
	}
	if a.PartOf != 0 {
		row.Whole = &page.AlertLink{Label: "alert " + a.PartOf.String(), URL: alertURL(a.PartOf)}
	}
	for _, d := range a.Told {
		row.Told = append(row.Told, told(d))
	}
	if len(row.Told) == 0 {
		row.Untold = "No route led it to anyone."
	}
	if a.CauseCount == 1 {
		row.PartsText = "1 cause is part of this alert"
	} else if a.CauseCount > 1 {
		row.PartsText = plural(a.CauseCount, "cause") + " are part of this alert"
	}
	return row
}

// alertEvents are the words for events of alerts of which sinks are told.
var alertEvents = map[deadletter.AlertEvent]string{
	deadletter.AlertRaised: "that it began", deadletter.AlertResolved: "that it ended",
}

// told shows a delivery of an alert to a sink.
func told(d deadletter.AlertDelivery) page.AlertTold {
	v := page.AlertTold{Sink: printable(d.Sink), What: alertEvents[d.Event], At: ui.At(d.TriedAt)}
	tried := v.What + ", tried " + times(d.Tries) + ", last"
	switch {
	case d.Partly():
		v.State, v.Tone, v.Error = "told only some people", ui.Warn, printable(d.Error)
	case d.State == deadletter.AlertSent:
		v.State, v.Tone = "was told", ui.Done
	case d.State == deadletter.AlertGivenUp:
		v.State, v.Tone, v.What, v.Error = "was not told", ui.Fault, tried, printable(d.Error)
	case d.State == deadletter.AlertDropped:
		v.State, v.Tone, v.What, v.At = "was not told", "plain", printable(d.Error), ui.Moment{}
	case d.Tries > 0:
		v.State, v.Tone, v.What, v.Error = "not told yet", ui.Warn, tried, printable(d.Error)
		v.Next = ui.At(d.DueAt)
	default:
		v.State, v.Tone, v.Next = "not told yet", "plain", ui.At(d.DueAt)
	}
	return v
}

func (c *Console) alert(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(chi.URLParam(r, "alert"), 10, 64)
	if err != nil || id <= 0 {
		return deadletter.Errorf(deadletter.NotFound, "there is no such alert")
	}
	by := auth.Actor(r.Context())
	a, err := c.Desk.Alert(r.Context(), by, deadletter.AlertID(id))
	if err != nil {
		return err
	}
	v := page.AlertView{Row: alertRow(a), Kind: alertKinds[a.Kind]}
	for _, l := range desk.AlertLinks(a.Alert) {
		v.Links = append(v.Links, page.AlertLink{Label: printable(l.Label), URL: l.Path})
	}
	for _, f := range a.Facts {
		v.Facts = append(v.Facts, page.AlertFact{Label: printable(f.Label), Value: printable(f.Value)})
	}
	if a.PartOf != 0 {
		whole, err := c.Desk.Alert(r.Context(), by, a.PartOf)
		if err != nil {
			return err
		}
		v.Row.Whole.Label = printable(whole.Title)
	}
	if err := c.addAlertParts(r, &v, a.ID); err != nil {
		return err
	}
	v.Chrome = c.chrome(r, v.Row.Title)
	return c.render(w, r, http.StatusOK, page.Alert(v))
}

// addAlertParts adds a page of the alerts that one tells about.
func (c *Console) addAlertParts(r *http.Request, v *page.AlertView, id deadletter.AlertID) error {
	parts, err := c.Desk.Alerts(r.Context(), auth.Actor(r.Context()), store.AlertQuery{
		PartOf: id, Cursor: r.URL.Query().Get("cursor"), Limit: pageSize,
	})
	if err != nil {
		return err
	}
	for _, part := range parts.Items {
		v.Row.Parts = append(v.Row.Parts, page.AlertPart{Title: printable(part.Title), URL: alertURL(part.ID)})
	}
	v.NewerURL = pageURL(alertURL(id), url.Values{}, parts.Newer)
	v.OlderURL = pageURL(alertURL(id), url.Values{}, parts.Older)
	if v.NewerURL != "" {
		v.NewestURL = alertURL(id)
	}
	return nil
}

// alertKinds are the words for the kinds of alerts.
var alertKinds = map[deadletter.AlertKind]string{
	deadletter.AlertNewCause:       "New cause",
	deadletter.AlertRegressedCause: "Regressed cause",
	deadletter.AlertGrowingCause:   "Growing cause",
	deadletter.AlertDestination:    "Destination down",
	deadletter.AlertBreaker:        "Circuit breaker open too long",
	deadletter.AlertSpool:          "Spool in use",
	deadletter.AlertReconciliation: "Reconciliation found a difference",
	deadletter.AlertAudit:          "Audit trail broken",
	deadletter.AlertExpiring:       "Messages about to expire on SQS",
	deadletter.AlertJobHalted:      "Job halted",
	deadletter.AlertJobDone:        "Job done",
	deadletter.AlertDisk:           "Disk nearly full",
	deadletter.AlertSpoolFull:      "Spool nearly full",
	deadletter.AlertSilent:         "Source silent",
}

// maxCauseAlerts is how many alerts the page of a cause shows.
const maxCauseAlerts = 5

// alertsDeleted says when alerts are deleted.
func (c *Console) alertsDeleted() string {
	return "Alerts are deleted " + retentionText(
		c.Settings().AlertsKept,
	) + " after they end, with who was told of them."
}

// causeTold says who was told of a cause.
func (c *Console) causeTold(ctx context.Context, cause deadletter.Cause) (v page.CauseTold, err error) {
	list, err := c.Desk.AlertsOfCause(ctx, auth.Actor(ctx), cause.Fingerprint)
	if err != nil {
		return v, err
	}
	v.More = len(list) > maxCauseAlerts
	for _, a := range list[:min(len(list), maxCauseAlerts)] {
		row := alertRow(a)
		row.Title = alertKinds[a.Kind] // the title of the cause is that of the page
		v.Rows = append(v.Rows, row)
	}
	if c.Now().Sub(cause.FirstAt) > c.Settings().AlertsKept {
		v.Deleted = c.alertsDeleted()
	}
	return v, nil
}

// sinks renders the list of sinks for a page that polls while a test is under way, with the outcome of the test.
func (c *Console) sinks(w http.ResponseWriter, r *http.Request) error {
	v := c.alertSinks(r)
	v.Quiet = true
	for _, row := range v.Rows {
		if t := row.Test; row.Name == r.URL.Query().Get("test") && t != nil && !t.Runs {
			v.Notice = ui.Notice{
				Kind: t.Tone, Text: "The test of " + row.Name + " " + t.State + ".", Hint: sentence(t.Error),
			}
		}
	}
	return c.render(w, r, http.StatusOK, page.AlertSinksSection(v))
}

// testSink orders a test of a sink. The page shows the outcome beside the button.
func (c *Console) testSink(w http.ResponseWriter, r *http.Request) error {
	sink, status := chi.URLParam(r, "sink"), http.StatusOK
	notice := ui.Notice{Kind: ui.Info, Text: "A test is on its way to " + printable(sink) + "."}
	if err := c.Desk.TestSink(r.Context(), auth.Actor(r.Context()), sink); err != nil {
		if deadletter.KindOf(err) != deadletter.Conflict {
			return err
		}
		status, notice = statusOf(deadletter.Conflict), ui.Notice{Kind: ui.Warn, Text: errorText(err)}
	}
	if !isPartial(r) {
		c.redirect(w, r, alertsPath+"#sinks", notice)
		return nil
	}
	v := c.alertSinks(r)
	v.Notice = notice
	return c.render(w, r, status, page.AlertSinksSection(v))
}

// alertSinks returns the view of the sinks.
func (c *Console) alertSinks(r *http.Request) (v page.AlertSinks) {
	list, err := c.Desk.Sinks(r.Context(), auth.Actor(r.Context()))
	if err != nil {
		_, v.Fault, _ = c.unreadable(r, err)
		return v
	}
	for _, s := range list {
		row := sinkRow(s)
		if row.Test != nil && row.Test.Runs {
			v.PollURL = address(sinksPath, url.Values{"test": {row.Name}})
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

var sinkKinds = map[string]string{
	"slack": "Slack", "teams": "Teams", "pagerduty": "PagerDuty", "email": "E-mail", "webhook": "Webhook",
}

// sinkStandings are the words for how sinks take alerts. fault begins a notice about it; "": it needs none.
var sinkStandings = map[deadletter.SinkStanding]struct{ text, tone, fault string }{
	deadletter.SinkUntold: {"was not told anything yet", "plain", ""},
	deadletter.SinkTakes:  {"took the latest alert", ui.Done, ""},
	deadletter.SinkPartly: {"told only some people of the latest alert", ui.Warn, "Alerts reach only some people by "},
	deadletter.SinkFails:  {"does not take alerts", ui.Fault, "Alerts do not arrive at "},
	deadletter.SinkGaveUp: {"did not take the latest alert", ui.Fault, "Alerts do not arrive at "},
}

func sinkRow(s desk.SinkView) page.AlertSinkRow {
	row := page.AlertSinkRow{
		Name: printable(s.Name), Kind: cmp.Or(sinkKinds[s.Kind], s.Kind), Routes: s.Routes, Deny: errorText(s.Denied),
		Next: ui.At(s.NextDueAt), Test: sinkTest(s.Test),
	}
	standing := sinkStandings[s.Standing]
	row.State, row.Tone = standing.text, standing.tone
	row.Since, row.Error = ui.At(s.Latest.TriedAt), printable(s.Latest.Error)
	switch {
	case s.Waiting == 1:
		row.Wait = "1 alert waits, and is due"
	case s.Waiting > 1:
		row.Wait = number(s.Waiting) + " alerts wait, the next is due"
	}
	return row
}

func sinkTest(d deadletter.AlertDelivery) *page.AlertTest {
	if d.ID == 0 {
		return nil
	}
	v := &page.AlertTest{
		By: printable(d.By), At: ui.At(d.MadeAt), State: "was not taken", Tone: ui.Fault, Error: printable(d.Error),
	}
	switch d.State {
	case deadletter.AlertWaiting:
		v.State, v.Tone, v.Runs = "is being sent", ui.Info, true
	case deadletter.AlertSent:
		if v.State, v.Tone = "was taken", ui.Done; d.Partly() {
			v.State, v.Tone = "reached only some people", ui.Warn
		}
	case deadletter.AlertGivenUp, deadletter.AlertDropped:
	}
	return v
}

// sinkNotices says which sinks do not take alerts.
func (c *Console) sinkNotices(r *http.Request) (notices []page.StandingNotice) {
	list, err := c.Desk.Sinks(r.Context(), auth.Actor(r.Context()))
	if err != nil {
		c.unreadable(r, err)
		return nil // the page of alerts says why
	}
	for _, s := range list {
		if fault := sinkStandings[s.Standing].fault; fault != "" {
			notices = append(notices, page.StandingNotice{
				Kind: ui.Warn, Text: fault + printable(s.Name) + ".", Hint: sentence(printable(s.Latest.Error)),
			})
		}
	}
	return notices
}

// routeText says in a sentence which alerts a route sends where.
func routeText(r deadletter.AlertRoute) string {
	what := map[deadletter.Severity]string{
		deadletter.SeverityWarning: "Warnings and critical alerts", deadletter.SeverityCritical: "Critical alerts",
	}[r.Severity]
	text := r.Name + ": " + cmp.Or(what, "All alerts")
	if len(r.Kinds) > 0 {
		kinds := make([]string, len(r.Kinds))
		for i, k := range r.Kinds {
			kinds[i] = string(k)
		}
		text += " of the kind " + either(kinds)
	}
	if len(r.Sources) > 0 {
		text += " about " + either(r.Sources)
	}
	text += " go to " + strings.Join(r.To, ", ") + "."
	if r.Quiet.From == r.Quiet.To {
		return text
	}
	text += fmt.Sprintf(" From %s to %s (%s) they wait", clock(r.Quiet.From), clock(r.Quiet.To), zoneName(r.Quiet.Zone))
	switch r.Quiet.Except {
	case "":
		return text + "."
	case deadletter.SeverityCritical:
		return text + ", but for critical ones."
	}
	return text + ", but for those of severity " + string(r.Quiet.Except) + " and above."
}

func zoneName(zone *time.Location) string {
	if zone == nil {
		return "UTC"
	}
	return zone.String()
}

// clock writes a time of day.
func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// either joins names by commas, and the last one by "or".
func either(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
