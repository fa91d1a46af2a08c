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

// Cause is what messages failed for.
type Cause struct {
	ID          string            `json:"id"`
	Title       string            `json:"title"`
	Source      string            `json:"source"`
	Destination string            `json:"destination"`
	StatusCode  int               `json:"statusCode"`
	State       string            `json:"state" enum:"new,open,claimed,known,muted,resolved,regressed"`
	Owner       string            `json:"owner,omitempty"`
	OwnedUntil  *time.Time        `json:"ownedUntil,omitempty"`
	Ticket      string            `json:"ticket,omitempty" doc:"The id of its ticket."`
	TicketURL   string            `json:"ticketUrl,omitempty"`
	Messages    int               `json:"messages" doc:"That ever failed for it."`
	Failed      int               `json:"failed" doc:"Now."`
	Retrying    int               `json:"retrying" doc:"Now, the replaying ones included."`
	FirstAt     time.Time         `json:"firstAt"`
	LastAt      time.Time         `json:"lastAt" doc:"Of its latest failure."`
	Replays     CauseReplays      `json:"replays" doc:"What replays of its messages came to."`
	NextStep    string            `json:"nextStep" doc:"That follows from the facts: look, test, replay, recipe, edit, fix, breaker or retries; empty for none."`
	Version     int               `json:"version" doc:"Counts changes by people; also the ETag, for If-Match."`
	Allowed     []string          `json:"allowed" doc:"The actions that are possible now."`
	Refused     map[string]string `json:"refused" doc:"Those that are not, each with the reason."`
}

// CauseReplays count the replays of a cause.
type CauseReplays struct {
	Unedited          int    `json:"unedited"`
	UneditedDelivered int    `json:"uneditedDelivered"`
	Edited            int    `json:"edited"`
	EditedDelivered   int    `json:"editedDelivered"`
	Edit              string `json:"edit,omitempty" doc:"The reason of the latest edit that was delivered."`
}

// Note is a note about a cause.
type Note struct {
	ID   int64     `json:"id"`
	By   string    `json:"by"`
	At   time.Time `json:"at"`
	Text string    `json:"text" doc:"Markdown."`
}

func (a *API) causeOf(v desk.CauseView) Cause {
	c := v.Cause
	out := Cause{
		ID: c.Fingerprint, Title: c.Title, Source: c.Source, Destination: c.Destination, StatusCode: c.StatusCode,
		State: string(c.State), Owner: c.Owner, OwnedUntil: optional(c.OwnedUntil), Ticket: c.Ticket,
		Messages: c.Messages, Failed: c.Failed, Retrying: c.Retrying, FirstAt: c.FirstAt.UTC(), LastAt: c.LastAt.UTC(),
		Replays: CauseReplays{
			c.Unedited.Tried, c.Unedited.Delivered, c.Edited.Tried, c.Edited.Delivered, c.EditReason,
		},
		NextStep: string(v.Next.Kind), Version: c.Version,
	}
	if c.Ticket != "" {
		out.TicketURL = a.Desk.TicketURL(c.Ticket)
	}
	out.Allowed, out.Refused = permitted(deadletter.CauseActions(), v.Refused)
	return out
}

type causeResponse struct {
	ETag string `header:"ETag"`
	Body Cause
}

func (a *API) causeResponse(v desk.CauseView, err error) (*causeResponse, error) {
	if err != nil {
		return nil, err
	}
	return &causeResponse{etag(v.Cause.Version), a.causeOf(v)}, nil
}

// CauseRef names a cause.
type CauseRef struct {
	ID string `path:"id" maxLength:"64"`
}

func (a *API) causeOperations(described huma.API) {
	huma.Register(described, operation("list-causes", http.MethodGet, "/causes", "Causes",
		"Causes by a query, the most urgent first"), handler(a, a.listCauses))
	huma.Register(described, operation(
		"get-cause",
		http.MethodGet,
		"/causes/{id}",
		"Causes",
		"One cause",
		http.StatusNotFound,
	), handler(a, func(ctx context.Context, by deadletter.Actor, in *CauseRef) (*causeResponse, error) {
		return a.causeResponse(a.Desk.Cause(ctx, by, in.ID))
	}))
	huma.Register(described, operation("list-notes", http.MethodGet, "/causes/{id}/notes", "Causes",
		"The notes about it, oldest first", http.StatusNotFound), handler(a, a.listNotes))
	huma.Register(described, operation("add-note", http.MethodPost, "/causes/{id}/notes", "Causes",
		"Add a note", http.StatusNotFound), handler(a, a.addNote))
	huma.Register(described, operation("edit-note", http.MethodPost, "/causes/{id}/notes/{note}", "Causes",
		"Replace the text of your own note", http.StatusNotFound, http.StatusConflict), handler(a, a.editNote))
	causeOrder(a, described, "claim", "Say that you are at it, for a time", deadletter.ActClaim,
		func(ctx context.Context, by deadletter.Actor, ref desk.CauseRef, in *claimBody) (desk.CauseView, error) {
			return a.Desk.Claim(ctx, by, ref, time.Duration(in.Hours)*time.Hour)
		})
	causeOrder(a, described, "release", "End a claim", deadletter.ActRelease,
		func(ctx context.Context, by deadletter.Actor, ref desk.CauseRef, _ *emptyBody) (desk.CauseView, error) {
			return a.Desk.Release(ctx, by, ref)
		})
	causeOrder(a, described, "mute", "Keep it out of the way until one of the conditions is true", deadletter.ActMute,
		func(ctx context.Context, by deadletter.Actor, ref desk.CauseRef, in *muteBody) (desk.CauseView, error) {
			m := deadletter.Mute{Count: in.Count, PerHour: in.PerHour, UntilDelivered: in.UntilDelivered}
			if in.Until != nil {
				m.Until = *in.Until
			}
			return a.Desk.Mute(ctx, by, ref, m)
		})
	causeOrder(a, described, "unmute", "End a mute", deadletter.ActUnmute,
		func(ctx context.Context, by deadletter.Actor, ref desk.CauseRef, _ *emptyBody) (desk.CauseView, error) {
			return a.Desk.Unmute(ctx, by, ref)
		})
	causeOrder(a, described, "known", "Give it a ticket", deadletter.ActKnown,
		func(ctx context.Context, by deadletter.Actor, ref desk.CauseRef, in *knownBody) (desk.CauseView, error) {
			return a.Desk.MarkKnown(ctx, by, ref, in.Ticket)
		})
	causeOrder(a, described, "unmark", "Take its ticket away", deadletter.ActUnmark,
		func(ctx context.Context, by deadletter.Actor, ref desk.CauseRef, _ *emptyBody) (desk.CauseView, error) {
			return a.Desk.Unmark(ctx, by, ref)
		})
}

