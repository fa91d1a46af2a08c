package acceptance_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// The plot on the page of a job follows the job without a reload, and its table stays open meanwhile.
func TestBrowserFollowsTheResultsOfAJob(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	for range 3 {
		p.rejected(t, `{"eventType":"order.created"}`)
	}
	id := p.rejected(t, `{"eventType":"order.created"}`)
	anna := sitDown(t, p)
	released := make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	t.Cleanup(release) // before the destination ends, which waits for its requests
	first := make(chan struct{}, 1)
	first <- struct{}{}
	p.destination.Set(func(http.ResponseWriter, *http.Request) {
		select {
		case <-first:
		case <-released:
		}
	})
	anna.opens("/messages", id)
	anna.does(
		"open the cause",
		chromedp.Click(chromedp.CSS(`.cause-of a`)), chromedp.WaitVisible(chromedp.CSS(`#cause-head`)),
	)
	anna.presses("r")
	anna.does("start the replay", chromedp.WaitVisible(chromedp.CSS(`#job-dialog[open]`)),
		chromedp.Click(chromedp.CSS(`#job-confirm button[type="submit"]`)))
	anna.sees("1 of 1 delivered")
	anna.does("open the job", chromedp.Navigate(p.ConsoleURL()+"/jobs/1"),
		chromedp.Evaluate[chromedp.Void](`void (document.body.dataset.marked = 'yes')`))
	const says = `document.querySelector('.job-plot-bars')?.getAttribute('aria-label').startsWith`
	anna.finds(says + `('1 delivered, 0 failed and 0 skipped')`)
	anna.finds(`document.querySelector('.job-plot-mark[data-mark="step"] title').textContent.startsWith('Step 2')`)
	anna.does("open the table", chromedp.Click(chromedp.CSS(`#job-results-summary`)))
	release()
	anna.finds(says + `('4 delivered, 0 failed and 0 skipped')`)
	anna.finds(`document.body.dataset.marked === 'yes' && document.getElementById('job-results-table').open`)
	anna.finds(`document.querySelector('[data-job-state="done"]') !== null`)
	anna.does("look at the audit trail", chromedp.Navigate(p.ConsoleURL()+"/audit"))
	anna.finds(`document.querySelector('tr[data-action="job.start"] .audit-job').textContent.includes('4 delivered')`)
	anna.finds(`document.querySelector('tr[data-action="attempt.delivered"]') === null`)
	anna.does("open the events of its messages",
		chromedp.Click(chromedp.CSS(`tr[data-action="job.start"] .audit-job a`)))
	anna.finds(`document.querySelectorAll('tr[data-action="attempt.delivered"]').length === 4`)
}
