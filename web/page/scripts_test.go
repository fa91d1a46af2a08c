package page_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"

	"github.com/a-h/templ"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// show serves a page or a part of it.
func show(status int, c templ.Component) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		if err := c.Render(r.Context(), w); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
}

// posts keeps the forms that a page sent.
type posts chan url.Values

func (p posts) keep(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p <- r.PostForm
		next(w, r)
	}
}

func (p posts) next(t *testing.T) url.Values {
	t.Helper()
	select {
	case form := <-p:
		return form
	case <-time.After(20 * time.Second):
		t.Fatal("no form was posted")
		return nil
	}
}

func listOf(n int) page.MessagesTableView {
	v := page.MessagesTableView{
		Query:    "status=failed&source=genesys",
		Tabs:     []page.StatusTab{{Status: "failed", URL: "/messages?status=failed", Current: true}},
		OlderURL: "/messages?cursor=o1",
		Filter: page.MessagesFilter{
			Status:  "failed",
			Sources: []ui.Option{{Value: "genesys", Label: "genesys"}},
			From:    "2026-07-01T10:00",
		},
	}
	for i := range n {
		id := fmt.Sprintf("message-%d", i)
		v.Rows = append(v.Rows, page.MessageRow{
			ID:       id,
			Version:  "3",
			URL:      "/messages/" + id,
			Status:   "failed",
			Reason:   "503",
			Received: ui.At(time.Now().Add(-3 * time.Minute)),
		})
	}
	return v
}

func messagesPage(v page.MessagesTableView) templ.Component {
	return page.Messages(page.Chrome{User: "anna", Path: "/messages"}, v)
}

func openMessages(t *testing.T, mux *http.ServeMux) (browser, context.Context) {
	t.Helper()
	b := setup(t, mux)
	ctx := b.tab(t)
	if _, err := chromedp.Call(
		ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/Berlin"},
	); err != nil {
		t.Fatal(err)
	}
	run(t, ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(b.server.URL+"/messages?status=failed"))
	return b, ctx
}

func TestThemeFollowsTheSystemUntilOneIsChosen(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle("GET /messages", show(http.StatusOK, messagesPage(listOf(1))))
	_, ctx := openMessages(t, mux)
	const theme = `document.documentElement.dataset.theme`
	if got := eval[string](t, ctx, theme); got != "light" {
		t.Errorf("with a light system the theme is %s", got)
	}
	run(t, ctx, chromedp.Click(chromedp.CSS(`.theme-switch label:has([value="dark"])`)), chromedp.Reload())
	if got := eval[string](t, ctx, theme); got != "dark" {
		t.Errorf("after choosing dark and a reload the theme is %s", got)
	}
	if !eval[bool](t, ctx, `document.querySelector('[name="theme"][value="dark"]').checked`) {
		t.Error("the switch does not show what was chosen")
	}
	run(t, ctx, chromedp.Click(chromedp.CSS(`.theme-switch label:has([value="system"])`)))
	await(t, ctx, theme+` === "light"`)
}

func TestPaperIsLightAndHasNoControls(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle("GET /messages", show(http.StatusOK, messagesPage(listOf(1))))
	_, ctx := openMessages(t, mux)
	await(t, ctx, `document.querySelector('td time').dataset.utcText !== undefined`)
	run(t, ctx, chromedp.Click(chromedp.CSS(`.theme-switch label:has([value="dark"])`)))
	paper := emulation.SetEmulatedMediaParams{Media: "print"}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, paper); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, `document.documentElement.dataset.theme === "light"`)
	shown := eval[[]string](
		t,
		ctx,
		`[...document.querySelectorAll('.bar, .query, .pager, .btn, .col-check, .row-link')].
		filter((e) => e.checkVisibility()).map((e) => e.className)`,
	)
	if !slices.Equal(shown, []string{"row-link"}) {
		t.Errorf("on paper are %v, want the row alone", shown)
	}
	const written = `getComputedStyle(document.querySelector('td time'), '::after').content`
	if got := eval[string](t, ctx, written); !strings.Contains(got, "UTC") {
		t.Errorf("a time on paper is %s, want the whole time", got)
	}
}

func TestTimesAreInWords(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle("GET /messages", show(http.StatusOK, messagesPage(listOf(1))))
	_, ctx := openMessages(t, mux)
	await(t, ctx, `document.querySelector('td time').textContent === "3 min ago"`)
	title := eval[string](t, ctx, `document.querySelector('td time').title`)
	if !strings.Contains(title, "GMT+") || !strings.Contains(title, "UTC") {
		t.Errorf("the exact time on hover is %q: not in the reader's zone and in UTC", title)
	}
}

