package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// Message is a failed message.
type Message struct {
	ID          string     `json:"id"`
	Source      string     `json:"source" doc:"Empty if the webhook named none."`
	Destination string     `json:"destination"`
	Status      string     `json:"status" enum:"failed,retrying,replaying,resolved,redriven,archived"`
	Cause       string     `json:"cause" doc:"The id of its cause; empty if none is known."`
	Error       string     `json:"error" doc:"Why the latest failed attempt failed."`
	Outcome     string     `json:"outcome" doc:"Of the latest attempt: delivered, redriven, error_response, unreachable or unknown (the handler may have processed it)."`
	StatusCode  int        `json:"statusCode" doc:"Of the latest attempt; 0 without an answer."`
	EventType   string     `json:"eventType"`
	ContentType string     `json:"contentType"`
	Attempts    int        `json:"attempts"`
	Revision    int        `json:"revision" doc:"The latest; 0 is what was received."`
	Version     int        `json:"version" doc:"Counts changes by people; also the ETag, for If-Match."`
	ReceivedAt  time.Time  `json:"receivedAt"`
	AttemptedAt *time.Time `json:"attemptedAt,omitempty"`
	DueAt       *time.Time `json:"dueAt,omitempty" doc:"When the next automatic delivery is due."`
}

// MessageView is a message with what the token may do to it.
type MessageView struct {
	Message
	Allowed []string          `json:"allowed" doc:"The actions that are possible now."`
	Refused map[string]string `json:"refused" doc:"Those that are not, each with the reason."`
	Asks    []string          `json:"asks" doc:"The confirmations that sending it asks for: confirmUnknown and confirmNewer."`
}

func messageOf(m deadletter.Message) Message {
	return Message{
		ID: string(m.ID), Source: m.Source, Destination: redact.Address(m.Destination), Status: string(m.Status),
		Cause: m.Fingerprint, Error: m.Reason, Outcome: string(m.Outcome), StatusCode: m.StatusCode,
		EventType: m.EventType, ContentType: m.ContentType, Attempts: m.Attempts, Revision: m.Revision,
		Version: m.Version, ReceivedAt: m.ReceivedAt.UTC(), AttemptedAt: optional(m.LastAttemptAt),
		DueAt: optional(m.DueAt),
	}
}

func messageViewOf(v desk.View) MessageView {
	view := MessageView{Message: messageOf(v.Message), Asks: []string{}}
	view.Allowed, view.Refused = permitted(deadletter.MessageActions(), v.Refused)
	return view
}

// permitted sorts actions by whether they are refused.
func permitted[A ~string](actions []A, refused map[A]error) (allowed []string, not map[string]string) {
	allowed, not = []string{}, map[string]string{}
	for _, act := range actions {
		if err := refused[act]; err != nil {
			not[string(act)] = deadletter.TextOf(err)
		} else {
			allowed = append(allowed, string(act))
		}
	}
	return allowed, not
}

// Attempt is one delivery.
type Attempt struct {
	Number     int       `json:"number"`
	Trigger    string    `json:"trigger" doc:"receive, auto, replay, edit, job, probe, rule, redrive or job_redrive."`
	Actor      string    `json:"actor"`
	Revision   int       `json:"revision" doc:"That was sent."`
	StartedAt  time.Time `json:"startedAt"`
	Done       bool      `json:"done"`
	LatencyMS  int64     `json:"latencyMs"`
	Outcome    string    `json:"outcome"`
	StatusCode int       `json:"statusCode"`
	Error      string    `json:"error"`
	Response   string    `json:"response" doc:"The beginning of the answer's body, masked."`
}

// Revision is a version of a message's body and headers.
type Revision struct {
	Number  int                `json:"number"`
	By      string             `json:"by,omitempty" doc:"Who edited it; nobody for what was received."`
	Reason  string             `json:"reason,omitempty"`
	At      time.Time          `json:"at"`
	Size    int                `json:"size" doc:"Bytes of the body."`
	Headers deadletter.Headers `json:"headers" doc:"Masked."`
}

