package console

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func messageID(r *http.Request) deadletter.ID { return deadletter.ID(chi.URLParam(r, "id")) }

// backQuery returns the query of the list that the user came from.
func backQuery(r *http.Request) string {
	values, err := url.ParseQuery(r.FormValue("back"))
	if err != nil {
		return ""
	}
	return pickFields(values, append(messageFields(), field{name: "cursor"})).Encode()
}

func (c *Console) message(w http.ResponseWriter, r *http.Request) error {
	m, number, err := c.requestedRevision(r)
	if err != nil {
		return c.redirectRepeat(w, r, err)
	}
	return c.showMessage(w, r, http.StatusOK, c.view(r, m), number, ui.Notice{})
}

// requestedRevision reads the message and the number of its revision that an address names.
func (c *Console) requestedRevision(r *http.Request) (deadletter.Message, int, error) {
	m, err := c.Store.Message(r.Context(), messageID(r))
	if err != nil {
		return m, 0, err
	}
	number, err := revisionNumber(r, m)
	return m, number, err
}

// view returns a message with the actions that the user may take.
func (c *Console) view(r *http.Request, m deadletter.Message) desk.View {
	return c.Desk.View(auth.Actor(r.Context()), m)
}

// redirectRepeat redirects from the id that a platform was given for a repeated webhook to the message of the first. It
// returns err if there is no such message, or err says something else.
func (c *Console) redirectRepeat(w http.ResponseWriter, r *http.Request, err error) error {
	if deadletter.KindOf(err) != deadletter.NotFound {
		return err
	}
	m, failed := c.Store.MessageByReceipt(r.Context(), messageID(r))
	switch {
	case deadletter.KindOf(failed) == deadletter.NotFound:
		return err
	case failed != nil:
		return failed
	}
	to := url.URL{Path: "/messages/" + string(m.ID), RawQuery: r.URL.RawQuery}
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
	return nil
}

// revisionNumber parses the requested revision; the default is the latest.
func revisionNumber(r *http.Request, m deadletter.Message) (int, error) {
	asked := r.FormValue("revision")
	if asked == "" {
		return m.Revision, nil
	}
	number, err := strconv.Atoi(asked)
	if err != nil {
		return 0, deadletter.Errorf(deadletter.Invalid, "%q is not a revision number", asked)
	}
	return number, nil
}

// showMessage renders the page of a message with one of its revisions.
func (c *Console) showMessage(
	w http.ResponseWriter, r *http.Request, status int, seen desk.View, number int, notice ui.Notice,
) error {
	ctx, id := r.Context(), seen.Message.ID
	shown, err := c.Store.RevisionHead(ctx, id, number)
	if err != nil {
		return err
	}
	h, err := c.readHistory(ctx, &seen.Message)
	if err != nil {
		return err
	}
	unmaskings, masks, err := c.Desk.Unmaskings(ctx, c.viewer(r), seen.Message)
	if err != nil {
		return err
	}
	v := c.messageView(r, seen, shown, h, masks)
	v.Panel.Notice = notice
	v.Unmask = c.unmaskView(r, seen.Message, shown, unmaskings)
	if v.Unmask.Seconds > 0 {
		// The values leave the page when they are masked again.
		w.Header().Set("Refresh", strconv.Itoa(v.Unmask.Seconds))
	}
	source := c.Desk.SourceOf(seen.Message)
	if v.Arrivals, err = c.arrivalViews(r, seen.Message, source); err != nil {
		return err
	}
	if v.SameID, err = c.sameIDView(ctx, seen.Message, backQuery(r)); err != nil {
		return err
	}
	if v.Differences, err = c.messageDifferences(ctx, seen.Message, shown, backQuery(r)); err != nil {
		return err
	}
	if v.NewerURL, v.OlderURL, err = c.beside(ctx, id, backQuery(r)); err != nil {
		return err
	}
	return c.render(w, r, status, page.Message(v))
}

