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
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// selection parses ID@VERSION of each selected message.
func selection(items []string) ([]desk.Ref, error) {
	var refs []desk.Ref
	for _, item := range items {
		at := strings.LastIndexByte(item, '@')
		version, err := strconv.Atoi(item[at+1:])
		if at <= 0 || err != nil {
			return nil, deadletter.Errorf(deadletter.Invalid,
				"the selection is incomplete: select the messages again")
		}
		refs = append(refs, desk.Ref{ID: deadletter.ID(item[:at]), Version: version})
	}
	return refs, nil
}

// bulk creates a job over the selected messages, or over all that match the filter. A job that needs no review starts
// at once; any other is shown as a draft first.
func (c *Console) bulk(w http.ResponseWriter, r *http.Request) error {
	action, err := deadletter.JobAction(r.PostForm.Get("action"))
	if err != nil {
		return err
	}
	j, err := c.freeze(r, action, r.PostForm.Get("scope") == "all")
	if err != nil {
		return err
	}
	return c.startOrAsk(w, r, j)
}

// startOrAsk starts a job that needs no review, and shows any other as a draft first.
func (c *Console) startOrAsk(w http.ResponseWriter, r *http.Request, j deadletter.Job) error {
	_, refused, err := c.jobSignatures(r.Context(), j)
	if err != nil {
		return err
	}
	review, err := c.Desk.AsksReview(r.Context(), j)
	if err != nil {
		return err
	}
	if review || refused {
		return c.askJob(w, r, j)
	}
	if err := c.Desk.StartJob(r.Context(), auth.Actor(r.Context()), j.ID, deadletter.JobInput{}); err != nil {
		return err
	}
	return c.backToList(w, r, ui.Notice{})
}

func (c *Console) freeze(r *http.Request, action deadletter.Action, everything bool) (deadletter.Job, error) {
	by := auth.Actor(r.Context())
	if !everything {
		refs, err := selection(r.PostForm["item"])
		if err != nil {
			return deadletter.Job{}, err
		}
		return c.Desk.FreezeSelected(r.Context(), by, action, refs)
	}
	values, err := url.ParseQuery(backQuery(r))
	if err != nil {
		return deadletter.Job{}, deadletter.Errorf(deadletter.Invalid,
			"the filter is incomplete: open the list again")
	}
	query := withStatus(pickFields(values, messageFields()))
	asked, err := messageQuery(r.Context(), query, "")
	if err != nil {
		return deadletter.Job{}, err
	}
	return c.Desk.FreezeMatching(r.Context(), by, action, asked.Filter, query.Encode())
}

// askJob shows a draft: in a dialog if scripts run, as a page otherwise.
func (c *Console) askJob(w http.ResponseWriter, r *http.Request, j deadletter.Job) error {
	if !isPartial(r) {
		asked := url.Values{"back": {backQuery(r)}}
		if recipe := r.FormValue("recipe"); recipe != "" {
			asked.Set("recipe", recipe)
		}
		if to := returnPath(r); to != "" {
			asked.Set("return", to)
		}
		http.Redirect(w, r, address(jobPath(j.ID), asked), http.StatusSeeOther)
		return nil
	}
	recipe, err := c.draftRecipe(r.Context(), j)
	if err != nil {
		return err
	}
	v, err := c.confirmView(r, j, recipe, backQuery(r))
	if err != nil {
		return err
	}
	return c.showDialog(w, r, http.StatusOK, v)
}

func (c *Console) showDialog(w http.ResponseWriter, r *http.Request, status int, v page.JobConfirmView) error {
	w.Header().Set("HX-Retarget", "#job-dialog")
	w.Header().Set("HX-Reswap", "innerHTML")
	return c.render(w, r, status, page.JobConfirm(v))
}

// returnPath returns the page that a form names to go to when it is done; "" if it names none.
func returnPath(r *http.Request) string {
	if to := r.FormValue("return"); to != "" {
		return auth.LocalPath(to)
	}
	return ""
}

// backToList shows the page that the form names or, if it names none, the list of messages that it was sent from, with
// the user's jobs above it.
func (c *Console) backToList(w http.ResponseWriter, r *http.Request, n ui.Notice) error {
	if to := returnPath(r); to != "" {
		c.redirect(w, r, to, n)
		return nil
	}
	back := backQuery(r)
	if !isPartial(r) {
		c.redirect(w, r, listPath(back), n)
		return nil
	}
	query, err := url.ParseQuery(back)
	if err != nil {
		return deadletter.Errorf(deadletter.Invalid, "the filter is incomplete: open the list again")
	}
	return c.showMessages(w, r, n, query)
}

func jobPath(id deadletter.JobID) string { return "/jobs/" + id.String() }