// MessagePage is a page of messages.
type MessagePage struct {
	PageOf[Message]
	Counts map[string]int `json:"counts" doc:"How many match, by status; of large numbers at least so many."`
}

// MessageRef names a message.
type MessageRef struct {
	ID string `path:"id" maxLength:"200"`
}

// RevisionRef names a revision of a message.
type RevisionRef struct {
	MessageRef
	Number int `path:"number" minimum:"0"`
}

// Changed is the version of a thing that an order is for.
type Changed struct {
	IfMatch string `header:"If-Match" maxLength:"40" doc:"The ETag of what was read. Without it the order is for the present version."`
}

func etag(version int) string { return `"` + strconv.Itoa(version) + `"` }

// version returns the version that an order is for.
func (c Changed) version(now int) (int, error) {
	if c.IfMatch == "" || c.IfMatch == "*" {
		return now, nil
	}
	version, err := strconv.Atoi(strings.Trim(c.IfMatch, `"`))
	if err != nil {
		return 0, deadletter.Errorf(deadletter.Invalid, "If-Match must be an ETag of this thing, such as \"3\"")
	}
	return version, nil
}

type messageResponse struct {
	ETag string `header:"ETag"`
	Body MessageView
}

// respond returns a message with what the token may do to it, and with what sending it asks for.
func (a *API) respond(ctx context.Context, v desk.View, err error) (*messageResponse, error) {
	if err != nil {
		return nil, err
	}
	newer, err := a.Desk.Newer(ctx, v.Message)
	if err != nil {
		return nil, err
	}
	view := messageViewOf(v)
	for _, asks := range []error{v.Message.CheckConfirmed(false), newer.CheckConfirmed(false)} {
		if asks != nil {
			view.Asks = append(view.Asks, deadletter.FieldOf(asks))
		}
	}
	return &messageResponse{etag(v.Message.Version), view}, nil
}

func (a *API) messageOperations(described huma.API) {
	huma.Register(described, operation("list-messages", http.MethodGet, "/messages", "Messages",
		"Messages, newest first, by a query as the desk's search has it"), handler(a, a.listMessages))
	huma.Register(described, operation("get-message", http.MethodGet, "/messages/{id}", "Messages", "One message",
		http.StatusNotFound), handler(a, a.getMessage))
	huma.Register(described, operation("list-attempts", http.MethodGet, "/messages/{id}/attempts", "Messages",
		"Its latest 200 deliveries, newest first", http.StatusNotFound), handler(a, a.listAttempts))
	huma.Register(described, operation("list-revisions", http.MethodGet, "/messages/{id}/revisions", "Messages",
		"Its latest 200 revisions, newest first", http.StatusNotFound), handler(a, a.listRevisions))
	huma.Register(described, operation("get-body", http.MethodGet, "/messages/{id}/revisions/{number}/body", "Messages",
		"The body of a revision as it came, masked", http.StatusNotFound, http.StatusRequestEntityTooLarge),
		handler(a, a.getBody))
	for _, order := range []struct {
		name, summary string
		act           deadletter.Action
		carryOut      func(ctx context.Context, by deadletter.Actor, ref desk.Ref, in *orderInput) (desk.View, error)
	}{
		{
			"replay", "Deliver it again", deadletter.ActReplay,
			func(ctx context.Context, by deadletter.Actor, ref desk.Ref, in *orderInput) (desk.View, error) {
				return a.Desk.Replay(ctx, by, ref, in.send())
			},
		},
		{
			"redrive", "Send it back to the queue that it came from", deadletter.ActRedrive,
			func(ctx context.Context, by deadletter.Actor, ref desk.Ref, in *orderInput) (desk.View, error) {
				return a.Desk.Redrive(ctx, by, ref, in.send())
			},
		},
		{
			"probe", "Test its destination with it, past the circuit breaker", deadletter.ActProbe,
			func(ctx context.Context, by deadletter.Actor, ref desk.Ref, in *orderInput) (desk.View, error) {
				return a.Desk.ProbeWith(ctx, by, ref, in.send())
			},
		},
		{
			"archive", "Put it away, for a reason", deadletter.ActArchive,
			func(ctx context.Context, by deadletter.Actor, ref desk.Ref, in *orderInput) (desk.View, error) {
				return a.Desk.Archive(ctx, by, ref, in.Body.Reason)
			},
		},
		{
			"restore", "Bring it back", deadletter.ActRestore,
			func(ctx context.Context, by deadletter.Actor, ref desk.Ref, _ *orderInput) (desk.View, error) {
				return a.Desk.Restore(ctx, by, ref)
			},
		},
	} {
		op := operation(order.name+"-message", http.MethodPost, "/messages/{id}/"+order.name, "Messages",
			order.summary, http.StatusNotFound, http.StatusConflict)
		huma.Register(described, op,
			handler(a, func(ctx context.Context, by deadletter.Actor, in *orderInput) (*messageResponse, error) {
				carryOut := func(m deadletter.Message, ref desk.Ref) error {
					in.Body = cmp.Or(in.Body, &orderBody{})
					in.Body.Revision = cmp.Or(in.Body.Revision, &m.Revision)
					_, err := order.carryOut(ctx, by, ref, in)
					return err
				}
				return a.orderMessage(ctx, by, order.act, in.ID, in.Changed, carryOut)
			}))
	}
	huma.Register(described, operation("edit-message", http.MethodPost, "/messages/{id}/edit", "Messages",
		"Deliver it with another body, as a new revision", http.StatusNotFound, http.StatusConflict),
		handler(a, a.editMessage))
	a.unmaskOperations(described)
	a.copyOperations(described)
	a.arrivalOperations(described)
}

