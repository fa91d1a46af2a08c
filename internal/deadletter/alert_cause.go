package deadletter

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

const (
	// causeGrace is how long a new cause waits before it is told, so that the alert of its outage can include it.
	causeGrace = 2 * time.Second

	// groupTime and groupBurst bound the alerts about causes of a source: more than these come as one.
	groupTime  = time.Minute
	groupBurst = 3

	// groupWait is how long many new causes wait for more of their source, so that those of one burst come as one.
	groupWait = 5 * time.Second

	// outageTail is how long after an outage messages may still fail for it.
	outageTail = time.Minute
)

// CauseNews is a cause in a state of which people were not told.
type CauseNews struct {
	Cause
	// Told is the latest alert about the cause: an open one, or one that ended; the zero Alert if there was none.
	Told Alert
	// Muted says that Told ended because the cause was muted.
	Muted bool
}

// CauseSighting has what is known at one time of the causes that alerts are about.
type CauseSighting struct {
	News    []CauseNews
	Outages map[string]Alert // OutagesOf all open alerts
	Growing []Alert          // of causes that grow now and did not before; without ids
	Causes  map[string]Cause // those that Growing are about, by the fingerprint in the alert
	Open    []CauseAlert     // about new and regressed causes, and of those of growing ones the wholes and their parts
}

// CauseAlertsStep says which alerts about causes begin and end, and which news need none.
type CauseAlertsStep struct {
	Raise  []CauseAlerts
	End    []CauseEnd
	Silent []Cause // their states need no alert
}

// CauseEnd is an alert that ends; Muted says whether that is because its cause was muted.
type CauseEnd struct {
	Alert
	Muted bool
}

// OutagesOf returns those of some open alerts that say that a destination is down, by source.
func OutagesOf(open []Alert) map[string]Alert {
	outages := map[string]Alert{}
	for _, a := range open {
		if source := a.Source(); a.Kind == AlertDestination && source != "" && a.ID != 0 {
			outages[source] = a
		}
	}
	return outages
}

// CauseAlerts are alerts about causes that are told together: by Whole, which begins with them, or by an open alert
// with the id PartOf. If both are zero, the one alert is told by itself.
type CauseAlerts struct {
	Whole  Alert
	PartOf AlertID
	Alerts []Alert // those with an id are open already, and were part of an outage
}

// Due returns when each sink is to be told of Whole at a time: those to which any of its parts would go. A whole has one
// kind, and its parts may have several.
func (g CauseAlerts) Due(routes []AlertRoute, at time.Time) map[string]time.Time {
	due := map[string]time.Time{}
	for _, part := range g.Alerts {
		as := g.Whole
		as.Kind = part.Kind
		for sink, when := range AlertDue(routes, as, at) {
			earliest(due, sink, when)
		}
	}
	return due
}

// CauseGroups remembers when alerts about causes were raised, by source, so that many come as one. The zero CauseGroups
// is ready to use; after a restart it begins anew.
type CauseGroups struct{ raised map[string][]time.Time }

// Step decides which alerts begin and end. News that are in none of the results wait. The alert of an outage has
// its causes as parts. If messages still fail for one of them when the outage is over, its alert is told with the news.
func (g *CauseGroups) Step(s CauseSighting, at time.Time) (step CauseAlertsStep) {
	bySource := map[string][]Alert{} // those that are part of no outage
	parts := map[AlertID][]Alert{}
	began := map[string]time.Time{} // the first of the new causes of each source
	more := map[string]bool{}       // sources with news that wait
	add := func(c Cause, a Alert) {
		if c.isOfOutage(s.Outages) {
			whole := s.Outages[c.Source].ID
			parts[whole] = append(parts[whole], a)
		} else {
			bySource[a.Source()] = append(bySource[a.Source()], a)
		}
	}
	for _, n := range s.News {
		if first, ok := began[n.Source]; n.State == CauseNew && (!ok || n.FirstAt.Before(first)) {
			began[n.Source] = n.FirstAt
		}
		a, ok := n.alert(at)
		switch {
		case ok:
			add(n.Cause, a)
		case n.waits(at):
			more[n.Source] = true
		default:
			step.Silent = append(step.Silent, n.Cause)
		}
	}
	for _, a := range s.Growing {
		add(s.Causes[a.Cause], a)
	}
	for _, a := range s.Open {
		_, down := s.Outages[a.Source()]
		if why, muted := a.ends(); why != "" {
			a.ResolvedAt, a.Resolution = at, why
			step.End = append(step.End, CauseEnd{a.Alert, muted})
		} else if a.outlasts() && !down {
			bySource[a.Source()] = append(bySource[a.Source()], a.Alert)
		}
	}
	for id, list := range parts {
		step.Raise = append(step.Raise, CauseAlerts{PartOf: id, Alerts: list})
	}
	for source, list := range bySource {
		if !more[source] || len(list) <= groupBurst || Elapsed(began[source], at, groupWait) {
			step.Raise = append(step.Raise, g.group(source, list, at)...)
		}
	}
	return step
}

