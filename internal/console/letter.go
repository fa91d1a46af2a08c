package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func letterID(r *http.Request) deadletter.ID { return deadletter.ID(chi.URLParam(r, "id")) }

// backQuery is the list that a person came from, as a query that holds nothing but a list's own names.
func backQuery(r *http.Request) string {
	values, err := url.ParseQuery(r.FormValue("back"))
	if err != nil {
		return ""
	}
	return listQuery(values).Encode()
}

func (c *Console) letter(w http.ResponseWriter, r *http.Request) {
	l, err := c.Store.Letter(r.Context(), letterID(r))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showLetter(w, r, http.StatusOK, l, ui.Notice{})
}

func (c *Console) showLetter(w http.ResponseWriter, r *http.Request, status int, l deadletter.Letter, notice ui.Notice) {
	v, err := c.letterView(r, l)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v.Panel.Notice = notice
	c.render(w, r, status, page.Letter(v))
}

func (c *Console) letterView(r *http.Request, l deadletter.Letter) (page.LetterView, error) {
	ctx := r.Context()
	number := l.Revision
	if asked, err := strconv.Atoi(r.FormValue("revision")); err == nil && r.Method == http.MethodGet {
		number = asked
	}
	revision, err := c.Store.Revision(ctx, l.ID, number)
	if err != nil {
		return page.LetterView{}, err
	}
	panel, revisions, err := c.panelView(ctx, l, backQuery(r))
	if err != nil {
		return page.LetterView{}, err
	}
	arrivals, err := c.Store.Arrivals(ctx, l.ID)
	if err != nil {
		return page.LetterView{}, err
	}
	source, _ := c.Desk.Source(l.Source)
	for i := range panel.Revisions {
		panel.Revisions[i].Current = revisions[i].Number == number
	}
	v := page.LetterView{
		Chrome: c.chrome(r, "Letter "+string(l.ID)), BackURL: listPath(backQuery(r)), Panel: panel,
		Payload: payload(l, revision, source), Headers: headerRows(revision.Headers, source.MaskHeaders...), Facts: facts(l),
	}
	for _, other := range revisions {
		v.Payload.Others = append(v.Payload.Others, page.PayloadLink{
			Name: revisionName(other), URL: revisionURL(l.ID, other.Number, panel.Back), Current: other.Number == number,
		})
	}
	for _, a := range arrivals {
		note := ""
		if a.Differs {
			note = "the body differs from the first: " + excerpt(a.Body, source)
		}
		v.Arrivals = append(v.Arrivals, page.Arrival{At: ui.At(a.At), Note: note})
	}
	return v, nil
}

func revisionURL(id deadletter.ID, number int, back string) string {
	query := url.Values{"revision": {strconv.Itoa(number)}}
	if back != "" {
		query.Set("back", back)
	}
	return "/letters/" + url.PathEscape(string(id)) + "?" + query.Encode()
}

func (c *Console) panel(w http.ResponseWriter, r *http.Request) {
	l, err := c.Store.Letter(r.Context(), letterID(r))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showPanel(w, r, http.StatusOK, l, ui.Notice{})
}

func (c *Console) showPanel(w http.ResponseWriter, r *http.Request, status int, l deadletter.Letter, notice ui.Notice) {
	v, _, err := c.panelView(r.Context(), l, backQuery(r))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v.Notice = notice
	c.render(w, r, status, page.LetterPanel(v))
}

