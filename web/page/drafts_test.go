package page_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"dlqdesk/web/gallery"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"
)

// desk is a server of pages with forms, whose session can end and which can stop.
type desk struct {
	*http.ServeMux
	signedIn, stopped atomic.Bool
	posts             posts
}

func newDesk() *desk {
	d := &desk{ServeMux: http.NewServeMux(), posts: make(posts, 10)}
	d.signedIn.Store(true)
	d.HandleFunc("GET /account", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case d.stopped.Load():
			panic(http.ErrAbortHandler)
		case !d.signedIn.Load():
			http.Redirect(w, r, "/signin", http.StatusSeeOther)
		}
	})
	d.HandleFunc("GET /signin", show(http.StatusOK, page.SignIn(page.SignInView{})))
	d.HandleFunc("POST /signin", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("name") != "anna" || r.FormValue("password") != "correct horse" {
			wrong := page.SignInView{Error: "The name or the password is wrong."}
			show(http.StatusUnauthorized, page.SignIn(wrong))(w, r)
			return
		}
		d.signedIn.Store(true)
		http.Redirect(w, r, "/account", http.StatusSeeOther)
	})
	return d
}

// posted accepts a form, or asks a script to sign in.
func (d *desk) posted(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !d.signedIn.Load() {
			w.Header().Set("HX-Redirect", "/signin")
			http.Error(w, "sign in first", http.StatusUnauthorized)
			return
		}
		d.posts.keep(next)(w, r)
	}
}

func editView() page.EditView {
	return page.EditView{
		Chrome: page.Chrome{User: "anna", Title: "Edit"}, ID: "m-1", Version: "3", Base: "0", BaseName: "the original",
		Body: `{"name":"Größe"}`, JSON: true, Headers: []page.EditHeader{{Name: "X-A", Value: "1"}},
	}
}