// beside returns the addresses of the messages before and after one in the list that the user came from.
func (c *Console) beside(ctx context.Context, id deadletter.ID, back string) (newerURL, olderURL string, err error) {
	values, err := url.ParseQuery(back)
	if err != nil {
		return "", "", err
	}
	q, err := messageQuery(ctx, values, "")
	if err != nil {
		return "", "", nil //nolint:nilerr // without a valid list there are no neighbours
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

func (c *Console) panel(w http.ResponseWriter, r *http.Request) error {
	m, err := c.Store.Message(r.Context(), messageID(r))
	if err != nil {
		return err
	}
	return c.showPanel(w, r, http.StatusOK, c.view(r, m), func(*page.MessagePanelView) {})
}

func (c *Console) showPanel(
	w http.ResponseWriter, r *http.Request, status int, seen desk.View, change func(*page.MessagePanelView),
) error {
	h, err := c.readHistory(r.Context(), &seen.Message)
	if err != nil {
		return err
	}
	v := c.panelView(seen, h, backQuery(r))
	change(&v)
	if isPartial(r) {
		return c.render(w, r, status, page.MessagePanel(v))
	}
	return c.render(w, r, status, page.MessageConfirm(page.MessageView{
		Chrome: c.chrome(r, "Message "+v.ID), BackURL: listPath(v.Back), Panel: v,
	}))
}

// order gives the desk an order for one message.
type order func(ctx context.Context, by deadletter.Actor, ref desk.Ref) (desk.View, error)

// act gives an order and renders the message that the desk returns: changed, or unchanged with the refusal, or with the
// question that the order must confirm. It does not read the message again.
func (c *Console) act(
	w http.ResponseWriter, r *http.Request, done func(deadletter.Message) ui.Notice, do order,
) error {
	ctx := r.Context()
	ref, err := formRef(r)
	if err != nil {
		return err
	}
	seen, err := do(ctx, auth.Actor(ctx), ref)
	switch kind := deadletter.KindOf(err); {
	case err == nil && isPartial(r):
		return c.showPanel(w, r, http.StatusOK, seen, func(v *page.MessagePanelView) {
			v.Notice = done(seen.Message)
		})
	case err == nil:
		c.redirect(w, r, messageURL(ref.ID, backQuery(r)), done(seen.Message))
		return nil
	case kind == deadletter.NeedsConfirmation:
		return c.showPanel(w, r, statusOf(kind), seen, func(v *page.MessagePanelView) {
			v.Confirm, v.ConfirmRevision = path.Base(r.URL.Path), r.PostForm.Get("revision")
		})
	case kind == deadletter.Conflict || kind == deadletter.Invalid:
		return c.showRefusal(w, r, seen, err)
	}
	return err
}

func (c *Console) showRefusal(w http.ResponseWriter, r *http.Request, seen desk.View, err error) error {
	refused := ui.Notice{
		Kind: ui.Warn, Text: errorText(err), Hint: "You changed nothing. This is the message as it is now.",
	}
	status := statusOf(deadletter.KindOf(err))
	if isPartial(r) {
		return c.showPanel(w, r, status, seen, func(v *page.MessagePanelView) { v.Notice = refused })
	}
	return c.showMessage(w, r, status, seen, seen.Message.Revision, refused)
}

// formRef parses the message of a form, and the version that the user saw.
func formRef(r *http.Request) (desk.Ref, error) {
	version, err := formField(r, "version")
	return desk.Ref{ID: messageID(r), Version: version}, err
}

// formField parses a number that the page itself put into a form.
func formField(r *http.Request, name string) (int, error) {
	n, err := strconv.Atoi(r.PostForm.Get(name))
	if err != nil {
		return 0, deadletter.Errorf(deadletter.Invalid, "this form is incomplete: reload the page")
	}
	return n, nil
}

func (c *Console) replay(w http.ResponseWriter, r *http.Request) error {
	return c.send(w, r, c.Desk.Replay, func(m deadletter.Message) ui.Notice {
		return ui.Notice{Kind: ui.Info, Text: "Replay requested: waiting for the response.", Hint: c.passesBreaker(m)}
	})
}

func (c *Console) redrive(w http.ResponseWriter, r *http.Request) error {
	return c.send(w, r, c.Desk.Redrive, func(deadletter.Message) ui.Notice {
		return ui.Notice{Kind: ui.Info, Text: "Redrive requested: waiting for SQS."}
	})
}

// send gives one of the two orders that send a revision.
func (c *Console) send(
	w http.ResponseWriter, r *http.Request,
	do func(context.Context, deadletter.Actor, desk.Ref, desk.SendCommand) (desk.View, error),
	done func(deadletter.Message) ui.Notice,
) error {
	revision, err := formField(r, "revision")
	if err != nil {
		return err
	}
	cmd := confirmed(r)
	cmd.Revision = revision
	return c.act(w, r, done, func(ctx context.Context, by deadletter.Actor, ref desk.Ref) (desk.View, error) {
		return do(ctx, by, ref, cmd)
	})
}

// confirmed returns what a form confirms.
func confirmed(r *http.Request) desk.SendCommand {
	return desk.SendCommand{
		ConfirmUnknown: r.PostForm.Get("confirmed") == "yes", ConfirmNewer: r.PostForm.Get("newer") == "yes",
	}
}

// passesBreaker returns a warning for a replay to a destination whose circuit breaker is open; "" otherwise.
func (c *Console) passesBreaker(m deadletter.Message) string {
	s, ok := c.sourceOf(m)
	if !ok {
		return ""
	}
	b := c.health(s.Name).Breaker
	if b.State != delivery.Open {
		return ""
	}
	return printable(s.Name) + " has an open circuit breaker since " + b.Since.Format("15:04 UTC") +
		": this replay is sent there anyway."
}

func (c *Console) archive(w http.ResponseWriter, r *http.Request) error {
	done := func(deadletter.Message) ui.Notice { return ui.Notice{Kind: ui.Done, Text: "Archived."} }
	return c.act(w, r, done, func(ctx context.Context, by deadletter.Actor, ref desk.Ref) (desk.View, error) {
		return c.Desk.Archive(ctx, by, ref, r.PostForm.Get("reason"))
	})
}

func (c *Console) restore(w http.ResponseWriter, r *http.Request) error {
	done := func(deadletter.Message) ui.Notice { return ui.Notice{Kind: ui.Done, Text: "Restored."} }
	return c.act(w, r, done, c.Desk.Restore)
}

// body downloads a revision, as received or as a page shows it. Secrets are masked as on the page.
func (c *Console) body(w http.ResponseWriter, r *http.Request) error {
	m, number, err := c.requestedRevision(r)
	if err != nil {
		return c.redirectRepeat(w, r, err)
	}
	revision, release, err := c.wholeRevision(r.Context(), m.ID, number)
	if err != nil {
		return err
	}
	defer release()
	other, err := c.otherBody(r, m)
	if err != nil {
		return err
	}
	if other != nil {
		revision = other.revision
	}
	source := c.Desk.SourceOf(m)
	form := r.FormValue("form")
	body, err := bodyIn(form, revision, source)
	if form == recordForm && revision.QueueMessage != nil {
		body, err = recordText(m, revision, source), nil
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+downloadName(m.ID, revision, form != "")+`"`)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the browser may have hung up
	return nil
}

// wholeRevision returns a revision with its whole body, and a function to call when it is not needed any more. For a
// long body it waits until no other is in memory.
func (c *Console) wholeRevision(
	ctx context.Context, id deadletter.ID, number int,
) (r deadletter.Revision, release func(), err error) {
	if r, err = c.Store.RevisionHead(ctx, id, number); err != nil || !r.IsHead() {
		return r, func() {}, err
	}
	bytes := min(int64(r.Size), maxLargeBodies)
	if err := c.large.Acquire(ctx, bytes); err != nil {
		return r, nil, err
	}
	if r, err = c.Store.Revision(ctx, id, number); err != nil {
		c.large.Release(bytes)
		return r, nil, err
	}
	return r, func() { c.large.Release(bytes) }, nil
}

// maxLargeBodies bounds the long bodies in memory that are being downloaded, in bytes.
const maxLargeBodies = 64 << 20

// extensions are those of compressed files, by content coding.
var extensions = map[string]string{"gzip": ".gz", "br": ".br", "zstd": ".zst"}

// downloadName returns the name of the file of a body: of its content if it is decoded, else as it was received.
func downloadName(id deadletter.ID, r deadletter.Revision, isDecoded bool) string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, string(id))
	text := payload.Read(r, maxShown)
	extension := ".txt"
	switch {
	case text.Kind == payload.Binary:
		extension = ".bin"
	case text.Kind == payload.JSON && (text.Cut || payload.Valid(text.Bytes)), isDecoded && text.IsJSON():
		extension = ".json"
	}
	for _, coding := range text.Codings {
		if !isDecoded {
			extension += cmp.Or(extensions[coding], "."+coding)
		}
	}
	return safe + "-" + strconv.Itoa(r.Number) + extension
}

