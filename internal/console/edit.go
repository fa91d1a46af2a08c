package console

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/payload"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// editing is a message with the revision that an edit is based on.
type editing struct {
	message deadletter.Message
	base    deadletter.Revision
	source  desk.Source
	newer   deadletter.Newer
}

func (c *Console) openEdit(r *http.Request) (editing, error) {
	var e editing
	var err error
	if e.message, err = c.Store.Message(r.Context(), messageID(r)); err != nil {
		return e, err
	}
	number, err := revisionNumber(r, e.message)
	if err != nil {
		return e, err
	}
	e.source = c.Desk.SourceOf(e.message)
	if e.newer, err = c.Desk.Newer(r.Context(), e.message); err != nil {
		return e, err
	}
	e.base, err = desk.EditBase(r.Context(), c.Store, e.message.ID, number)
	return e, err
}

func (c *Console) editForm(w http.ResponseWriter, r *http.Request) error {
	e, err := c.openEdit(r)
	if err != nil {
		return err
	}
	v := c.editView(r, e)
	if v.Denied == "" {
		v.Body, v.Headers = editText(e.base, e.source), editHeaders(e)
	}
	return c.render(w, r, http.StatusOK, page.Edit(v))
}

func (c *Console) edit(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	by := auth.Actor(ctx)
	if err := by.May(deadletter.ActEdit); err != nil {
		return err
	}
	e, err := c.openEdit(r)
	if err != nil {
		return err
	}
	ref, err := formRef(r)
	if err != nil {
		return err
	}
	edit := desk.Edit{
		Base:    e.base.Number,
		Body:    []byte(r.PostForm.Get("body")),
		Headers: formHeaders(r, e),
		Reason:  r.PostForm.Get("reason"),
		Confirm: confirmed(r),
	}
	v := page.EditView{
		BodyError:   bodyFault(e, edit.Body),
		HeaderError: headerFault(e, edit.Headers),
		ReasonError: errorText(deadletter.ActEdit.CheckReason(edit.Reason)),
	}
	if v.BodyError+v.HeaderError+v.ReasonError != "" {
		return c.refuseEdit(w, r, e, edit, v, deadletter.Invalid)
	}
	submit, done := c.Desk.EditAndReplay, "Saved. Replay requested."
	if r.PostForm.Get("then") == "redrive" {
		submit, done = c.Desk.EditAndRedrive, "Saved. Redrive requested."
	}
	_, err = submit(ctx, by, ref, edit)
	switch kind := deadletter.KindOf(err); {
	case err == nil:
		c.redirect(w, r, messageURL(ref.ID, backQuery(r)), ui.Notice{Kind: ui.Info, Text: done})
		return nil
	case kind == deadletter.NeedsConfirmation:
		if deadletter.FieldOf(err) == deadletter.FieldNewer {
			v.NewerError = errorText(err)
		} else {
			v.UnknownError = errorText(err)
		}
		return c.refuseEdit(w, r, e, edit, v, kind)
	case kind == deadletter.Conflict:
		v.Conflict = page.Conflict{Text: errorText(err), URL: messageURL(ref.ID, backQuery(r))}
		return c.refuseEdit(w, r, e, edit, v, kind)
	case kind == deadletter.Invalid || kind == deadletter.TooLarge:
		v.Notice = ui.Notice{Kind: ui.Fault, Text: errorText(err)}
		return c.refuseEdit(w, r, e, edit, v, kind)
	}
	return err
}

// editCurl shows the request that the edit in the form would send.
func (c *Console) editCurl(w http.ResponseWriter, r *http.Request) error {
	e, err := c.openEdit(r)
	if err == nil {
		err = auth.Actor(r.Context()).May(deadletter.ActEdit)
	}
	if err != nil {
		return err
	}
	edit := desk.Edit{Body: []byte(r.PostForm.Get("body")), Headers: formHeaders(r, e)}
	edited, err := edit.Apply(e.base, e.source.Masks)
	if err != nil {
		return c.render(w, r, http.StatusOK, page.EditPreview(page.Curl{}, errorText(err)))
	}
	edited.Number = e.message.Revision + 1
	return c.render(w, r, http.StatusOK, page.EditPreview(c.curlOf(e.message, edited, e.source, false), ""))
}

// refuseEdit shows the form again as it was filled in, with the faults and the current version of the message.
func (c *Console) refuseEdit(
	w http.ResponseWriter, r *http.Request, e editing, edit desk.Edit, faults page.EditView,
	kind deadletter.Kind,
) error {
	v := c.editView(r, e)
	if kind == deadletter.Conflict {
		v.Denied = "" // the edit stays on the page
	}
	v.BodyError, v.HeaderError, v.ReasonError = faults.BodyError, faults.HeaderError, faults.ReasonError
	v.Notice, v.Conflict = faults.Notice, faults.Conflict
	v.UnknownError, v.NewerError = faults.UnknownError, faults.NewerError
	v.Body, v.Headers, v.Reason = string(edit.Body), filledHeaders(r, e), edit.Reason
	return c.render(w, r, statusOf(kind), page.Edit(v))
}

