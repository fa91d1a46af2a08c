package desktest

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// PageCost is the cost of a page for a browser with an empty cache. The payload editor is counted apart.
type PageCost struct {
	Requests    int
	Bytes       int     // transferred, with the headers of the answers
	Script      int     // of Bytes
	Editor      int     // besides Bytes
	Interactive float64 // milliseconds from the click until the page is there and nothing keeps it from answering
}

// weigh sums up what the browser noted of a page, once half a second has passed in which it was not busy.
const weigh = `new Promise(done => {
	let free = 0
	const note = e => { free = Math.max(free, e.startTime + e.duration) }
	new PerformanceObserver(list => list.getEntries().forEach(note)).observe({type: 'longtask', buffered: true})
	const look = () => {
		const page = performance.getEntriesByType('navigation')[0]
		if (page.loadEventEnd === 0 || performance.now() - Math.max(free, page.loadEventEnd) < 500) {
			return setTimeout(look, 50)
		}
		const all = [page, ...performance.getEntriesByType('resource')]
		const sum = keep => all.filter(keep).reduce((n, e) => n + e.transferSize, 0)
		const editor = e => /\/editor-[^/]*$/.test(e.name)
		done({
			Requests: all.length, Bytes: sum(e => !editor(e)), Editor: sum(editor),
			Script: sum(e => !editor(e) && e.initiatorType === 'script'),
			Interactive: Math.max(free, page.domContentLoadedEventEnd),
		})
	}
	look()
})`

// weighLimit bounds one page on a slow connection.
const weighLimit = 30 * time.Second

// MeasurePage opens a page in a tab and returns its requests, bytes and times.
func MeasurePage(t testing.TB, tab context.Context, url string) PageCost {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab, weighLimit)
	defer cancel()
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(
		ctx, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true},
	); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	w, err := chromedp.Run(ctx, chromedp.Evaluate[PageCost](weigh, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("weigh %s: %v", url, err)
	}
	return w
}
