package acceptance_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"dlqdesk/internal/desktest"
)

// walker is a person who is watched: what is clicked and pressed is counted. Text that is typed or pasted counts as
// one key.
type walker struct {
	person
	clicks, keys int
}

func (w *walker) clickOn(selector string) {
	w.t.Helper()
	w.clicks++
	w.does("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

func (w *walker) press(keys ...string) {
	w.t.Helper()
	w.keys += len(keys)
	w.presses(keys...)
}

func (w *walker) pressCtrl(key string) {
	w.t.Helper()
	w.keys++
	w.does("press Ctrl and "+key, chromedp.KeyEvent(key, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
}

func (w *walker) write(text string) {
	w.t.Helper()
	w.keys++
	if _, err := chromedp.Call(w.tab, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		w.t.Fatal(err)
	}
}

// at waits until a part of a page is there, and the scripts of the page are.
func (w *walker) at(selector string) {
	w.t.Helper()
	w.does("see "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
	w.finds(`document.readyState === "complete"`)
}

// walk takes a walk from the list, as it is after signing in, and holds that it takes no more than it did.
func (w *walker) walk(name string, clicks, keys int, do func()) {
	w.t.Helper()
	w.does("begin with the list", chromedp.Navigate(w.ConsoleURL()+"/messages"))
	w.at("#messages")
	w.clicks, w.keys = 0, 0
	do()
	w.t.Logf("%-50s %d clicks, %d keys", name, w.clicks, w.keys)
	if w.clicks != clicks || w.keys != keys {
		w.t.Errorf("%s takes %d clicks and %d keys; it took %d and %d", name, w.clicks, w.keys, clicks, keys)
	}
}

// dayLater makes a browser believe that it is tomorrow, so that what was done today was done yesterday.
const dayLater = `(() => {
	const real = Date, day = 86_400_000
	window.Date = class extends real {
		constructor(...args) { args.length === 0 ? super(real.now() + day) : super(...args) }
		static now() { return real.now() + day }
	}
})()`

// The five tasks of an operator who triages messages, with real deliveries: how many clicks and keys each takes is
// fixed.
func TestBrowserCompletesTheFiveMainTasks(t *testing.T) {
	t.Parallel()
	const same = 56 // more than a page has
	p := setup(t, nil)
	p.destination.Set(desktest.Answer(http.StatusNotFound, `{"error":"no such queue"}`))
	for n := range same {
		status, told := p.post(t, fmt.Sprintf(`{"n":%d}`, n), nil)
		kept(t, status, told)
	}
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"field id is missing"}`))
	for _, conversation := range []string{"7d1c8a52-first", "0b6f4e19-other"} {
		status, told := p.post(t, `{"conversationId":"`+conversation+`"}`, nil)
		kept(t, status, told)
	}
	anna := &walker{person: sitDown(t, p)}
	anna.awaits("/messages?q=7d1c8a52-first", "tr[data-message]")
	anna.awaits("/messages?q=0b6f4e19-other", "tr[data-message]")
	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))

	anna.walk("find one customer's message by conversation id", 0, 3, func() {
		anna.press("/")
		anna.write("7d1c8a52-first")
		anna.press(kb.Enter)
		anna.at(`tr[data-message]:only-child .snippet mark`)
	})
	anna.walk("replay one", 0, 2, func() {
		anna.press("j", "r")
		anna.at(`[data-job-state="done"]`)
		anna.sees("1 delivered")
	})
	anna.walk("fix and replay one", 0, 7, func() {
		anna.press("j", "e")
		anna.at(".edit-host")
		anna.finds(`document.activeElement.className === 'edit-host'`)
		anna.pressCtrl("a")
		anna.write(`{"id":7,"conversationId":"7d1c8a52-first"}`)
		anna.pressCtrl(kb.Enter)
		anna.finds(`document.activeElement.id === 'reason'`)
		anna.write("the id was missing")
		anna.press(kb.Enter)
		anna.at("#message-panel")
		anna.sees("Delivered: 200")
	})
	anna.walk("replay all of one cause", 1, 6, func() {
		anna.press("g", "o")
		anna.at("#overview")
		anna.clickOn("#cause-failed-0")
		anna.at("tr[data-message]")
		anna.press("X", "X", "r")
		anna.at("#job-dialog[open]")
		anna.sees(fmt.Sprintf("Replay %d messages", same))
		anna.press(kb.Enter)
		anna.at(`[data-job-state="done"]`)
		anna.sees(fmt.Sprintf("%d delivered", same))
	})
	if _, err := chromedp.Call(
		anna.tab, page.AddScriptToEvaluateOnNewDocument,
		page.AddScriptToEvaluateOnNewDocumentParams{Source: dayLater},
	); err != nil {
		t.Fatal(err)
	}
	anna.walk("find who replayed what yesterday", 2, 2, func() {
		anna.press("g", "a")
		anna.at("#audit")
		anna.clickOn("#preset-yesterday")
		anna.at(`#preset-yesterday[aria-current="true"]`)
		anna.clickOn("#preset-replays")
		anna.at(`#preset-replays[aria-current="true"]`)
		anna.sees("anna")
		anna.sees("Delivered")
	})
	if got := len(p.destination.Received()); got != 2*(same+2) {
		t.Errorf("%d deliveries, want %d: every webhook, and each once more", got, 2*(same+2))
	}
	if body := string(p.destination.Received()[same+3].Body); !strings.Contains(body, `"id":7`) {
		t.Errorf("the fixed message was delivered as %q", body)
	}
}

// An edit outlives the session that it was begun in: the desk asks for the password in place, and the second click
// sends the edit.
func TestBrowserKeepsAnEditWhenTheSessionEnds(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	id := p.rejected(t, `{"name":"Größe"}`)
	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	anna := sitDown(t, p)
	anna.opens("/messages", id)
	save := chromedp.Click(chromedp.CSS(`form[action$="/edit"] button[type="submit"]`))
	anna.does("edit",
		chromedp.Click(chromedp.CSS(`a[href^="/messages/`+id+`/edit"]`)),
		chromedp.WaitVisible(chromedp.CSS(`.edit-host`)),
		chromedp.SetValue(chromedp.CSS(`#body`), `{"id":7}`),
		chromedp.SendKeys(chromedp.CSS(`#reason`), "the id was missing"))
	if _, err := chromedp.Call(anna.tab, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	anna.does("save without a session", save, chromedp.WaitVisible(chromedp.CSS(`#signin-dialog`)))
	anna.does("sign in again", chromedp.SendKeys(chromedp.CSS(`#signin-password`), password),
		chromedp.Click(chromedp.CSS(`#signin-dialog [type="submit"]`)))
	anna.sees("Signed in again.")
	anna.does("save", save, chromedp.WaitVisible(chromedp.CSS(`#message-panel`)))
	anna.sees("Delivered: 200")
	anna.finds(`Object.keys(localStorage).every((key) => !key.startsWith('draft '))`)
	received := p.destination.Received()
	if got := string(received[len(received)-1].Body); got != `{"id":7}` {
		t.Errorf("the destination got %q", got)
	}
}