// panelView tells where a letter stands, what can be done with it, and what happened to it.
func (c *Console) panelView(ctx context.Context, l deadletter.Letter, back string) (page.LetterPanelView, []deadletter.Revision, error) {
	attempts, err := c.Store.Attempts(ctx, l.ID)
	if err != nil {
		return page.LetterPanelView{}, nil, err
	}
	revisions, err := c.Store.Revisions(ctx, l.ID)
	if err != nil {
		return page.LetterPanelView{}, nil, err
	}
	events, err := c.Store.Events(ctx, store.EventQuery{EventFilter: store.EventFilter{Target: string(l.ID)}, Limit: pageSize})
	if err != nil {
		return page.LetterPanelView{}, nil, err
	}
	v := page.LetterPanelView{
		ID: string(l.ID), Version: strconv.Itoa(l.Version), Back: back, Status: string(l.Status), Source: l.Source, Reason: reasonOf(l),
		Code: code(l.StatusCode), Outcome: string(l.Outcome), Retries: c.retries(l), NextRetry: nextRetry(l), Received: ui.At(l.ReceivedAt),
		LastAttempt: ui.At(l.LastAttemptAt),
	}
	if s, ok := c.sourceOf(l); ok {
		v.Destination = s.Destination
	}
	if l.Arrivals > 1 {
		v.Arrived = plural(l.Arrivals, "time")
	}
	c.permit(&v, auth.Actor(ctx), l)
	if len(attempts) > 0 {
		v.Result = result(attempts[0], l)
	}
	names := map[int]string{}
	for _, r := range revisions {
		names[r.Number] = revisionName(r)
		v.Choices = append(v.Choices, page.RevisionChoice{Number: strconv.Itoa(r.Number), Name: names[r.Number], Selected: r.Number == l.Revision})
		v.Revisions = append(v.Revisions, page.RevisionView{
			Name: names[r.Number], By: r.By, Why: r.Reason, At: ui.At(r.At), URL: revisionURL(l.ID, r.Number, back), Current: r.Number == l.Revision,
		})
	}
	for _, a := range attempts {
		v.Attempts = append(v.Attempts, c.attempt(l, a, names, len(revisions) > 1))
	}
	for _, e := range events.Items {
		v.Events = append(v.Events, auditRow(e))
	}
	return v, revisions, nil
}

// permit says of each action why it is not possible, for this person or for this letter.
func (c *Console) permit(v *page.LetterPanelView, by deadletter.Actor, l deadletter.Letter) {
	v.DenyReplay, v.DenyEdit = denied(by, deadletter.ActReplay), denied(by, deadletter.ActEdit)
	v.DenyArchive, v.DenyRestore = denied(by, deadletter.ActArchive), denied(by, deadletter.ActRestore)
	why := ""
	if err := c.Desk.Deliverable(l); err != nil {
		why = sentence(deadletter.TextOf(err))
	}
	if !l.Status.CanReplay() {
		why = "A letter that is " + string(l.Status) + " cannot be replayed."
	}
	if v.DenyReplay == "" {
		v.DenyReplay = why
	}
	if v.DenyEdit == "" {
		v.DenyEdit = why
	}
	if v.DenyArchive == "" && !l.Status.CanArchive() {
		v.DenyArchive = "A letter that is " + string(l.Status) + " cannot be archived."
	}
	if v.DenyRestore == "" && !l.Status.CanRestore() {
		v.DenyRestore = "Only an archived letter can be restored."
	}
}

// result says what the latest delivery that a person ordered came to.
func result(a deadletter.Attempt, l deadletter.Letter) ui.Notice {
	if !a.Done || l.Status == deadletter.Replaying || a.Trigger == deadletter.TriggerReceive || a.Trigger == deadletter.TriggerAuto {
		return ui.Notice{}
	}
	if a.Outcome == deadletter.Delivered {
		return ui.Notice{Kind: ui.Done, Text: "Delivered: " + strconv.Itoa(a.StatusCode) + " in " + latency(a.Latency) + "."}
	}
	return ui.Notice{Kind: ui.Fault, Text: "Not delivered: " + sentence(a.Error)}
}

func (c *Console) attempt(l deadletter.Letter, a deadletter.Attempt, names map[int]string, several bool) page.AttemptView {
	source, _ := c.Desk.Source(l.Source)
	body, _ := deadletter.MaskJSON(a.ResponseBody, source.MaskPaths)
	v := page.AttemptView{
		Number: strconv.Itoa(a.Number), Trigger: string(a.Trigger), Actor: a.Actor, At: ui.At(a.StartedAt), InFlight: !a.Done, Outcome: string(a.Outcome),
		Code: code(a.StatusCode), Error: a.Error, ResponseHeaders: headerRows(a.ResponseHeaders, source.MaskHeaders...), ResponseBody: printable(body),
	}
	if a.Done {
		v.Latency = latency(a.Latency)
	}
	if several {
		v.Revision = names[a.Revision]
	}
	if a.ResponseCut {
		v.ResponseNote = "Only the first " + size(len(a.ResponseBody)) + " are kept."
	}
	return v
}

func headerRows(h deadletter.Headers, secret ...string) []page.HeaderRow {
	var rows []page.HeaderRow
	masked := h.Masked(secret...)
	for _, name := range masked.Names() {
		for _, value := range masked[name] {
			rows = append(rows, page.HeaderRow{Name: name, Value: printable([]byte(value)), Masked: deadletter.IsSecretHeader(name, secret...)})
		}
	}
	return rows
}

