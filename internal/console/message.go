package console

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
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
	l, err := c.Store.MessageByReceipt(r.Context(), messageID(r))
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
	v.Confirm, v.ConfirmRevision = string(act), r.PostForm.Get("revision")
	if isPartial(r) {
		c.render(w, r, http.StatusOK, page.MessagePanel(v))
		return true
	}
	c.render(
		w,
		r,
		http.StatusOK,
		page.MessageConfirm(
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
	if payload.CheckJSON(r.Body) == nil {
		extension = ".json"
	}
	return safe + "-" + strconv.Itoa(r.Number) + extension
}

// history is what happened to a message, newest first.
type history struct {
	attempts  []deadletter.Attempt
	revisions []deadletter.Revision // without bodies
	events    []store.EventRow
	cause     page.Cause
	stillOn   page.UndeletedCopy
}

func (c *Console) readHistory(ctx context.Context, l deadletter.Message) (history, error) {
	var h history
	var err error
	if h.attempts, err = c.Store.Attempts(ctx, l.ID); err != nil {
		return h, err
	}
	if h.revisions, err = c.Store.Revisions(ctx, l.ID); err != nil {
		return h, err
	}
	if h.cause, err = c.causeView(ctx, l); err != nil {
		return h, err
	}
	events, err := c.Store.Events(
		ctx,
		store.EventQuery{EventFilter: store.EventFilter{Target: string(l.ID)}, Limit: pageSize},
	)
	h.events, h.stillOn = events.Items, c.stillOn(ctx, l.ID)
	return h, err
}

func (c *Console) messageView(
	r *http.Request,
	l deadletter.Message,
	shown deadletter.Revision,
	h history,
	arrivals []deadletter.Arrival,
) page.MessageView {
	back := backQuery(r)
	source, _ := c.Desk.Source(l.Source)
	v := page.MessageView{
		Chrome: c.chrome(
			r,
			"Message "+string(l.ID),
		),
		BackURL: listPath(back),
		Panel:   c.panelView(auth.Actor(r.Context()), l, h, back),
		Payload: payloadView(l.ID, shown, source),
		Headers: headerRows(shown.Headers, source),
		Facts:   facts(l, source),
	}
	v.Curl, v.Ticket = curlOf(l, shown, source), c.ticketOf(r, l, shown, h)
	if v.Panel.DenyEdit == "" {
		v.Panel.DenyEdit = why(editable(shown))
	}
	for i, other := range h.revisions {
		current, to := other.Number == shown.Number, revisionURL(l.ID, other.Number, back)
		v.Panel.Revisions[i].Current = current
		v.Payload.Revisions = append(
			v.Payload.Revisions,
			page.PayloadLink{Name: revisionName(other), URL: to, Current: current},
		)
	}
	for _, a := range arrivals {
		note := ""
		if a.Differs {
			note = "The body differs from the first: " + excerpt(a.Body, source)
		}
		v.Arrivals = append(v.Arrivals, page.Arrival{At: ui.At(a.At), Note: note})
	}
	return v
}

func revisionURL(id deadletter.ID, number int, back string) string {
	query := url.Values{"revision": {strconv.Itoa(number)}}
	return address("/messages/"+string(id), with(query, "back", back))
}

func compareURL(id deadletter.ID, from, to int, back string) string {
	query := url.Values{"from": {strconv.Itoa(from)}, "to": {strconv.Itoa(to)}}
	return address("/messages/"+string(id)+"/compare", with(query, "back", back))
}

// panelView tells where a message stands, what can be done with it, and what happened to it.
func (c *Console) panelView(by deadletter.Actor, l deadletter.Message, h history, back string) page.MessagePanelView {
	v := page.MessagePanelView{
		ID: string(
			l.ID,
		),
		Version:   strconv.Itoa(l.Version),
		Back:      back,
		Status:    string(l.Status),
		Source:    printable(l.Source),
		Reason:    printable(l.Reason),
		Cause:     h.cause,
		Undeleted: h.stillOn,
		Code: code(
			l.StatusCode,
		),
		Outcome:      string(l.Outcome),
		AttemptCount: c.retries(l),
		NextRetry:    nextRetry(l),
		Received:     ui.At(l.ReceivedAt),
		LastAttempt:  ui.At(l.LastAttemptAt),
		Result:       result(l, h.attempts),
	}
	if s, ok := c.sourceOf(l); ok {
		v.Destination = s.Destination
		if l.Status.CanReplay() {
			v.Breaker, _ = c.holdOf(s.Name)
		}
	}
	if l.Arrivals > 1 {
		v.Arrived = plural(l.Arrivals, "time")
	}
	c.permit(&v, by, l, c.Now())
	v.LastWasRedrive = len(h.attempts) > 0 && h.attempts[0].Trigger.Redrives()
	c.addRevisions(&v, l, h.revisions)
	c.addAttempts(&v, l, h)
	for _, e := range h.events {
		if e.TargetKind == messageTarget && !strings.HasPrefix(e.Action, "attempt.") {
			v.Events = append(v.Events, auditRow(e))
		}
	}
	return v
}

// permit says of each action why it is not possible, for this person or for this message. The domain is asked what it
// would answer.
func (c *Console) permit(v *page.MessagePanelView, by deadletter.Actor, l deadletter.Message, at time.Time) {
	deliverable := c.Desk.Deliverable(l)
	_, replay := l.OrderReplay(by, deadletter.TriggerReplay, l.Revision, l.Version, at)
	_, archive := l.Archive(by, "", l.Version, at)
	_, restore := l.Restore(by, l.Version, at)
	v.DenyReplay = why(by.May(deadletter.ActReplay), replay, deliverable)
	v.DenyEdit = why(by.May(deadletter.ActEdit), replay, deliverable)
	if l.Queue.From != "" {
		to, noWay := c.Desk.Redrivable(l)
		_, redrive := l.OrderRedrive(by, deadletter.TriggerRedrive, l.Revision, l.Version, at)
		v.Queue, v.RedrivesTo = printable(l.Queue.From), printable(to)
		v.DenyRedrive = why(by.May(deadletter.ActRedrive), redrive, noWay)
		if v.DenyRedrive == "" {
			v.DenyEdit = why(by.May(deadletter.ActEdit))
		}
	}
	v.DenyArchive = why(by.May(deadletter.ActArchive), archive)
	v.DenyRestore = why(by.May(deadletter.ActRestore), restore)
}

func (c *Console) addRevisions(v *page.MessagePanelView, l deadletter.Message, revisions []deadletter.Revision) {
	for _, r := range revisions {
		latest := r.Number == l.Revision
		v.Choices = append(
			v.Choices,
			page.RevisionChoice{Number: strconv.Itoa(r.Number), Name: revisionName(r), Selected: latest},
		)
		shown := page.RevisionView{
			Name: revisionName(
				r,
			),
			By:      r.By,
			Why:     r.Reason,
			At:      ui.At(r.At),
			URL:     revisionURL(l.ID, r.Number, v.Back),
			Current: latest,
		}
		if r.Number > 0 {
			shown.Compare = compareURL(l.ID, r.Number-1, r.Number, v.Back)
		}
		v.Revisions = append(v.Revisions, shown)
	}
}

func (c *Console) addAttempts(v *page.MessagePanelView, l deadletter.Message, h history) {
	source, _ := c.Desk.Source(l.Source)
	names := map[int]string{}
	if len(h.revisions) > 1 {
		for _, r := range h.revisions {
			names[r.Number] = revisionName(r)
		}
	}
	for _, a := range h.attempts {
		v.Attempts = append(v.Attempts, attemptView(a, names[a.Revision], source))
	}
}

// result says what the latest delivery that a person ordered came to.
func result(l deadletter.Message, attempts []deadletter.Attempt) ui.Notice {
	if len(attempts) == 0 || l.Status == deadletter.Replaying || l.Status == deadletter.Archived {
		return ui.Notice{}
	}
	a := attempts[0]
	if !a.Done || a.Trigger == deadletter.TriggerReceive || a.Trigger == deadletter.TriggerAuto {
		return ui.Notice{}
	}
	took := code(a.StatusCode) + " in " + latency(a.Latency)
	switch a.Outcome {
	case deadletter.Delivered:
		return ui.Notice{Kind: ui.Done, Text: "Delivered: " + took}
	case deadletter.SentBack:
		if l.Status != deadletter.Redriven {
			return ui.Notice{
				Kind: ui.Warn,
				Text: "It was sent back, and has come to the DLQ again.",
				Hint: printable(l.Reason),
			}
		}
		return ui.Notice{
			Kind: ui.Done,
			Text: "Sent back to its queue in " + latency(a.Latency) + ".",
			Hint: "If its consumer fails again, this message goes on with the new reason.",
		}
	case deadletter.Rejected:
		if a.Trigger.Redrives() {
			return ui.Notice{Kind: ui.Fault, Text: "It was not sent back.", Hint: printable(a.Error)}
		}
		return ui.Notice{Kind: ui.Fault, Text: "Rejected: " + took, Hint: printable(a.Error)}
	case deadletter.Unreachable, deadletter.Unknown:
	}
	return ui.Notice{
		Kind: ui.Warn,
		Text: sentence(printable(a.Error)),
		Hint: "It ended after " + latency(a.Latency) + ".",
	}
}

func attemptView(a deadletter.Attempt, revision string, s desk.Source) page.AttemptView {
	body, _ := redact.Body(a.ResponseBody, s.MaskPaths)
	v := page.AttemptView{
		Number: strconv.Itoa(
			a.Number,
		),
		Trigger:  string(a.Trigger),
		Actor:    printable(a.Actor),
		Revision: revision,
		At:       ui.At(a.StartedAt),
		InFlight: !a.Done,
		Outcome: string(
			a.Outcome,
		),
		Code:            code(a.StatusCode),
		Error:           printable(a.Error),
		ResponseHeaders: headerRows(a.ResponseHeaders, s),
		ResponseBody:    printable(string(body)),
	}
	if a.Done {
		v.Latency = latency(a.Latency)
	}
	if a.ResponseCut {
		v.ResponseNote = "The first " + size(len(a.ResponseBody)) + " of the answer are kept."
	}
	return v
}

func headerRows(h deadletter.Headers, s desk.Source) []page.HeaderRow {
	var rows []page.HeaderRow
	masked := redact.Headers(h, s.MaskHeaders...)
	for _, name := range masked.Names() {
		for _, value := range masked[name] {
			rows = append(
				rows,
				page.HeaderRow{
					Name:   printable(name),
					Value:  printable(value),
					Masked: redact.IsSecretHeader(name, s.MaskHeaders...),
				},
			)
		}
	}
	return rows
}

// shownBinary is how much of a binary attribute is shown, in bytes.
const shownBinary = 32

// facts are what the queue and the webhook's address told.
func facts(l deadletter.Message, s desk.Source) []page.Fact {
	q := l.Queue
	var list []page.Fact
	add := func(label, value string) {
		if value != "" {
			list = append(list, page.Fact{Label: printable(label), Value: printable(value)})
		}
	}
	add("Queue", q.Queue)
	if q.From != "" && q.From != q.Queue {
		add("Listed as", q.From)
	}
	add("Put there by", q.Service)
	if q.Drained {
		add("Moved here by", "dlqdesk drain")
	}
	add("Error code", q.ErrorCode)
	add("Came from", q.SourceARN)
	add("Was meant for", q.TargetARN)
	add("Request id", q.RequestID)
	add("Message id", q.MessageID)
	add("Sender's message id", q.ProducerID)
	add("Form", q.Form)
	add("Group", q.GroupID)
	add("Deduplication id", q.DeduplicationID)
	add("Sent to the queue", ui.At(q.SentAt).Text)
	if q.ReceiveCount > 0 {
		add("Received from the queue", plural(q.ReceiveCount, "time"))
	}
	add("Webhook-Id", l.WebhookID)
	add("Query", maskQuery(l.Query, s))
	for _, a := range q.Attributes {
		value := a.Value
		if a.Binary != nil {
			value = plural(
				len(a.Binary),
				"byte",
			) + ": " + hex.EncodeToString(
				a.Binary[:min(len(a.Binary), shownBinary)],
			)
			if len(a.Binary) > shownBinary {
				value += "…"
			}
		}
		if redact.IsSecretHeader(a.Name, s.MaskHeaders...) {
			value = redact.Mask
		}
		add("Attribute "+a.Name+" ("+a.Type+")", value)
	}
	return list
}

// cause tells what is known of the reason that a message failed for: whom else it met, and what replays came to.
func (c *Console) causeView(ctx context.Context, l deadletter.Message) (page.Cause, error) {
	group, err := c.Store.Cause(ctx, l.Fingerprint)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return page.Cause{}, nil
	}
	if err != nil {
		return page.Cause{}, err
	}
	v := page.Cause{Unedited: replays("unedited", group.Unedited), Edited: replays("edited", group.Edited)}
	if others := group.Messages - 1; others > 0 {
		v.Others, v.Since = plural(others, "other message"), ui.At(group.FirstAt)
		v.URL = listPath("group=" + group.Fingerprint + "&status=" + allStatus)
	}
	return v, nil
}

// replays says in words what the replays of a cause came to; "" where there were none.
func replays(kind string, r store.Replays) string {
	tried := plural(r.Tried, kind+" replay")
	switch {
	case r.Tried == 0:
		return ""
	case r.Delivered == 0 && r.Tried == 1:
		return "the one " + kind + " replay failed"
	case r.Delivered == 0:
		return "none of " + tried + " succeeded"
	case r.Delivered == r.Tried && r.Tried == 1:
		return "the one " + kind + " replay succeeded"
	case r.Delivered == r.Tried:
		return "all " + tried + " succeeded"
	}
	return number(r.Delivered) + " of " + tried + " succeeded"
}
