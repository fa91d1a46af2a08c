package page_test

import (
	"net/http"
	"testing"
	"time"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"

	"github.com/chromedp/chromedp"
)

// The plots are drawn, tell their figures, lead to the messages, and stay on the screen while the figures behind them
// change.
func TestPlots(t *testing.T) {
	t.Parallel()
	const data = `{"from":1772409600000,"step":900000,"failed":[0,7,0],"byRetries":[0,2,0],"byPeople":[0,1,0],` +
		`"url":"/messages?status=all&source=genesys"}`
	figures := func(text string) page.OverviewFigures {
		return page.OverviewFigures{
			URL:       "/overview",
			Span:      "hour",
			Plot:      page.Plot{Summary: "some failed", Data: data},
			Headlines: []page.Headline{{Label: "Need a person now", Count: page.Count{Text: text, URL: "/messages"}}},
			Sources:   []page.SourceRow{{Name: "genesys", Plot: page.Plot{Summary: "some failed", Data: data}}},
			Steps: []page.StepRow{
				{From: ui.At(time.UnixMilli(1772409600000)), Failed: page.Count{Text: "7", URL: "/messages"}},
			},
		}
	}
	looks := make(chan struct{}, 8)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /overview", func(w http.ResponseWriter, r *http.Request) {
		part := page.Overview(page.Chrome{User: "anna"}, figures("7"))
		if r.Header.Get("HX-Request") != "" {
			part = page.OverviewContent(figures("8"))
			looks <- struct{}{}
		}
		if err := part.Render(r.Context(), w); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc(
		"GET /messages",
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<p id=messages>Messages</p>")) },
	)
	b := setup(t, mux)
	ctx := b.tab(t)
	run(t, ctx, chromedp.EmulateViewport(1200, 800), chromedp.Navigate(b.server.URL+"/overview"))
	await(t, ctx, `document.querySelectorAll('.uplot canvas').length === 2`)
	const painted = `(c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].
		some((v, i) => i % 4 === 3 && v > 0))(document.querySelector('#plot-all canvas'))`
	await(t, ctx, painted)

	run(t, ctx, chromedp.Click(chromedp.CSS("#steps summary")), chromedp.Focus(chromedp.CSS("#headline-0")))
	eval[bool](
		t,
		ctx,
		`(window.canvas = document.querySelector('#plot-all canvas'),
			Date.now = (now => () => now() + 20_000)(Date.now), true)`,
	)
	<-looks
	await(t, ctx, `document.querySelector('#headline-0').textContent === '8'`)
	if !eval[bool](t, ctx, `canvas === document.querySelector('#plot-all canvas') && canvas.isConnected`) {
		t.Error("the plot was made anew")
	}
	if !eval[bool](t, ctx, `document.querySelector('#steps').open && document.activeElement.id === 'headline-0'`) {
		t.Error("what was open is closed, or the focus is gone")
	}

	const over = `(e => { const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })
		(document.querySelector('#plot-all .u-over'))`
	place := eval[[]float64](t, ctx, over)
	run(t, ctx, chromedp.MouseEvent(chromedp.MouseMoved, place[0], place[1]))
	await(
		t, ctx,
		`document.querySelector('.plot-readout').textContent.includes('7 failed, 2 recovered by retries, 1 by people')`,
	)
	run(t, ctx, chromedp.MouseClickXY(place[0], place[1]), chromedp.WaitVisible(chromedp.CSS("#messages")))
	if got := eval[string](
		t, ctx, `location.search`,
	); got != "?status=all&source=genesys&from=2026-03-02T00:15&to=2026-03-02T00:30" {
		t.Errorf("a click leads to %s", got)
	}
}
