package console

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// spareHeaders is how many empty rows the form has for headers to add, where no script adds more.
const spareHeaders = 3

// maxHeaders bounds how many headers a form may hold.
const maxHeaders = 200

func (c *Console) editForm(w http.ResponseWriter, r *http.Request) {
	l, err := c.Store.Letter(r.Context(), letterID(r))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	base := l.Revision
	if asked, err := strconv.Atoi(r.URL.Query().Get("revision")); err == nil {
		base = asked
	}
	revision, err := c.Store.Revision(r.Context(), l.ID, base)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v := c.editView(r, l, revision)
	v.Version = strconv.Itoa(l.Version)
	c.render(w, r, http.StatusOK, page.Edit(v))
}

// editView is the form as it is first opened: the revision with its secrets masked.
func (c *Console) editView(r *http.Request, l deadletter.Letter, base deadletter.Revision) page.EditView {
	source, _ := c.Desk.Source(l.Source)
	body, masked := deadletter.MaskJSON(base.Body, source.MaskPaths)
	v := page.EditView{
		Chrome: c.chrome(r, "Edit letter "+string(l.ID)), ID: string(l.ID), Back: backQuery(r), Source: l.Source,
		Base: strconv.Itoa(base.Number), BaseName: revisionName(base), Body: string(body), Denied: c.denyEdit(r, l, base),
	}
	if s, ok := c.sourceOf(l); ok {
		v.Destination = s.Destination
	}
	if masked {
		for _, p := range source.MaskPaths {
			v.KeptPaths = append(v.KeptPaths, "$."+strings.Join(p, "."))
		}
	}
	v.Headers = editHeaders(base.Headers, source)
	for range spareHeaders {
		v.Headers = append(v.Headers, page.EditHeader{})
	}
	return v
}

func (c *Console) denyEdit(r *http.Request, l deadletter.Letter, base deadletter.Revision) string {
	var panel page.LetterPanelView
	c.permit(&panel, auth.Actor(r.Context()), l)
	switch {
	case panel.DenyEdit != "":
		return panel.DenyEdit
	case !utf8.Valid(base.Body):
		return "This body is binary: it cannot be edited as text."
	case len(base.Body) > deadletter.MaxEdit:
		return "This body has " + size(len(base.Body)) + ": at most " + size(deadletter.MaxEdit) + " can be edited here."
	}
	return ""
}

func editHeaders(h deadletter.Headers, s desk.Source) []page.EditHeader {
	var rows []page.EditHeader
	masked := h.Masked(s.MaskHeaders...)
	for _, name := range masked.Names() {
		for _, value := range masked[name] {
			rows = append(rows, page.EditHeader{Name: name, Value: printable([]byte(value)), Locked: deadletter.Lock(name, s.MaskHeaders...)})
		}
	}
	return rows
}

func (c *Console) edit(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, deadletter.Errorf(deadletter.TooLarge, "the form is larger than %s: a body of %s can be edited here", size(maxForm), size(deadletter.MaxEdit)))
		return
	}
	ref, err := formRef(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	base, err := strconv.Atoi(r.PostFormValue("revision"))
	if err != nil {
		c.fail(w, r, deadletter.Errorf(deadletter.Invalid, "the form was not complete: open the letter again"))
		return
	}
	err = c.Desk.EditAndReplay(ctx, auth.Actor(ctx), ref, desk.Edit{
		Base: base, Body: []byte(r.PostFormValue("body")), Headers: formHeaders(r), Reason: r.PostFormValue("reason"),
	})
	if err == nil {
		c.Auth.Flash(ctx, "The edit is kept and its replay is ordered.")
		http.Redirect(w, r, letterURL(letterID(r), backQuery(r)), http.StatusSeeOther)
		return
	}
	c.refuseEdit(w, r, base, err)
}

// formHeaders reads the pairs of the form; a pair without a name is none.
func formHeaders(r *http.Request) deadletter.Headers {
	names, values := r.PostForm["header-name"], r.PostForm["header-value"]
	h := deadletter.Headers{}
	for i := range min(len(names), len(values), maxHeaders) {
		if name := strings.TrimSpace(names[i]); name != "" {
			h[name] = append(h[name], values[i])
		}
	}
	return h
}

// refuseEdit shows the form again as it was filled in, with what is wrong beside the field.
func (c *Console) refuseEdit(w http.ResponseWriter, r *http.Request, base int, cause error) {
	kind := deadletter.KindOf(cause)
	if kind != deadletter.Invalid && kind != deadletter.Conflict && kind != deadletter.TooLarge {
		c.fail(w, r, cause)
		return
	}
	l, err := c.Store.Letter(r.Context(), letterID(r))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	revision, err := c.Store.Revision(r.Context(), l.ID, base)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v := c.editView(r, l, revision)
	v.Version, v.Body, v.Reason = r.PostFormValue("version"), r.PostFormValue("body"), r.PostFormValue("reason")
	v.Headers = filledHeaders(v.Headers, formHeaders(r))
	text := sentence(deadletter.TextOf(cause))
	switch {
	case kind == deadletter.Conflict:
		v.Denied = ""
		v.Conflict = page.Conflict{Text: text, URL: letterURL(l.ID, v.Back)}
	case strings.Contains(text, "JSON"), strings.Contains(text, "body"):
		v.BodyError = bodyError(text)
	case strings.Contains(text, "eader"):
		v.HeaderError = text
	default:
		v.ReasonError = text
	}
	c.render(w, r, statusOf(kind), page.Edit(v))
}

var place = regexp.MustCompile(`line (\d+), column (\d+)`)

func bodyError(text string) ui.FieldError {
	fault := ui.FieldError{Text: text}
	if found := place.FindStringSubmatch(text); found != nil {
		fault.Line, _ = strconv.Atoi(found[1])
		fault.Column, _ = strconv.Atoi(found[2])
	}
	return fault
}

// filledHeaders keeps the locked rows and puts what was filled in in place of the others.
func filledHeaders(rows []page.EditHeader, filled deadletter.Headers) []page.EditHeader {
	var out []page.EditHeader
	for _, row := range rows {
		if row.Locked != "" {
			out = append(out, row)
		}
	}
	for _, name := range filled.Names() {
		for _, value := range filled[name] {
			out = append(out, page.EditHeader{Name: name, Value: value})
		}
	}
	for range spareHeaders {
		out = append(out, page.EditHeader{})
	}
	return out
}