func TestSelectionShowsItsCount(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle("GET /messages", show(http.StatusOK, messagesPage(listOf(6))))
	_, ctx := openMessages(t, mux)
	replay := `document.querySelector('[value="replay"]')`
	if !eval[bool](t, ctx, replay+`.disabled`) {
		t.Error("with nothing selected the action is open")
	}
	run(t, ctx, chromedp.Click(chromedp.CSS(`[value="message-1@3"]`)))
	eval[bool](
		t,
		ctx,
		`document.querySelector('[value="message-4@3"]').
			dispatchEvent(new MouseEvent('click', {bubbles: true, shiftKey: true}))`,
	)
	await(t, ctx, replay+`.innerText.trim() === "Replay 4 messages" && !`+replay+`.disabled`)
	run(t, ctx, chromedp.Click(chromedp.CSS(`[data-select-all]`)))
	await(t, ctx, replay+`.innerText.trim() === "Replay 6 messages"`)
}

func TestBulkActionKeepsThePageAndReportsItsResult(t *testing.T) {
	t.Parallel()
	mux, sent := http.NewServeMux(), make(posts, 4)
	mux.Handle("GET /messages", show(http.StatusOK, messagesPage(listOf(3))))
	after := listOf(2)
	after.Notice = ui.Notice{Kind: ui.Warn, Text: "This job was started by ben 3 s ago."}
	after.Jobs = []page.JobView{{ID: "17", State: "done", Title: "Replayed 2 messages"}}
	mux.Handle("POST /messages/bulk", sent.keep(show(http.StatusConflict, page.MessagesTable(after))))
	_, ctx := openMessages(t, mux)
	run(
		t, ctx, chromedp.Click(chromedp.CSS(`[value="message-0@3"]`)),
		chromedp.Click(chromedp.CSS(`[value="message-2@3"]`)),
		chromedp.Click(chromedp.CSS(`[value="replay"]`)),
	)
	form := sent.next(t)
	if got := form["item"]; !slices.Equal(got, []string{"message-0@3", "message-2@3"}) {
		t.Errorf("the items are %v", got)
	}
	if form.Get("action") != "replay" || len(form["action"]) != 1 ||
		form.Get("back") != "status=failed&source=genesys" {
		t.Errorf("the form is %v", form)
	}
	await(t, ctx, `document.querySelectorAll('.messages-table tbody tr').length === 2`)
	await(t, ctx, `document.getElementById('announcer').textContent.includes("started by ben")`)
	if got := eval[string](t, ctx, `location.pathname + location.search`); got != "/messages?status=failed" {
		t.Errorf("the address became %s", got)
	}
	if !eval[bool](t, ctx, `document.activeElement.classList.contains('notice')`) {
		t.Error("the focus is lost")
	}
}

