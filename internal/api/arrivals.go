package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
)

// Arrival is one of the later times at which a message arrived.
type Arrival struct {
	Number  int                `json:"number" doc:"The message itself was the first."`
	At      time.Time          `json:"at"`
	Differs bool               `json:"differs" doc:"Its content differs, and was merged into the message by an earlier version: it can be separated."`
	Headers deadletter.Headers `json:"headers,omitempty" doc:"Masked; of one that differs."`
}

// ArrivalRef names an arrival of a message.
type ArrivalRef struct {
	MessageRef
	Number int `path:"number" minimum:"1"`
}

func (a *API) arrivalOperations(described huma.API) {
	huma.Register(described, operation("list-arrivals", http.MethodGet, "/messages/{id}/arrivals", "Messages",
		"Its latest 50 arrivals after the first, newest first", http.StatusNotFound), handler(a, a.listArrivals))
	separate := operation("separate-arrival", http.MethodPost, "/messages/{id}/arrivals/{number}/separate", "Messages",
		"Make an arrival that differs a message of its own", http.StatusNotFound, http.StatusConflict)
	separate.DefaultStatus = http.StatusCreated
	huma.Register(described, separate, handler(a, a.separateArrival))
}

func (a *API) listArrivals(ctx context.Context, by deadletter.Actor, in *MessageRef) (*pageResponse[Arrival], error) {
	arrivals, err := a.Desk.Arrivals(ctx, by, deadletter.ID(in.ID))
	return respondWhole(arrivals, err, func(t deadletter.Arrival) Arrival {
		return Arrival{t.Number, t.At.UTC(), t.Differs, t.Headers}
	})
}

func (a *API) separateArrival(ctx context.Context, by deadletter.Actor, in *ArrivalRef) (*messageResponse, error) {
	added, err := a.Desk.Separate(ctx, by, deadletter.ID(in.ID), in.Number)
	if err != nil {
		return nil, err
	}
	v, err := a.Desk.Message(ctx, by, added.Message.ID)
	return a.respond(ctx, v, err)
}
