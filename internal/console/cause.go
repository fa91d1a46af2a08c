package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func (c *Console) causeRoutes(r chi.Router) {
	r.Get("/causes/{cause}", c.handle(c.oneCause))
	r.Get("/causes/{cause}/edit", c.handle(c.editOneOfCause))
	r.Group(func(r chi.Router) {
		r.Use(c.form(maxForm))
		r.Post("/causes/{cause}/claim", c.handle(c.orderCause("Claimed.", c.claimCause)))
		r.Post("/causes/{cause}/release", c.handle(c.orderCause("Released.", withoutForm(c.Desk.Release))))
		r.Post("/causes/{cause}/mute", c.handle(c.orderCause("Muted.", c.muteCause)))
		r.Post("/causes/{cause}/unmute", c.handle(c.orderCause("No longer muted.", withoutForm(c.Desk.Unmute))))
		r.Post("/causes/{cause}/known", c.handle(c.orderCause("Marked as known.", c.markCause)))
		r.Post("/causes/{cause}/unmark", c.handle(c.orderCause("The ticket is removed.", withoutForm(c.Desk.Unmark))))
		r.Post("/causes/{cause}/notes", c.handle(c.addNote))
		r.Post("/causes/{cause}/notes/{note}", c.handle(c.editNote))
	})
}

// oneCause shows one cause. The fingerprint of a cause that was joined to another one leads there.
func (c *Console) oneCause(w http.ResponseWriter, r *http.Request) error {
	asked := chi.URLParam(r, "cause")
	seen, err := c.Desk.Cause(r.Context(), auth.Actor(r.Context()), asked)
	if err != nil {
		return err
	}
	if seen.Cause.Fingerprint != asked {
		http.Redirect(w, r, address(page.CauseURL(seen.Cause.Fingerprint), r.URL.Query()), http.StatusSeeOther)
		return nil
	}
	return c.showCause(w, r, http.StatusOK, seen, func(*page.CauseView) {})
}

// editOneOfCause leads to the editor of a failed message of a cause: the typical one, or else the newest.
func (c *Console) editOneOfCause(w http.ResponseWriter, r *http.Request) error {
	fingerprint := chi.URLParam(r, "cause")
	_, newest, err := c.Store.CauseSample(r.Context(), fingerprint, causeSampleSize, deadletter.Failed)
	if err != nil {
		return err
	}
	to, ok := deadletter.TypicalOf(newest)
	if !ok {
		return deadletter.Errorf(
			deadletter.Conflict,
			"none of its messages is failed now: reload the page of the cause",
		)
	}
	back := url.Values{"cause": {fingerprint}, "status": {string(deadletter.Failed)}}
	http.Redirect(w, r, address("/messages/"+url.PathEscape(string(to))+"/edit", url.Values{"back": {back.Encode()}}),
		http.StatusSeeOther)
	return nil
}

// showCause renders the page of a cause. change adds what came of a form.
func (c *Console) showCause(
	w http.ResponseWriter, r *http.Request, status int, seen desk.CauseView, change func(*page.CauseView),
) error {
	v, err := c.causePage(r, seen)
	if err != nil {
		return err
	}
	change(&v)
	return c.render(w, r, status, page.CausePage(v))
}

