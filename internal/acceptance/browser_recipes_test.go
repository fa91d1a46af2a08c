package acceptance_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"dlqdesk/internal/desktest"
)

// A recipe is saved by the job that fixes a cause. When the cause is back it is the next step, and fills the form.
func TestBrowserUsesARecipeAgain(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	mended := desktest.Answer(http.StatusOK, `{}`)
	anna := sitDown(t, p)
	openCause := func(message string) {
		anna.opens("/messages", message)
		anna.does("open the cause", chromedp.Click(chromedp.CSS(`.cause-of a`)),
			chromedp.WaitVisible(chromedp.CSS(`#cause-head`)))
	}
	editAll := func() {
		anna.presses("e")
		anna.does("edit the messages", chromedp.Click(chromedp.CSS(`.cause-actions details[open] form button`)),
			chromedp.WaitVisible(chromedp.CSS(`#job-dialog[open] #patch`)))
	}
	start := chromedp.Click(chromedp.CSS(`#job-confirm .dialog-actions button[type="submit"]`))

	id := p.rejected(t, `{"eventType":"order.created","order":1}`)
	p.destination.Set(mended)
	openCause(id)
	editAll()
	anna.does("fix them",
		chromedp.SendKeys(chromedp.CSS(`#patch`), `{"id": 4711}`),
		chromedp.SendKeys(chromedp.CSS(`#save-as`), "add id"),
		chromedp.SendKeys(chromedp.CSS(`#job-reason`), "the shop sends no id"), start)
	anna.sees("Replayed after “add id”")
	anna.sees("Used once: 1 of 1 delivered")

	id = p.rejected(t, `{"eventType":"order.created","order":2}`)
	p.destination.Set(mended)
	openCause(id)
	anna.sees("Edit and replay with “add id”: 1 of 1 delivered")
	editAll()
	anna.does("give the reason", chromedp.SendKeys(chromedp.CSS(`#job-reason`), "it is back"),
		chromedp.Evaluate[chromedp.Void](`void (document.getElementById('recipe').value = '1')`),
		chromedp.Evaluate[chromedp.Void](
			`void document.getElementById('recipe').dispatchEvent(new Event('change', { bubbles: true }))`,
		))
	anna.finds(`document.getElementById('patch')?.value === '{"id": 4711}'`)
	anna.finds(`document.getElementById('job-reason').value === 'it is back'`)
	anna.does("start it", start)
	anna.sees("Used twice: 2 of 2 delivered")

	if all := p.destination.Received(); !bytes.Contains(all[len(all)-1].Body, []byte(`"id":4711`)) {
		t.Errorf("delivered was %s", all[len(all)-1].Body)
	}
	anna.opens("/messages?status=all", id)
	anna.sees("Edited by recipe add id, version 1")
}