func (c *Console) jobRoutes(r chi.Router) {
	r.Get("/jobs", c.handle(c.jobs))
	r.Get("/jobs/{job}", c.handle(c.job))
	r.Get("/jobs/{job}/strip", c.handle(c.jobStrip))
	r.Get("/jobs/{job}/new-matches", c.handle(c.jobNewMatches))
	r.Get("/jobs/{job}/dry-run", c.handle(c.dryRunProgress))
	r.Group(func(r chi.Router) { // the form of a draft, with its recipe
		r.Use(c.form(maxRecipe))
		r.Post("/jobs/{job}/start", c.handle(c.startJob))
		r.Post("/jobs/{job}/preview", c.handle(c.previewRecipe))
		r.Post("/jobs/{job}/dry-run", c.handle(c.startDryRun))
		r.Post("/jobs/{job}/dry-run/cancel", c.handle(c.cancelDryRun))
	})
	r.Group(func(r chi.Router) {
		r.Use(c.form(maxForm))
		r.Post("/jobs/{job}/recipe", c.handle(c.saveJobRecipe))
		r.Post("/jobs/{job}/pause", c.handle(c.steer(c.Desk.PauseJob)))
		r.Post("/jobs/{job}/resume", c.handle(c.resumeJob))
		r.Post("/jobs/{job}/pace", c.handle(c.paceJob))
		r.Post("/jobs/{job}/cancel", c.handle(c.steer(c.Desk.CancelJob)))
		r.Post("/jobs/{job}/undo", c.handle(c.undoJob))
		r.Post("/jobs/{job}/hide", c.handle(c.hideJob))
		r.Post("/jobs/{job}/export", c.handle(c.exportJob))
	})
}

func jobID(r *http.Request) (deadletter.JobID, error) {
	return parseJob(chi.URLParam(r, "job"))
}

func parseJob(text string) (deadletter.JobID, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, deadletter.Errorf(deadletter.NotFound, "there is no job %q", printable(text))
	}
	return deadletter.JobID(n), nil
}

func (c *Console) readJob(r *http.Request) (deadletter.Job, error) {
	id, err := jobID(r)
	if err != nil {
		return deadletter.Job{}, err
	}
	return c.Store.Job(r.Context(), id)
}

func (c *Console) jobs(w http.ResponseWriter, r *http.Request) error {
	cursor := r.URL.Query().Get("cursor")
	v, status := page.JobsView{RetryURL: r.URL.RequestURI()}, http.StatusOK
	found, err := c.Store.Jobs(r.Context(), cursor, pageSize)
	if err != nil {
		v.State, v.Fault, status = c.unreadable(r, err)
	}
	for _, j := range found.Items {
		v.Rows = append(v.Rows, c.jobView(r, j, "/jobs"))
	}
	if err == nil && len(v.Rows) == 0 {
		v.State = page.StateNothing
	}
	v.NewerURL, v.OlderURL = pageURL("/jobs", url.Values{}, found.Newer), pageURL("/jobs", url.Values{}, found.Older)
	if v.NewerURL != "" {
		v.NewestURL = "/jobs"
	}
	v.RulesOff, v.Suggested = c.rulesOff(r.Context()), c.suggested(r.Context(), "")
	v.Chrome = c.chrome(r, "Jobs")
	return c.render(w, r, status, page.Jobs(v))
}

func (c *Console) job(w http.ResponseWriter, r *http.Request) error {
	j, err := c.readJob(r)
	if err != nil {
		return err
	}
	recipe, err := c.draftRecipe(r.Context(), j)
	if err != nil {
		return err
	}
	return c.showJob(w, r, http.StatusOK, j, recipe, nil)
}

// showJob shows a job as a page: its result, or the question whether to start a draft, with a recipe.
func (c *Console) showJob(
	w http.ResponseWriter, r *http.Request, status int, j deadletter.Job, recipe deadletter.Recipe,
	change func(*page.JobPageView),
) error {
	v := page.JobPageView{Job: c.jobView(r, j, jobPath(j.ID)), Link: c.deskURL(r) + jobPath(j.ID)}
	if j.State == deadletter.JobDraft {
		confirm, err := c.confirmView(r, j, recipe, backQuery(r))
		if err != nil {
			return err
		}
		confirm.InPage, v.Confirm = true, &confirm
		if v.Suggested, err = c.jobSuggestion(r.Context(), j.ID, v.Confirm); err != nil {
			return err
		}
	} else if err := c.addFacts(r.Context(), &v.Job, j); err != nil {
		return err
	}
	if change != nil {
		change(&v)
	}
	v.Chrome = c.chrome(r, "Job "+j.ID.String())
	return c.render(w, r, status, page.Job(v))
}

// jobStrip renders the progress of a job, for a page that polls.
func (c *Console) jobStrip(w http.ResponseWriter, r *http.Request) error {
	j, err := c.readJob(r)
	if err != nil {
		return err
	}
	return c.showStrip(w, r, j, auth.LocalPath(r.URL.Query().Get("to")))
}

func (c *Console) showStrip(w http.ResponseWriter, r *http.Request, j deadletter.Job, to string) error {
	v := c.jobView(r, j, to)
	if err := c.addNow(r.Context(), &v, j); err != nil {
		return err
	}
	if to != jobPath(j.ID) {
		return c.render(w, r, http.StatusOK, page.JobStrip(v))
	}
	var err error
	if v.Plot, err = c.jobPlot(r.Context(), j); err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, page.JobProgress(v))
}

