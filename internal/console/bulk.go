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

// selection reads ID@VERSION of each selected letter.
func selection(items []string) ([]desk.Ref, error) {
	var refs []desk.Ref
	for _, item := range items {
		at := strings.LastIndexByte(item, '@')
		version, err := strconv.Atoi(item[at+1:])
		if at <= 0 || err != nil {
			return nil, deadletter.Errorf(deadletter.Invalid, "the selection was not complete: select the letters again")
		}
		refs = append(refs, desk.Ref{ID: deadletter.ID(item[:at]), Version: version})
	}
	if len(refs) > desk.MaxLetters {
		return nil, deadletter.Errorf(deadletter.Invalid, "%d letters are selected: at most %d can be acted on at once", len(refs), desk.MaxLetters)
	}
	return refs, nil
}

func (c *Console) bulk(w http.ResponseWriter, r *http.Request) {
	refs, err := selection(r.PostForm["item"])
	if err != nil {
		c.fail(w, r, err)
		return
	}
	by := auth.Actor(r.Context())
	switch action := r.PostForm.Get("action"); action {
	case "replay":
		results, err := c.Desk.ReplayMany(r.Context(), by, refs)
		c.showResults(w, r, "ordered for replay", results, err)
	case "restore":
		results, err := c.Desk.RestoreMany(r.Context(), by, refs)
		c.showResults(w, r, "restored", results, err)
	case "archive":
		c.bulkArchive(w, r, by, refs)
	case "edit":
		c.bulkEdit(w, r, by, refs)
	default:
		c.fail(w, r, deadletter.Errorf(deadletter.Invalid, "there is no action %q", action))
	}
}

func (c *Console) bulkArchive(w http.ResponseWriter, r *http.Request, by deadletter.Actor, refs []desk.Ref) {
	fault := archiveFault(by, r)
	if deadletter.KindOf(fault) != deadletter.Invalid || isPartial(r) {
		if fault != nil {
			c.fail(w, r, fault)
			return
		}
		results, err := c.Desk.ArchiveMany(r.Context(), by, refs, r.PostForm.Get("reason"))
		c.showResults(w, r, "archived", results, err)
		return
	}
	v, status := page.BulkConfirmView{Action: "archive", Back: backQuery(r)}, http.StatusOK
	if r.PostForm.Has("reason") {
		v.ReasonError, status = why(fault), statusOf(deadletter.Invalid)
	}
	var err error
	v.Items, err = c.bulkItems(r, refs, func(l deadletter.Letter) error {
		_, err := l.Archive(by, "", l.Version, c.Now())
		return err
	})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v.Chrome = c.chrome(r, "Archive letters")
	c.render(w, r, status, page.BulkConfirm(v))
}

func (c *Console) bulkEditForm(w http.ResponseWriter, r *http.Request) {
	refs, err := selection(r.URL.Query()["item"])
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showBulkEdit(w, r, refs, page.BulkEditView{}, http.StatusOK)
}

func (c *Console) bulkEdit(w http.ResponseWriter, r *http.Request, by deadletter.Actor, refs []desk.Ref) {
	if err := by.May(deadletter.ActEdit); err != nil {
		c.fail(w, r, err)
		return
	}
	v := page.BulkEditView{Patch: r.PostForm.Get("patch"), Reason: r.PostForm.Get("reason")}
	_, err := deadletter.MergePatch([]byte(`{}`), []byte(v.Patch))
	v.PatchError.Text, v.ReasonError = why(err), editReasonFault(v.Reason)
	if v.PatchError.Text+v.ReasonError != "" {
		c.showBulkEdit(w, r, refs, v, statusOf(deadletter.Invalid))
		return
	}
	results, err := c.Desk.PatchAndReplayMany(r.Context(), by, refs, []byte(v.Patch), v.Reason)
	c.showResults(w, r, "edited and ordered for replay", results, err)
}

func (c *Console) showBulkEdit(w http.ResponseWriter, r *http.Request, refs []desk.Ref, v page.BulkEditView, status int) {
	by := auth.Actor(r.Context())
	var err error
	v.Items, err = c.bulkItems(r, refs, func(l deadletter.Letter) error {
		_, err := l.OrderReplay(by, deadletter.TriggerBulk, l.Revision, l.Version, c.Now())
		return first(c.Desk.Deliverable(l), err)
	})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v.Chrome, v.Back, v.Denied = c.chrome(r, "Edit and replay"), backQuery(r), why(by.May(deadletter.ActEdit))
	c.render(w, r, status, page.BulkEdit(v))
}

// bulkItems shows the letters of a selection, and why an action would leave some of them alone.
func (c *Console) bulkItems(r *http.Request, refs []desk.Ref, can func(deadletter.Letter) error) ([]page.BulkItem, error) {
	var items []page.BulkItem
	for _, ref := range refs {
		l, err := c.Store.Letter(r.Context(), ref.ID)
		if err != nil {
			return nil, err
		}
		items = append(items, page.BulkItem{
			ID: string(l.ID), Version: strconv.Itoa(ref.Version), URL: letterURL(l.ID, backQuery(r)), Status: string(l.Status),
			Source: printable(l.Source), Reason: printable(l.Reason), Denied: why(can(l)),
		})
	}
	return items, nil
}

// showResults shows the list that the person came from, with what became of the selection on top.
func (c *Console) showResults(w http.ResponseWriter, r *http.Request, done string, results []desk.Result, err error) {
	if err != nil {
		c.fail(w, r, err)
		return
	}
	back := backQuery(r)
	result := bulkResult(done, results, back)
	if !isPartial(r) {
		notice := result.Notice
		for _, refusal := range result.Refused[:min(3, len(result.Refused))] {
			notice.Hint += refusal.ID + ": " + refusal.Why + " "
		}
		c.redirect(w, r, listPath(back), notice)
		return
	}
	query, err := url.ParseQuery(back)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showLetters(w, r, result, query)
}

func bulkResult(done string, results []desk.Result, back string) page.BulkResult {
	var v page.BulkResult
	for _, result := range results {
		if result.Err != nil {
			v.Refused = append(v.Refused, page.Refusal{ID: string(result.ID), URL: letterURL(result.ID, back), Why: why(result.Err)})
		}
	}
	carriedOut := plural(len(results)-len(v.Refused), "letter") + " " + done
	v.Notice = ui.Notice{Kind: ui.Done, Text: carriedOut + "."}
	if n := len(v.Refused); n > 0 {
		v.Notice = ui.Notice{Kind: ui.Warn, Text: fmt.Sprintf("%s, %d left alone.", carriedOut, n)}
	}
	return v
}
