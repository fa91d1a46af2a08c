package acceptance_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"dlqdesk/internal/config"
	"dlqdesk/internal/desktest"
)

// person is a user of a real browser.
type person struct {
	t   *testing.T
	tab context.Context
	program
}

// sitDown opens the set-up link and makes the first user with it.
func sitDown(t *testing.T, p program) person {
	t.Helper()
	anna := person{t, desktest.NewBrowser(t), p}
	anna.does("set up",
		chromedp.Navigate(p.SetupURL()),
		chromedp.SendKeys(chromedp.CSS(`input[name="name"]`), "anna"),
		chromedp.SendKeys(chromedp.CSS(`input[name="password"]`), password),
		chromedp.SendKeys(chromedp.CSS(`input[name="confirm"]`), password),
		chromedp.Submit(chromedp.CSS(`form[action="/setup"]`)),
		chromedp.WaitVisible(chromedp.CSS(`#causes`)),
	)
	return anna
}

func (p person) does(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.tab, steps...); err != nil {
		page, _ := chromedp.Run(p.tab, chromedp.Evaluate[string](`document.body.innerText`))
		p.t.Fatalf("%s: %v\nthe page reads:\n%s", what, err, page)
	}
}

// sees waits until the page reads a text. The page may be left for another meanwhile, so a failed look is just taken
// again.
func (p person) sees(text string) {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for {
		page, err := chromedp.Run(p.tab, chromedp.Evaluate[string](`document.body.innerText`))
		if err == nil && strings.Contains(page, text) {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			p.t.Fatalf("the page does not say %q: %v\nit reads:\n%s", text, err, page)
		}
	}
}

// awaits opens a list again and again, as a person would, until something is on it: messages are on their way through
// the queue.
func (p person) awaits(list, selector string) {
	p.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for found := false; !found; <-tick.C {
		p.does("open the list", chromedp.Navigate(p.ConsoleURL()+list), chromedp.WaitVisible(chromedp.CSS(`#messages`)))
		var err error
		if found, err = chromedp.Run(
			p.tab, chromedp.Evaluate[bool]("document.querySelector('"+selector+"') !== null"),
		); err != nil {
			p.t.Fatal(err)
		}
	}
}

// presses presses keys, one after the other.
func (p person) presses(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		p.does("press "+key, chromedp.KeyEvent(key))
	}
}

// finds waits until a condition of the page is true. While it reads what the page has not, it is not.
func (p person) finds(condition string) {
	p.t.Helper()
	holds := "(() => { try { return " + condition + " } catch { return false } })()"
	if _, err := chromedp.Run(
		p.tab, chromedp.Poll[bool](holds, chromedp.WithPollingTimeout(time.Minute)),
	); err != nil {
		p.t.Fatalf("%s never holds: %v", condition, err)
	}
}

// opens goes from the list to the one message that it shows.
func (p person) opens(list, id string) {
	p.t.Helper()
	link := `#messages a[href^="/messages/` + id + `"]`
	p.awaits(list, link)
	p.does("open the message", chromedp.Click(chromedp.CSS(link)), chromedp.WaitVisible(chromedp.CSS(`#message-panel`)))
}

func TestBrowserReplaysAMessageAfterTheDestinationIsRepaired(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	id := p.rejected(t, `{"name":"Größe"}`)
	anna := sitDown(t, p)
	anna.opens("/messages", id)
	anna.sees("field id is missing")
	anna.does("replay while it still fails", chromedp.Click(chromedp.CSS(`#replay`)))
	anna.sees("Error response: 422")
	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	anna.does("replay", chromedp.Click(chromedp.CSS(`#replay:not([disabled])`)))
	anna.sees("Delivered: 200")
	anna.sees("Resolved")
	anna.does(
		"look at the audit trail", chromedp.Navigate(p.ConsoleURL()+"/audit?message="+id),
		chromedp.WaitVisible(chromedp.CSS(`#audit`)),
	)
	anna.sees("anna")
	if n := len(p.destination.Received()); n != 3 {
		t.Errorf("%d deliveries, want 3: the webhook and two replays", n)
	}
}