// history is what happened to a message, newest first.
type history struct {
	attempts      []deadletter.Attempt
	revisions     []deadletter.Revision // without bodies
	events        []store.EventRow
	cause         page.Cause
	undeletedCopy page.UndeletedCopy
	order         page.MessageOrder
	rule          page.MessageRule
}

// readHistory reads what happened to a message, and masks it and the message.
func (c *Console) readHistory(ctx context.Context, m *deadletter.Message) (history, error) {
	var h history
	var err error
	if h.attempts, err = c.Store.Attempts(ctx, m.ID); err != nil {
		return h, err
	}
	hider := c.Desk.Hider()
	if err = errors.Join(hider.Message(ctx, m), hider.Attempts(ctx, *m, h.attempts)); err != nil {
		return h, err
	}
	if h.revisions, err = c.Store.Revisions(ctx, m.ID); err != nil {
		return h, err
	}
	if err = hider.Revisions(ctx, *m, h.revisions); err != nil {
		return h, err
	}
	if h.cause, err = c.causeView(ctx, *m); err != nil {
		return h, err
	}
	if h.order, err = c.orderView(ctx, *m); err != nil {
		return h, err
	}
	if h.rule, err = c.ruleAhead(ctx, *m); err != nil {
		return h, err
	}
	events, err := c.Store.Events(
		ctx, store.EventQuery{EventFilter: store.EventFilter{Target: string(m.ID)}, Limit: pageSize},
	)
	if err == nil {
		err = hider.Events(ctx, events.Items)
	}
	h.events, h.undeletedCopy = events.Items, c.undeletedCopy(ctx, m.ID)
	return h, err
}