// withEdit serves the form that edits a message, and the page after it.
func (d *desk) withEdit() *desk {
	done := page.MessageView{
		Chrome: page.Chrome{User: "anna", Title: "Message", Flash: ui.Notice{Kind: ui.Info, Text: "Saved."}},
		Panel:  page.MessagePanelView{ID: "m-1", Status: "replaying"},
	}
	d.HandleFunc("GET /messages/m-1", show(http.StatusOK, page.Message(done)))
	d.HandleFunc("GET /messages/m-1/panel", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	d.HandleFunc("GET /messages/m-1/edit", show(http.StatusOK, page.Edit(editView())))
	d.HandleFunc("POST /messages/m-1/edit", d.posted(func(w http.ResponseWriter, r *http.Request) {
		if r.PostForm.Get("reason") == "bad" {
			refused := editView()
			refused.Body, refused.Reason, refused.ReasonError = r.PostForm.Get("body"), "bad", "Say more."
			show(http.StatusUnprocessableEntity, page.Edit(refused))(w, r)
			return
		}
		http.Redirect(w, r, "/messages/m-1", http.StatusSeeOther)
	}))
	return d
}

const (
	drafts = `Object.keys(localStorage).filter(key => key.startsWith('draft ')).length`
	asks   = `!window.dispatchEvent(new Event('beforeunload', {cancelable: true}))`
	save   = `form[action$="/edit"] button[type="submit"]`
	body   = `document.getElementById('body').value`
)

// typeEdit writes into the editor, a header and the reason.
func typeEdit(t *testing.T, ctx context.Context) {
	t.Helper()
	await(t, ctx, `document.querySelector('.edit-host')?.shadowRoot.activeElement !== null`)
	run(t, ctx,
		chromedp.KeyEvent("["),
		chromedp.SendKeys(chromedp.CSS(`[name="header-value"]`), "23"),
		chromedp.SendKeys(chromedp.CSS(`#reason`), "the name was wrong"))
	await(t, ctx, body+`.startsWith('[') && `+drafts+` === 1`)
}

func signInAgain(t *testing.T, ctx context.Context) {
	t.Helper()
	await(t, ctx, `document.getElementById('signin-dialog').open`)
	run(t, ctx, chromedp.SendKeys(chromedp.CSS(`#signin-password`), "wrong"),
		chromedp.Click(chromedp.CSS(`#signin-dialog [type="submit"]`)))
	await(t, ctx, `document.getElementById('signin-fault').textContent.includes('password is wrong')`)
	run(t, ctx, chromedp.SendKeys(chromedp.CSS(`#signin-password`), "correct horse"),
		chromedp.Click(chromedp.CSS(`#signin-dialog [type="submit"]`)))
	await(t, ctx, `!document.getElementById('signin-dialog').open &&
		document.getElementById('notice').textContent.includes('Signed in again.')`)
}

func TestEditSurvivesTheEndOfTheSession(t *testing.T) {
	t.Parallel()
	d := newDesk().withEdit()
	ctx := openPage(t, d.ServeMux, "/messages/m-1/edit")
	if eval[bool](t, ctx, asks) {
		t.Error("leaving asks although nothing was typed")
	}
	typeEdit(t, ctx)
	if !eval[bool](t, ctx, asks) {
		t.Error("leaving does not ask")
	}
	d.signedIn.Store(false)
	run(t, ctx, chromedp.Click(chromedp.CSS(save)))
	signInAgain(t, ctx)
	if len(d.posts) > 0 {
		t.Error("the form was sent without a click")
	}
	run(t, ctx, chromedp.Click(chromedp.CSS(save)))
	form := d.posts.next(t)
	if got := form.Get("body"); !strings.HasPrefix(got, `[`) || !strings.Contains(got, "Größe") ||
		form.Get("reason") != "the name was wrong" || form["header-value"][0] != "231" {
		t.Errorf("it sends %v", form)
	}
	run(t, ctx, chromedp.WaitVisible(chromedp.CSS(`#message-panel`)))
	await(t, ctx, drafts+` === 0`)
}

func TestEditSurvivesAServerThatHasStopped(t *testing.T) {
	t.Parallel()
	d := newDesk().withEdit()
	b := setup(t, d.ServeMux)
	ctx := b.tab(t)
	run(t, ctx, chromedp.Navigate(b.server.URL+"/messages/m-1/edit"))
	typeEdit(t, ctx)
	d.stopped.Store(true)
	run(t, ctx, chromedp.Click(chromedp.CSS(save)))
	await(t, ctx, `document.getElementById('notice').textContent.includes('what you typed is still here')`)
	d.stopped.Store(false)
	// In a new tab it is filled in again, and can be discarded.
	again := b.tab(t)
	run(t, again, chromedp.Navigate(b.server.URL+"/messages/m-1/edit"))
	await(t, again, body+`.startsWith('[') && document.getElementById('reason').value === 'the name was wrong' &&
		document.querySelector('.edit-host').shadowRoot.querySelector('.cm-content').innerText.startsWith('[')`)
	run(t, again, chromedp.Click(chromedp.CSS(`[data-discard-draft]`)))
	await(
		t,
		again,
		body+` === '{"name":"Größe"}' && document.getElementById('reason').value === '' && `+drafts+` === 0 &&
		document.querySelector('.edit-host').shadowRoot.querySelector('.cm-content').innerText === '{"name":"Größe"}'`,
	)
}

// A form that the server refuses is still the person's only copy.
func TestRefusedEditStaysADraft(t *testing.T) {
	t.Parallel()
	d := newDesk().withEdit()
	ctx := openPage(t, d.ServeMux, "/messages/m-1/edit")
	run(t, ctx, chromedp.SendKeys(chromedp.CSS(`#reason`), "bad"), chromedp.Click(chromedp.CSS(save)))
	d.posts.next(t)
	run(t, ctx, chromedp.WaitVisible(chromedp.CSS(`#reason-fault`)))
	await(t, ctx, drafts+` === 1 && `+asks+` && !document.querySelector('.draft-notice')`)
	run(t, ctx, chromedp.SendKeys(chromedp.CSS(`#reason`), " and more"), chromedp.Click(chromedp.CSS(save)))
	run(t, ctx, chromedp.WaitVisible(chromedp.CSS(`#message-panel`)))
	await(t, ctx, drafts+` === 0`)
}

func TestSigningOutRemovesDrafts(t *testing.T) {
	t.Parallel()
	d := newDesk().withEdit()
	d.HandleFunc("POST /signout", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
	})
	ctx := openPage(t, d.ServeMux, "/messages/m-1/edit")
	typeEdit(t, ctx)
	eval[bool](t, ctx, `document.querySelector('form[action="/signout"]').requestSubmit() ?? true`)
	run(t, ctx, chromedp.WaitVisible(chromedp.CSS(`form[action="/signin"]`)))
	await(t, ctx, drafts+` === 0`)
}

func TestDraftsOfAnotherUserAreNotShown(t *testing.T) {
	t.Parallel()
	d := newDesk().withEdit()
	bert := editView()
	bert.User = "bert"
	d.HandleFunc("GET /bert", show(http.StatusOK, page.Edit(bert)))
	b := setup(t, d.ServeMux)
	ctx := b.tab(t)
	run(t, ctx, chromedp.Navigate(b.server.URL+"/messages/m-1/edit"))
	typeEdit(t, ctx)
	other := b.tab(t)
	run(t, other, chromedp.Navigate(b.server.URL+"/bert"))
	await(t, other, `document.querySelector('.edit-host') && `+body+` === '{"name":"Größe"}'`)
}

func example(t *testing.T, name string) templ.Component {
	t.Helper()
	for _, e := range gallery.Examples() {
		if e.Name == name {
			return e.Component
		}
	}
	t.Fatalf("the gallery has no %s", name)
	return nil
}

