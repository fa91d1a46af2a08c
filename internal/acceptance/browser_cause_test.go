package acceptance_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"dlqdesk/internal/config"
	"dlqdesk/internal/desktest"
)

// A cause is claimed, discussed, tried and fixed on its page, which follows what happens without a reload.
func TestBrowserWorksOnACause(t *testing.T) {
	t.Parallel()
	p := setup(t, func(c *config.Config) { c.Tickets.Link = "https://tracker.example/browse/{id}" })
	p.rejected(t, `{"eventType":"order.created","order":1}`)
	id := p.rejected(t, `{"eventType":"order.created","order":2}`)
	anna := sitDown(t, p)
	anna.opens("/messages", id)
	anna.does(
		"open the cause",
		chromedp.Click(chromedp.CSS(`.cause-of a`)),
		chromedp.WaitVisible(chromedp.CSS(`#cause-head`)),
	)
	anna.finds(`document.querySelector('[data-live-state="on"]') !== null`)
	anna.does("mark the document", chromedp.Evaluate[chromedp.Void](`void (document.body.dataset.marked = 'yes')`))

	anna.presses("c")
	anna.does("claim it", chromedp.Click(chromedp.CSS(`.cause-actions details[open] button[value="4h"]`)))
	anna.sees("Claimed.")
	anna.does("note", chromedp.SendKeys(chromedp.CSS(`#note-text`), "The field **id** is missing"),
		chromedp.Click(chromedp.CSS(`#add-note`)))
	anna.sees("The field id is missing")
	anna.finds(`document.querySelector('.note-body strong')?.textContent === 'id'`)
	anna.does("mark as known", chromedp.Click(chromedp.CSS(`[data-key="t"]`)),
		chromedp.SendKeys(chromedp.CSS(`#known-ticket`), "OPS-7"), chromedp.Click(chromedp.CSS(`#cause-known`)))
	anna.finds(`document.querySelector('#cause-head a[href="https://tracker.example/browse/OPS-7"]') !== null`)

	p.rejected(t, `{"eventType":"order.created","order":3}`)
	anna.finds(`document.getElementById('cause-failed').textContent === '3'`)
	anna.finds(`document.body.dataset.marked === 'yes'`) // all of that without a reload

	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	anna.presses("r")
	anna.does("start the replay", chromedp.WaitVisible(chromedp.CSS(`#job-dialog[open]`)),
		chromedp.Click(chromedp.CSS(`#job-confirm button[type="submit"]`)))
	anna.sees("3 of 3 delivered")
	anna.finds(`document.getElementById('cause-failed')?.textContent !== '3'`)

	anna.opens("/messages?status=all", id)
	anna.finds(`document.querySelector('.cause-of a[href="https://tracker.example/browse/OPS-7"]') !== null`)
}