// jobNewMatches renders how many new messages match since a draft was created.
func (c *Console) jobNewMatches(w http.ResponseWriter, r *http.Request) error {
	j, err := c.readJob(r)
	if err != nil {
		return err
	}
	late, err := c.newMatchesView(r.Context(), j)
	if err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, page.JobNewMatches(late))
}

// startJob starts a draft. A missing field is reported in the form.
func (c *Console) startJob(w http.ResponseWriter, r *http.Request) error {
	j, err := c.readJob(r)
	if err != nil {
		return err
	}
	in, err := jobInput(r)
	if err == nil {
		err = c.Desk.StartJob(r.Context(), auth.Actor(r.Context()), j.ID, in)
	}
	switch kind := deadletter.KindOf(err); {
	case kind == deadletter.Invalid, kind == deadletter.NeedsConfirmation,
		kind == deadletter.Conflict && deadletter.FieldOf(err) == deadletter.FieldName:
		return c.askAgain(w, r, j, in, err)
	case kind == deadletter.Conflict:
		return c.backToList(w, r, ui.Notice{Kind: ui.Warn, Text: errorText(err), Hint: "You started nothing."})
	}
	if err != nil {
		return err
	}
	return c.backToList(w, r, ui.Notice{})
}

// jobInput parses the form of a draft. It returns Invalid for a time that is none.
func jobInput(r *http.Request) (in deadletter.JobInput, err error) {
	in = deadletter.JobInput{
		Recipe:         formRecipe(r),
		Saved:          madeOf(r),
		SaveAs:         r.PostForm.Get("save-as"),
		Reason:         r.PostForm.Get("reason"),
		ConfirmUnknown: r.PostForm.Get("unknown") == "yes",
		Steps:          deadletter.JobSteps{Sizes: formNumbers(r, "steps"), Ask: r.PostForm.Get("ask") == "yes"},
		JobPace:        jobPace(r),
		Sequence:       deadletter.JobSequence(r.PostForm.Get("sequence")),
		Order:          deadletter.JobOrder(r.PostForm.Get("order")),
		Count:          formNumber(r, "count"),
	}
	in.Begins, err = parseTime("begins", strings.TrimSpace(r.PostForm.Get("begins")))
	return in, deadletter.About(deadletter.FieldBegins, err)
}

// formRecipe parses a recipe. Browsers end lines in two ways, of which one is kept.
func formRecipe(r *http.Request) deadletter.Recipe {
	text := func(name string) string { return strings.ReplaceAll(r.PostForm.Get(name), "\r\n", "\n") }
	return deadletter.Recipe{
		Kind:  deadletter.RecipeKind(r.PostForm.Get("kind")),
		Text:  text("patch"),
		Table: strings.TrimSpace(text("table")),
	}
}

// formNumber parses an optional number; it returns -1 for anything else.
func formNumber(r *http.Request, name string) int {
	text := strings.TrimSpace(r.PostForm.Get(name))
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

// formNumbers parses numbers between commas or spaces. Any other text is -1.
func formNumbers(r *http.Request, name string) (list []int) {
	for _, text := range strings.FieldsFunc(r.PostForm.Get(name), func(c rune) bool { return c == ',' || c == ' ' }) {
		n, err := strconv.Atoi(text)
		if err != nil {
			n = -1
		}
		list = append(list, n)
	}
	return list
}

func jobPace(r *http.Request) deadletter.JobPace {
	return deadletter.JobPace{Rate: formNumber(r, "rate"), Places: formNumber(r, "concurrency")}
}

func (c *Console) askAgain(
	w http.ResponseWriter, r *http.Request, j deadletter.Job, in deadletter.JobInput, fault error,
) error {
	explain := func(v *page.JobConfirmView) { keepInput(v, r, in, fault) }
	status := statusOf(deadletter.KindOf(fault))
	if !isPartial(r) {
		return c.showJob(w, r, status, j, in.Recipe, func(v *page.JobPageView) { explain(v.Confirm) })
	}
	v, err := c.confirmView(r, j, in.Recipe, backQuery(r))
	if err != nil {
		return err
	}
	explain(&v)
	return c.showDialog(w, r, status, v)
}

// keepInput fills the form of a draft with what was entered but its recipe, and shows a fault at its field.
func keepInput(v *page.JobConfirmView, r *http.Request, in deadletter.JobInput, fault error) {
	v.Reason, v.IncludeUnknown = in.Reason, in.ConfirmUnknown
	v.Begins, v.Size.Count = r.PostForm.Get("begins"), r.PostForm.Get("count")
	v.Steps, v.AskSteps, v.Sequence = r.PostForm.Get("steps"), in.Steps.Ask, string(in.Sequence)
	v.Pace.Rate, v.Pace.Concurrency = r.PostForm.Get("rate"), r.PostForm.Get("concurrency")
	v.Order.Choice = string(in.Order)
	if v.Saved.SaveAs = in.SaveAs; deadletter.KindOf(fault) == deadletter.Conflict {
		v.Saved.MadeOf = v.Saved.Latest // the person knows of it now
	}
	if fault == nil || showRecipeFault(&v.Recipe, fault) {
		return
	}
	switch deadletter.FieldOf(fault) {
	case deadletter.FieldCount:
		v.Size.CountError = errorText(fault)
	case deadletter.FieldBegins:
		v.BeginsError = errorText(fault)
	case deadletter.FieldSteps:
		v.StepsError = errorText(fault)
	case deadletter.FieldRate:
		v.Pace.RateError = errorText(fault)
	case deadletter.FieldPlaces:
		v.Pace.ConcurrencyError = errorText(fault)
	case deadletter.FieldConfirm:
		v.UnknownError = errorText(fault)
	case deadletter.FieldOrder:
		v.Order.Error = errorText(fault)
	case deadletter.FieldName:
		v.Saved.SaveError = errorText(fault)
	default:
		v.ReasonError = errorText(fault)
	}
}

// steer applies a change of a job and renders its progress.
func (c *Console) steer(change func(context.Context, deadletter.Actor, deadletter.JobID) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := jobID(r)
		if err == nil {
			err = change(r.Context(), auth.Actor(r.Context()), id)
		}
		if err != nil {
			return err
		}
		return c.answerSteered(w, r, id)
	}
}

