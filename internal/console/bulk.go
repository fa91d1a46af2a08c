package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
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
			return nil, deadletter.Errorf(
				deadletter.Invalid,
				"the selection is incomplete: select the messages again",
			)
		}
		refs = append(refs, desk.Ref{ID: deadletter.ID(item[:at]), Version: version})
	}
	return refs, nil
}

// bulkActions maps the action names of forms to the actions on many messages.
func bulkActions() map[string]deadletter.Action {
	return map[string]deadletter.Action{
		"replay":       deadletter.ActReplay,
		"edit":         deadletter.ActEdit,
		"redrive":      deadletter.ActRedrive,
		"edit-redrive": deadletter.ActEditRedrive,
		"archive":      deadletter.ActArchive,
		"restore":      deadletter.ActRestore,
	}
}

// bulkAction parses the action of a form.
func bulkAction(name string) (deadletter.Action, error) {
	if action, ok := bulkActions()[name]; ok {
		return action, nil
	}
	return "", deadletter.Errorf(deadletter.Invalid, "there is no action %q", printable(name))
}

func bulkName(a deadletter.Action) string {
	for name, action := range bulkActions() {
		if action == a {
			return name
		}
	}
	return ""
}

// bulk creates a job over the selected messages, or over all that match the filter. A job that needs no review starts
// at once; any other is shown as a draft first.
func (c *Console) bulk(w http.ResponseWriter, r *http.Request) {
	action, err := bulkAction(r.PostForm.Get("action"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	j, err := c.freeze(r, action, r.PostForm.Get("scope") == "all")
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if j.NeedsReview() {
		c.askJob(w, r, j)
		return
	}
	if err := c.Desk.StartJob(r.Context(), auth.Actor(r.Context()), j.ID, deadletter.JobInput{}); err != nil {
		c.fail(w, r, err)
		return
	}
	c.backToList(w, r, ui.Notice{})
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
		return deadletter.Job{}, deadletter.Errorf(
			deadletter.Invalid,
			"the filter is incomplete: open the list again",
		)
	}
	query := pickFields(values, messageFields())
	if query.Get("status") == "" {
		query.Set("status", string(deadletter.Failed)) // the default of the list
	}
	asked, err := messageQuery(query, "")
	if err != nil {
		return deadletter.Job{}, err
	}
	return c.Desk.FreezeMatching(r.Context(), by, action, asked.Filter, query.Encode())
}

// askJob shows a draft: in a dialog if scripts run, as a page otherwise.
func (c *Console) askJob(w http.ResponseWriter, r *http.Request, j deadletter.Job) {
	if !isPartial(r) {
		http.Redirect(w, r, address(jobPath(j.ID), url.Values{"back": {backQuery(r)}}), http.StatusSeeOther)
		return
	}
	v, err := c.confirmView(r, j, backQuery(r))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showDialog(w, r, http.StatusOK, v)
}

func (c *Console) showDialog(w http.ResponseWriter, r *http.Request, status int, v page.JobConfirmView) {
	w.Header().Set("HX-Retarget", "#job-dialog")
	w.Header().Set("HX-Reswap", "innerHTML")
	c.render(w, r, status, page.JobConfirm(v))
}

// backToList shows the list that the form was sent from, with the user's jobs above it.
func (c *Console) backToList(w http.ResponseWriter, r *http.Request, n ui.Notice) {
	back := backQuery(r)
	if !isPartial(r) {
		c.redirect(w, r, listPath(back), n)
		return
	}
	query, err := url.ParseQuery(back)
	if err != nil {
		c.fail(w, r, deadletter.Errorf(deadletter.Invalid, "the filter is incomplete: open the list again"))
		return
	}
	c.showMessages(w, r, n, query)
}