func facts(l deadletter.Letter) []page.Fact {
	q := l.Queue
	var list []page.Fact
	add := func(label, value string) {
		if value != "" {
			list = append(list, page.Fact{Label: label, Value: printable([]byte(value))})
		}
	}
	add("Queue", q.Queue)
	add("Message id", q.MessageID)
	add("Sender's message id", q.ProducerID)
	add("Form", q.Form)
	add("Group", q.GroupID)
	add("Deduplication id", q.DeduplicationID)
	add("Sent to the queue", ui.At(q.SentAt).Text)
	add("Received from the queue", plural(q.ReceiveCount, "time"))
	add("Webhook-Id", l.WebhookID)
	add("Query", l.Query)
	for _, a := range q.Attributes {
		value := a.Value
		if a.Binary != nil {
			value = plural(len(a.Binary), "byte")
		}
		if deadletter.IsSecretHeader(a.Name) {
			value = deadletter.Mask
		}
		add("Attribute "+a.Name+" ("+a.Type+")", value)
	}
	return list
}

// act carries out an order on one letter and shows what became of the letter, or why it was refused.
func (c *Console) act(w http.ResponseWriter, r *http.Request, done string, order func(ctx context.Context, by deadletter.Actor, ref desk.Ref) error) {
	ctx := r.Context()
	ref, err := formRef(r)
	if err == nil {
		err = order(ctx, auth.Actor(ctx), ref)
	}
	kind := deadletter.KindOf(err)
	if err != nil && kind != deadletter.Conflict && kind != deadletter.Invalid {
		c.fail(w, r, err)
		return
	}
	if err == nil && !isPartial(r) {
		c.Auth.Flash(ctx, done)
		http.Redirect(w, r, letterURL(letterID(r), backQuery(r)), http.StatusSeeOther)
		return
	}
	l, readErr := c.Store.Letter(ctx, letterID(r))
	if readErr != nil {
		c.fail(w, r, readErr)
		return
	}
	if err == nil {
		c.showPanel(w, r, http.StatusOK, l, ui.Notice{})
		return
	}
	notice := ui.Notice{Kind: ui.Warn, Text: sentence(deadletter.TextOf(err))}
	if isPartial(r) {
		c.showPanel(w, r, statusOf(kind), l, notice)
		return
	}
	c.showLetter(w, r, statusOf(kind), l, notice)
}

func formRef(r *http.Request) (desk.Ref, error) {
	version, err := strconv.Atoi(r.FormValue("version"))
	if err != nil {
		return desk.Ref{}, deadletter.Errorf(deadletter.Invalid, "the form was not complete: open the letter again")
	}
	return desk.Ref{ID: letterID(r), Version: version}, nil
}

func (c *Console) replay(w http.ResponseWriter, r *http.Request) {
	c.act(w, r, "The replay is ordered.", func(ctx context.Context, by deadletter.Actor, ref desk.Ref) error {
		revision, err := strconv.Atoi(r.FormValue("revision"))
		if err != nil {
			return deadletter.Errorf(deadletter.Invalid, "say which revision to replay: open the letter again")
		}
		return c.Desk.Replay(ctx, by, ref, revision)
	})
}

func (c *Console) archive(w http.ResponseWriter, r *http.Request) {
	c.act(w, r, "The letter is archived.", func(ctx context.Context, by deadletter.Actor, ref desk.Ref) error {
		return c.Desk.Archive(ctx, by, ref, r.FormValue("reason"))
	})
}

func (c *Console) restore(w http.ResponseWriter, r *http.Request) {
	c.act(w, r, "The letter is restored.", c.Desk.Restore)
}

// body downloads a revision. Where values are masked on the page they are masked here.
func (c *Console) body(w http.ResponseWriter, r *http.Request) {
	l, err := c.Store.Letter(r.Context(), letterID(r))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	number, err := strconv.Atoi(r.FormValue("revision"))
	if err != nil {
		number = l.Revision
	}
	revision, err := c.Store.Revision(r.Context(), l.ID, number)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	source, _ := c.Desk.Source(l.Source)
	body, _ := deadletter.MaskJSON(revision.Body, source.MaskPaths)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+downloadName(l.ID, number)+`"`)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if _, err := w.Write(body); err != nil && !errors.Is(err, context.Canceled) {
		c.Log.DebugContext(r.Context(), "a download was broken off", "letter", l.ID, "err", err)
	}
}

func downloadName(id deadletter.ID, number int) string {
	return strings.Map(func(r rune) rune {
		if r == '"' || r == '\\' || r < ' ' || r > '~' {
			return '_'
		}
		return r
	}, string(id)) + "-" + strconv.Itoa(number) + ".body"
}