func (c *Console) answerSteered(w http.ResponseWriter, r *http.Request, id deadletter.JobID) error {
	to := auth.LocalPath(r.PostForm.Get("to"))
	if !isPartial(r) {
		c.redirect(w, r, to, ui.Notice{})
		return nil
	}
	j, err := c.Store.Job(r.Context(), id)
	if err != nil {
		return err
	}
	return c.showStrip(w, r, j, to)
}

// resumeJob resumes a job, in another order if its button says so.
func (c *Console) resumeJob(w http.ResponseWriter, r *http.Request) error {
	order := deadletter.JobOrder(r.PostForm.Get("order"))
	return c.steer(func(ctx context.Context, by deadletter.Actor, id deadletter.JobID) error {
		return c.Desk.ResumeJob(ctx, by, id, order)
	})(w, r)
}

// paceJob changes how fast a job goes on.
func (c *Console) paceJob(w http.ResponseWriter, r *http.Request) error {
	pace := jobPace(r)
	return c.steer(func(ctx context.Context, by deadletter.Actor, id deadletter.JobID) error {
		return c.Desk.SetJobPace(ctx, by, id, pace)
	})(w, r)
}

// undoJob restores the messages that a job archived. The restoring job takes its place in the list.
func (c *Console) undoJob(w http.ResponseWriter, r *http.Request) error {
	by := auth.Actor(r.Context())
	id, err := jobID(r)
	if err != nil {
		return err
	}
	undo, err := c.Desk.UndoArchive(r.Context(), by, id)
	if err == nil {
		err = c.Desk.HideJob(r.Context(), by, id)
	}
	if err != nil {
		return err
	}
	return c.answerSteered(w, r, undo.ID)
}

func (c *Console) hideJob(w http.ResponseWriter, r *http.Request) error {
	id, err := jobID(r)
	if err == nil {
		err = c.Desk.HideJob(r.Context(), auth.Actor(r.Context()), id)
	}
	if err != nil {
		return err
	}
	if !isPartial(r) {
		c.redirect(w, r, auth.LocalPath(r.PostForm.Get("to")), ui.Notice{})
		return nil
	}
	w.WriteHeader(http.StatusOK) // the strip is removed
	return nil
}

// shownFor is how long a finished job stays above the list, unless it is dismissed.
const shownFor = time.Hour