func TestAllMatchingNeedsTheWholePageSelected(t *testing.T) {
	t.Parallel()
	mux, sent := http.NewServeMux(), make(posts, 4)
	list := listOf(3)
	list.Matching = "214 messages"
	mux.Handle("GET /messages", show(http.StatusOK, messagesPage(list)))
	late := page.NewMatchesView{URL: "/jobs/17/new-matches", Text: "No new messages since you selected."}
	ask := page.JobConfirm(
		page.JobConfirmView{
			ID:          "17",
			Action:      "archive",
			Heading:     "Archive 214 messages",
			MessagesURL: "/messages",
			Back:        "status=failed",
			NewMatches:  late,
		},
	)
	mux.Handle(
		"GET /jobs/17/new-matches",
		show(
			http.StatusOK,
			page.JobNewMatches(
				page.NewMatchesView{URL: late.URL, Text: "6 new messages since you selected are not included."},
			),
		),
	)
	mux.HandleFunc("POST /messages/bulk", sent.keep(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("HX-Retarget", "#job-dialog")
		w.Header().Set("HX-Reswap", "innerHTML")
		show(http.StatusOK, ask)(w, r)
	}))
	mux.Handle("POST /jobs/17/start", sent.keep(show(http.StatusOK, page.MessagesTable(listOf(2)))))
	_, ctx := openMessages(t, mux)
	offer := `document.querySelector('[data-all-matching]')`
	archive := `document.querySelector('#bulk [value="archive"]')`
	run(t, ctx, chromedp.Click(chromedp.CSS(`[value="message-1@3"]`)))
	await(t, ctx, offer+`.hidden && `+archive+`.innerText.trim() === "Archive 1 message"`)
	run(t, ctx, chromedp.Click(chromedp.CSS(`[data-select-all]`)))
	await(t, ctx, `!`+offer+`.hidden`)
	run(t, ctx, chromedp.Click(chromedp.CSS(`#scope-all`)))
	await(t, ctx, archive+`.innerText.trim() === "Archive 214 messages"`)
	run(t, ctx, chromedp.Click(chromedp.CSS(`[value="message-1@3"]`)))
	await(
		t,
		ctx,
		offer+`.hidden && !`+offer+`.querySelector('input').checked && `+
			archive+`.innerText.trim() === "Archive 2 messages"`,
	)
	run(
		t, ctx, chromedp.Click(chromedp.CSS(`[value="message-1@3"]`)),
		chromedp.Click(chromedp.CSS(`#scope-all`)), chromedp.Click(chromedp.CSS(`#bulk [value="archive"]`)),
	)
	if form := sent.next(t); form.Get("action") != "archive" || form.Get("scope") != "all" {
		t.Errorf("the form is %v", form)
	}
	await(t, ctx, `document.getElementById('job-dialog').open && document.activeElement.name === 'reason'`)
	// A part that refreshes itself changes nothing else on the page.
	eval[bool](t, ctx, `document.getElementById('job-new-matches').dispatchEvent(new Event('again'))`)
	await(t, ctx, `document.getElementById('job-new-matches').textContent.startsWith('6 new messages')`)
	await(
		t,
		ctx,
		`document.getElementById('job-dialog').open &&
			document.querySelectorAll('.messages-table tbody tr').length === 3`,
	)
	run(t, ctx, chromedp.SendKeys(chromedp.CSS(`#job-reason`), "duplicate\r"))
	if form := sent.next(t); form.Get("reason") != "duplicate" || form.Get("back") != "status=failed" {
		t.Errorf("the form is %v", form)
	}
	await(
		t, ctx,
		`document.querySelectorAll('.messages-table tbody tr').length === 2 && !document.querySelector('dialog[open]')`,
	)
}

// The rows say what the desk refuses, and the bar says it of those that are selected.
func TestBulkActionsSayWhyTheyAreNotPossible(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	list := listOf(3)
	list.Matching = "214 messages"
	list.Rows[1].Refused = []page.Refusal{{Actions: []string{"edit", "replay"}, Reason: "This message is resolved."}}
	list.Rows[2].Refused = []page.Refusal{
		{Actions: []string{"edit", "replay"}, Reason: "This message is resolved."},
		{Actions: []string{"restore"}, Reason: "This tab does not offer it."},
	}
	mux.Handle("GET /messages", show(http.StatusOK, messagesPage(list)))
	_, ctx := openMessages(t, mux)
	state := func() string {
		return eval[string](t, ctx, `[...document.querySelectorAll('[data-bulk]')].map((b) => b.innerText.trim() +
			(b.disabled ? ' (disabled)' : '') + (b.getAttribute('aria-describedby') ? ' (explained)' : '')).join(', ') +
			': ' + document.querySelector('[data-refusals]').innerText.trim()`)
	}
	for _, step := range []struct{ click, want string }{
		{`[value="message-0@3"]`, "Replay 1 message, Edit and replay 1 message, Archive 1 message:"},
		{
			`[value="message-1@3"]`, "Replay 1 of 2 (explained), Edit and replay 1 of 2 (explained), " +
				"Archive 2 messages: Replay, Edit and replay: not for 1 of 2. This message is resolved.",
		},
		{
			`[value="message-0@3"]`, "Replay 1 message (disabled) (explained), Edit and replay 1 message (disabled) " +
				"(explained), Archive 1 message: Replay, Edit and replay: not possible. This message is resolved.",
		},
		{
			`[data-select-all]`, "Replay 1 of 3 (explained), Edit and replay 1 of 3 (explained), " +
				"Archive 3 messages: Replay, Edit and replay: not for 2 of 3. This message is resolved.",
		},
		{`#scope-all`, "Replay 214 messages, Edit and replay 214 messages, Archive 214 messages:"},
	} {
		run(t, ctx, chromedp.Click(chromedp.CSS(step.click)))
		if got := strings.TrimSpace(state()); got != step.want {
			t.Errorf("after a click on %s\n%s\nwant\n%s", step.click, got, step.want)
		}
	}
}