// editView returns the form without its fields' values.
func (c *Console) editView(r *http.Request, e editing) page.EditView {
	m := e.message
	var permitted page.MessagePanelView
	seen := c.view(r, m)
	denyActions(&permitted, seen)
	base := payload.Read(e.base, payload.MaxEdit)
	v := page.EditView{
		Chrome:   c.chrome(r, "Edit message "+string(m.ID)),
		ID:       string(m.ID),
		Version:  strconv.Itoa(m.Version),
		Back:     backQuery(r),
		Source:   printable(m.Source),
		Base:     strconv.Itoa(e.base.Number),
		BaseName: "the original",
		JSON:     base.IsJSON(),
		Fields:   len(base.Fields) > 0,
		Form:     strings.Join(append(base.Codings, formOf(base)...), ", "),
		Denied:   permitted.DenyEdit,
	}
	if v.Live != "" { // the page of the cause says who is editing
		v.Live += "&" + url.Values{"editing": {v.ID}}.Encode()
	}
	if permitted.DenyRedrive == "" {
		v.RedrivesTo = permitted.RedrivesTo
	}
	if v.NoReplay = v.RedrivesTo != "" && permitted.DenyReplay != ""; !v.NoReplay {
		v.Signature = c.editSignatureNote(seen)
	}
	if e.base.Number > 0 {
		v.BaseName = revisionName(e.base)
	}
	if v.Denied == "" {
		v.Denied = errorText(editable(e.base))
	}
	if m.CheckConfirmed(false) != nil {
		v.Unknown = "Send it even though it may already have been processed"
	}
	if e.newer.Count > 0 {
		v.Newer = "Send it even though " + printable(e.newer.String())
	}
	if s, ok := c.sourceOf(m); ok {
		v.Destination = s.host()
	}
	if v.Denied == "" {
		v.MaskedNames = e.source.Masks.Masked(e.base.Headers, e.base.Body)
	}
	return v
}

// editable returns an error if a body cannot be edited in a form, because it cannot be decoded and encoded again, or
// because the form itself would change it.
func editable(r deadletter.Revision) error {
	total := max(r.Size, len(r.Body))
	if total > payload.MaxEdit {
		return deadletter.Errorf(deadletter.Invalid, "this body has %s: at most %s can be edited here",
			size(total), size(payload.MaxEdit))
	}
	if r.IsHead() {
		return nil // the whole is checked when it is edited
	}
	text := payload.Read(r, maxHead)
	if text.Cut && text.Kind != payload.Binary {
		text = payload.Read(r, payload.MaxEdit)
	}
	switch {
	case text.Editable() != nil:
		return text.Editable()
	case bytes.Contains(bytes.ReplaceAll(text.Bytes, []byte("\r\n"), nil), []byte("\r")):
		return deadletter.Errorf(deadletter.Invalid,
			"this body has carriage returns without line feeds: a form would change them")
	}
	return nil
}

// editText returns the content of a body for editing: masked, and JSON indented.
func editText(r deadletter.Revision, s desk.Source) string {
	b := show(r, s, payload.MaxEdit)
	if bytes.Contains(b.bytes, []byte("\n")) && len(b.Fields) == 0 {
		return string(b.bytes)
	}
	text, _ := b.pretty(payload.MaxEdit)
	return text
}

func bodyFault(e editing, edited []byte) string {
	_, err := desk.EditBody(e.base, edited, e.source.Masks)
	return errorText(err)
}

func headerFault(e editing, edited deadletter.Headers) string {
	_, err := desk.EditHeaders(e.base, edited, e.source.Masks)
	return errorText(err)
}

// locked returns why a header cannot be edited in a form; "" if it can.
func (e editing) locked(name, value string) string {
	if lock := e.source.Masks.HeaderLock(name); lock != "" {
		return sentence(lock)
	}
	if !utf8.ValidString(value) || strings.ContainsAny(value, "\r\n\x00") {
		return "Contains bytes that a form cannot carry."
	}
	return ""
}

func editHeaders(e editing) []page.EditHeader {
	var rows []page.EditHeader
	masked := e.source.Masks.Headers(e.base.Headers)
	for _, name := range masked.Names() {
		for i, value := range masked[name] {
			rows = append(rows, page.EditHeader{
				Name:   printable(name),
				Value:  printable(value),
				Locked: e.locked(name, e.base.Headers[name][i]),
			})
		}
	}
	return rows
}

// formHeaders reads the headers of the form, and adds the headers that the form left out because it cannot carry them.
func formHeaders(r *http.Request, e editing) deadletter.Headers {
	h := deadletter.Headers{}
	names, values := r.PostForm["header-name"], r.PostForm["header-value"]
	for i := range min(len(names), len(values)) {
		if name := strings.TrimSpace(names[i]); name != "" {
			h[name] = append(h[name], values[i])
		}
	}
	for name, kept := range e.base.Headers {
		for _, value := range kept {
			if e.source.Masks.HeaderLock(name) == "" && e.locked(name, value) != "" {
				h[name] = append(h[name], value)
			}
		}
	}
	return h
}

// filledHeaders returns the locked rows, then the rows as they were filled in.
func filledHeaders(r *http.Request, e editing) []page.EditHeader {
	rows := slices.DeleteFunc(editHeaders(e), func(h page.EditHeader) bool { return h.Locked == "" })
	names, values := r.PostForm["header-name"], r.PostForm["header-value"]
	for i := range min(len(names), len(values)) {
		if names[i] != "" || values[i] != "" {
			rows = append(rows, page.EditHeader{Name: names[i], Value: values[i]})
		}
	}
	return rows
}