// userJobs returns the user's jobs above the list.
func (c *Console) userJobs(r *http.Request, to string) ([]page.JobView, error) {
	shown, err := c.Store.ShownJobs(r.Context(), auth.Actor(r.Context()).Name)
	if err != nil {
		return nil, err
	}
	var views []page.JobView
	ended, latest := 0, -1
	for _, j := range shown {
		if j.State.Ended() && j.EndedAt.Before(c.Now().Add(-shownFor)) {
			continue
		}
		if j.State.Ended() {
			if ended++; ended > 1 {
				continue
			}
			latest = len(views)
		}
		v := c.jobView(r, j, to)
		if err := c.addNow(r.Context(), &v, j); err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	if more := ended - 1; more > 0 {
		views[latest].OtherEnded = plural(more, "more job") + " ended: see Jobs"
	}
	return views, nil
}

// words describe an action over many messages.
type words struct{ verb, doing, done, each string }

func wordsOf(a deadletter.Action) words {
	switch a {
	case deadletter.ActReplay:
		return words{"Replay", "Replaying", "Replayed", "delivered"}
	case deadletter.ActEdit:
		return words{"Edit and replay", "Editing and replaying", "Edited and replayed", "delivered"}
	case deadletter.ActRedrive:
		return words{"Redrive", "Redriving", "Redriven", "sent back"}
	case deadletter.ActEditRedrive:
		return words{"Edit and redrive", "Editing and redriving", "Edited and redriven", "sent back"}
	case deadletter.ActArchive:
		return words{"Archive", "Archiving", "Archived", "archived"}
	case deadletter.ActRestore:
		return words{"Restore", "Restoring", "Restored", "restored"}
	case deadletter.ActView, deadletter.ActUsers:
	}
	return words{string(a), string(a), string(a), "done"}
}

func (c *Console) jobView(r *http.Request, j deadletter.Job, to string) page.JobView {
	n, hider := j.Items, c.Desk.Hider()
	hider.Job(&j)
	v := page.JobView{
		ID:         j.ID.String(),
		State:      string(j.State),
		Title:      jobTitle(j),
		Finished:   strconv.Itoa(n.Done + n.Failed + n.Skipped),
		Total:      strconv.Itoa(n.Total()),
		Parts:      jobParts(j),
		WaitReason: sentence(j.PauseReason),
		ReturnTo:   to,
		Denied:     errorText(auth.Actor(r.Context()).May(j.Action)),
		By:         printable(j.By.Name),
		Active:     j.State == deadletter.JobRunning || n.InFlight > 0,
		CanPause:   j.State.CanBecome(deadletter.JobPaused),
		CanResume:  j.State == deadletter.JobPaused,
		CanBegin:   j.State == deadletter.JobScheduled,
		Begins:     ui.At(j.Begins),
		AsksOrder:  j.AsksOrder(),
		CanCancel:  j.State.CanBecome(deadletter.JobCancelled),
		CanUndo:    j.CheckUndo() == nil,
		CanHide: (j.State.Ended() || j.State == deadletter.JobDraft) && n.InFlight == 0 &&
			j.By.Name == auth.Actor(r.Context()).Name &&
			to != jobPath(j.ID),
		Refresh:     j.State.Ended() && n.InFlight == 0 && strings.HasPrefix(to, "/messages"),
		Started:     ui.At(j.StartedAt),
		Ended:       ui.At(j.EndedAt),
		Reason:      printable(j.Reason),
		Patch:       printable(hider.Patch(j.Recipe.Text)),
		PatchKind:   page.RecipeName(string(j.Recipe.Kind)),
		CanSave:     j.CheckSave() == nil && auth.Actor(r.Context()).May(deadletter.ActEdit) == nil,
		Messages:    plural(n.Total(), "message"),
		MessagesURL: jobMessages(j.ID, ""),
	}
	if j.State.Ended() && j.Delivers() && n.InFlight == 0 {
		addAgain(&v, j)
	}
	if j.Filter != "" {
		v.FilterURL = listPath(j.Filter)
	}
	if j.Saved.ID != 0 {
		v.Saved, v.SavedURL = printable(hider.Note(j.Saved.Name)), recipePath(j.Saved.ID)
		v.SavedVersion = strconv.Itoa(j.Saved.Version)
	}
	if j.Undoes != 0 {
		v.Undoes = jobPath(j.Undoes)
	}
	c.addPace(&v, j)
	v.CanPace = j.Permits(auth.Actor(r.Context()), deadletter.CommandPace, c.Now()) == nil
	return v
}

// addPace adds the steps and the pace of a job that delivers, and how a person may change it.
func (c *Console) addPace(v *page.JobView, j deadletter.Job) {
	if !j.Delivers() {
		return
	}
	if text := j.StepText(); text != "" && !j.State.Ended() {
		v.Step = strings.TrimSuffix(sentence(text), ".")
	}
	if rate, left := c.Desk.JobLeft(j); left > 0 {
		v.Left = "About " + aboutDuration(left.Round(time.Second)) + " left at " +
			number(max(1, int(rate))) + " a second"
	}
	v.Steps, v.AsksSteps = jobSteps(j), j.Steps.Ask
	v.Sequence = sequenceText(j.Sequence)
	v.Pace = page.JobPace{Rate: optional(j.Rate), Concurrency: optional(j.Places), Redrives: j.Action.Redrives()}
}

// optional returns a number; "" for 0.
func optional(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// jobSteps returns the steps of a job.
func jobSteps(j deadletter.Job) (list []page.JobStep) {
	for _, step := range j.StepStates() {
		list = append(list, page.JobStep{Messages: plural(step.Messages, "message"), State: string(step.State)})
	}
	return list
}

// maxJobSamples is how many messages the page of a job that edits shows before and after.
const maxJobSamples = 2

// addSamples adds messages that a job edited, before and after.
func (c *Console) addSamples(ctx context.Context, v *page.JobView, j deadletter.Job) error {
	if !j.Action.Edits() {
		return nil
	}
	edits, err := c.Store.JobEdits(ctx, j, maxJobSamples)
	if err != nil {
		return err
	}
	for _, edit := range edits {
		m, err := c.Store.Message(ctx, edit.Message)
		if err != nil {
			return err
		}
		before, err := c.Store.RevisionHead(ctx, m.ID, edit.Revision-1)
		if err != nil {
			return err
		}
		after, err := c.Store.RevisionHead(ctx, m.ID, edit.Revision)
		if err != nil {
			return err
		}
		source := c.Desk.SourceOf(m)
		v.Samples = append(v.Samples, compareView(m.ID, before, after, nil, source, source))
	}
	return nil
}

// maxJobEvents is how many events the page of a job shows.
const maxJobEvents = 10

// jobEvents returns the latest events of a job as they may be shown, newest first.
func (c *Console) jobEvents(ctx context.Context, j deadletter.Job, limit int) ([]store.EventRow, error) {
	events, err := c.Store.Events(
		ctx, store.EventQuery{EventFilter: store.EventFilter{JobAlone: j.ID}, Limit: limit},
	)
	if err == nil {
		err = c.Desk.Hider().Events(ctx, events.Items)
	}
	return events.Items, err
}

// addEvents adds the latest events of a job's audit trail.
func (c *Console) addEvents(ctx context.Context, v *page.JobView, j deadletter.Job) error {
	events, err := c.jobEvents(ctx, j, maxJobEvents)
	for _, e := range events {
		row := auditRow(e, nil)
		if did, ok := strings.CutSuffix(row.Sentence, "job"); ok {
			row.Target, row.URL, row.Sentence = "", "", did+"this job"
		}
		v.Events = append(v.Events, row)
	}
	v.EventsURL = address("/audit", url.Values{"job": {v.ID}})
	return err
}

func numbers(list []int) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ", ")
}

