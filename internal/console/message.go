package console

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func messageID(r *http.Request) deadletter.ID { return deadletter.ID(chi.URLParam(r, "id")) }

// backQuery is the list that a person came from, as a query that holds nothing but a list's own names.
func backQuery(r *http.Request) string {
	values, err := url.ParseQuery(r.FormValue("back"))
	if err != nil {
		return ""
	}
	return only(values, append(messageFields(), field{name: "cursor"})).Encode()
}

func (c *Console) message(w http.ResponseWriter, r *http.Request) {
	l, err := c.Store.Message(r.Context(), messageID(r))
	if deadletter.KindOf(err) == deadletter.NotFound {
		c.messageOf(w, r, err)
		return
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	number, err := revisionNumber(r, l)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showMessage(w, r, http.StatusOK, l, number, ui.Notice{})
}

// messageOf leads from the message id that a platform was told for an event which it had sent before to the message
// of that event.
func (c *Console) messageOf(w http.ResponseWriter, r *http.Request, missing error) {
	l, err := c.Store.MessageOf(r.Context(), messageID(r))
	switch {
	case deadletter.KindOf(err) == deadletter.NotFound:
		c.fail(w, r, missing)
	case err != nil:
		c.fail(w, r, err)
	default:
		to := url.URL{Path: "/messages/" + string(l.ID), RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, to.String(), http.StatusSeeOther)
	}
}

// revisionNumber reads which revision is asked for; without one it is the latest.
func revisionNumber(r *http.Request, l deadletter.Message) (int, error) {
	asked := r.FormValue("revision")
	if asked == "" {
		return l.Revision, nil
	}
	number, err := strconv.Atoi(asked)
	if err != nil {
		return 0, deadletter.Errorf(deadletter.Invalid, "%q is no number of a revision", asked)
	}
	return number, nil
}

func (c *Console) showMessage(
	w http.ResponseWriter,
	r *http.Request,
	status int,
	l deadletter.Message,
	number int,
	notice ui.Notice,
) {
	ctx := r.Context()
	shown, err := c.Store.Revision(ctx, l.ID, number)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	arrivals, err := c.Store.Arrivals(ctx, l.ID)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	h, err := c.readHistory(ctx, l)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v := c.messageView(r, l, shown, h, arrivals)
	v.Panel.Notice = notice
	if v.NewerURL, v.OlderURL, err = c.beside(ctx, l.ID, backQuery(r)); err != nil {
		c.fail(w, r, err)
		return
	}
	c.render(w, r, status, page.Message(v))
}

// beside answers the messages next to one in the list that the person came from.
func (c *Console) beside(ctx context.Context, id deadletter.ID, back string) (newerURL, olderURL string, err error) {
	values, err := url.ParseQuery(back)
	if err != nil {
		return "", "", err
	}
	q, err := messageQuery(values, "")
	if err != nil {
		return "", "", nil //nolint:nilerr // an address that names no list has no messages beside one
	}
	newer, older, err := c.Store.Neighbours(ctx, q, id)
	if err != nil {
		return "", "", err
	}
	link := func(id deadletter.ID) string {
		if id == "" {
			return ""
		}
		return messageURL(id, back)
	}
	return link(newer), link(older), nil
}

func (c *Console) panel(w http.ResponseWriter, r *http.Request) {
	l, err := c.Store.Message(r.Context(), messageID(r))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showPanel(w, r, http.StatusOK, l, ui.Notice{})
}

func (c *Console) showPanel(
	w http.ResponseWriter,
	r *http.Request,
	status int,
	l deadletter.Message,
	notice ui.Notice,
) {
	h, err := c.readHistory(r.Context(), l)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v := c.panelView(auth.Actor(r.Context()), l, h, backQuery(r))
	v.Notice = notice
	c.render(w, r, status, page.MessagePanel(v))
}

// order asks the desk for a change of one message.
type order func(ctx context.Context, by deadletter.Actor, ref desk.Ref) error

// act carries out an order on one message and shows the message as it is then, or why the order was refused.
func (c *Console) act(w http.ResponseWriter, r *http.Request, done ui.Notice, do order) {
	ctx := r.Context()
	ref, err := formRef(r)
	if err == nil {
		err = do(ctx, auth.Actor(ctx), ref)
	}
	kind := deadletter.KindOf(err)
	if err != nil && kind != deadletter.Conflict && kind != deadletter.Invalid {
		c.fail(w, r, err)
		return
	}
	if err == nil && !isPartial(r) {
		c.redirect(w, r, messageURL(ref.ID, backQuery(r)), done)
		return
	}
	l, readErr := c.Store.Message(ctx, messageID(r))
	if readErr != nil {
		c.fail(w, r, readErr)
		return
	}
	if err == nil {
		c.showPanel(w, r, http.StatusOK, l, done)
		return
	}
	refused := ui.Notice{
		Kind: ui.Warn,
		Text: why(err),
		Hint: "Nothing was changed by you. This is the message as it is now.",
	}
	if isPartial(r) {
		c.showPanel(w, r, statusOf(kind), l, refused)
		return
	}
	c.showMessage(w, r, statusOf(kind), l, l.Revision, refused)
}

// formRef reads which message a form is about, and the version of it that the person saw.
func formRef(r *http.Request) (desk.Ref, error) {
	version, err := strconv.Atoi(r.PostForm.Get("version"))
	if err != nil {
		return desk.Ref{}, deadletter.Errorf(deadletter.Invalid, "this form was not complete: load the page again")
	}
	return desk.Ref{ID: messageID(r), Version: version}, nil
}

func (c *Console) replay(w http.ResponseWriter, r *http.Request) {
	if c.asksFirst(w, r, deadletter.ActReplay) {
		return
	}
	done := ui.Notice{Kind: ui.Info, Text: "Replay ordered: waiting for the answer.", Hint: c.passesBreaker(r)}
	c.act(w, r, done, func(ctx context.Context, by deadletter.Actor, ref desk.Ref) error {
		revision, err := strconv.Atoi(r.PostForm.Get("revision"))
		if err != nil {
			return deadletter.Errorf(deadletter.Invalid, "this form was not complete: load the page again")
		}
		return c.Desk.Replay(ctx, by, ref, revision)
	})
}

// passesBreaker says, to whoever replays a message, that its destination is down; empty: it is not.
func (c *Console) passesBreaker(r *http.Request) string {
	l, err := c.Store.Message(r.Context(), messageID(r))
	if err != nil {
		return "" // what is wrong is told where the order is given
	}
	s, ok := c.sourceOf(l)
	if !ok || c.Health(s.Name).HeldSince.IsZero() {
		return ""
	}
	return printable(
		s.Name,
	) + " has been down since " + c.Health(
		s.Name,
	).HeldSince.Format(
		"15:04 UTC",
	) + ": this goes there all the same."
}

func (c *Console) redrive(w http.ResponseWriter, r *http.Request) {
	if c.asksFirst(w, r, deadletter.ActRedrive) {
		return
	}
	done := ui.Notice{Kind: ui.Info, Text: "Redrive ordered: waiting for SQS."}
	c.act(w, r, done, func(ctx context.Context, by deadletter.Actor, ref desk.Ref) error {
		revision, err := strconv.Atoi(r.PostForm.Get("revision"))
		if err != nil {
			return deadletter.Errorf(deadletter.Invalid, "this form was not complete: load the page again")
		}
		return c.Desk.Redrive(ctx, by, ref, revision)
	})
}

// asksFirst answers a replay or a redrive with a question where the webhook may have been processed, until the person
// says yes.
func (c *Console) asksFirst(w http.ResponseWriter, r *http.Request, act deadletter.Action) bool {
	l, err := c.Store.Message(r.Context(), messageID(r))
	asks := err == nil && l.Outcome == deadletter.Unknown && l.Status.CanReplay() &&
		r.PostForm.Get("confirmed") != "yes" &&
		auth.Actor(r.Context()).May(act) == nil &&
		r.PostForm.Get("version") == strconv.Itoa(l.Version)
	if !asks {
		return false // what else is wrong is told where the order is given
	}
	h, err := c.readHistory(r.Context(), l)
	if err != nil {
		c.fail(w, r, err)
		return true
	}
	v := c.panelView(auth.Actor(r.Context()), l, h, backQuery(r))
	v.Ask, v.AskRevision = string(act), r.PostForm.Get("revision")
	if isPartial(r) {
		c.render(w, r, http.StatusOK, page.MessagePanel(v))
		return true
	}
	c.render(
		w,
		r,
		http.StatusOK,
		page.MessageQuestion(
			page.MessageView{Chrome: c.chrome(r, "Message "+string(l.ID)), BackURL: listPath(v.Back), Panel: v},
		),
	)
	return true
}

func (c *Console) archive(w http.ResponseWriter, r *http.Request) {
	c.act(
		w,
		r,
		ui.Notice{Kind: ui.Done, Text: "Archived."},
		func(ctx context.Context, by deadletter.Actor, ref desk.Ref) error {
			if fault := archiveFault(by, r); fault != nil {
				return fault
			}
			return c.Desk.Archive(ctx, by, ref, r.PostForm.Get("reason"))
		},
	)
}

// archiveFault asks whoever may archive to say why.
func archiveFault(by deadletter.Actor, r *http.Request) error {
	if err := by.May(deadletter.ActArchive); err != nil {
		return err
	}
	if strings.TrimSpace(r.PostForm.Get("reason")) == "" {
		return deadletter.Errorf(deadletter.Invalid, "say why you archive: the next person will want to know")
	}
	return nil
}

func (c *Console) restore(w http.ResponseWriter, r *http.Request) {
	c.act(w, r, ui.Notice{Kind: ui.Done, Text: "Restored."}, c.Desk.Restore)
}

// body downloads a revision, as it was received or in a form that a page shows. What is masked on the page is masked
// here.
func (c *Console) body(w http.ResponseWriter, r *http.Request) {
	l, err := c.Store.Message(r.Context(), messageID(r))
	if deadletter.KindOf(err) == deadletter.NotFound {
		c.messageOf(w, r, err)
		return
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	number, err := revisionNumber(r, l)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	revision, err := c.Store.Revision(r.Context(), l.ID, number)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	source, _ := c.Desk.Source(l.Source)
	body := bodyIn(r.FormValue("form"), revision, source)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+downloadName(l.ID, revision)+`"`)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a browser that hung up has no use for it
}

func downloadName(id deadletter.ID, r deadletter.Revision) string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, string(id))
	extension := ".bin"
	if isText(r.Body) {
		extension = ".txt"
	}
	if deadletter.CheckJSON(r.Body) == nil {
		extension = ".json"
	}
	return safe + "-" + strconv.Itoa(r.Number) + extension
}
