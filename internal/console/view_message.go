package console

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// history is what happened to a message, newest first.
type history struct {
	attempts  []deadletter.Attempt
	revisions []deadletter.Revision // without bodies
	events    []store.EventRow
	cause     page.Cause
	stillOn   page.StillOn
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
		v.Payload.Others = append(
			v.Payload.Others,
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
		Version: strconv.Itoa(l.Version),
		Back:    back,
		Status:  string(l.Status),
		Source:  printable(l.Source),
		Reason:  printable(l.Reason),
		Cause:   h.cause,
		StillOn: h.stillOn,
		Code: code(
			l.StatusCode,
		),
		Outcome:     string(l.Outcome),
		Retries:     c.retries(l),
		NextRetry:   nextRetry(l),
		Received:    ui.At(l.ReceivedAt),
		LastAttempt: ui.At(l.LastAttemptAt),
		Result:      result(l, h.attempts),
	}
	if s, ok := c.sourceOf(l); ok {
		v.Destination = s.Destination
		if l.Status.CanReplay() {
			v.Hold, _ = c.holdOf(s.Name)
		}
	}
	if l.Arrivals > 1 {
		v.Arrived = plural(l.Arrivals, "time")
	}
	c.permit(&v, by, l, c.Now())
	v.SentBack = len(h.attempts) > 0 && h.attempts[0].Trigger.Redrives()
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
	body, _ := deadletter.MaskJSON(a.ResponseBody, s.MaskPaths)
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
	masked := h.Masked(s.MaskHeaders...)
	for _, name := range masked.Names() {
		for _, value := range masked[name] {
			rows = append(
				rows,
				page.HeaderRow{
					Name:   printable(name),
					Value:  printable(value),
					Masked: deadletter.IsSecretHeader(name, s.MaskHeaders...),
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
		if deadletter.IsSecretHeader(a.Name, s.MaskHeaders...) {
			value = deadletter.Mask
		}
		add("Attribute "+a.Name+" ("+a.Type+")", value)
	}
	return list
}