func sequenceText(s deadletter.JobSequence) string {
	switch s {
	case deadletter.SequenceNewest:
		return "Newest first"
	case deadletter.SequenceRandom:
		return "Random"
	case deadletter.SequenceKey:
		return "By order key"
	case deadletter.SequenceOldest:
	}
	return "Oldest first"
}

// addAgain offers to send the messages that failed, and are still failed, once more with their latest revision; or
// those that a cancelled job did not come to.
func addAgain(v *page.JobView, j deadletter.Job) {
	result, n := deadletter.ItemFailed, j.Items.Failed
	if j.Items.Pending > 0 {
		result, n = deadletter.ItemPending, j.Items.Pending
	}
	if n == 0 {
		return
	}
	again := deadletter.ActReplay
	if j.Action.Redrives() {
		again = deadletter.ActRedrive
	}
	v.RetryAction, v.RetryLabel = again.Name(), wordsOf(again).verb+" failed messages"
	if result == deadletter.ItemPending {
		v.RetryAction, v.RetryLabel = j.Action.Name(), wordsOf(j.Action).verb+" the "+number(n)+" left"
	}
	v.FailedQuery = url.Values{
		"status": {string(deadletter.Failed)},
		"job":    {v.ID},
		"result": {string(result)},
	}.Encode()
}

func jobTitle(j deadletter.Job) string {
	words, messages := wordsOf(j.Action), plural(j.Items.Total(), "message")
	switch j.State {
	case deadletter.JobRunning:
		return words.doing + " " + messages
	case deadletter.JobScheduled:
		return "Scheduled: " + words.verb + " " + messages
	case deadletter.JobPaused:
		return "Paused: " + words.verb + " " + messages
	case deadletter.JobCancelled:
		return "Cancelled: " + words.verb + " " + messages
	case deadletter.JobDone:
		if !j.Delivers() {
			return words.done + " " + plural(j.Items.Done, "message")
		}
		return words.done + " " + messages
	case deadletter.JobDraft:
	}
	return words.verb + " " + messages
}

func jobParts(j deadletter.Job) []page.JobPart {
	var parts []page.JobPart
	add := func(n int, text, tone string, result deadletter.ItemState) {
		if n > 0 {
			parts = append(
				parts, page.JobPart{Text: number(n) + " " + text, Tone: tone, URL: jobMessages(j.ID, result)},
			)
		}
	}
	left := "to go"
	if j.State == deadletter.JobCancelled {
		left = "not processed"
	}
	add(j.Items.Done, wordsOf(j.Action).each, ui.Done, deadletter.ItemDone)
	add(j.Items.Failed, "failed", ui.Fault, deadletter.ItemFailed)
	add(j.Items.Skipped, "skipped", ui.Warn, deadletter.ItemSkipped)
	add(j.Items.InFlight, "in flight", "plain", deadletter.ItemInFlight)
	add(j.Items.Pending, left, "plain", deadletter.ItemPending)
	return parts
}

// jobMessages returns the address of the messages of a job, optionally with one result.
func jobMessages(id deadletter.JobID, result deadletter.ItemState) string {
	query := url.Values{"status": {allStatus}, "job": {id.String()}}
	if result != "" {
		query.Set("result", string(result))
	}
	return address("/messages", query)
}

// faultMessages returns the address of the messages of a job that failed or were skipped for the same.
func faultMessages(id deadletter.JobID, f store.Fault) string {
	return address(
		"/messages",
		url.Values{"status": {allStatus}, "job": {id.String()}, "result": {string(f.State)}, "error": {f.Key}},
	)
}

// addNow adds what holds a job, and the errors of a job that is not running.
func (c *Console) addNow(ctx context.Context, v *page.JobView, j deadletter.Job) (err error) {
	if v.Limits, err = c.jobLimits(ctx, j); err != nil {
		return err
	}
	if err := c.addDryRun(ctx, v, j); err != nil {
		return err
	}
	return c.addFaults(ctx, v, j)
}

