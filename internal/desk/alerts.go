package desk

import (
	"context"
	"slices"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// AlertView is an alert as it may be shown, with its deliveries to sinks.
type AlertView struct {
	deadletter.Alert
	// Told is what sinks are told, oldest first: of the alert that this one is part of, if it is part of one.
	Told []deadletter.AlertDelivery
}

// AlertSink is a place that alerts go to, as the configuration has it.
type AlertSink struct {
	Name, Kind string
	Routes     []string // names of the routes that lead to it
}

// SinkView is a place that alerts go to, with a summary of the deliveries to it.
type SinkView struct {
	AlertSink
	store.SinkState
	Standing deadletter.SinkStanding
	Latest   deadletter.AlertDelivery // that shows the Standing; the zero value: there was none
	Denied   error                    // why the actor may not test it; nil: may
}

// Alerts returns one page of alerts, newest first. With a PartOf those that are part of it, and otherwise those that
// are part of none.
func (d *Desk) Alerts(
	ctx context.Context, by deadletter.Actor, q store.AlertQuery,
) (page store.Page[AlertView], err error) {
	if err := by.May(deadletter.ActView); err != nil {
		return page, err
	}
	q.Sources = by.Sources
	list, err := d.store.Alerts(ctx, q)
	if err != nil {
		return page, err
	}
	page.Newer, page.Older = list.Newer, list.Older
	page.Items, err = d.alertViews(ctx, list.Items)
	return page, err
}

// Alert returns one alert with the causes that it tells about. It returns NotFound if there is none.
func (d *Desk) Alert(ctx context.Context, by deadletter.Actor, id deadletter.AlertID) (AlertView, error) {
	if err := by.May(deadletter.ActView); err != nil {
		return AlertView{}, err
	}
	a, err := d.ShownAlert(ctx, id)
	if err != nil {
		return AlertView{}, err
	}
	if err := reachesAlert(by, a); err != nil {
		return AlertView{}, err
	}
	told, err := d.toldOf(ctx, a)
	return AlertView{a, told[tellingID(a)]}, err
}

// reachesAlert returns NotFound for an alert that is about other sources than the actor reaches.
func reachesAlert(by deadletter.Actor, a deadletter.Alert) error {
	if by.Sources == "" {
		return nil
	}
	if len(a.Sources) == 0 {
		return by.Reaches("", "alert "+a.ID.String())
	}
	for _, source := range a.Sources {
		if err := by.Reaches(source, "alert "+a.ID.String()); err != nil {
			return err
		}
	}
	return nil
}

// maxCauseAlerts is how many alerts about a cause are returned, the latest.
const maxCauseAlerts = 20

// AlertsOfCause returns the latest alerts about a cause, newest first, with their deliveries to sinks. It returns
// NotFound if there is no such cause.
func (d *Desk) AlertsOfCause(ctx context.Context, by deadletter.Actor, fingerprint string) ([]AlertView, error) {
	if err := by.May(deadletter.ActView); err != nil {
		return nil, err
	}
	c, err := d.store.Cause(ctx, fingerprint)
	if err == nil {
		err = by.Reaches(c.Source, "cause "+fingerprint)
	}
	if err != nil {
		return nil, err
	}
	list, err := d.store.AlertsOfCause(ctx, fingerprint, maxCauseAlerts)
	if err != nil {
		return nil, err
	}
	return d.alertViews(ctx, list)
}

// tellingID returns the alert by which an alert is told.
func tellingID(a deadletter.Alert) deadletter.AlertID {
	if a.PartOf != 0 {
		return a.PartOf
	}
	return a.ID
}

func (d *Desk) alertViews(ctx context.Context, list []deadletter.Alert) ([]AlertView, error) {
	if err := d.Hider().Alerts(ctx, list); err != nil {
		return nil, err
	}
	told, err := d.toldOf(ctx, list...)
	views := make([]AlertView, len(list))
	for i, a := range list {
		views[i] = AlertView{a, told[tellingID(a)]}
	}
	return views, err
}

func (d *Desk) toldOf(
	ctx context.Context, list ...deadletter.Alert,
) (map[deadletter.AlertID][]deadletter.AlertDelivery, error) {
	var ids []deadletter.AlertID
	for _, a := range list {
		if id := tellingID(a); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return d.store.AlertDeliveries(ctx, ids)
}

// ShownAlert returns an alert masked by the masks in force, with the causes that it tells about.
func (d *Desk) ShownAlert(ctx context.Context, id deadletter.AlertID) (deadletter.Alert, error) {
	a, err := d.store.Alert(ctx, id)
	if err != nil {
		return a, err
	}
	parts, n, err := d.store.AlertParts(ctx, id, deadletter.MaxAlertCauses)
	if err != nil {
		return a, err
	}
	hider := d.Hider()
	titles, err := hider.causeTitles(ctx, parts)
	if err != nil {
		return a, err
	}
	for _, part := range parts {
		a.Causes = append(a.Causes, deadletter.AlertCause{Fingerprint: part.Cause, Title: titles[part.Cause]})
	}
	a.CauseCount = n
	list := []deadletter.Alert{a}
	err = hider.Alerts(ctx, list)
	return list[0], err
}

// Sinks returns the configured sinks, each with a summary of the deliveries to it. It returns Forbidden for an actor
// who is limited to some sources.
func (d *Desk) Sinks(ctx context.Context, by deadletter.Actor) ([]SinkView, error) {
	if err := by.May(deadletter.ActView); err != nil {
		return nil, err
	}
	if err := by.ReachesAll(); err != nil {
		return nil, err
	}
	var views []SinkView
	for _, s := range d.alertSinks() {
		state, err := d.store.SinkState(ctx, s.Name)
		if err != nil {
			return nil, err
		}
		view := SinkView{AlertSink: s, SinkState: state, Denied: by.May(deadletter.ActTestSink)}
		view.Standing, view.Latest = deadletter.StandingOf(state.Sent, state.Failing, state.GivenUp)
		views = append(views, view)
	}
	return views, nil
}

func (d *Desk) alertSinks() []AlertSink {
	if d.sinks == nil {
		return nil
	}
	return d.sinks()
}

// TestSink sends a test to a sink. Its result is the Test of the SinkView. It returns NotFound for a sink that is not
// configured, and Conflict while a test of it waits.
func (d *Desk) TestSink(ctx context.Context, by deadletter.Actor, sink string) error {
	var names []string
	for _, s := range d.alertSinks() {
		names = append(names, s.Name)
	}
	err := d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		latest, err := tx.LatestSinkTest(ctx, sink)
		if err != nil {
			return err
		}
		test, event, err := deadletter.TestSink(by, sink, names, latest, d.now())
		if err != nil {
			return err
		}
		if _, err := tx.AddAlertDelivery(ctx, test); err != nil {
			return err
		}
		return tx.Record(ctx, event)
	})
	if err == nil {
		d.tell()
	}
	return err
}
