package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

// fieldMessages receives two messages whose fields and codes differ.
func fieldMessages(t *testing.T, b bundle) {
	t.Helper()
	b.receive(t, "a-1", func(c *deadletter.Capture) {
		c.Body = []byte(`{"customer":{"tier":"gold"},"amount":120}`)
	})
	b.receive(t, "b-2", func(c *deadletter.Capture) {
		c.Body = []byte(`{"customer":{"tier":"silver"},"amount":80}`)
	})
}

func TestQueryStandsInChipsAndTabs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fieldMessages(t, b)
	p := b.member(t, "vera", deadletter.Viewer)
	got := p.get("/messages?" + url.Values{"q": {`tier=gold amount:>100 -timeout status:failed missing`}}.Encode())
	if rows := got.count("tr[data-message]"); rows != 1 || got.count(`tr[data-message="a-1"]`) != 1 {
		t.Fatalf("%d messages: %s", rows, got.says("main"))
	}
	for _, want := range []string{"Field tier=gold", "Field amount:>100", "Not text timeout", "Status failed", "Text missing"} {
		if chips := strings.Join(
			strings.Fields(got.says("ul[aria-label='Active filters']")),
			" ",
		); !strings.Contains(
			chips,
			want,
		) {
			t.Errorf("the chips %q do not have %q", chips, want)
		}
	}
	remove, _ := got.doc().Find("a[aria-label='Remove filter Not text timeout']").Attr("href")
	if link, err := url.Parse(remove); err != nil ||
		link.Query().Get("q") != "tier=gold amount:>100 status:failed missing" {
		t.Errorf("a chip leads to %q, %v", remove, err)
	}
	tab, _ := got.doc().Find("#tab-resolved").Attr("href")
	link, err := url.Parse(tab)
	if err != nil || link.Query().Get("status") != "resolved" || strings.Contains(link.Query().Get("q"), "status:") {
		t.Errorf("the tab of resolved messages leads to %q, %v", tab, err)
	}
	if got.count("#tab-failed[aria-current='page']") != 1 {
		t.Error("the tab of the status that the query asks for is not the current one")
	}
}

// A search looks through all statuses, until a tab is chosen.
func TestSearchIsOfAllStatuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fieldMessages(t, b)
	p := b.member(t, "vera", deadletter.Viewer)
	if got := p.get("/messages?q=missing"); got.count("#tab-[aria-current='page']") != 1 {
		t.Error("the current tab is not All")
	}
	if got := p.get("/messages?q=missing&status=failed"); got.count("#tab-failed[aria-current='page']") != 1 {
		t.Error("the current tab is not the chosen one")
	}
}

func TestFaultOfAQueryIsMarked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fieldMessages(t, b)
	p := b.member(t, "vera", deadletter.Viewer)
	got := p.get("/messages?" + url.Values{"q": {"tier=gold code:6xx"}}.Encode())
	if got.status != http.StatusUnprocessableEntity || got.says("#search-fault mark") != "code:6xx" ||
		!strings.Contains(
			got.says("#search-fault"),
			"At character 11",
		) || got.count("input[aria-invalid='true']") != 1 ||
		got.count("tr[data-message]") != 0 {
		t.Errorf("the page answers %d and says %q", got.status, got.says("main"))
	}
}

func TestSearchSaysThatANameIsNoField(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fieldMessages(t, b)
	p := b.member(t, "vera", deadletter.Viewer)
	if says := p.get("/messages?q=nofield:missing").
		says("#search-notes"); !strings.Contains(says, `No field "nofield" was seen`) {
		t.Errorf("the notes say %q", says)
	}
}

func TestSearchIsCompleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fieldMessages(t, b)
	p := b.member(t, "vera", deadletter.Viewer)
	p.get("/messages?q=gold") // waits for the index
	for text, want := range map[string]string{
		"sta":                     "state: status:",
		"status:fa":               "failed",
		"x -tier":                 "$.customer.tier=",
		"$.customer.tier=":        "gold silver",
		"tier:si":                 "silver",
		"source:":                 "genesys",
		"assignee:":               "me none",
		"state:re":                "regressed resolved",
		`"tier`:                   "",
		"header.content-type=app": "application/json",
	} {
		t.Run(text, func(t *testing.T) {
			got := p.get("/search/complete?" + url.Values{"q": {text}}.Encode())
			var list []string
			for _, option := range got.doc().Find("[role='option'] .completion-text").EachIter() {
				list = append(list, option.Text())
			}
			if strings.Join(list, " ") != want {
				t.Errorf("%q is completed by %q, want %q", text, list, want)
			}
		})
	}
	option := p.get("/search/complete?" + url.Values{"q": {"a -tier:si b"}, "at": {"10"}}.Encode()).
		doc().
		Find("[role='option']")
	if query, _ := option.Attr("data-query"); query != "a -tier:silver b" {
		t.Errorf("the middle of a query is completed to %q", query)
	}
}

// A query for causes stands in chips and tabs as one for messages does.
func TestQueryForCausesStandsInChipsAndTabs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.threeCauses(t)
	p := b.member(t, "vera", deadletter.Viewer)
	got := p.get("/causes?" + url.Values{"q": {`code:4xx -busy state:new refused:card`}}.Encode())
	if rows := got.count("tr[data-cause]"); rows != 1 || got.count("#tab-new[aria-current='page']") != 1 {
		t.Errorf("%d causes: %s", rows, got.says("main"))
	}
	for _, want := range []string{"Code 4xx", "Not text busy", "Cause is new", "Field refused=card"} {
		if chips := got.says("ul[aria-label='Active filters']"); !strings.Contains(chips, want) {
			t.Errorf("the chips %q do not have %q", chips, want)
		}
	}
	if says := got.says("#search-notes"); !strings.Contains(says, `No field "refused" was seen`) {
		t.Errorf("the notes say %q", says)
	}
	tab, _ := got.doc().Find("#tab-muted").Attr("href")
	link, err := url.Parse(tab)
	if err != nil || link.Query().Get("state") != "muted" || strings.Contains(link.Query().Get("q"), "state:") {
		t.Errorf("the tab of muted causes leads to %q, %v", tab, err)
	}
	faulty := p.get("/causes?" + url.Values{"q": {"card state:broken"}}.Encode())
	if faulty.status != http.StatusUnprocessableEntity || faulty.says("#search-fault mark") != "state:broken" ||
		!strings.Contains(faulty.says("#search-fault"), "At character 6") ||
		faulty.count("input[aria-invalid='true']") != 1 || faulty.count("tr[data-cause]") != 0 {
		t.Errorf("the page answers %d and says %q", faulty.status, faulty.says("main"))
	}
	if a := p.get("/messages?q=state:broken"); a.status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown state of a cause is answered %d on Messages", a.status)
	}
}