// maxJobCauses is how many causes the page of a job names.
const maxJobCauses = 10

// addCauses adds the causes that the messages of a job had, with what it came to for each.
func (c *Console) addCauses(ctx context.Context, v *page.JobView, j deadletter.Job) error {
	found, err := c.Store.JobCauses(ctx, j.ID, maxJobCauses)
	if err != nil {
		return err
	}
	causes := make([]deadletter.Cause, len(found))
	for i, f := range found {
		causes[i] = f.Cause
	}
	if err := c.Desk.Hider().Causes(ctx, causes); err != nil {
		return err
	}
	for i, f := range found {
		cause := page.JobCause{
			URL: page.CauseURL(f.Fingerprint), Title: printable(cmp.Or(causes[i].Title, "no error recorded")),
		}
		for _, part := range []struct {
			n          int
			word, tone string
		}{{f.Done, "done", "done"}, {f.Failed, "failed", "fault"}, {f.Skipped, "skipped", "warn"}} {
			if part.n > 0 {
				cause.Parts = append(cause.Parts, page.JobPart{Text: number(part.n) + " " + part.word, Tone: part.tone})
			}
		}
		v.Causes = append(v.Causes, cause)
	}
	return nil
}

// addFaults adds, to a job that is not running, why messages failed or were skipped.
func (c *Console) addFaults(ctx context.Context, v *page.JobView, j deadletter.Job) error {
	if j.Items.Failed+j.Items.Skipped == 0 || j.State == deadletter.JobRunning {
		return nil
	}
	faults, err := c.Store.JobFaults(ctx, j.ID)
	if err != nil {
		return err
	}
	if more := len(faults) - maxProblems; more > 0 {
		v.MoreProblems, faults = "and "+number(more)+" more", faults[:maxProblems]
	}
	hider := c.Desk.Hider()
	for _, f := range faults {
		problem := page.JobProblem{
			Count: number(f.Messages),
			State: string(f.State),
			Text:  printable(sentence(hider.Text(f.Text, j.StartedAt))),
			URL:   faultMessages(j.ID, f),
		}
		if f.AtLeast {
			problem.Count += "+"
		}
		if s, ok := c.Settings().Source(f.Source); ok && f.State == deadletter.ItemFailed {
			if problem.Cause, err = c.causeOf(ctx, s, f.Text); err != nil {
				return err
			}
		}
		v.Problems = append(v.Problems, problem)
	}
	return nil
}

// maxProblems bounds how many errors a job shows.
const maxProblems = 5

// addFacts completes the view of a job for its own page.
func (c *Console) addFacts(ctx context.Context, v *page.JobView, j deadletter.Job) error {
	var err error
	if v.Order, err = c.orderText(ctx, j); err != nil {
		return err
	}
	if err := c.addNow(ctx, v, j); err != nil {
		return err
	}
	if err := c.addCauses(ctx, v, j); err != nil {
		return err
	}
	if err := c.addSamples(ctx, v, j); err != nil {
		return err
	}
	if err := c.addEvents(ctx, v, j); err != nil {
		return err
	}
	if v.Plot, err = c.jobPlot(ctx, j); err != nil {
		return err
	}
	if !v.CanUndo {
		return nil
	}
	undo, err := c.Store.UndoOf(ctx, j.ID)
	switch {
	case err == nil:
		v.CanUndo, v.UndoneURL = false, jobPath(undo.ID)
	case deadletter.KindOf(err) != deadletter.NotFound:
		return err
	}
	return nil
}

// confirmView shows a draft with the form that starts it, as it is with a recipe.
func (c *Console) confirmView(
	r *http.Request, j deadletter.Job, recipe deadletter.Recipe, back string,
) (page.JobConfirmView, error) {
	words := wordsOf(j.Action)
	draft, err := c.recipeInForm(r, recipe)
	if err != nil {
		return page.JobConfirmView{}, err
	}
	run, err := c.Store.DryRun(r.Context(), j.ID)
	if err != nil {
		return page.JobConfirmView{}, err
	}
	j = j.After(run, draft.recipe)
	v := page.JobConfirmView{
		ID:          j.ID.String(),
		Heading:     words.verb + " " + plural(j.Items.Total(), "message"),
		Messages:    plural(j.Items.Total(), "message"),
		Oldest:      ui.At(j.Oldest),
		Newest:      ui.At(j.Newest),
		MessagesURL: jobMessages(j.ID, ""),
		Back:        back,
		To:          returnPath(r),
		Denied:      errorText(auth.Actor(r.Context()).May(j.Action)),
	}
	v.Action, v.Edits, v.Redrives = j.Action.Name(), j.Action.Edits(), j.Action.Redrives()
	v.Delivers = j.Delivers() && j.Items.Total() > 0
	if v.Delivers {
		v.Steps, v.Sequence = numbers(deadletter.DefaultJobSteps(j.Sends())), string(deadletter.SequenceOldest)
		v.Pace.Redrives = j.Action.Redrives()
	}
	if j.Items.Total() == 0 {
		v.Denied = "No message matches now: there is nothing to do."
	}
	if j.Delivers() && j.Unknown > 0 {
		v.Unknown = number(j.Unknown)
	}
	if v.Edits && v.Denied == "" {
		v.Recipe = draft.fields()
		if v.Trial, err = c.trialView(r.Context(), j, run, draft.recipe, &v.Recipe); err != nil {
			return v, err
		}
	}
	if v.Skipped, err = c.skippedText(r.Context(), j); err != nil {
		return v, err
	}
	scope, err := c.Desk.JobScope(r.Context(), j)
	if err != nil {
		return v, err
	}
	if v.Scope, err = c.jobScopeView(r.Context(), j, scope); err != nil {
		return v, err
	}
	v.Size = jobSize(j, v.Scope)
	if v.Denied != "" {
		v.Size.Label = ""
	}
	if v.Edits {
		c.addSaved(&v, scope, draft)
	}
	if v.Order, err = c.jobOrderView(r.Context(), j); err != nil {
		return v, err
	}
	if v.Limits, err = c.jobLimits(r.Context(), j); err != nil {
		return v, err
	}
	if v.Signatures, _, err = c.jobSignatures(r.Context(), j); err != nil {
		return v, err
	}
	v.NewMatches, err = c.newMatchesView(r.Context(), j)
	return v, err
}