// openCauseJobs returns the jobs over messages of a cause that are not over. tried are those that have results for it;
// one that the person started a moment ago has none yet, and is known by its filter.
func (c *Console) openCauseJobs(
	r *http.Request, fingerprint string, tried []store.CauseJob,
) (list []page.JobView, err error) {
	jobs, err := c.Store.ShownJobs(r.Context(), auth.Actor(r.Context()).Name)
	if err != nil {
		return nil, err
	}
	jobs = slices.DeleteFunc(jobs, func(j deadletter.Job) bool {
		query, err := url.ParseQuery(j.Filter)
		return err != nil || query.Get("cause") != fingerprint ||
			slices.ContainsFunc(tried, func(t store.CauseJob) bool { return t.ID == j.ID })
	})
	for _, t := range tried {
		jobs = append(jobs, t.Job)
	}
	for _, j := range jobs {
		if j.State.Ended() {
			continue
		}
		v := c.jobView(r, j, page.CauseURL(fingerprint))
		if err := c.addNow(r.Context(), &v, j); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (c *Console) causePage(r *http.Request, seen desk.CauseView) (v page.CauseView, err error) {
	ctx, fingerprint := r.Context(), seen.Cause.Fingerprint
	after, err := c.Store.LatestSequence(ctx)
	if err != nil {
		return v, err
	}
	read, err := c.readCause(ctx, seen.Cause)
	if err != nil {
		return v, err
	}
	v.BackURL, v.LiveURL = causesPath, address(livePath, url.Values{
		"only": {causeOnly}, "cause": {fingerprint}, "after": {strconv.FormatInt(after, 10)},
	})
	if v.Head, err = c.causeHead(ctx, seen); err != nil {
		return v, err
	}
	v.Suggested = c.suggested(ctx, fingerprint)
	v.Head.Opened, v.Head.Batch = r.URL.Query().Get("open"), testBatch(seen.Cause.Failed)
	v.Presence = c.live.presence(fingerprint, auth.Actor(ctx).Name)
	v.Sample, v.Examples = c.causeSample(seen.Cause, read), exampleViews(seen.Cause, read)
	if v.Differences, err = c.causeDifferences(ctx, fingerprint); err != nil {
		return v, err
	}
	if v.Affected, err = c.affectedView(ctx, seen.Cause); err != nil {
		return v, err
	}
	jobs, err := c.Store.CauseJobs(ctx, fingerprint, maxCauseJobs)
	if err != nil {
		return v, err
	}
	v.Tried = triedView(seen.Cause, jobs)
	if v.Jobs, err = c.openCauseJobs(r, fingerprint, jobs); err != nil {
		return v, err
	}
	if v.Recipes, err = c.causeRecipes(ctx, seen); err != nil {
		return v, err
	}
	if v.Told, err = c.causeTold(ctx, seen.Cause); err != nil {
		return v, err
	}
	if v.Trend, err = c.causeTrend(ctx, seen.Cause, jobs, r.URL.Query().Get("range")); err != nil {
		return v, err
	}
	if v.Notes, err = c.causeNotes(ctx, fingerprint); err != nil {
		return v, err
	}
	v.Chrome = c.chrome(r, cmp.Or(printable(seen.Cause.Title), "Cause"))
	return v, nil
}

// causeHead shows the state of a cause and the actions on it.
func (c *Console) causeHead(ctx context.Context, seen desk.CauseView) (page.CauseHead, error) {
	cause := seen.Cause
	v := page.CauseHead{
		Fingerprint: cause.Fingerprint,
		Version:     strconv.Itoa(cause.Version),

		CauseStanding: c.causeStanding(auth.Actor(ctx), cause),

		Since:       ui.At(cause.StateAt),
		Title:       printable(cause.Title),
		Source:      printable(cause.Source),
		Destination: printable(redact.Host(cause.Destination)),
		Failed:      countedOfCause(cause.Failed, cause.Fingerprint, deadletter.Failed),
		Retrying:    countedOfCause(cause.Retrying, cause.Fingerprint, deadletter.Retrying),
		Ever:        number(cause.Messages),
		First:       ui.At(cause.FirstAt),
		Last:        ui.At(cause.LastAt),
		Next:        causeStep(seen),
		Actions:     c.causeActions(seen),
	}
	rules, err := c.Desk.RulesOfCause(ctx, auth.Actor(ctx), cause)
	if err != nil {
		return v, err
	}
	if v.Rules = ruleNotes(rules); auth.Actor(ctx).May(deadletter.ActRules) == nil {
		v.Actions.RuleURL = address(rulesPath+"/new", url.Values{"cause": {cause.Fingerprint}})
	}
	if !cause.Arriving(c.Now()) {
		return v, nil
	}
	hours, err := c.causeHours(ctx, []desk.CauseView{seen})
	v.Arriving = number(deadletter.PerHour(hours[cause.Fingerprint], c.Now())) + " in the last hour"
	return v, err
}

// testBatch returns the size of the first step of a replay of so many messages; "" if it has none.
func testBatch(messages int) string {
	if sizes := deadletter.DefaultJobSteps(messages); len(sizes) > 0 {
		return plural(sizes[0], "message")
	}
	return ""
}

// causeStep is the next step with the facts that it follows from.
func causeStep(seen desk.CauseView) page.NextStep {
	step := nextStep(seen)
	if seen.Next.Kind != deadletter.StepBreaker {
		step.URL = ""
	}
	switch seen.Next.Kind {
	case deadletter.StepRecipe:
		step.URL, step.Link = "#cause-recipes", "Recipes"
	case deadletter.StepEdit, deadletter.StepReplay, deadletter.StepFix:
		step.URL, step.Link = "#cause-tried", "What was tried"
	case deadletter.StepLook, deadletter.StepTest:
		step.URL, step.Link = "#cause-examples", "Messages to look at"
	case deadletter.StepBreaker:
		step.Link = "Overview"
	case deadletter.StepRetries, deadletter.StepNone:
	}
	return step
}

// causeActions says which actions are possible. What acts on messages is for the failed ones.
func (c *Console) causeActions(seen desk.CauseView) page.CauseActions {
	cause := seen.Cause
	refused := func(act deadletter.Action) string { return errorText(seen.Refused[act]) }
	v := page.CauseActions{
		DenyReplay:  refused(deadletter.ActReplay),
		DenyEdit:    refused(deadletter.ActEdit),
		DenyArchive: refused(deadletter.ActArchive),
		DenyClaim:   refused(deadletter.ActClaim),
		DenyMute:    refused(deadletter.ActMute),
		DenyKnown:   refused(deadletter.ActKnown),
		DenyGroup:   refused(deadletter.ActGroup),
		DenyNote:    refused(deadletter.ActNote),
		Messages:    plural(cause.Failed, "message"),
		EditOneURL:  page.CauseURL(cause.Fingerprint) + "/edit",
		MergeURL:    address(mergePath, url.Values{"cause": {cause.Fingerprint}}),
		SplitURL:    address(splitPath, url.Values{"cause": {cause.Fingerprint}}),
	}
	if v.DenyKnown == "" {
		v.OpenTicketURL = c.newTicketURL(cause)
	}
	return v
}

// newTicketURL returns the address of a new ticket with the facts of a cause filled in.
func (c *Console) newTicketURL(cause deadletter.Cause) string {
	at := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
	lines := []string{
		printable(cause.Title), "",
		"Source: " + cmp.Or(printable(cause.Source), "none"),
		"Destination: " + cmp.Or(printable(redact.Host(cause.Destination)), "none"),
		fmt.Sprintf("Messages: %s failed and %s retrying now, %s in all",
			number(cause.Failed), number(cause.Retrying), number(cause.Messages)),
		"First seen: " + at(cause.FirstAt),
		"Last seen: " + at(cause.LastAt),
	}
	for _, r := range causeReplays(cause) {
		lines = append(lines, "Replays "+r.How+": "+r.Delivered+" of "+r.Tried+" delivered")
	}
	if c.PublicURL != "" {
		lines = append(lines, "", c.PublicURL+page.CauseURL(cause.Fingerprint))
	}
	return c.Desk.NewTicketURL(printable(cause.Title), strings.Join(lines, "\n"))
}

// causeOrder is an action on one cause.
type causeOrder func(r *http.Request, by deadletter.Actor, ref desk.CauseRef) (desk.CauseView, error)

// withoutForm makes an order of one that needs nothing but the cause.
func withoutForm(
	order func(ctx context.Context, by deadletter.Actor, ref desk.CauseRef) (desk.CauseView, error),
) causeOrder {
	return func(r *http.Request, by deadletter.Actor, ref desk.CauseRef) (desk.CauseView, error) {
		return order(r.Context(), by, ref)
	}
}

func (c *Console) claimCause(r *http.Request, by deadletter.Actor, ref desk.CauseRef) (desk.CauseView, error) {
	lease, err := time.ParseDuration(r.PostForm.Get("for"))
	if err != nil {
		return desk.CauseView{}, deadletter.Errorf(deadletter.Invalid, "choose how long the claim lasts")
	}
	return c.Desk.Claim(r.Context(), by, ref, lease)
}

func (c *Console) muteCause(r *http.Request, by deadletter.Actor, ref desk.CauseRef) (desk.CauseView, error) {
	until, err := muteForm(r)
	if err != nil {
		return desk.CauseView{}, err
	}
	return c.Desk.Mute(r.Context(), by, ref, until)
}

func (c *Console) markCause(r *http.Request, by deadletter.Actor, ref desk.CauseRef) (desk.CauseView, error) {
	return c.Desk.MarkKnown(r.Context(), by, ref, r.PostForm.Get("ticket"))
}

// orderCause returns the handler of an action on a cause. It shows the cause with done, or with why it was refused.
func (c *Console) orderCause(done string, order causeOrder) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		ref, err := causeRef(r)
		if err != nil {
			return err
		}
		seen, err := order(r, auth.Actor(r.Context()), ref)
		switch kind := deadletter.KindOf(err); {
		case err == nil && !isPartial(r):
			c.redirect(w, r, page.CauseURL(seen.Cause.Fingerprint), ui.Notice{Kind: ui.Done, Text: done})
			return nil
		case err == nil:
			return c.showCauseHead(w, r, http.StatusOK, seen, func(v *page.CauseHead) {
				v.Notice = ui.Notice{Kind: ui.Done, Text: done}
			})
		case kind == deadletter.Conflict || kind == deadletter.Invalid:
			now, readErr := c.Desk.Cause(r.Context(), auth.Actor(r.Context()), ref.Fingerprint)
			if readErr != nil {
				return readErr
			}
			return c.showCauseHead(w, r, statusOf(kind), now, func(v *page.CauseHead) { refuse(r, v, err) })
		}
		return err
	}
}