// orderMessage carries out an order for the version of a message that the request names, and returns the message as it
// is then.
func (a *API) orderMessage(
	ctx context.Context, by deadletter.Actor, act deadletter.Action, id string, at Changed,
	carryOut func(m deadletter.Message, ref desk.Ref) error,
) (*messageResponse, error) {
	if err := by.May(act); err != nil {
		return nil, err // whether there is such a message or not
	}
	seen, err := a.Desk.Message(ctx, by, deadletter.ID(id))
	if err != nil {
		return nil, err
	}
	version, err := at.version(seen.Message.Version)
	if err != nil {
		return nil, err
	}
	if err := carryOut(seen.Message, desk.Ref{ID: seen.Message.ID, Version: version}); err != nil {
		return nil, err
	}
	after, err := a.Desk.Message(ctx, by, seen.Message.ID)
	return a.respond(ctx, after, err)
}

type orderInput struct {
	MessageRef
	Changed
	Body *orderBody `required:"false"`
}

type orderBody struct {
	Revision       *int   `json:"revision,omitempty" minimum:"0" doc:"To send; absent: the latest."`
	Reason         string `json:"reason,omitempty" maxLength:"1000" doc:"Of archiving."`
	ConfirmUnknown bool   `json:"confirmUnknown,omitempty" doc:"Send it even if the latest delivery may already have been processed."`
	ConfirmNewer   bool   `json:"confirmNewer,omitempty" doc:"Send it even if newer events of the same thing were delivered."`
}

func (in *orderInput) send() desk.SendCommand {
	return desk.SendCommand{
		Revision: *in.Body.Revision, ConfirmUnknown: in.Body.ConfirmUnknown, ConfirmNewer: in.Body.ConfirmNewer,
	}
}

type messageListInput struct {
	List
	Query  string `query:"q" maxLength:"2000" doc:"As in the search box of the desk." example:"source:genesys code:5xx received:<2h"`
	Status string `query:"status" enum:"failed,retrying,replaying,resolved,redriven,archived" doc:"Absent: all."`
}

