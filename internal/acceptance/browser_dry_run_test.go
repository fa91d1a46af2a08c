package acceptance_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"dlqdesk/internal/desktest"
)

// A change is previewed while it is written, tried on all messages, and sent to those alone that it changes. The dialog
// can be closed and opened again meanwhile.
func TestBrowserTriesARecipeBeforeItIsSent(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	anna := sitDown(t, p)
	p.rejected(t, `{"order":1,"id":4711}`)
	id := p.rejected(t, `{"order":2}`)
	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	anna.opens("/messages", id)
	anna.does("open the cause", chromedp.Click(chromedp.CSS(`.cause-of a`)),
		chromedp.WaitVisible(chromedp.CSS(`#cause-head`)))
	anna.presses("e")
	anna.does("edit the messages", chromedp.Click(chromedp.CSS(`.cause-actions details[open] form button`)),
		chromedp.WaitVisible(chromedp.CSS(`#job-dialog[open] #patch`)))
	anna.does("write half a change", chromedp.SendKeys(chromedp.CSS(`#patch`), `{"id": `))
	anna.sees("There is no preview while the change has a fault.")
	anna.finds(`document.querySelector('#patch-fault-place .field-fault') !== null`)
	anna.does("write the rest", chromedp.SendKeys(chromedp.CSS(`#patch`), `4711}`),
		chromedp.WaitVisible(chromedp.CSS(`#job-trial .compare-host`)))
	anna.sees("The change leaves this message as it is.")
	anna.finds(`document.querySelector('#patch-fault-place .field-fault') === null`)
	anna.finds(`document.activeElement.id === 'patch'`)
	anna.does("try it", chromedp.Click(chromedp.CSS(`[formaction$="/dry-run"]`)))
	anna.sees("1 of 2 would change, 1 unchanged, 0 fail")
	anna.finds(`document.querySelector('#job-submit-place').innerText.trim() === 'Edit and replay 1 message'`)

	anna.does("close it", chromedp.Click(chromedp.CSS(`#job-confirm [data-closes]`)),
		chromedp.Navigate(p.ConsoleURL()+"/messages"), chromedp.Click(chromedp.CSS(`.job-strip [id$="-open"]`)))
	anna.sees("If you start the job with this change, it sends those that would change, and skips the others.")
	anna.finds(`document.getElementById('patch').value === '{"id": 4711}'`)
	anna.does("change it", chromedp.SendKeys(chromedp.CSS(`#patch`), ` `))
	anna.sees("This dry run is of another change.")
	anna.finds(`document.querySelector('#job-submit-place').innerText.trim() === 'Edit and replay 2 messages'`)
	anna.does("change it back", chromedp.SendKeys(chromedp.CSS(`#patch`), "\b"))
	anna.finds(`document.querySelector('#job-submit-place').innerText.trim() === 'Edit and replay 1 message'`)
	anna.does("start it", chromedp.SendKeys(chromedp.CSS(`#job-reason`), "the shop sends no id"),
		chromedp.Click(chromedp.CSS(`#job-submit-place button`)))
	anna.sees("1 delivered")
	anna.sees("1 skipped")
	received := p.destination.Received()
	if last := string(received[len(received)-1].Body); len(received) != 3 || last != `{"order":2,"id":4711}` {
		t.Errorf("%d deliveries, the last of %s", len(received), last)
	}
}