// causeRef parses the cause of an address, and the version of it that the form was made for.
func causeRef(r *http.Request) (desk.CauseRef, error) {
	version, err := strconv.Atoi(r.PostForm.Get("version"))
	if err != nil {
		return desk.CauseRef{}, deadletter.Errorf(deadletter.Invalid, "this form is incomplete: reload the page")
	}
	return desk.CauseRef{Fingerprint: chi.URLParam(r, "cause"), Version: version}, nil
}

// refuse says why an order was refused: in its form, with what was typed, or above all.
func refuse(r *http.Request, v *page.CauseHead, err error) {
	a := &v.Actions
	switch {
	case deadletter.KindOf(err) == deadletter.Conflict:
		v.Notice = ui.Notice{Kind: ui.Warn, Text: errorText(err), Hint: "You changed nothing."}
	case strings.HasSuffix(r.URL.Path, "/mute"):
		a.Mute = sentMute(r, err)
	case strings.HasSuffix(r.URL.Path, "/known"):
		a.KnownError, a.KnownValue = errorText(err), r.PostForm.Get("ticket")
	default:
		v.Notice = ui.Notice{Kind: ui.Fault, Text: errorText(err)}
	}
}

func (c *Console) showCauseHead(
	w http.ResponseWriter, r *http.Request, status int, seen desk.CauseView, change func(*page.CauseHead),
) error {
	if !isPartial(r) {
		return c.showCause(w, r, status, seen, func(v *page.CauseView) { change(&v.Head) })
	}
	v, err := c.causeHead(r.Context(), seen)
	if err != nil {
		return err
	}
	change(&v)
	return c.render(w, r, status, page.CausePanel(v))
}

