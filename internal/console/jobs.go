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
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func jobPath(id deadletter.JobID) string { return "/jobs/" + id.String() }

func (c *Console) jobRoutes(r chi.Router) {
	r.Get("/jobs", c.jobs)
	r.Get("/jobs/{job}", c.job)
	r.Get("/jobs/{job}/strip", c.jobStrip)
	r.Get("/jobs/{job}/late", c.jobLate)
	r.Group(func(r chi.Router) {
		r.Use(c.form(maxForm))
		r.Post("/jobs/{job}/start", c.startJob)
		r.Post("/jobs/{job}/pause", c.steer(c.Desk.PauseJob))
		r.Post("/jobs/{job}/resume", c.steer(c.Desk.ResumeJob))
		r.Post("/jobs/{job}/cancel", c.steer(c.Desk.CancelJob))
		r.Post("/jobs/{job}/undo", c.undoJob)
		r.Post("/jobs/{job}/hide", c.hideJob)
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

func (c *Console) jobs(w http.ResponseWriter, r *http.Request) {
	cursor := r.URL.Query().Get("cursor")
	v, status := page.JobsView{RetryURL: r.URL.RequestURI()}, http.StatusOK
	found, err := c.Store.Jobs(r.Context(), cursor, pageSize)
	if kind := deadletter.KindOf(err); err != nil {
		c.logFailure(r, kind, err)
		v.State, v.Fault, status = page.StateFault, why(err), statusOf(kind)
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
	v.Chrome = c.chrome(r, "Jobs")
	c.render(w, r, status, page.Jobs(v))
}

func (c *Console) job(w http.ResponseWriter, r *http.Request) {
	j, err := c.readJob(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showJob(w, r, http.StatusOK, j, nil)
}

// showJob shows a job as a page: what came of it, or, of a draft, whether it is meant.
func (c *Console) showJob(
	w http.ResponseWriter,
	r *http.Request,
	status int,
	j deadletter.Job,
	change func(*page.JobConfirmView),
) {
	v := page.JobPageView{Job: c.jobView(r, j, jobPath(j.ID))}
	if j.State == deadletter.JobDraft {
		confirm, err := c.confirmView(r, j, backQuery(r))
		if err != nil {
			c.fail(w, r, err)
			return
		}
		if confirm.InPage = true; change != nil {
			change(&confirm)
		}
		v.Confirm = &confirm
	} else if err := c.addFacts(r.Context(), &v.Job, j); err != nil {
		c.fail(w, r, err)
		return
	}
	v.Chrome = c.chrome(r, "Job "+j.ID.String())
	c.render(w, r, status, page.Job(v))
}

// jobStrip answers how far a job is, to a page that looks again by itself.
func (c *Console) jobStrip(w http.ResponseWriter, r *http.Request) {
	j, err := c.readJob(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showStrip(w, r, j, auth.LocalPath(r.URL.Query().Get("to")))
}

func (c *Console) showStrip(w http.ResponseWriter, r *http.Request, j deadletter.Job, to string) {
	v := c.jobView(r, j, to)
	if err := c.addNow(r.Context(), &v, j); err != nil {
		c.fail(w, r, err)
		return
	}
	c.render(w, r, http.StatusOK, page.JobStrip(v))
}

// jobLate answers how many messages came since a draft was made.
func (c *Console) jobLate(w http.ResponseWriter, r *http.Request) {
	j, err := c.readJob(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	late, err := c.lateView(r.Context(), j)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.render(w, r, http.StatusOK, page.JobLate(late))
}

// startJob begins with a draft. What is missing in the form is asked for in the same place.
func (c *Console) startJob(w http.ResponseWriter, r *http.Request) {
	j, err := c.readJob(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	in := deadletter.JobInput{
		Patch: []byte(
			r.PostForm.Get("patch"),
		),
		Reason:  r.PostForm.Get("reason"),
		Unknown: r.PostForm.Get("unknown") == "yes",
		Canary:  formNumber(r, "canary"),
		Rate:    formNumber(r, "rate"),
	}
	err = c.Desk.StartJob(r.Context(), auth.Actor(r.Context()), j.ID, in)
	switch deadletter.KindOf(err) {
	case deadletter.Invalid:
		c.askAgain(w, r, j, in, err)
	case deadletter.Conflict:
		c.backToList(w, r, ui.Notice{Kind: ui.Warn, Text: why(err), Hint: "Nothing was started by you."})
	default:
		if err != nil {
			c.fail(w, r, err)
			return
		}
		c.backToList(w, r, ui.Notice{})
	}
}

// formNumber reads a number that may be left out; -1 is none.
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

func (c *Console) askAgain(
	w http.ResponseWriter,
	r *http.Request,
	j deadletter.Job,
	in deadletter.JobInput,
	fault error,
) {
	explain := func(v *page.JobConfirmView) {
		v.Patch, v.Reason, v.Sure = string(in.Patch), in.Reason, in.Unknown
		_, patch := deadletter.MergePatch([]byte(`{}`), in.Patch)
		v.Canary, v.Rate = r.PostForm.Get("canary"), r.PostForm.Get("rate")
		switch {
		case in.Canary < 0 || in.Canary > j.Items.Total():
			v.CanaryError = why(fault)
		case in.Rate < 0 || in.Rate > deadletter.MaxJobRate:
			v.RateError = why(fault)
		case j.Delivers() && j.Unknown > 0 && !in.Unknown:
			v.UnknownError = why(fault)
		case j.Action.Edits() && patch != nil:
			v.PatchError.Text = why(patch)
		default:
			v.ReasonError = why(fault)
		}
	}
	if !isPartial(r) {
		c.showJob(w, r, statusOf(deadletter.Invalid), j, explain)
		return
	}
	v, err := c.confirmView(r, j, backQuery(r))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	explain(&v)
	c.showDialog(w, r, statusOf(deadletter.Invalid), v)
}

// steer carries out a change of a job and answers how it stands then.
func (c *Console) steer(change func(context.Context, deadletter.Actor, deadletter.JobID) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := jobID(r)
		if err == nil {
			err = change(r.Context(), auth.Actor(r.Context()), id)
		}
		if err != nil {
			c.fail(w, r, err)
			return
		}
		c.answerSteered(w, r, id)
	}
}

func (c *Console) answerSteered(w http.ResponseWriter, r *http.Request, id deadletter.JobID) {
	to := auth.LocalPath(r.PostForm.Get("to"))
	if !isPartial(r) {
		c.redirect(w, r, to, ui.Notice{})
		return
	}
	j, err := c.Store.Job(r.Context(), id)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showStrip(w, r, j, to)
}

// undoJob restores what a job archived. The job that does so takes its place.
func (c *Console) undoJob(w http.ResponseWriter, r *http.Request) {
	by := auth.Actor(r.Context())
	id, err := jobID(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	undo, err := c.Desk.UndoArchive(r.Context(), by, id)
	if err == nil {
		err = c.Desk.HideJob(r.Context(), by, id)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.answerSteered(w, r, undo.ID)
}

func (c *Console) hideJob(w http.ResponseWriter, r *http.Request) {
	id, err := jobID(r)
	if err == nil {
		err = c.Desk.HideJob(r.Context(), auth.Actor(r.Context()), id)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if !isPartial(r) {
		c.redirect(w, r, auth.LocalPath(r.PostForm.Get("to")), ui.Notice{})
		return
	}
	w.WriteHeader(http.StatusOK) // nothing takes its place
}
