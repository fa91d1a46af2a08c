package page_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"dlqdesk/web"
	"dlqdesk/web/page"

	"github.com/chromedp/chromedp"
)

const largeNote = "The first 256 KiB of 1.0 MiB are shown."

// bodies serves the texts that an editor loads.
func bodies(byForm map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, ok := byForm[r.URL.Query().Get("form")]
		if !ok {
			http.Error(w, "no such form", http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(text))
	}
}

func openPage(t *testing.T, mux *http.ServeMux, path string) context.Context {
	t.Helper()
	b := setup(t, mux)
	ctx := b.tab(t)
	run(t, ctx, chromedp.Navigate(b.server.URL+path))
	return ctx
}

func messageOf(p page.Payload) page.MessageView {
	return page.MessageView{
		Chrome:  page.Chrome{User: "anna", Title: "Message"},
		Panel:   page.MessagePanelView{ID: "message-1", Status: "failed"},
		Payload: p,
	}
}

// The editor of a payload lies in a shadow root.
const editorText = `document.querySelector('.payload-host').shadowRoot.querySelector('.cm-content').innerText`

func TestPayloadFoldsAndIsSearchedInTwoForms(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	payload := page.Payload{
		Name:   "original",
		Pretty: "{\n  \"a\": {\n    \"b\": 1\n  }\n}",
		Raw:    `{"a":{"b":1}}`,
		JSON:   true,
	}
	mux.Handle("GET /messages/message-1", show(http.StatusOK, page.Message(messageOf(payload))))
	ctx := openPage(t, mux, "/messages/message-1")
	await(t, ctx, editorText+`.includes('"b": 1')`)
	run(t, ctx, chromedp.Click(chromedp.CSS(`[data-editor-command="fold"]`)))
	await(t, ctx, `!`+editorText+`.includes('"b": 1')`)
	run(t, ctx, chromedp.Click(chromedp.CSS(`[data-editor-command="unfold"]`)))
	await(t, ctx, editorText+`.includes('"b": 1')`)
	eval[bool](t, ctx, `document.querySelector('[name="payload-form"][value="raw"]').click() ?? true`)
	await(t, ctx, editorText+`.trim() === '{"a":{"b":1}}'`)
	run(t, ctx, chromedp.Click(chromedp.CSS(`[data-editor-command="search"]`)))
	await(t, ctx, `document.querySelector('.payload-host').shadowRoot.activeElement?.name === 'search'`)
	if !eval[bool](
		t, ctx, `[...document.querySelectorAll('.payload-box > pre')].every((pre) => !pre.checkVisibility())`,
	) {
		t.Error("the plain text is still shown beside the editor")
	}
}

func TestALargePayloadIsFetchedWhole(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	whole := `["` + strings.Repeat("0123456789abcdef", 64<<10) + `"]`
	mux.Handle("GET /messages/message-1", show(http.StatusOK, page.Message(messageOf(page.Payload{
		Name:    "original",
		Raw:     whole[:256<<10],
		Note:    largeNote,
		JSON:    true,
		FullURL: "/messages/message-1/body?form=pretty",
	}))))
	mux.Handle("GET /messages/message-1/body", bodies(map[string]string{"pretty": whole}))
	ctx := openPage(t, mux, "/messages/message-1")
	run(t, ctx, chromedp.Click(chromedp.CSS(`[data-full]`)))
	await(t, ctx, `document.querySelector('[data-note]').textContent === "The full payload is shown."`)
	if got := eval[int](t, ctx, `document.querySelector('pre[data-form]').textContent.length`); got != len(whole) {
		t.Errorf("%d characters are shown, want %d", got, len(whole))
	}
	// Only what is in sight is in the page, or it would freeze.
	if drawn := eval[int](t, ctx, editorText+`.length`); drawn == 0 || drawn > 100_000 {
		t.Errorf("%d characters are drawn", drawn)
	}
}