// causeNotes returns the conversation about a cause.
func (c *Console) causeNotes(ctx context.Context, fingerprint string) (v page.CauseNotes, err error) {
	by := auth.Actor(ctx)
	list, err := c.Desk.CauseNotes(ctx, by, fingerprint)
	for _, n := range list {
		note := page.CauseNote{
			ID: strconv.FormatInt(n.ID, 10), By: printable(n.By), At: ui.At(n.At), Body: printable(n.Text),
		}
		for _, e := range slices.Backward(n.Edits) {
			note.Earlier = append(note.Earlier, page.EarlierNote{At: ui.At(e.At), Body: printable(e.Text)})
		}
		if len(n.Edits) > 0 {
			note.Edited = ui.At(n.Edits[len(n.Edits)-1].At)
		}
		if n.CheckEdit(by) == nil {
			note.EditURL = page.CauseURL(fingerprint) + "/notes/" + note.ID
		}
		v.List = append(v.List, note)
	}
	if len(list) == store.MaxNotes {
		v.Older = "the first " + number(store.MaxNotes)
	}
	return v, err
}

func (c *Console) addNote(w http.ResponseWriter, r *http.Request) error {
	text := r.PostForm.Get("text")
	err := c.Desk.AddNote(r.Context(), auth.Actor(r.Context()), chi.URLParam(r, "cause"), text)
	return c.showNotes(w, r, "Note added.", err, func(v *page.CauseNotes) { v.Text, v.Error = text, errorText(err) })
}

func (c *Console) editNote(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(chi.URLParam(r, "note"), 10, 64)
	if err != nil {
		return deadletter.Errorf(deadletter.NotFound, "there is no such note")
	}
	err = c.Desk.EditNote(r.Context(), auth.Actor(r.Context()), id, r.PostForm.Get("text"))
	return c.showNotes(w, r, "Note saved.", err, func(v *page.CauseNotes) {
		for i := range v.List {
			if v.List[i].ID == strconv.FormatInt(id, 10) {
				v.List[i].Error = errorText(err)
			}
		}
	})
}

// showNotes shows the conversation after an order for it, or the form again with what is wrong.
func (c *Console) showNotes(
	w http.ResponseWriter, r *http.Request, done string, err error, explain func(*page.CauseNotes),
) error {
	status := http.StatusOK
	switch kind := deadletter.KindOf(err); {
	case kind == deadletter.Invalid || kind == deadletter.Conflict:
		status = statusOf(kind)
	case err != nil:
		return err
	}
	seen, readErr := c.Desk.Cause(r.Context(), auth.Actor(r.Context()), chi.URLParam(r, "cause"))
	if readErr != nil {
		return readErr
	}
	if !isPartial(r) {
		if err == nil {
			c.redirect(w, r, page.CauseURL(seen.Cause.Fingerprint)+"#cause-notes", ui.Notice{Kind: ui.Done, Text: done})
			return nil
		}
		return c.showCause(w, r, status, seen, func(v *page.CauseView) { explain(&v.Notes) })
	}
	notes, readErr := c.causeNotes(r.Context(), seen.Cause.Fingerprint)
	if readErr != nil {
		return readErr
	}
	if err != nil {
		explain(&notes)
	}
	head := page.CauseHead{Fingerprint: seen.Cause.Fingerprint}
	head.Actions.DenyNote = errorText(seen.Refused[deadletter.ActNote])
	return c.render(w, r, status, page.CauseConversation(head, notes))
}
