package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
)

// Alert is something that people are told about.
type Alert struct {
	ID         int64        `json:"id"`
	Kind       string       `json:"kind" doc:"Such as new-cause or destination-down."`
	Severity   string       `json:"severity" enum:"info,warning,critical"`
	Title      string       `json:"title" doc:"Masked, as all texts of an alert."`
	Text       string       `json:"text,omitempty"`
	Sources    []string     `json:"sources" doc:"Empty: it is about dlqdesk itself."`
	Cause      string       `json:"cause,omitempty" doc:"The id of the cause that it is about."`
	Job        int64        `json:"job,omitempty" doc:"The job that it is about."`
	Facts      []AlertFact  `json:"facts"`
	RaisedAt   time.Time    `json:"raisedAt"`
	ResolvedAt *time.Time   `json:"resolvedAt,omitempty" doc:"Absent: it is open."`
	Resolution string       `json:"resolution,omitempty" doc:"Why it ended."`
	PartOf     int64        `json:"partOf,omitempty" doc:"The alert that tells about this one; it is not sent by itself."`
	Causes     []AlertCause `json:"causes,omitempty" doc:"Of one alert: the first causes that it tells about besides."`
	CauseCount int          `json:"causeCount,omitempty" doc:"Of one alert: how many there are."`
	Told       []AlertTold  `json:"told" doc:"What became of it at each sink, oldest first."`
}

// AlertFact is a label with its value.
type AlertFact struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// AlertCause is a cause that an alert tells about.
type AlertCause struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// AlertTold is the delivery of one event of an alert, or of a test, to one sink.
type AlertTold struct {
	Sink    string     `json:"sink"`
	Event   string     `json:"event" enum:"raised,resolved,test"`
	State   string     `json:"state" enum:"waiting,sent,given_up,dropped" doc:"Dropped: it was over before."`
	By      string     `json:"by,omitempty" doc:"Who ordered a test."`
	At      time.Time  `json:"at" doc:"When it was stored."`
	Tries   int        `json:"tries"`
	TriedAt *time.Time `json:"triedAt,omitempty" doc:"The latest try."`
	DueAt   *time.Time `json:"dueAt,omitempty" doc:"Of one that waits: the next try."`
	Error   string     `json:"error,omitempty" doc:"Of the latest try. Dropped: why. Sent: who did not get it."`
}

// Sink is a place that alerts go to, as the configuration has it.
type Sink struct {
	Name    string     `json:"name"`
	Kind    string     `json:"kind" enum:"slack,teams,pagerduty,email,webhook"`
	Routes  []string   `json:"routes" doc:"The names of the routes that lead to it."`
	State   string     `json:"state" enum:"untold,takes,partly,fails,gave_up" doc:"Partly: not for all its recipients."`
	Waiting int        `json:"waiting" doc:"How much it is still to be told."`
	NextAt  *time.Time `json:"nextAt,omitempty" doc:"When the next of it is due."`
	Sent    *AlertTold `json:"sent,omitempty" doc:"The latest that it took."`
	Failing *AlertTold `json:"failing,omitempty" doc:"The latest try of what waits, if it failed."`
	GivenUp *AlertTold `json:"givenUp,omitempty" doc:"The latest that it did not take."`
	Test    *AlertTold `json:"test,omitempty" doc:"The latest test."`
	Refused string     `json:"refused,omitempty" doc:"Why the token may not test it."`
}

func (a *API) alertOperations(described huma.API) {
	const tag = "Alerts"
	huma.Register(described, operation("list-alerts", http.MethodGet, "/alerts", tag,
		"Alerts that are part of no other one, newest first"), handler(a, a.listAlerts))
	huma.Register(described, operation("get-alert", http.MethodGet, "/alerts/{id}", tag,
		"One alert, with the causes that it tells about", http.StatusNotFound),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *struct {
			ID int64 `path:"id" minimum:"1"`
		},
		) (*struct{ Body Alert }, error) {
			v, err := a.Desk.Alert(ctx, by, deadletter.AlertID(in.ID))
			return &struct{ Body Alert }{alertOf(v)}, err
		}))
	huma.Register(described, operation("list-sinks", http.MethodGet, "/sinks", tag,
		"Where alerts go, and what each place was told"),
		handler(a, func(ctx context.Context, by deadletter.Actor, _ *struct{}) (*struct{ Body PageOf[Sink] }, error) {
			list, err := a.Desk.Sinks(ctx, by)
			return &struct{ Body PageOf[Sink] }{page(store.Page[desk.SinkView]{Items: list}, sinkOf)}, err
		}))
	test := operation("test-sink", http.MethodPost, "/sinks/{name}/test", tag,
		"Send a test to a sink; its outcome is the test of the sink", http.StatusNotFound, http.StatusConflict)
	test.DefaultStatus = http.StatusAccepted
	huma.Register(described, test, handler(a, a.testSink))
}

