package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/store"
)

// Reconciliation says whether every webhook is accounted for.
type Reconciliation struct {
	PageOf[LedgerHour]
	CheckedAt  *time.Time  `json:"checkedAt,omitempty" doc:"When the latest check ended; absent: there was none yet."`
	Unchecked  bool        `json:"unchecked" doc:"The latest try failed, because a queue could not be read."`
	Imbalances []Imbalance `json:"imbalances" doc:"Hours that do not balance; at most 200."`
}

// LedgerHour counts the webhooks of a source in an hour.
type LedgerHour struct {
	Hour      time.Time      `json:"hour" doc:"Its start."`
	Source    string         `json:"source"`
	Received  int            `json:"received"`
	Delivered int            `json:"delivered" doc:"Without becoming a message."`
	Queued    int            `json:"queued" doc:"As a message, because their delivery failed."`
	Arrived   int            `json:"arrived" doc:"Of the queued ones, in the store."`
	Repeated  int            `json:"repeated" doc:"Of the arrived ones, joined an earlier message."`
	Refused   int            `json:"refused" doc:"Could be kept nowhere: the platform was told to send them again."`
	Messages  map[string]int `json:"messages" doc:"What became of them, by status now."`
}

// Imbalance is an hour of a source that does not balance.
type Imbalance struct {
	Hour   time.Time `json:"hour"`
	Source string    `json:"source"`
	Stage  string    `json:"stage" enum:"processing,messages"`
	Kind   string    `json:"kind" enum:"missing,expired,more"`
	Amount int       `json:"amount"`
	State  string    `json:"state" enum:"wrong,acknowledged,explained" doc:"Explained: more arrived than was counted, for a known reason."`
	By     string    `json:"by,omitempty" doc:"Who acknowledged it last."`
	Note   string    `json:"note,omitempty"`
}

func (a *API) reconciliationOperations(described huma.API) {
	huma.Register(described, operation("get-reconciliation", http.MethodGet, "/reconciliation", "Reconciliation",
		"Whether every webhook is accounted for, with the counts of each hour, newest first", http.StatusNotFound),
		handler(a, a.getReconciliation))
	huma.Register(described, operation("acknowledge-imbalance", http.MethodPost, "/reconciliation/acknowledge",
		"Reconciliation", "Say that an imbalance is known, which ends its alarm", http.StatusNotFound,
		http.StatusConflict), handler(a, a.acknowledge))
}

// maxImbalances bounds how many imbalances an answer has.
const maxImbalances = 200

func (a *API) getReconciliation(ctx context.Context, by deadletter.Actor, in *struct {
	List
	Source string `query:"source" maxLength:"200" doc:"Absent: all."`
},
) (*struct{ Body Reconciliation }, error) {
	q := store.LedgerQuery{Source: in.Source, Rows: in.Limit}
	if in.Cursor != "" {
		var err error
		if q.Before, err = time.Parse(time.RFC3339, in.Cursor); err != nil {
			return nil, deadletter.Errorf(deadletter.Invalid, "the cursor %q is no hour", in.Cursor)
		}
	}
	found, state, err := a.Desk.Reconciliation(ctx, by, q)
	if err != nil {
		return nil, err
	}
	out := Reconciliation{
		PageOf: PageOf[LedgerHour]{
			Items: []LedgerHour{},
		},
		CheckedAt:  optional(state.At),
		Unchecked:  state.Unchecked != nil,
		Imbalances: []Imbalance{},
	}
	if !found.Older.IsZero() {
		out.Next = found.Older.UTC().Format(time.RFC3339)
	}
	for _, l := range found.Lines {
		hour := LedgerHour{
			l.Hour.UTC(),
			l.Source,
			l.Received,
			l.Delivered,
			l.Queued,
			l.Arrived,
			l.Repeated,
			l.Refused,
			map[string]int{},
		}
		for status, n := range l.Messages {
			hour.Messages[string(status)] = n
		}
		out.Items = append(out.Items, hour)
	}
	for _, i := range state.Imbalances[:min(len(state.Imbalances), maxImbalances)] {
		out.Imbalances = append(out.Imbalances, imbalanceOf(i))
	}
	return &struct{ Body Reconciliation }{out}, nil
}

func imbalanceOf(i ledger.Imbalance) Imbalance {
	key := i.Key()
	out := Imbalance{
		Hour: key.Hour.UTC(), Source: key.Source, Stage: string(key.Stage), Kind: string(key.Kind), Amount: i.Amount(),
		State: "wrong", By: i.Ack.By, Note: i.Ack.Note,
	}
	switch {
	case i.Explained():
		out.State = "explained"
	case i.Acknowledged():
		out.State = "acknowledged"
	}
	return out
}

type acknowledgeInput struct {
	Body struct {
		Hour   time.Time `json:"hour" doc:"As in the list of imbalances, and so are the others."`
		Source string    `json:"source" maxLength:"200"`
		Stage  string    `json:"stage" enum:"processing,messages"`
		Kind   string    `json:"kind" enum:"missing,expired,more"`
		Amount int       `json:"amount" minimum:"1" doc:"As it was read: another one by now is a conflict."`
		Note   string    `json:"note" maxLength:"2000"`
	}
}

func (a *API) acknowledge(ctx context.Context, by deadletter.Actor, in *acknowledgeInput) (*struct{}, error) {
	b := in.Body
	key := ledger.Key{Hour: b.Hour, Source: b.Source, Stage: ledger.Stage(b.Stage), Kind: ledger.Kind(b.Kind)}
	return nil, a.Desk.Acknowledge(ctx, by, key, b.Amount, b.Note)
}