// The desk opens on causes: a new one appears on the open page, and the keyboard is enough to claim and open it.
func TestBrowserOpensOnCauses(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	anna := sitDown(t, p)
	anna.sees("Nothing has failed")
	p.rejected(t, `{"n":1}`)
	anna.finds(`document.querySelectorAll('#causes tr[data-cause]').length === 1`)
	anna.does("stay where a reload would show", chromedp.Evaluate[chromedp.Void](`document.body.dataset.kept = 'yes'`))
	anna.presses("j")
	p.rejected(t, `{"n":2}`)
	anna.finds(`document.querySelector('tr[data-cause] .open-failed').textContent.includes('2')`)
	anna.presses("c")
	anna.sees("You claimed 1 cause.")
	anna.finds(`document.querySelector('tr[data-cause] .standing-owner').textContent.includes('you')`)
	anna.finds(`document.body.dataset.kept === 'yes' && document.querySelector('tr[data-cause][data-cursor]') !== null`)
	anna.presses("j", "\r")
	anna.does("open the cause", chromedp.WaitVisible(chromedp.CSS(`#cause-panel`)))
	anna.presses("g", "c")
	anna.does("go back to the list", chromedp.WaitVisible(chromedp.CSS(`#causes`)))
}

// An open list follows what happens, and stands still while messages are selected.
func TestBrowserFollowsTheList(t *testing.T) {
	t.Parallel()
	p := setup(t, func(c *config.Config) { c.Sources[0].Timeout = time.Minute })
	id := p.rejected(t, `{"eventType":"first"}`)
	anna := sitDown(t, p)
	anna.opens("/messages", id)
	anna.does(
		"go back by the keyboard", chromedp.Navigate(p.ConsoleURL()+"/messages?status=all"),
		chromedp.WaitVisible(chromedp.CSS(`[data-live-state="on"]`)),
	)
	_, second := p.post(t, `{"eventType":"second"}`, nil)
	anna.does("see that a message is new", chromedp.WaitVisible(chromedp.CSS(`#live-new`)))
	anna.sees("1 new")
	anna.does(
		"select", chromedp.Click(chromedp.CSS(`[name="item"]`)),
		chromedp.WaitVisible(chromedp.CSS(`[data-live-state="paused"]`)),
	)
	status, third := p.post(t, `{"eventType":"third"}`, nil)
	p.holds(t, []string{id, kept(t, http.StatusOK, second), kept(t, status, third)})
	anna.sees("Paused while messages are selected")
	anna.sees("1 new")
	anna.does("let go", chromedp.KeyEvent("\x1b"))
	anna.sees("2 new")
	anna.does(
		"load what is new", chromedp.Click(chromedp.CSS(`#live-new`)),
		chromedp.WaitVisible(chromedp.CSS(`tr[data-message]:nth-child(3)`)),
	)
	seen := make(chan struct{})
	p.destination.Set(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-seen:
		case <-r.Context().Done():
		}
	})
	anna.does("replay the first by the keyboard", chromedp.KeyEvent("j"), chromedp.KeyEvent("r"),
		chromedp.WaitVisible(chromedp.CSS(`tr[data-message] [data-status="replaying"]`)))
	close(seen)
	anna.does(
		"see it resolved in place",
		chromedp.WaitVisible(chromedp.CSS(`tr[data-message] [data-status="resolved"]`)),
	)
}

// Every key of the list has its effect. While the user types in a field, no key has one.
func TestBrowserWorksTheListByKeyboard(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"field id is missing"}`))
	var ids []string
	for range 3 {
		status, told := p.post(t, `{}`, nil)
		ids = append(ids, kept(t, status, told))
	}
	p.holds(t, ids)
	anna := sitDown(t, p)
	anna.awaits("/messages", `tr[data-message]`)
	anna.presses("j", "j", "k", "j")
	anna.finds(`document.querySelectorAll('tr[data-message]')[1].matches('[data-cursor]')`)
	anna.presses("x")
	anna.finds(`document.querySelectorAll('[name="item"]')[1].checked`)
	anna.presses("\x1b")
	anna.finds(`!document.querySelector('[name="item"]:checked') && !document.querySelector('tr[data-cursor]')`)
	anna.presses("?")
	anna.finds(`document.getElementById('help').open`)
	anna.presses("j", "\x1b")
	anna.finds(`!document.getElementById('help').open && !document.querySelector('tr[data-cursor]')`)
	anna.presses("/", "j", "x", "?")
	anna.finds(
		`document.activeElement.value.endsWith('jx?') && !document.querySelector('tr[data-cursor]') && ` +
			`!document.querySelector('dialog[open]')`,
	)
	anna.does("leave the field", chromedp.Click(chromedp.CSS(`#messages-title`)))
	anna.presses("j", "j", "\r")
	anna.does("see the message", chromedp.WaitVisible(chromedp.CSS(`#message-panel`)))
	anna.presses("u")
	anna.does("be back in the list", chromedp.WaitVisible(chromedp.CSS(`#messages`)))
	anna.finds(`document.querySelectorAll('tr[data-message]')[1].matches('[data-cursor]')`)
	anna.presses("a")
	anna.does("be asked why", chromedp.WaitVisible(chromedp.CSS(`#job-dialog[open]`)))
	anna.presses("\x1b")
	anna.finds(`!document.querySelector('dialog[open]')`)
	anna.finds(`!!(at => Date.now = () => at)(Date.now())`) // the clock of the page stands still between the two keys
	anna.presses("g", "a")
	anna.does("see the trail", chromedp.WaitVisible(chromedp.CSS(`#audit`)))
}