// jobScopeView shows where a draft sends messages, what they failed for, and what replays of those came to.
func (c *Console) jobScopeView(
	ctx context.Context, j deadletter.Job, scope desk.JobScope,
) (v page.JobScope, err error) {
	if slices.Contains(scope.Asks, deadletter.FieldCount) {
		v.Asked = strconv.Itoa(j.Sends())
	}
	if scope.Takes > 0 {
		v.Takes = "About " + aboutDuration(max(time.Second, scope.Takes)) + " at " +
			number(max(1, int(scope.Rate))) + " a second."
	}
	for _, t := range scope.Targets {
		v.Targets = append(v.Targets, page.JobTarget{
			Source: printable(t.Source), Destination: printable(t.Destination), Messages: number(t.Messages),
		})
	}
	causes := make([]deadletter.Cause, len(scope.Causes))
	for i, one := range scope.Causes {
		causes[i] = one.Cause
	}
	if err := c.Desk.Hider().Causes(ctx, causes); err != nil {
		return v, err
	}
	for i, cause := range causes {
		v.Causes = append(v.Causes, page.JobScopeCause{
			URL: page.CauseURL(cause.Fingerprint), Title: printable(cause.Title),
			Messages: number(scope.Causes[i].Messages), Replays: causeReplays(cause),
		})
	}
	if scope.MoreCauses > 0 {
		v.MoreCauses = "And " + plural(scope.MoreCauses, "more cause")
	}
	return v, nil
}

// skippedText says how many messages of a draft the job will skip as they stand now, by their status; "" for none.
func (c *Console) skippedText(ctx context.Context, j deadletter.Job) (string, error) {
	if j.Inapplicable == 0 {
		return "", nil
	}
	counts, err := c.Store.PendingStatuses(ctx, j.ID)
	var parts []string
	sum := 0
	for _, s := range deadletter.Statuses() {
		if n := counts[s]; n > 0 && !slices.Contains(j.Action.AllowedStatuses(), s) {
			parts, sum = append(parts, number(n)+" "+string(s)), sum+n
		}
	}
	if sum == 0 {
		return "", err
	}
	return fmt.Sprintf("%s of them cannot be %s as they stand and will be skipped: %s.",
		number(sum), partOf(j.Action), strings.Join(parts, ", ")), err
}

func partOf(a deadletter.Action) string {
	switch a {
	case deadletter.ActArchive:
		return "archived"
	case deadletter.ActRestore:
		return "restored"
	case deadletter.ActRedrive, deadletter.ActEditRedrive:
		return "redriven"
	case deadletter.ActReplay, deadletter.ActEdit, deadletter.ActView, deadletter.ActUsers:
	}
	return "replayed"
}

// newMatchesView counts the messages that match since a draft was created. A draft of selected messages gets none.
func (c *Console) newMatchesView(ctx context.Context, j deadletter.Job) (page.NewMatchesView, error) {
	if j.Filter == "" || j.State != deadletter.JobDraft {
		return page.NewMatchesView{}, nil
	}
	values, err := url.ParseQuery(j.Filter)
	if err != nil {
		return page.NewMatchesView{}, fmt.Errorf("read filter of job %d: %w", j.ID, err)
	}
	asked, err := messageQuery(ctx, values, "")
	if err != nil {
		return page.NewMatchesView{}, err
	}
	late, err := c.Store.CountNotInJob(ctx, j.ID, asked.Filter)
	v := page.NewMatchesView{URL: jobPath(j.ID) + "/new-matches", Text: "No new messages since you selected."}
	switch {
	case late == 1:
		v.Text = "1 new message since you selected is not included."
	case late > store.CountCap:
		v.Text = number(store.CountCap) + "+ new messages since you selected are not included."
	case late > 1:
		v.Text = number(late) + " new messages since you selected are not included."
	}
	return v, err
}