func (c *Console) messageView(
	r *http.Request, seen desk.View, shown deadletter.Revision, h history, masks *redact.Rules,
) page.MessageView {
	m, back := seen.Message, backQuery(r)
	source := c.Desk.SourceOf(m)
	onPage := source // what is copied from the page leaves the desk: it stays masked
	onPage.Masks = masks
	v := page.MessageView{
		Chrome:  c.chrome(r, "Message "+string(m.ID)),
		BackURL: listPath(back),
		Panel:   c.panelView(seen, h, back),
		Payload: payloadView(m.ID, shown, onPage),
		Headers: headerRows(shown.Headers, onPage),
		Facts:   facts(m, onPage),
	}
	if m.Queue.Record != "" && m.Queue.Record.HasPayload() {
		v.RecordURL = address(
			"/messages/"+url.PathEscape(string(m.ID))+"/body", url.Values{"form": {recordForm}, "revision": {"0"}},
		)
	}
	v.Curl, v.Ticket = c.curlOf(m, shown, source, true), c.ticketOf(r, m, shown, h)
	if v.Panel.DenyEdit == "" {
		v.Panel.DenyEdit = errorText(editable(shown))
	}
	for i, other := range h.revisions {
		v.Panel.Revisions[i].Current = other.Number == shown.Number
	}
	return v
}

func revisionURL(id deadletter.ID, number int, back string) string {
	query := url.Values{"revision": {strconv.Itoa(number)}}
	return address("/messages/"+string(id), replaceParam(query, "back", back))
}

func compareURL(id deadletter.ID, from, to int, back string) string {
	query := url.Values{"from": {strconv.Itoa(from)}, "to": {strconv.Itoa(to)}}
	return address("/messages/"+string(id)+"/compare", replaceParam(query, "back", back))
}

// panelView shows the state of a message, its actions and its history.
func (c *Console) panelView(seen desk.View, h history, back string) page.MessagePanelView {
	m := seen.Message
	v := page.MessagePanelView{
		ID:           string(m.ID),
		Version:      strconv.Itoa(m.Version),
		Back:         back,
		Status:       string(m.Status),
		Source:       printable(m.Source),
		Reason:       printable(m.Reason),
		Cause:        h.cause,
		Undeleted:    h.undeletedCopy,
		Order:        h.order,
		Rule:         h.rule,
		Code:         code(m.StatusCode),
		Outcome:      string(m.Outcome),
		AttemptCount: c.attempts(m),
		NextRetry:    nextRetry(m),
		WaitsFor:     c.waitsFor(m),
		Received:     ui.At(m.ReceivedAt),
		LastAttempt:  ui.At(m.LastAttemptAt),
		Result:       result(m, h.attempts),
	}
	if s, ok := c.sourceOf(m); ok {
		v.Destination = s.host()
		if m.Status.CanReplay() {
			v.Breaker, _ = c.breakerNotice(s.Name)
		}
	}
	if m.Arrivals > 1 {
		v.Arrived = plural(m.Arrivals, "time")
	}
	denyActions(&v, seen)
	v.Signature = c.signatureNote(seen)
	v.LastWasRedrive = len(h.attempts) > 0 && h.attempts[0].Trigger.Redrives()
	c.addRevisions(&v, m, h.revisions)
	c.addAttempts(&v, m, h)
	for _, e := range desk.WithoutOldStarts(h.events) {
		if e.TargetKind == messageTarget && !strings.HasPrefix(e.Action, "attempt.") {
			v.Events = append(v.Events, auditRow(e, nil))
		}
	}
	return v
}