// In a grouped list the keys go from message to message, and the number of a cause changes in place.
func TestBrowserWorksAGroupedList(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	var ids []string
	for i := range 5 {
		text := "id is missing"
		if i == 0 {
			text = "card is refused"
		}
		p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"field `+text+`"}`))
		status, told := p.post(t, `{}`, nil)
		ids = append(ids, kept(t, status, told))
	}
	p.holds(t, ids)
	anna := sitDown(t, p)
	anna.awaits("/messages?group=cause", `tr[data-message]`)
	anna.finds(`document.querySelector('.group-count').textContent.includes('Show all 4')`)
	anna.presses("j", "j", "j", "j")
	anna.finds(`document.querySelector('.group-row:nth-of-type(5) + tr').matches('[data-cursor]')`)
	p.post(t, `{"another":1}`, nil)
	anna.finds(`document.querySelector('.group-count').textContent.includes('Show all 5')`)
	anna.does("show all of the cause", chromedp.Click(chromedp.CSS(`.group-count a`)))
	anna.finds(`document.querySelectorAll('tr[data-message]').length === 5 && !document.querySelector('.group-row')`)
}

func TestBrowserEditsAndReplays(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	id := p.rejected(t, `{"name":"Größe"}`)
	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	anna := sitDown(t, p)
	anna.opens("/messages", id)
	anna.does(
		"open the editor", chromedp.Click(chromedp.CSS(`a[href^="/messages/`+id+`/edit"]`)),
		chromedp.WaitVisible(chromedp.CSS(`.edit-host`)),
	)
	anna.does("leave a comma out",
		chromedp.SetValue(chromedp.CSS(`#body`), "{\n  \"id\": 7\n  \"name\": \"Größe\"\n}"),
		chromedp.SendKeys(chromedp.CSS(`#reason`), "the id was missing"),
		chromedp.Click(chromedp.CSS(`form[action$="/edit"] button[type="submit"]`)))
	anna.sees("line 3")
	anna.does("put it right",
		chromedp.SetValue(chromedp.CSS(`#body`), "{\n  \"id\": 7,\n  \"name\": \"Größe\"\n}"),
		chromedp.Click(chromedp.CSS(`form[action$="/edit"] button[type="submit"]`)),
		chromedp.WaitVisible(chromedp.CSS(`#message-panel`)))
	anna.sees("Delivered: 200")
	anna.sees("edit 1 by anna")
	anna.does("compare the edit with the original",
		chromedp.Click(chromedp.CSS(`#message-history a[href*="/compare?"]`)),
		chromedp.WaitVisible(chromedp.CSS(`.compare-host`)))
	received := p.destination.Received()
	if got := string(received[len(received)-1].Body); got != "{\n  \"id\": 7,\n  \"name\": \"Größe\"\n}" {
		t.Errorf("the destination got %q", got)
	}
	if string(received[0].Body) != `{"name":"Größe"}` {
		t.Errorf("the webhook was delivered as %q", received[0].Body)
	}
}

func TestBrowserArchivesAndRestores(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	id := p.rejected(t, `{}`)
	anna := sitDown(t, p)
	anna.opens("/messages", id)
	anna.does("archive",
		chromedp.Click(chromedp.CSS(`.message-actions summary`)),
		chromedp.SendKeys(chromedp.CSS(`#archive-reason`), "a test of the platform"),
		chromedp.Click(chromedp.CSS(`form[action$="/archive"] button[type="submit"]`)),
		chromedp.WaitVisible(chromedp.CSS(`#restore`)))
	anna.sees("Archived")
	anna.does("restore", chromedp.Click(chromedp.CSS(`#restore`)), chromedp.WaitVisible(chromedp.CSS(`#replay`)))
	anna.sees("Failed")
	anna.does(
		"look at the audit trail", chromedp.Navigate(p.ConsoleURL()+"/audit?message="+id),
		chromedp.WaitVisible(chromedp.CSS(`#audit`)),
	)
	anna.sees("a test of the platform")
}
