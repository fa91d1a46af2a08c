package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/payload"
)

// Differences are how failed webhooks differ from delivered ones of their source.
type Differences struct {
	Sampled   bool         `json:"sampled" doc:"False: the deliveries of the source are not sampled, so nothing is known."`
	EventType string       `json:"eventType,omitempty" doc:"Of all that are compared; absent: those of all types are."`
	Failed    int          `json:"failed" doc:"Failed webhooks that are compared: the newest."`
	Delivered int          `json:"delivered" doc:"Delivered webhooks in the sample."`
	Others    int          `json:"others" doc:"Failed webhooks of other event types, which are left out."`
	Unread    int          `json:"unread" doc:"Failed webhooks that are too large, or cannot be read."`
	Items     []Difference `json:"items" doc:"The clearest first."`
}

// Difference is one way in which failed bodies differ from delivered ones.
type Difference struct {
	Kind      string `json:"kind" enum:"missing,extra,type,value,limit"`
	Path      string `json:"path" doc:"As customer.id; empty: the body itself." example:"items[].price"`
	Failed    Share  `json:"failed" doc:"Of how many failed bodies it is true."`
	Delivered Share  `json:"delivered" doc:"Of how many delivered bodies it is true."`
	Type      string `json:"type,omitempty" doc:"Of kind type."`
	Usual     string `json:"usual,omitempty" doc:"The type that most delivered bodies have there."`
	Value     string `json:"value,omitempty" doc:"Of kind value, masked."`
	Limit     *Limit `json:"limit,omitempty" doc:"Of kind limit: those of it are beyond this."`
}

// Share is a number of bodies out of all that were compared.
type Share struct {
	Count int `json:"count"`
	Of    int `json:"of"`
}

// Limit is a limit of a number, or of the length of a text or list.
type Limit struct {
	Of    string  `json:"of" enum:"number,text,list"`
	Is    string  `json:"is" enum:"at least,over,below,at most"`
	Bound float64 `json:"bound"`
}

func (a *API) differenceOperations(described huma.API) {
	type response struct{ Body Differences }
	huma.Register(described, operation("get-message-differences", http.MethodGet,
		"/messages/{id}/revisions/{number}/differences", "Messages",
		"How a revision differs from delivered webhooks of its source", http.StatusNotFound),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *RevisionRef) (*response, error) {
			d, err := a.Desk.DifferencesOf(ctx, by, deadletter.ID(in.ID), in.Number)
			return &response{differencesOf(d)}, err
		}))
	huma.Register(described, operation("get-cause-differences", http.MethodGet, "/causes/{id}/differences", "Causes",
		"How its messages differ from delivered webhooks of its source", http.StatusNotFound),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *CauseRef) (*response, error) {
			d, err := a.Desk.CauseDifferences(ctx, by, in.ID)
			return &response{differencesOf(d)}, err
		}))
}

func differencesOf(d desk.Differences) Differences {
	out := Differences{
		Sampled: !d.Off, EventType: d.EventType, Failed: d.Failed, Delivered: d.Delivered, Others: d.Others,
		Unread: d.Unread, Items: []Difference{},
	}
	for _, row := range d.Rows {
		out.Items = append(out.Items, differenceOf(row))
	}
	return out
}

func differenceOf(d payload.Difference) Difference {
	out := Difference{
		Kind: d.Kind.String(), Path: d.Path, Value: d.Value, Failed: Share(d.Here), Delivered: Share(d.There),
	}
	switch d.Kind {
	case payload.OtherType:
		out.Type, out.Usual = d.Type.String(), d.Usual.String()
	case payload.OutOfRange:
		out.Limit = &Limit{Of: d.Limit.Of.String(), Is: d.Limit.Side(), Bound: d.Limit.Bound}
	case payload.Missing, payload.Extra, payload.OtherValue:
	}
	return out
}