func TestJobStripRefreshesAndKeepsTheFocus(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	list := listOf(3)
	list.Jobs = []page.JobView{
		{
			ID:       "17",
			State:    "running",
			Title:    "Replaying 3 messages",
			Finished: "1",
			Total:    "3",
			Active:   true,
			CanPause: true,
			CanHide:  true,
			ReturnTo: "/messages?status=failed",
		},
	}
	mux.Handle("GET /messages", show(http.StatusOK, messagesPage(list)))
	var looks atomic.Int32
	mux.HandleFunc("GET /jobs/17/strip", func(w http.ResponseWriter, r *http.Request) {
		v := list.Jobs[0]
		if looks.Add(1) > 1 {
			v.State, v.Title, v.Active, v.CanPause = "done", "Replayed 3 messages", false, false
		}
		if to := r.URL.Query().Get("to"); to != "/messages?status=failed" {
			t.Errorf("it forgets where it is: %q", to)
		}
		show(http.StatusOK, page.JobStrip(v))(w, r)
	})
	_, ctx := openMessages(t, mux)
	run(t, ctx, chromedp.Focus(chromedp.CSS(`#job-17-hide`)))
	await(t, ctx, `document.querySelector('#job-17').dataset.jobState === "done"`)
	if got := eval[string](t, ctx, `document.activeElement.id`); got != "job-17-hide" {
		t.Errorf("the focus went to %q", got)
	}
	await(t, ctx, `document.getElementById('announcer').textContent === "Replayed 3 messages"`)
	if n := looks.Load(); n != 2 {
		t.Errorf("it looked %d times", n)
	}
}

func TestFilterIsInTheURL(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	queries := make(chan url.Values, 8)
	mux.HandleFunc("GET /messages", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("HX-Request") == "" {
			show(http.StatusOK, messagesPage(listOf(3)))(w, r)
			return
		}
		queries <- r.URL.Query()
		show(http.StatusOK, page.MessagesTable(listOf(1)))(w, r)
	})
	_, ctx := openMessages(t, mux)
	await(t, ctx, `document.getElementById('filter-from').value === "2026-07-01T12:00"`)
	// One change, in one go: the form is exchanged as soon as the answer is there.
	eval[bool](t, ctx, `(() => {
		const source = document.getElementById('filter-source')
		source.value = 'genesys'
		return source.dispatchEvent(new Event('change', {bubbles: true}))
	})()`)
	want := url.Values{"status": {"failed"}, "source": {"genesys"}, "from": {"2026-07-01T10:00"}}
	if got := <-queries; got.Encode() != want.Encode() {
		t.Errorf("the query is %v, want %v", got, want)
	}
	await(t, ctx, `location.search === "?status=failed&source=genesys&from=2026-07-01T10%3A00"`)
	await(t, ctx, `document.activeElement.id === "messages" || document.activeElement.id === "filter-source"`)
}

func TestAReplayShowsItsResultInPlace(t *testing.T) {
	t.Parallel()
	mux, sent := http.NewServeMux(), make(posts, 4)
	panel := page.MessagePanelView{
		ID:       "message-1",
		Version:  "3",
		Back:     "q=a b",
		Status:   "failed",
		Reason:   "503",
		Choices:  []ui.Option{{Value: "1", Label: "edit 1", Selected: true}, {Value: "0", Label: "original"}},
		Attempts: []page.AttemptView{{Number: "1", Outcome: "error_response", Code: "503", ResponseBody: "busy"}},
	}
	under, done := panel, panel
	under.Status, under.DenyReplay = "replaying", "A delivery is under way."
	done.Status, done.Result = "resolved", ui.Notice{Kind: ui.Done, Text: "Delivered: 200 in 84 ms"}
	done.Attempts = append([]page.AttemptView{{Number: "2", Outcome: "delivered", Code: "200"}}, panel.Attempts...)
	var polls atomic.Int32
	mux.Handle(
		"GET /messages",
		show(
			http.StatusOK,
			page.Message(
				page.MessageView{Chrome: page.Chrome{User: "anna"}, Panel: panel, Payload: page.Payload{Raw: "x"}},
			),
		),
	)
	mux.Handle("POST /messages/{id}/replay", sent.keep(show(http.StatusOK, page.MessagePanel(under))))
	mux.HandleFunc("GET /messages/{id}/panel", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("back") != "q=a b" {
			t.Errorf("the panel asks without the list's query: %s", r.URL)
		}
		if polls.Add(1) == 1 {
			show(http.StatusOK, page.MessagePanel(under))(w, r)
			return
		}
		show(http.StatusOK, page.MessagePanel(done))(w, r)
	})
	_, ctx := openMessages(t, mux)
	run(t, ctx, chromedp.Click(chromedp.CSS(`#response-1 summary`)), chromedp.Click(chromedp.CSS(`#replay`)))
	if form := sent.next(t); form.Get("version") != "3" || form.Get("revision") != "1" || form.Get("back") != "q=a b" {
		t.Errorf("the form is %v", form)
	}
	await(t, ctx, `document.getElementById('message-result').innerText.includes("Delivered: 200 in 84 ms")`)
	await(t, ctx, `document.getElementById('announcer').textContent.includes("Delivered")`)
	await(t, ctx, `document.querySelectorAll('[data-attempt]').length === 2`)
	if !eval[bool](t, ctx, `document.getElementById('response-1').open`) {
		t.Error("what was opened closed")
	}
	if eval[bool](t, ctx, `document.activeElement === document.body`) {
		t.Error("the focus is lost")
	}
}