type claimBody struct {
	Hours int `json:"hours,omitempty" enum:"1,4,24,168" default:"4"`
}

type muteBody struct {
	Until          *time.Time `json:"until,omitempty"`
	Count          int        `json:"count,omitempty" minimum:"0" doc:"Further messages."`
	PerHour        int        `json:"perHour,omitempty" minimum:"0" doc:"Failures within an hour."`
	UntilDelivered bool       `json:"untilDelivered,omitempty" doc:"The next successful delivery to its destination."`
}

type knownBody struct {
	Ticket string `json:"ticket" maxLength:"500" doc:"Its id, or its address at the tracker."`
}

type emptyBody struct{}

// causeOrder registers an order for one cause, with its own input.
func causeOrder[I any](
	a *API, described huma.API, name, summary string, act deadletter.Action,
	carryOut func(ctx context.Context, by deadletter.Actor, ref desk.CauseRef, in *I) (desk.CauseView, error),
) {
	type input struct {
		CauseRef
		Changed
		Body *I `required:"false"`
	}
	huma.Register(described, operation(name+"-cause", http.MethodPost, "/causes/{id}/"+name, "Causes", summary,
		http.StatusNotFound, http.StatusConflict),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *input) (*causeResponse, error) {
			if err := by.May(act); err != nil {
				return nil, err // whether there is such a cause or not
			}
			seen, err := a.Desk.Cause(ctx, by, in.ID)
			if err != nil {
				return nil, err
			}
			version, err := in.version(seen.Cause.Version)
			if err != nil {
				return nil, err
			}
			if in.Body == nil {
				in.Body = new(I)
			}
			ref := desk.CauseRef{Fingerprint: seen.Cause.Fingerprint, Version: version}
			return a.causeResponse(carryOut(ctx, by, ref, in.Body))
		}))
}

type causeListInput struct {
	List
	Query string `query:"q" maxLength:"2000" doc:"As in the search box of the desk." example:"state:new source:genesys"`
	State string `query:"state" enum:"new,open,claimed,known,muted,resolved,regressed" doc:"Absent: all."`
	Sort  string `query:"sort" enum:"urgency,newest,oldest,size,growing" default:"urgency"`
}

func (a *API) listCauses(ctx context.Context, by deadletter.Actor, in *causeListInput) (*pageResponse[Cause], error) {
	q := store.CauseQuery{
		CauseFilter: store.CauseFilter{Text: in.Query, By: by.Name, At: a.Now()}, Cursor: in.Cursor, Limit: in.Limit,
	}
	if in.State != "" {
		q.States = []deadletter.CauseState{deadletter.CauseState(in.State)}
	}
	if in.Sort != "urgency" {
		q.Sort = store.CauseSort(in.Sort)
	}
	found, err := a.Desk.Causes(ctx, by, q)
	return respondPage(found, err, a.causeOf)
}

func (a *API) listNotes(ctx context.Context, by deadletter.Actor, in *CauseRef) (*pageResponse[Note], error) {
	notes, err := a.Desk.CauseNotes(ctx, by, in.ID)
	return respondWhole(notes, err, func(n deadletter.CauseNote) Note {
		return Note{n.ID, n.By, n.At.UTC(), n.Text}
	})
}

type noteInput struct {
	CauseRef
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"20000" doc:"Markdown."`
	}
}

type noteEditInput struct {
	CauseRef
	Note int64 `path:"note" minimum:"1"`
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"20000" doc:"Markdown."`
	}
}

func (a *API) editNote(ctx context.Context, by deadletter.Actor, in *noteEditInput) (*struct{}, error) {
	return nil, a.Desk.EditNote(ctx, by, in.Note, in.Body.Text)
}

func (a *API) addNote(ctx context.Context, by deadletter.Actor, in *noteInput) (*struct{}, error) {
	return nil, a.Desk.AddNote(ctx, by, in.ID, in.Body.Text)
}