type alertsInput struct {
	List
	Open   bool   `query:"open" doc:"Those alone that have not ended."`
	Kind   string `query:"kind" maxLength:"50"`
	Source string `query:"source" maxLength:"200" doc:"Alerts about it."`
	Sink   string `query:"sink" maxLength:"200" doc:"Alerts of which it was to be told."`
	PartOf int64  `query:"partOf" minimum:"0" doc:"Alerts that are part of this one, instead."`
}

func (a *API) listAlerts(
	ctx context.Context, by deadletter.Actor, in *alertsInput,
) (*struct{ Body PageOf[Alert] }, error) {
	found, err := a.Desk.Alerts(ctx, by, store.AlertQuery{
		Open: in.Open, Kind: deadletter.AlertKind(in.Kind), Source: in.Source, Sink: in.Sink,
		PartOf: deadletter.AlertID(in.PartOf), Cursor: in.Cursor, Limit: in.Limit,
	})
	return &struct{ Body PageOf[Alert] }{page(found, alertOf)}, err
}

func (a *API) testSink(ctx context.Context, by deadletter.Actor, in *struct {
	Name string `path:"name" maxLength:"200"`
},
) (*struct{ Body Sink }, error) {
	if err := a.Desk.TestSink(ctx, by, in.Name); err != nil {
		return nil, err
	}
	list, err := a.Desk.Sinks(ctx, by)
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		if s.Name == in.Name {
			return &struct{ Body Sink }{sinkOf(s)}, nil
		}
	}
	return nil, deadletter.Errorf(deadletter.NotFound, "there is no sink %q in the configuration any more", in.Name)
}

func alertOf(v desk.AlertView) Alert {
	out := Alert{
		ID: int64(v.ID), Kind: string(v.Kind), Severity: string(v.Severity), Title: v.Title, Text: v.Text,
		Sources: append([]string{}, v.Sources...), Cause: v.Cause, Job: int64(v.Job), Facts: []AlertFact{},
		RaisedAt: v.RaisedAt.UTC(), ResolvedAt: optional(v.ResolvedAt), Resolution: v.Resolution,
		PartOf: int64(v.PartOf), CauseCount: v.CauseCount, Told: []AlertTold{},
	}
	for _, f := range v.Facts {
		out.Facts = append(out.Facts, AlertFact(f))
	}
	for _, c := range v.Causes {
		out.Causes = append(out.Causes, AlertCause{c.Fingerprint, c.Title})
	}
	for _, d := range v.Told {
		out.Told = append(out.Told, toldOf(d))
	}
	return out
}

func toldOf(d deadletter.AlertDelivery) AlertTold {
	out := AlertTold{
		Sink: d.Sink, Event: string(d.Event), State: string(d.State), By: d.By, At: d.MadeAt.UTC(), Tries: d.Tries,
		TriedAt: optional(d.TriedAt), Error: d.Error,
	}
	if d.State == deadletter.AlertWaiting {
		out.DueAt = optional(d.DueAt)
	}
	return out
}

func sinkOf(v desk.SinkView) Sink {
	told := func(d deadletter.AlertDelivery) *AlertTold {
		if d.ID == 0 {
			return nil
		}
		out := toldOf(d)
		return &out
	}
	out := Sink{
		Name: v.Name, Kind: v.Kind, Routes: append([]string{}, v.Routes...), Waiting: v.Waiting,
		State: string(v.Standing), NextAt: optional(v.NextDueAt), Sent: told(v.Sent), Failing: told(v.Failing),
		GivenUp: told(v.GivenUp), Test: told(v.Test),
	}
	if v.Denied != nil {
		out.Refused = deadletter.TextOf(v.Denied)
	}
	return out
}
