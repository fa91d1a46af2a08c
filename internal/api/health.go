package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// Health lists the troubles of the program itself, which need a person's attention beside messages.
type Health struct {
	Status     string    `json:"status" enum:"ok,attention"`
	Problems   []Trouble `json:"problems"`
	OnTheirWay int       `json:"onTheirWay" doc:"Webhooks that failed, are safe on a queue or disk, and are no messages yet."`
}

// Trouble is one fault of the program or of a source.
type Trouble struct {
	Kind   string `json:"kind" enum:"breaker,queue,reconciliation,audit-trail,configuration,rule,sink"`
	Source string `json:"source,omitempty" doc:"Of a breaker or a rule."`
	Text   string `json:"text"`
}

func (h *Health) add(kind, source, text string) {
	h.Status, h.Problems = "attention", append(h.Problems, Trouble{kind, source, text})
}

func (a *API) healthOperations(described huma.API) {
	huma.Register(described, operation("get-health", http.MethodGet, "/health", "Health",
		"What needs attention in the program itself; a token that is limited to sources sees theirs alone"),
		handler(a, func(ctx context.Context, by deadletter.Actor, _ *struct{}) (*struct{ Body Health }, error) {
			h := Health{Status: "ok", Problems: []Trouble{}}
			err := a.addSources(ctx, by, &h)
			if err == nil && by.ReachesAll() == nil {
				err = a.addProgram(ctx, by, &h)
			}
			return &struct{ Body Health }{h}, err
		}))
}

// addSources adds what is wrong with the sources that an actor reaches.
func (a *API) addSources(ctx context.Context, by deadletter.Actor, h *Health) error {
	rules, err := a.Desk.RulesSwitchedOff(ctx, by)
	if err != nil {
		return err
	}
	for _, s := range a.reached(by) {
		if s.Breaker != "closed" {
			h.add("breaker", s.Name, "its circuit breaker is "+s.Breaker+": retries and jobs wait")
		}
	}
	for _, r := range rules {
		h.add("rule", r.Match.Source, "the rule "+r.Name+" was switched off: "+r.Why)
	}
	return nil
}

// addProgram adds what is wrong with the program as a whole.
func (a *API) addProgram(ctx context.Context, by deadletter.Actor, h *Health) error {
	queues, queueErr := a.Desk.Queues(ctx, by, a.Queues)
	for _, q := range queues {
		switch {
		case q.UnconfirmedSince != nil && !q.UnconfirmedSince().IsZero():
			h.add("queue", "", "the queue "+q.Name+" confirms no messages: they wait on this machine's disk")
		case q.Err != nil:
			h.add("queue", "", "the queue "+q.Name+" could not be read")
		}
	}
	_, state, ledgerErr := a.Desk.Reconciliation(ctx, by, store.LedgerQuery{Rows: 1})
	if len(state.Wrong()) > 0 {
		h.add("reconciliation", "", "the ledger does not balance: see the reconciliation")
	}
	if fault := a.Chain().Fault; fault != "" {
		h.add("audit-trail", "", fault)
	}
	if fault := a.Reload().Fault; len(fault) > 0 {
		h.add("configuration", "", "it was not applied: "+strings.Join(fault, "; "))
	}
	sinks, sinkErr := a.Desk.Sinks(ctx, by)
	for _, s := range sinks {
		switch s.Standing {
		case deadletter.SinkFails, deadletter.SinkGaveUp:
			h.add("sink", "", "alerts do not arrive at "+s.Name+": "+s.Latest.Error)
		case deadletter.SinkPartly:
			h.add("sink", "", "alerts reach only some people by "+s.Name+": "+s.Latest.Error)
		case deadletter.SinkUntold, deadletter.SinkTakes:
		}
	}
	var waitErr error
	h.OnTheirWay, waitErr = a.OnTheirWay(ctx)
	return errors.Join(queueErr, ledgerErr, sinkErr, waitErr)
}
