package console

import (
	"fmt"
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

// formRefs reads the selection: ID@VERSION for each letter.
func formRefs(values []string) ([]desk.Ref, error) {
	var refs []desk.Ref
	for _, v := range values {
		id, version, ok := strings.Cut(v, "@")
		n, err := strconv.Atoi(version)
		if !ok || err != nil {
			return nil, deadletter.Errorf(deadletter.Invalid, "the selection was not complete: select the letters again")
		}
		refs = append(refs, desk.Ref{ID: deadletter.ID(id), Version: n})
	}
	return refs, nil
}

func (c *Console) bulk(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, deadletter.Errorf(deadletter.Invalid, "the form was not complete: select the letters again"))
		return
	}
	refs, err := formRefs(r.PostForm["item"])
	if err != nil {
		c.fail(w, r, err)
		return
	}
	ctx := r.Context()
	by, reason := auth.Actor(ctx), r.PostFormValue("reason")
	var results []desk.Result
	var done string
	switch action := r.PostFormValue("action"); action {
	case "replay":
		done = "ordered for replay"
		results, err = c.Desk.ReplayMany(ctx, by, refs)
	case "edit":
		done = "edited and ordered for replay"
		results, err = c.Desk.PatchAndReplayMany(ctx, by, refs, []byte(r.PostFormValue("patch")), reason)
		if deadletter.KindOf(err) == deadletter.Invalid {
			c.refuseBulkEdit(w, r, refs, err)
			return
		}
	case "archive":
		if !r.PostForm.Has("reason") {
			c.confirmBulk(w, r, refs)
			return
		}
		done = "archived"
		results, err = c.Desk.ArchiveMany(ctx, by, refs, reason)
	case "restore":
		done = "restored"
		results, err = c.Desk.RestoreMany(ctx, by, refs)
	default:
		err = deadletter.Errorf(deadletter.Invalid, "there is no action %q", action)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showResults(w, r, done, results)
}

// showResults shows the list that the person came from, with what became of the selection on top.
func (c *Console) showResults(w http.ResponseWriter, r *http.Request, done string, results []desk.Result) {
	back := backQuery(r)
	query, err := url.ParseQuery(back)
	if err != nil {
		query = url.Values{}
	}
	table, status := c.table(r, query)
	table.Result = bulkResult(done, results, back)
	if isPartial(r) {
		w.Header().Set("HX-Push-Url", listPath(back))
	}
	c.showLetters(w, r, status, table)
}

func bulkResult(done string, results []desk.Result, back string) page.BulkResult {
	var v page.BulkResult
	for _, result := range results {
		if result.Err != nil {
			v.Refused = append(v.Refused, page.Refusal{ID: string(result.ID), URL: letterURL(result.ID, back), Why: sentence(deadletter.TextOf(result.Err))})
		}
	}
	carriedOut := len(results) - len(v.Refused)
	v.Notice = ui.Notice{Kind: ui.Done, Text: fmt.Sprintf("%s %s.", plural(carriedOut, "letter"), done)}
	if len(v.Refused) > 0 {
		v.Notice = ui.Notice{Kind: ui.Warn, Text: fmt.Sprintf("%s %s, %d refused.", plural(carriedOut, "letter"), done, len(v.Refused))}
	}
	return v
}

// bulkItems shows the letters of a selection, and why an action would leave some alone.
func (c *Console) bulkItems(r *http.Request, refs []desk.Ref, can func(deadletter.Letter) string) ([]page.BulkItem, error) {
	if len(refs) > desk.MaxLetters {
		return nil, deadletter.Errorf(deadletter.Invalid, "select 1 to %d letters (%d are selected)", desk.MaxLetters, len(refs))
	}
	var items []page.BulkItem
	for _, ref := range refs {
		l, err := c.Store.Letter(r.Context(), ref.ID)
		if err != nil {
			return nil, err
		}
		items = append(items, page.BulkItem{
			ID: string(l.ID), Version: strconv.Itoa(ref.Version), URL: letterURL(l.ID, backQuery(r)), Status: string(l.Status), Source: l.Source,
			Reason: reasonOf(l), Denied: can(l),
		})
	}
	return items, nil
}

func (c *Console) bulkEditForm(w http.ResponseWriter, r *http.Request) {
	refs, err := formRefs(r.URL.Query()["item"])
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showBulkEdit(w, r, http.StatusOK, refs, page.BulkEditView{})
}

func (c *Console) refuseBulkEdit(w http.ResponseWriter, r *http.Request, refs []desk.Ref, cause error) {
	v := page.BulkEditView{Patch: r.PostFormValue("patch"), Reason: r.PostFormValue("reason")}
	switch text := sentence(deadletter.TextOf(cause)); {
	case strings.Contains(text, "JSON"):
		v.PatchError = bodyError(text)
	case strings.Contains(text, "reason"):
		v.ReasonError = text
	default:
		v.Notice = ui.Notice{Kind: ui.Fault, Text: text}
	}
	c.showBulkEdit(w, r, http.StatusUnprocessableEntity, refs, v)
}

func (c *Console) showBulkEdit(w http.ResponseWriter, r *http.Request, status int, refs []desk.Ref, v page.BulkEditView) {
	var err error
	if v.Items, err = c.bulkItems(r, refs, c.denyBulkEdit); err != nil {
		c.fail(w, r, err)
		return
	}
	v.Chrome, v.Back, v.Denied = c.chrome(r, "Edit and replay"), backQuery(r), denied(auth.Actor(r.Context()), deadletter.ActEdit)
	c.render(w, r, status, page.BulkEdit(v))
}

func (c *Console) denyBulkEdit(l deadletter.Letter) string {
	if !l.Status.CanReplay() {
		return "It is " + string(l.Status) + "."
	}
	if err := c.Desk.Deliverable(l); err != nil {
		return sentence(deadletter.TextOf(err))
	}
	return ""
}

// confirmBulk asks for the reason of an archiving, where no script asked before.
func (c *Console) confirmBulk(w http.ResponseWriter, r *http.Request, refs []desk.Ref) {
	items, err := c.bulkItems(r, refs, func(l deadletter.Letter) string {
		if l.Status.CanArchive() {
			return ""
		}
		return "It is " + string(l.Status) + "."
	})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.render(w, r, http.StatusOK, page.BulkConfirm(page.BulkConfirmView{
		Chrome: c.chrome(r, "Archive letters"), Action: "archive", Items: items, Back: backQuery(r),
		Denied: denied(auth.Actor(r.Context()), deadletter.ActArchive),
	}))
}