// denyActions disables the actions that the desk refuses, each with the reason. A message of a queue can be edited
// for a replay or a redrive, whichever is permitted.
func denyActions(v *page.MessagePanelView, seen desk.View) {
	refused := func(act deadletter.Action) string { return errorText(seen.Refused[act]) }
	v.DenyReplay, v.DenyRedrive = refused(deadletter.ActReplay), refused(deadletter.ActRedrive)
	v.DenyArchive, v.DenyRestore = refused(deadletter.ActArchive), refused(deadletter.ActRestore)
	v.DenyProbe = refused(deadletter.ActProbe)
	if v.DenyEdit = refused(deadletter.ActEdit); refused(deadletter.ActEditRedrive) == "" {
		v.DenyEdit = ""
	}
	for _, to := range seen.CopiesTo {
		v.CopiesTo = append(v.CopiesTo, page.CopyTo{Name: to.Name, Masked: to.Masked})
	}
	v.DenyCopy = errorText(seen.RefusedCopy)
	v.Queue, v.RedrivesTo = printable(seen.Message.Queue.ConfigName), printable(seen.RedrivesTo)
}

func (c *Console) addRevisions(v *page.MessagePanelView, m deadletter.Message, revisions []deadletter.Revision) {
	v.Choices = revisionOptions(revisions, m.Revision)
	for _, r := range revisions {
		shown := page.RevisionView{
			Name:    revisionName(r),
			By:      r.By,
			Reason:  r.Reason,
			At:      ui.At(r.At),
			URL:     revisionURL(m.ID, r.Number, v.Back),
			Current: r.Number == m.Revision,
		}
		if use := r.Recipe; use.ID != 0 {
			shown.Recipe, shown.RecipeURL = printable(c.Desk.Hider().Note(use.Name)), recipePath(use.ID)
			shown.RecipeVersion = strconv.Itoa(use.Version)
		}
		if r.Number > 0 {
			shown.Compare = compareURL(m.ID, r.Number-1, r.Number, v.Back)
		}
		v.Revisions = append(v.Revisions, shown)
	}
}

// revisionOptions lists revisions for a select.
func revisionOptions(revisions []deadletter.Revision, selected int) (options []ui.Option) {
	for _, r := range revisions {
		options = append(options, ui.Option{
			Value: strconv.Itoa(r.Number), Label: revisionName(r), Selected: r.Number == selected,
		})
	}
	return options
}