// edits is a page with the form, and what the form posts.
func edits(t *testing.T, v page.EditView) (context.Context, posts) {
	t.Helper()
	mux, sent := http.NewServeMux(), make(posts, 1)
	v.Chrome, v.ID = page.Chrome{User: "anna", Title: "Edit"}, "message-1"
	mux.Handle("GET /messages/message-1/edit", show(http.StatusOK, page.Edit(v)))
	mux.Handle("POST /messages/message-1/edit", sent.keep(show(http.StatusOK, page.Message(messageOf(page.Payload{})))))
	mux.Handle("GET /messages/message-1/body", bodies(map[string]string{"edit": "{\n  \"id\": 1\n}"}))
	return openPage(t, mux, "/messages/message-1/edit"), sent
}

const writtenText = `document.querySelector('.edit-host').shadowRoot`

func TestEditIsCheckedWhileTyping(t *testing.T) {
	t.Parallel()
	ctx, sent := edits(t, page.EditView{Body: "{\n  \"id\": 1\n}", JSON: true, Reason: "the id was wrong"})
	await(t, ctx, `document.getElementById('body-check').textContent === "Valid JSON"`)
	run(t, ctx, chromedp.Click(chromedp.CSS(`label[for="body"]`)), chromedp.KeyEvent("x"))
	await(
		t, ctx,
		`document.getElementById('body-check').textContent === "Line 1, column 1: expected a value, but found x"`,
	)
	await(t, ctx, writtenText+`.querySelector('.cm-lintRange-error') !== null`)
	run(t, ctx, chromedp.KeyEvent("\b"))
	await(t, ctx, `document.getElementById('body-check').textContent === "Valid JSON"`)
	// Tab leaves the editor, so that the keyboard is not caught in it.
	run(t, ctx, chromedp.KeyEvent("\t"))
	await(t, ctx, `document.activeElement.className !== 'edit-host'`)
	run(t, ctx, chromedp.Click(chromedp.CSS(`form[action$="/edit"] [type="submit"]`)))
	if form := sent.next(t); strings.ReplaceAll(form.Get("body"), "\r\n", "\n") != "{\n  \"id\": 1\n}" ||
		form.Get("reason") == "" {
		t.Errorf("the form is %v", form)
	}
}

func TestAnEditIsComparedWithTheOriginal(t *testing.T) {
	t.Parallel()
	ctx, sent := edits(t, page.EditView{Body: "{\n  \"id\": 2\n}", JSON: true, Reason: "the id was wrong"})
	await(t, ctx, writtenText+`.querySelector('.cm-content') !== null`)
	eval[bool](t, ctx, `document.querySelector('[name="view"][value="compare"]').click() ?? true`)
	await(t, ctx, writtenText+`.querySelector('.cm-merge-a .cm-changedText')?.textContent === '1'`)
	await(t, ctx, writtenText+`.querySelector('.cm-merge-b .cm-changedText')?.textContent === '2'`)
	run(t, ctx, chromedp.Click(chromedp.CSS(`label[for="body"]`)), chromedp.KeyEvent(" "))
	eval[bool](t, ctx, `document.querySelector('[name="view"][value="edit"]').click() ?? true`)
	await(t, ctx, writtenText+`.querySelectorAll('.cm-content').length === 1`)
	// Where there is no room for two texts, the differences are shown within the one that is written.
	run(t, ctx, chromedp.EmulateViewport(390, 844))
	eval[bool](t, ctx, `document.querySelector('[name="view"][value="compare"]').click() ?? true`)
	await(
		t,
		ctx,
		writtenText+`.querySelectorAll('.cm-content').length === 1 && `+
			writtenText+`.querySelector('.cm-deletedText')?.textContent === '1'`,
	)
	eval[bool](t, ctx, `document.querySelector('[name="view"][value="edit"]').click() ?? true`)
	await(t, ctx, writtenText+`.querySelector('.cm-deletedText') === null`)
	run(t, ctx, chromedp.Click(chromedp.CSS(`form[action$="/edit"] [type="submit"]`)))
	if form := sent.next(t); strings.ReplaceAll(form.Get("body"), "\r\n", "\n") != " {\n  \"id\": 2\n}" ||
		form.Get("view") != "" {
		t.Errorf("the form is %v", form)
	}
}