// Source returns the first source of an alert; "" if it is about none.
func (a Alert) Source() string {
	if len(a.Sources) == 0 {
		return ""
	}
	return a.Sources[0]
}

// group returns the alerts of a source one by one if there are few, and otherwise as one. It returns nothing while too
// many were raised within groupTime.
func (g *CauseGroups) group(source string, list []Alert, at time.Time) []CauseAlerts {
	recent := slices.DeleteFunc(g.raised[source], func(t time.Time) bool { return Elapsed(t, at, groupTime) })
	var groups []CauseAlerts
	switch {
	case len(recent)+len(list) <= groupBurst:
		for _, a := range list {
			groups = append(groups, CauseAlerts{Alerts: []Alert{a}})
		}
	case len(recent) < groupBurst:
		groups = []CauseAlerts{{Whole: wholeOf(source, list, at), Alerts: list}}
	}
	for range groups {
		recent = append(recent, at)
	}
	if g.raised == nil {
		g.raised = map[string][]time.Time{}
	}
	if g.raised[source] = recent; len(recent) == 0 {
		delete(g.raised, source)
	}
	return groups
}

// wholeOf returns the alert that tells about several of a source. Its key has the time, because the same causes may come
// together again while the rest of an earlier alert goes on.
func wholeOf(source string, list []Alert, at time.Time) Alert {
	kinds := map[AlertKind]bool{}
	for _, a := range list {
		kinds[a.Kind] = true
	}
	kind, what := AlertGrowingCause, "causes"
	switch {
	case kinds[AlertNewCause]:
		kind = AlertNewCause
	case kinds[AlertRegressedCause]:
		kind = AlertRegressedCause
	}
	if len(kinds) == 1 {
		what = wholeTitles[kind]
	}
	return Alert{
		Kind: kind, Key: fmt.Sprintf("causes:%s:%d", list[0].Cause, at.UnixMilli()), Severity: kind.Severity(),
		Sources: list[0].Sources,
		Title:   fmt.Sprintf("%d %s in %s", len(list), what, nameOfSource(source)), RaisedAt: at,
	}
}

// wholeTitles name causes that are told together, if they are of one kind.
var wholeTitles = map[AlertKind]string{
	AlertNewCause: "new causes", AlertRegressedCause: "causes came back", AlertGrowingCause: "causes grow",
}

func nameOfSource(source string) string { return cmp.Or(source, "messages without a source") }

// waits reports whether it is too early for an alert about a new cause. One from the future, by a clock that was set
// back, does not wait.
func (n CauseNews) waits(at time.Time) bool {
	age := at.Sub(n.FirstAt)
	return n.State == CauseNew && age < causeGrace && age > -causeGrace
}

// alert returns the alert about the state of a cause; false if it needs none, or none yet.
func (n CauseNews) alert(at time.Time) (Alert, bool) {
	unmuted := n.Muted && n.Open() > 0 && !(n.LastChange.Action == "unmuted" && !n.LastChange.At.Before(n.StateAt))
	switch {
	case !n.Told.RaisedAt.IsZero() && n.Told.Open(), n.waits(at):
		return Alert{}, false
	case n.State == CauseNew:
		return n.alertOf(AlertNewCause, "New cause in ", at), true
	case n.State == CauseRegressed:
		return n.alertOf(AlertRegressedCause, "A cause is back in ", at), true
	case unmuted:
		return n.alertOf(AlertRegressedCause, "No longer muted in ", at), true
	}
	return Alert{}, false
}