func (c *Console) addAttempts(v *page.MessagePanelView, m deadletter.Message, h history) {
	source := c.Desk.SourceOf(m)
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

// result returns the outcome of the latest delivery that a person requested.
func result(m deadletter.Message, attempts []deadletter.Attempt) ui.Notice {
	if len(attempts) == 0 || m.Status == deadletter.Replaying || m.Status == deadletter.Archived {
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
	case deadletter.OutcomeRedriven:
		if m.Status != deadletter.Redriven {
			return ui.Notice{
				Kind: ui.Warn,
				Text: "It was redriven, and came to the DLQ again.",
				Hint: printable(m.Reason),
			}
		}
		return ui.Notice{
			Kind: ui.Done,
			Text: "Redriven to its queue in " + latency(a.Latency) + ".",
			Hint: "If its consumer fails again, this message continues with the new error.",
		}
	case deadletter.ErrorResponse:
		if a.Trigger.Redrives() {
			return ui.Notice{Kind: ui.Fault, Text: "The redrive failed.", Hint: printable(a.Error)}
		}
		return ui.Notice{Kind: ui.Fault, Text: "Error response: " + took, Hint: printable(a.Error)}
	case deadletter.Unreachable, deadletter.Unknown:
	}
	return ui.Notice{
		Kind: ui.Warn,
		Text: sentence(printable(a.Error)),
		Hint: "The delivery ended after " + latency(a.Latency) + ".",
	}
}

func attemptView(a deadletter.Attempt, revision string, s desk.Source) page.AttemptView {
	body, _ := s.Masks.Text(a.ResponseBody) // it was decoded when it came
	v := page.AttemptView{
		Number:          strconv.Itoa(a.Number),
		Trigger:         string(a.Trigger),
		Actor:           printable(a.Actor),
		Revision:        revision,
		At:              ui.At(a.StartedAt),
		InFlight:        !a.Done,
		Outcome:         string(a.Outcome),
		Code:            code(a.StatusCode),
		Error:           printable(a.Error),
		ResponseHeaders: headerRows(a.ResponseHeaders, s),
		ResponseBody:    printable(string(body)),
	}
	if a.Done {
		v.Latency = latency(a.Latency)
	}
	if a.ResponseCut {
		v.ResponseNote = "The first " + size(len(a.ResponseBody)) + " of the response are stored."
	}
	return v
}

func headerRows(h deadletter.Headers, s desk.Source) []page.HeaderRow {
	var rows []page.HeaderRow
	masked := s.Masks.Headers(h)
	for _, name := range masked.Names() {
		for _, value := range masked[name] {
			rows = append(rows, page.HeaderRow{
				Name:   printable(name),
				Value:  printable(deadletter.ReadableValue(value)),
				Masked: s.Masks.IsSecretHeader(name),
			})
		}
	}
	return rows
}

// shownBinary bounds how much of a binary attribute is shown, in bytes.
const shownBinary = 32

// facts returns the details of the queued message and of the webhook's address.
func facts(m deadletter.Message, s desk.Source) []page.Fact {
	q := m.Queue
	var list []page.Fact
	add := func(label, value string) {
		if value != "" {
			list = append(list, page.Fact{Label: printable(label), Value: printable(value)})
		}
	}
	add("Queue", q.Queue)
	if q.ConfigName != "" && q.ConfigName != q.Queue {
		add("Listed as", q.ConfigName)
	}
	add("AWS service", q.Service)
	if q.Drained {
		add("Moved here by", "dlqdesk drain")
	}
	add("Error code", q.ErrorCode)
	add("Came from", q.SourceARN)
	add("Was meant for", q.TargetARN)
	add("Request id", q.RequestID)
	for _, d := range q.Details {
		add(d.Name, d.Value)
	}
	add("Message id", q.MessageID)
	add("Sender's message id", q.ProducerID)
	add("Format", q.Form)
	add("Group", q.GroupID)
	add("Deduplication id", q.DeduplicationID)
	add("Sent to the queue", ui.At(q.SentAt).Text)
	if q.ReceiveCount > 0 {
		add("Received from the queue", plural(q.ReceiveCount, "time"))
	}
	add("Webhook-Id", m.WebhookID)
	if m.OwnWebhookID {
		add("Webhook-Id of retries", m.DeliveredWebhookID())
	}
	add("Query", s.Masks.Query(m.Query))
	for _, a := range q.Attributes {
		value := a.Value
		if a.Binary != nil {
			value = plural(len(a.Binary), "byte") + ": " + hex.EncodeToString(
				a.Binary[:min(len(a.Binary), shownBinary)],
			)
			if len(a.Binary) > shownBinary {
				value += "…"
			}
		}
		if s.Masks.IsSecretHeader(a.Name) {
			value = redact.Mask
		}
		add("Attribute "+a.Name+" ("+a.Type+")", value)
	}
	return list
}

// causeView shows how many messages failed for the same cause, and how their replays went.
func (c *Console) causeView(ctx context.Context, m deadletter.Message) (page.Cause, error) {
	group, err := c.Store.Cause(ctx, m.Fingerprint)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return page.Cause{}, nil
	}
	if err != nil {
		return page.Cause{}, err
	}
	v := page.Cause{
		PageURL: page.CauseURL(group.Fingerprint), Standing: c.causeStanding(auth.Actor(ctx), group),
		Unedited: replays("unedited", group.Unedited), Edited: replays("edited", group.Edited),
	}
	if others := group.Messages - 1; others > 0 {
		v.Others, v.Since = plural(others, "other message"), ui.At(group.FirstAt)
		v.URL = listPath("cause=" + group.Fingerprint + "&status=" + allStatus)
	}
	return v, nil
}

// replays describes how the replays of a cause went; "" if there were none.
func replays(kind string, r deadletter.Replays) string {
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