// A form keeps its text after the session has ended, and when the page is opened again.
func TestEveryFormKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	user := page.Chrome{User: "anna", Title: "A form"}
	list := listOf(1)
	forms := map[string]struct {
		path, field, open string
		shown             templ.Component
	}{
		"archive": {
			"/messages/m-1/archive",
			"#archive-reason",
			`document.querySelector('.message-actions details').open = true`,
			page.Message(page.MessageView{Chrome: user, Panel: page.MessagePanelView{ID: "m-1", Status: "failed"}}),
		},
		"user": {
			"/users", "#name", `document.querySelector('.user-add').open = true`,
			page.Users(page.UsersView{Chrome: user}),
		},
		"unmask": {
			"/messages/m-1/unmask", ".unmask-form [name=reason]", `document.getElementById('unmask').open = true`,
			page.Message(page.MessageView{Chrome: user, Unmask: page.Unmask{URL: "/messages/m-1/unmask"}}),
		},
		"note": {"/reconciliation/acknowledge", "#note", "true", example(t, "reconciliation-acknowledge")},
		"view": {
			"/views", "#view-name", `document.getElementById('view-name').closest('details').open = true`,
			page.Messages(user, list),
		},
		"job": {
			"/jobs/7/start",
			"#patch",
			"true",
			page.Job(
				page.JobPageView{
					Chrome:  user,
					Confirm: &page.JobConfirmView{ID: "7", Action: "edit", Edits: true, InPage: true},
				},
			),
		},
	}
	d := newDesk()
	for name, f := range forms {
		d.HandleFunc("GET /form/"+name, show(http.StatusOK, f.shown))
		d.HandleFunc("POST "+f.path, d.posted(func(http.ResponseWriter, *http.Request) {}))
	}
	b := setup(t, d.ServeMux)
	for name, f := range forms {
		t.Run(name, func(t *testing.T) {
			ctx := b.tab(t)
			d.signedIn.Store(true)
			value := fmt.Sprintf(`document.querySelector(%q).value`, f.field)
			run(t, ctx, chromedp.Navigate(b.server.URL+"/form/"+name))
			eval[bool](t, ctx, f.open)
			run(t, ctx, chromedp.SendKeys(chromedp.CSS(f.field), "typed"))
			await(t, ctx, drafts+` > 0`)
			if !eval[bool](t, ctx, asks) {
				t.Error("leaving does not ask")
			}
			d.signedIn.Store(false)
			eval[bool](t, ctx, fmt.Sprintf(`document.querySelector(%q).form.noValidate = true`, f.field))
			eval[bool](t, ctx, fmt.Sprintf(`document.querySelector(%q).form.requestSubmit() ?? true`, f.field))
			signInAgain(t, ctx)
			if got := eval[string](t, ctx, value); strings.TrimSpace(got) != "typed" {
				t.Errorf("after signing in the field says %q", got)
			}
			again := b.tab(t)
			run(t, again, chromedp.Navigate(b.server.URL+"/form/"+name))
			await(t, again, value+`.trim() === 'typed' && document.querySelector('.draft-notice') !== null`)
			eval[bool](t, again, `localStorage.clear() ?? true`)
		})
	}
}

// The choices for a job come back as well, at the fields that have the same names, and a part that hides one unfolds.
func TestDraftOfAJobKeepsWhatWasChosen(t *testing.T) {
	t.Parallel()
	d := newDesk()
	confirm := page.JobConfirmView{ID: "7", Action: "edit", Edits: true, Delivers: true, InPage: true}
	user := page.Chrome{User: "anna"}
	d.HandleFunc("GET /jobs/7", show(http.StatusOK, page.Job(page.JobPageView{Chrome: user, Confirm: &confirm})))
	b := setup(t, d.ServeMux)
	ctx := b.tab(t)
	run(t, ctx, chromedp.Navigate(b.server.URL+"/jobs/7"),
		chromedp.SendKeys(chromedp.CSS(`#kind`), "jq"), chromedp.SendKeys(chromedp.CSS(`#sequence`), "Newest"),
		chromedp.SendKeys(chromedp.CSS(`#patch`), ".customer = 1"))
	eval[bool](t, ctx, `document.querySelector('.job-table').open = true`)
	run(t, ctx, chromedp.SendKeys(chromedp.CSS(`#table`), "id;customer"))
	await(t, ctx, `Object.values(localStorage).some((draft) => draft.includes('id;customer'))`)
	again := b.tab(t)
	run(t, again, chromedp.Navigate(b.server.URL+"/jobs/7"))
	await(t, again, `document.querySelector('.draft-notice') !== null`)
	for field, want := range map[string]string{
		"kind": "jq", "sequence": "newest", "patch": ".customer = 1", "table": "id;customer",
	} {
		if got := eval[string](t, again, fmt.Sprintf(`document.getElementById(%q).value`, field)); got != want {
			t.Errorf("%s says %q, want %q", field, got, want)
		}
	}
	if !eval[bool](t, again, `document.querySelector('.job-table').open`) {
		t.Error("the table is folded")
	}
}
