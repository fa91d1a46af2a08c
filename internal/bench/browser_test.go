package bench_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"dlqdesk/internal/desktest"
)

// The slow connection and the slow machine of a phone in a train, as Lighthouse assumes them.
const (
	slowBytes   = 1.6 * (1 << 20) / 8 // per second
	slowLatency = 150                 // milliseconds
	slowdown    = 4
)

// BenchmarkPageWeight opens pages in a real browser that has nothing of the desk yet: what they transfer, and how
// long it takes on a slow connection and a slow machine until they can be used.
func BenchmarkPageWeight(b *testing.B) {
	s := newSite(b, manyMessages/10)
	tab := s.browse(b)
	message := "/messages/" + messageID(fewMessages/2)
	for _, page := range []struct{ name, path string }{
		{"list", "/messages"},
		{"message", message},
		{"edit", message + "/edit"},
		{"overview", "/overview"},
		{"audit", "/audit"},
	} {
		b.Run(page.name, func(b *testing.B) {
			var fast, slow []float64
			var w desktest.PageCost
			for b.Loop() {
				throttle(b, tab, false)
				w = desktest.MeasurePage(b, tab, s.url+page.path)
				fast = append(fast, w.Interactive)
				throttle(b, tab, true)
				slow = append(slow, desktest.MeasurePage(b, tab, s.url+page.path).Interactive)
			}
			report(b, float64(w.Requests), "requests")
			report(b, float64(w.Bytes)/(1<<10), "KiB")
			report(b, float64(w.Script)/(1<<10), "script-KiB")
			report(b, float64(w.Editor)/(1<<10), "editor-KiB")
			report(b, median(fast), "interactive-ms")
			report(b, median(slow), "interactive-slow-ms")
		})
	}
}

// browse signs the site's user in at a browser.
func (s site) browse(b *testing.B) context.Context {
	b.Helper()
	tab := desktest.NewBrowser(b)
	address, err := url.Parse(s.url)
	if err != nil {
		b.Fatal(err)
	}
	if err := chromedp.Do(tab, chromedp.Navigate(s.url+"/signin")); err != nil {
		b.Fatal(err)
	}
	for _, c := range s.client.Jar.Cookies(address) {
		if _, err := chromedp.Call(
			tab, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: s.url},
		); err != nil {
			b.Fatal(err)
		}
	}
	return tab
}

// throttle makes a tab as slow as a phone in a train, or as fast as it is.
func throttle(b *testing.B, tab context.Context, slow bool) {
	b.Helper()
	line, rate := network.Conditions{DownloadThroughput: -1, UploadThroughput: -1}, 1.0
	if slow {
		line, rate = network.Conditions{
			Latency:            slowLatency,
			DownloadThroughput: slowBytes,
			UploadThroughput:   slowBytes,
		}, slowdown
	}
	if _, err := chromedp.Call(
		tab,
		network.EmulateNetworkConditionsByRule,
		network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*network.Conditions{&line},
		},
	); err != nil {
		b.Fatal(err)
	}
	if _, err := chromedp.Call(
		tab, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: rate},
	); err != nil {
		b.Fatal(err)
	}
}