func TestRevisionsAreComparedSideBySide(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	v := page.CompareView{
		Chrome: page.Chrome{
			User:  "anna",
			Title: "Compare",
		},
		ID:     "message-1",
		Text:   true,
		Before: page.CompareSide{Name: "original", Body: "{\n  \"id\": 1\n}", JSON: true},
		After: page.CompareSide{
			Name:    "edit 1",
			Body:    "{",
			Note:    "cut",
			JSON:    true,
			FullURL: "/messages/message-1/body?form=pretty",
		},
	}
	mux.Handle("GET /messages/message-1/compare", show(http.StatusOK, page.Compare(v)))
	mux.Handle("GET /messages/message-1/body", bodies(map[string]string{"pretty": "{\n  \"id\": 2\n}"}))
	ctx := openPage(t, mux, "/messages/message-1/compare")
	const text = `document.querySelector('.compare-host')?.shadowRoot`
	await(t, ctx, text+`?.querySelector('.cm-merge-b .cm-changedText')?.textContent === '2'`)
	if eval[bool](t, ctx, `document.querySelector('.comparison').innerText.includes('cut')`) {
		t.Error("the page says that a text is cut which is whole")
	}
	run(t, ctx, chromedp.EmulateViewport(390, 844))
	await(
		t,
		ctx,
		text+`.querySelectorAll('.cm-content').length === 1 && `+
			text+`.querySelector('.cm-deletedText')?.textContent === '1'`,
	)
}

// A text field with a large text takes seconds to be laid out, so it never is where an editor takes its place; where
// none comes, it is.
func TestTextFieldIsShownWithoutTheEditor(t *testing.T) {
	t.Parallel()
	large := page.EditView{Body: strings.Repeat("{\"line\": 1},\n", 4<<10), JSON: true}
	const shown = `document.getElementById('body').checkVisibility()`
	const room = `document.querySelector('.edit-place').offsetHeight`
	ctx, _ := edits(t, large)
	await(t, ctx, writtenText+`.querySelector('.cm-content') !== null`)
	if eval[bool](t, ctx, shown) {
		t.Error("the field is laid out behind the editor")
	}
	taken := eval[int](t, ctx, room)
	mux := http.NewServeMux()
	mux.Handle("GET /edit", show(http.StatusOK, page.Edit(large)))
	mux.HandleFunc(
		"GET "+web.URL("editor.js"),
		func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/javascript") },
	)
	ctx = openPage(t, mux, "/edit")
	await(t, ctx, shown)
	if got := eval[int](t, ctx, room); got != taken || got < 300 {
		t.Errorf("the field takes %d px, its editor %d: the page moves", got, taken)
	}
}

func TestEachSampleOfAJobIsShownAsADifference(t *testing.T) {
	t.Parallel()
	sample := page.CompareView{
		ID: "message-1", Text: true,
		Before: page.CompareSide{Name: "original", Body: "{\n  \"id\": 1\n}", JSON: true},
		After:  page.CompareSide{Name: "edit 1", Body: "{\n  \"id\": 2\n}", JSON: true},
	}
	v := page.JobPageView{
		Chrome: page.Chrome{User: "anna", Title: "Job 1"},
		Job:    page.JobView{ID: "1", State: "done", ReturnTo: "/jobs/1", Samples: []page.CompareView{sample, sample}},
	}
	mux := http.NewServeMux()
	mux.Handle("GET /jobs/1", show(http.StatusOK, page.Job(v)))
	ctx := openPage(t, mux, "/jobs/1")
	await(t, ctx, `[...document.querySelectorAll('.compare-host')].filter((host) =>
		host.shadowRoot.querySelector('.cm-merge-b .cm-changedText')?.textContent === '2').length === 2`)
}