// alertOf returns an alert about the cause. Its title lacks that of the cause, which is masked when it is shown.
func (c Cause) alertOf(kind AlertKind, title string, at time.Time) Alert {
	return Alert{
		Kind: kind, Key: "cause:" + c.Fingerprint, Severity: kind.Severity(), Sources: []string{c.Source},
		Cause: c.Fingerprint, Title: title + nameOfSource(c.Source), RaisedAt: at,
		Facts: []AlertFact{
			{"Messages", Number(c.Messages)},
			{"Open now", Number(c.Open())},
			{"First failure", c.FirstAt.UTC().Format(AlertTimeLayout)},
		},
	}
}

// AlertTimeLayout is the form in which alerts write times in UTC.
const AlertTimeLayout = "2 January 15:04:05 UTC"

// GrowthAlert returns the alert about a cause that grows. perHour is how many messages failed for it in the last
// hour.
func (c Cause) GrowthAlert(perHour int, at time.Time) Alert {
	a := c.alertOf(AlertGrowingCause, "A cause grows in ", at)
	a.Facts = append([]AlertFact{
		{"Failures in the last hour", Number(perHour)},
		{"Of a usual hour", fmt.Sprintf("%d %%", c.Growth)},
	}, a.Facts...)
	return a
}

// Grows reports whether people are to know that the cause grows, by the least growth in percent and failures in the
// last hour that are told. One that was told grows until it no longer grows at all. A cause that is young in its state says
// nothing yet.
func (c Cause) Grows(perHour, leastGrowth, leastPerHour int, told bool, at time.Time) bool {
	settled := Elapsed(c.FirstAt, at, time.Hour) && (c.State != CauseRegressed || Elapsed(c.StateAt, at, time.Hour)) &&
		c.State != CauseMuted && c.State != CauseResolved
	return settled && c.Growth > 0 && (told || c.Growth >= leastGrowth && perHour >= leastPerHour)
}

// isOfOutage reports whether the cause is told by the alert of its destination, which is down: no answer, or one that
// says "later".
func (c Cause) isOfOutage(outages map[string]Alert) bool {
	_, down := outages[c.Source]
	outcome := ErrorResponse
	if c.StatusCode == 0 {
		outcome = Unreachable
	}
	return down && Attempt{Outcome: outcome, StatusCode: c.StatusCode}.Transient()
}

// CauseAlert is an open alert about a cause, or about several.
type CauseAlert struct {
	Alert
	Cause *Cause // nil: it is gone, or the alert is about several
	Parts bool   // alerts that are part of it are open

	// OutageOver is when the alert ended that this one is part of; zero: it did not, or there is none.
	OutageOver time.Time
}

// ends returns why the alert ends, and whether that is because its cause was muted; "" if it goes on, or ends with what
// it says and not with its cause.
func (a CauseAlert) ends() (resolution string, muted bool) {
	switch {
	case a.Alert.Cause == "" && !a.Parts && a.Kind == AlertGrowingCause:
		return "none of its causes grows any more", false
	case a.Alert.Cause == "" && !a.Parts:
		return "all of its causes are resolved", false
	case a.Alert.Cause == "", a.Kind == AlertGrowingCause:
		return "", false
	case a.Cause == nil:
		return "its cause no longer exists", false
	case a.Cause.State == CauseResolved:
		return "none of its messages is open", false
	case a.Cause.State == CauseMuted:
		return "muted by " + cmp.Or(a.Cause.LastChange.By, "a person"), true
	}
	return "", false
}

// outlasts reports whether messages still fail for the cause of an alert, although the outage is over that told of it.
func (a CauseAlert) outlasts() bool {
	return !a.OutageOver.IsZero() && a.Cause != nil && a.Cause.LastAt.After(a.OutageOver.Add(outageTail))
}