func TestForeignResponseDoesNotReplaceThePage(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle("GET /messages", show(http.StatusOK, messagesPage(listOf(3))))
	var answers atomic.Int32
	mux.HandleFunc("POST /messages/bulk", func(w http.ResponseWriter, r *http.Request) {
		switch answers.Add(1) {
		case 1:
			http.Error(w, "<html><h1>502 Bad Gateway</h1></html>", http.StatusBadGateway)
		case 2:
			w.Header().Set("HX-Retarget", "#notice")
			w.Header().Set("HX-Reswap", "innerHTML")
			show(http.StatusForbidden, page.ErrorNotice(page.ErrorView{Heading: "You may not do this"}))(w, r)
		default:
			panic(http.ErrAbortHandler)
		}
	})
	_, ctx := openMessages(t, mux)
	run(t, ctx, chromedp.Click(chromedp.CSS(`[value="message-1@3"]`)))
	for _, want := range []string{"not from dlqdesk", "You may not do this", "Could not reach dlqdesk"} {
		run(t, ctx, chromedp.Click(chromedp.CSS(`[value="replay"]`)))
		await(t, ctx, fmt.Sprintf(`document.getElementById('notice').innerText.includes(%q)`, want))
		if n := eval[int](t, ctx, `document.querySelectorAll('.messages-table tbody tr').length`); n != 3 {
			t.Errorf("%s: %d messages are left on the page", want, n)
		}
	}
}

func TestDeskWorksWithoutScript(t *testing.T) {
	t.Parallel()
	mux, sent := http.NewServeMux(), make(posts, 4)
	mux.Handle("GET /messages", show(http.StatusOK, messagesPage(listOf(3))))
	mux.HandleFunc(
		"POST /messages/bulk",
		sent.keep(
			func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/jobs/17", http.StatusSeeOther) },
		),
	)
	mux.Handle("GET /jobs/17", show(http.StatusOK, page.Job(page.JobPageView{Confirm: &page.JobConfirmView{
		ID:          "17",
		InPage:      true,
		Action:      "archive",
		Heading:     "Archive 1 message",
		MessagesURL: "/messages",
		Back:        "status=failed",
	}})))
	mux.Handle("POST /jobs/17/start", sent.keep(show(http.StatusOK, messagesPage(listOf(2)))))
	b := setup(t, mux)
	ctx := b.tab(t)
	if _, err := chromedp.Call(
		ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true},
	); err != nil {
		t.Fatal(err)
	}
	run(t, ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(b.server.URL+"/messages"),
		chromedp.Click(chromedp.CSS(`[value="message-1@3"]`)), chromedp.Click(chromedp.CSS(`#bulk [value="archive"]`)))
	if form := sent.next(t); form.Get("action") != "archive" || form.Has("reason") ||
		form.Get("item") != "message-1@3" {
		t.Errorf("the first form is %v", form)
	}
	run(t, ctx, chromedp.SendKeys(chromedp.CSS(`#job-reason`), "duplicate\r"))
	if form := sent.next(t); form.Get("reason") != "duplicate" || form.Get("back") != "status=failed" {
		t.Errorf("the second form is %v", form)
	}
}