func (a *API) listMessages(
	ctx context.Context, by deadletter.Actor, in *messageListInput,
) (*struct{ Body MessagePage }, error) {
	found, counts, err := a.Desk.Messages(ctx, by, store.MessageQuery{
		Filter: store.Filter{Status: deadletter.Status(in.Status), Text: in.Query, At: a.Now()},
		Cursor: in.Cursor, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	out := MessagePage{PageOf: page(found, messageOf), Counts: map[string]int{}}
	for _, status := range deadletter.Statuses() {
		out.Counts[string(status)] = counts.ByStatus[status]
	}
	return &struct{ Body MessagePage }{out}, nil
}

func (a *API) getMessage(ctx context.Context, by deadletter.Actor, in *MessageRef) (*messageResponse, error) {
	v, err := a.Desk.Message(ctx, by, deadletter.ID(in.ID))
	return a.respond(ctx, v, err)
}

func (a *API) listAttempts(ctx context.Context, by deadletter.Actor, in *MessageRef) (*pageResponse[Attempt], error) {
	attempts, err := a.Desk.Attempts(ctx, by, deadletter.ID(in.ID))
	return respondWhole(attempts, err, func(t deadletter.Attempt) Attempt {
		return Attempt{
			Number:     t.Number,
			Trigger:    string(t.Trigger),
			Actor:      t.Actor,
			Revision:   t.Revision,
			StartedAt:  t.StartedAt.UTC(),
			Done:       t.Done,
			LatencyMS:  t.Latency.Milliseconds(),
			Outcome:    string(t.Outcome),
			StatusCode: t.StatusCode,
			Error:      t.Error,
			Response:   strings.ToValidUTF8(string(t.ResponseBody), "\ufffd"),
		}
	})
}

func (a *API) listRevisions(
	ctx context.Context, by deadletter.Actor, in *MessageRef,
) (*pageResponse[Revision], error) {
	revisions, err := a.Desk.Revisions(ctx, desk.TokenViewer(by), deadletter.ID(in.ID))
	return respondWhole(revisions, err, func(r deadletter.Revision) Revision {
		return Revision{
			Number:  r.Number,
			By:      r.By,
			Reason:  r.Reason,
			At:      r.At.UTC(),
			Size:    max(r.Size, len(r.Body)),
			Headers: r.Headers,
		}
	})
}

type bodyResponse struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (a *API) getBody(ctx context.Context, by deadletter.Actor, in *RevisionRef) (*bodyResponse, error) {
	r, err := a.Desk.Body(ctx, desk.TokenViewer(by), deadletter.ID(in.ID), in.Number)
	return &bodyResponse{
		ContentType: "application/octet-stream",
		Disposition: fmt.Sprintf(`attachment; filename="revision-%d"`, in.Number),
		Body:        r.Body,
	}, err
}

type editInput struct {
	MessageRef
	Changed
	Body struct {
		Base           *int   `json:"base,omitempty" minimum:"0" doc:"The revision that was edited; absent: the latest."`
		Body           string `json:"body" doc:"The new body as text. Where it has a masked value, the value that was received is kept."`
		Reason         string `json:"reason" maxLength:"1000" doc:"For the audit trail."`
		ConfirmUnknown bool   `json:"confirmUnknown,omitempty" doc:"Send it even if the latest delivery may already have been processed."`
		ConfirmNewer   bool   `json:"confirmNewer,omitempty" doc:"Send it even if newer events of the same thing were delivered."`
		Redrive        bool   `json:"redrive,omitempty" doc:"Send it back to the queue that it came from, instead of to its destination."`
	}
}

func (a *API) editMessage(ctx context.Context, by deadletter.Actor, in *editInput) (*messageResponse, error) {
	act := deadletter.ActEdit
	if in.Body.Redrive {
		act = deadletter.ActEditRedrive
	}
	return a.orderMessage(ctx, by, act, in.ID, in.Changed, func(m deadletter.Message, ref desk.Ref) error {
		base, order := m.Revision, a.Desk.EditAndReplay
		if in.Body.Base != nil {
			base = *in.Body.Base
		}
		if in.Body.Redrive {
			order = a.Desk.EditAndRedrive
		}
		shown, err := a.Desk.Body(ctx, desk.TokenViewer(by), m.ID, base)
		if err != nil {
			return err
		}
		_, err = order(ctx, by, ref, desk.Edit{
			Base: base, Body: []byte(in.Body.Body), Headers: shown.Headers, Reason: in.Body.Reason,
			Confirm: desk.SendCommand{ConfirmUnknown: in.Body.ConfirmUnknown, ConfirmNewer: in.Body.ConfirmNewer},
		})
		return err
	})
}
