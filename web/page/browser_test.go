package page_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dlqdesk/web"
	"dlqdesk/web/gallery"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const policy = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// chromium is the browser of all tests, started by the first that asks. Each test has a profile of its own in it.
var chromium = sync.OnceValues(func() (context.Context, error) {
	options := append(
		chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, quit := chromedp.NewContext(alloc)
	endChromium = func() { quit(); stop() }
	return ctx, chromedp.Do(ctx)
})

var endChromium = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	endChromium()
	os.Exit(code)
}

// browser is a profile of a browser, and a server of pages for it.
type browser struct {
	ctx    context.Context
	server *httptest.Server
	axe    string
}

func setup(t *testing.T, mux *http.ServeMux) browser {
	t.Helper()
	mux.Handle(web.Prefix, web.Assets())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	axe, err := os.ReadFile("../node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	shared, err := chromium()
	if err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	ctx, closeProfile := chromedp.NewContext(shared, chromedp.WithNewBrowserContext())
	t.Cleanup(closeProfile)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a profile: %v", err)
	}
	return browser{ctx: ctx, server: server, axe: string(axe)}
}

// tab opens a tab that fails the test on any complaint of the browser: a refused style, a script that broke, a
// missing file.
func (b browser) tab(t *testing.T) context.Context {
	t.Helper()
	var mu sync.Mutex
	var complaints []string
	ctx, closeTab := chromedp.NewContext(b.ctx, chromedp.WithListener(func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *log.EventEntryAdded:
			// A page that shows a refused request has no fault.
			if !strings.Contains(e.Entry.Text, "status of 4") && !strings.Contains(e.Entry.Text, "status of 5") &&
				!strings.Contains(e.Entry.Text, "ERR_") {
				complaints = append(complaints, e.Entry.Text+" "+e.Entry.URL)
			}
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, fmt.Sprintf("%+v %+v", e.ExceptionDetails, e.ExceptionDetails.Exception))
		}
	}))
	t.Cleanup(closeTab)
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, complaint := range complaints {
			t.Errorf("the browser complains: %s", complaint)
		}
	})
	run(t, ctx)
	limited, stop := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(stop)
	return limited
}

func run(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func eval[T any](t *testing.T, ctx context.Context, script string) T {
	t.Helper()
	answer, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return answer
}

// await waits until a script is true.
func await(t *testing.T, ctx context.Context, script string) {
	t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](script, chromedp.WithPollingTimeout(time.Minute))); err != nil {
		t.Fatalf("waiting for %s: %v", script, err)
	}
}

type look struct {
	name   string
	width  int64
	height int64
	scheme string
	axe    string // the options of axe-core; empty: everything there is was checked in another look
}

// looks are those of a page. Colours are all the same whatever the width, and what is no colour is the same in both
// themes.
func looks() []look {
	const colours = "'color-contrast', 'link-in-text-block'"
	return []look{
		{"wide-light", 1440, 900, "light", `{}`},
		{"wide-dark", 1440, 900, "dark", `{runOnly: [` + colours + `]}`},
		{"narrow-light", 390, 844, "light", `{rules: {'color-contrast': {enabled: false}}}`},
		{"narrow-dark", 390, 844, "dark", ""},
	}
}

// pagesOfTab is how many pages one tab shows in turn, because a new tab takes as long as half a page.
const pagesOfTab = 12

// Every page in every state has no overflow and no accessibility fault, in both themes and at the width of a phone.
// `go test -artifacts` keeps the screenshots.
func TestGalleryFitsAndIsAccessible(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	for _, e := range gallery.Examples() {
		mux.HandleFunc("GET /gallery/"+e.Name, func(w http.ResponseWriter, r *http.Request) {
			if err := e.Component.Render(r.Context(), w); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("HX-Request") == "" {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(http.StatusNoContent) // a part that looks again stays as it is, as in gallery.Handler
	})
	b := setup(t, mux)
	shots := t.ArtifactDir()
	shot := func(t *testing.T, name string) string {
		t.Helper()
		if flag.Lookup("test.artifacts").Value.String() != "true" {
			return ""
		}
		return filepath.Join(shots, name)
	}
	t.Run("examples", func(t *testing.T) {
		pages := slices.DeleteFunc(gallery.Examples(), func(e gallery.Example) bool { return e.Partial })
		for some := range slices.Chunk(pages, pagesOfTab) {
			t.Run("tab", func(t *testing.T) {
				t.Parallel()
				ctx := b.tab(t)
				for _, e := range some {
					t.Run(e.Name, func(t *testing.T) {
						run(t, ctx, chromedp.Navigate(b.server.URL+"/gallery/"+e.Name))
						for _, l := range looks() {
							b.look(t, ctx, l, shot(t, e.Name+"-"+l.name+".png"))
						}
					})
				}
			})
		}
	})
}

// widest names the elements that reach beyond the window and do not scroll.
const widest = `[...document.querySelectorAll('body *')].
	filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
	.slice(0, 4).map(e => e.outerHTML.slice(0, 120)).join("\n")`

func (b browser) look(t *testing.T, ctx context.Context, l look, shot string) {
	t.Helper()
	features := []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: l.scheme},
		{Name: "prefers-reduced-motion", Value: "reduce"},
	}
	if _, err := chromedp.Call(
		ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features},
	); err != nil {
		t.Fatal(err)
	}
	run(t, ctx, chromedp.EmulateViewport(l.width, l.height))
	await(t, ctx, `document.documentElement.dataset.theme === "`+l.scheme+`"`)
	eval[bool](t, ctx, `document.fonts.ready.then(() => true)`)
	if shot != "" {
		image, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(shot, image, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if over := eval[int](
		t, ctx, `document.documentElement.scrollWidth - document.documentElement.clientWidth`,
	); over > 0 {
		t.Errorf("%s: the page is %d px wider than the window: %s", l.name, over, eval[string](t, ctx, widest))
	}
	if l.axe == "" {
		return
	}
	for _, v := range b.violations(t, ctx, l.axe) {
		t.Errorf("%s: %s", l.name, v)
	}
}

// violations returns what axe-core finds serious or critical.
func (b browser) violations(t *testing.T, ctx context.Context, options string) []string {
	t.Helper()
	if !eval[bool](t, ctx, `'axe' in window`) {
		run(t, ctx, chromedp.Evaluate[chromedp.Void](b.axe))
	}
	text := eval[string](
		t, ctx,
		`axe.run(document, {resultTypes: ['violations'], ...`+options+`}).then(r => JSON.stringify(r.violations))`,
	)
	var found []struct {
		ID, Impact, Help string
		Nodes            []struct{ HTML, FailureSummary string }
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		t.Fatal(err)
	}
	var serious []string
	for _, v := range found {
		if v.Impact != "serious" && v.Impact != "critical" {
			continue
		}
		for _, node := range v.Nodes[:min(3, len(v.Nodes))] {
			serious = append(serious, fmt.Sprintf("%s (%s): %s\n%s", v.ID, v.Help, node.HTML, node.FailureSummary))
		}
	}
	return serious
}
