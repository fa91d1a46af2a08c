package page_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dlqdesk/web/page"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const (
	searchField   = `document.getElementById('filter-q')`
	searchOptions = `[...document.querySelectorAll('#filter-q-list:not([hidden]) bdi')].map(e => e.textContent).join(' ')`
)

// asKeyboards makes a key do what it does on a keyboard: it writes nothing where a script takes it.
func asKeyboards(key *input.DispatchKeyEventParams) {
	if key.Type == kb.KeyDown {
		key.Type = input.DispatchKeyEventTypeRawKeyDown
	}
}

// completing offers names for a text that ends in t, and values after an equals sign.
func completing(w http.ResponseWriter, r *http.Request) {
	text := r.URL.Query().Get("q")
	var list []page.Completion
	switch {
	case strings.HasSuffix(text, "="):
		list = []page.Completion{
			{Text: "<b>", Query: text + "<b> ", Caret: "9"}, {Text: "客户", Query: text + "客户 ", Caret: "8"},
		}
	case strings.HasSuffix(text, "t"):
		list = []page.Completion{
			{Text: "total=", Hint: "field", Query: "total=", Caret: "6"},
			{Text: "tier=", Hint: "field", Query: "tier=", Caret: "5"},
		}
	}
	show(http.StatusOK, page.Completions(list))(w, r)
}

func TestSearchIsCompletedByKeyboard(t *testing.T) {
	t.Parallel()
	sought := make(chan url.Values, 10)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /messages", func(w http.ResponseWriter, r *http.Request) {
		sought <- r.URL.Query()
		show(http.StatusOK, messagesPage(listOf(1)))(w, r)
	})
	mux.HandleFunc("GET /search/complete", completing)
	_, ctx := openMessages(t, mux)
	<-sought
	press := func(keys string) { run(t, ctx, chromedp.KeyEvent(keys, asKeyboards)) }
	selected := func() string {
		return eval[string](t, ctx, `document.getElementById(`+searchField+
			`.getAttribute('aria-activedescendant'))?.querySelector('bdi').textContent ?? ''`)
	}
	run(t, ctx, chromedp.Click(chromedp.CSS("#filter-q")))
	press("t")
	await(t, ctx, searchOptions+` === 'total= tier='`)
	if got := eval[string](t, ctx, searchField+`.role + ' ' + `+searchField+`.ariaExpanded`); got != "combobox true" {
		t.Errorf("with an open list the field is %q", got)
	}
	for _, step := range []struct{ key, selected string }{
		{kb.ArrowDown, "total="}, {kb.ArrowDown, "tier="}, {kb.ArrowDown, "total="}, {kb.ArrowUp, "tier="},
	} {
		press(step.key)
		if got := selected(); got != step.selected {
			t.Errorf("an arrow selects %q, not %q", got, step.selected)
		}
	}
	press(kb.Enter)
	await(t, ctx, searchOptions+` === '<b> 客户'`) // the values of the name
	press(kb.ArrowUp)
	press(kb.Enter)
	if got := eval[string](t, ctx, searchField+`.value + `+searchField+`.selectionStart`); got != "tier=客户 8" {
		t.Errorf("the field has %q", got)
	}
	select {
	case query := <-sought:
		t.Errorf("choosing searched for %v", query)
	default:
	}
	press("t")
	await(t, ctx, searchOptions+` === 'total= tier='`)
	press(kb.Escape)
	if got := eval[string](t, ctx, searchOptions+` + `+searchField+`.value`); got != "tier=客户 t" {
		t.Errorf("after Escape there is %q", got)
	}
	press(kb.Enter)
	if got := (<-sought).Get("q"); got != "tier=客户 t" {
		t.Errorf("Enter searches for %q", got)
	}
}

// A person types on while the server is slow: the answer to the latest text is shown.
func TestLatestCompletionsAreShown(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle("GET /messages", show(http.StatusOK, messagesPage(listOf(1))))
	asked, abandoned := make(chan bool), make(chan bool)
	mux.HandleFunc("GET /search/complete", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("q") == "s" {
			close(asked)
			<-r.Context().Done()
			close(abandoned)
			return
		}
		<-abandoned
		completing(w, r)
	})
	_, ctx := openMessages(t, mux)
	run(t, ctx, chromedp.Click(chromedp.CSS("#filter-q")), chromedp.KeyEvent("s"))
	<-asked
	run(t, ctx, chromedp.KeyEvent("t"))
	await(t, ctx, searchOptions+` === 'total= tier='`)
}

// The box on Causes is the same: it completes, and Enter searches.
func TestSearchForCausesIsCompletedByKeyboard(t *testing.T) {
	t.Parallel()
	sought := make(chan url.Values, 10)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /causes", func(w http.ResponseWriter, r *http.Request) {
		sought <- r.URL.Query()
		show(http.StatusOK, page.Causes(page.Chrome{Title: "Causes"}, page.CausesView{State: page.StateNoMatch}))(w, r)
	})
	mux.HandleFunc("GET /search/complete", completing)
	b := setup(t, mux)
	ctx := b.tab(t)
	run(t, ctx, chromedp.Navigate(b.server.URL+"/causes"))
	<-sought
	press := func(keys string) { run(t, ctx, chromedp.KeyEvent(keys, asKeyboards)) }
	press("/")
	press("t")
	await(t, ctx, searchOptions+` === 'total= tier='`)
	press(kb.ArrowDown)
	press(kb.Tab)
	await(t, ctx, searchOptions+` === '<b> 客户'`)
	press(kb.Escape)
	press(kb.Enter)
	if got := (<-sought).Get("q"); got != "total=" {
		t.Errorf("Enter searches for %q", got)
	}
}
