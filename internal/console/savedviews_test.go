package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

func TestListIsSavedAsANamedView(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	olga, vera := b.member(t, "olga", deadletter.Operator), b.member(t, "vera", deadletter.Viewer)
	const query = "source=genesys&status=failed"
	got := olga.post("/views", form("name", "  Missing   ids ", "back", query+"&evil=1", "shared", "yes"), htmx()...)
	if got.status != http.StatusOK || got.says("#views .view-name") != "Missing ids" {
		t.Fatalf("saving answers %d with views %q", got.status, got.says("#views .view-name"))
	}
	if link, _ := got.doc().Find("#views .view-row a").Attr("href"); link != "/messages?"+query {
		t.Errorf("the view leads to %q", link)
	}
	// All users see a shared view; its owner deletes it.
	seen := vera.get("/messages")
	if !strings.Contains(seen.says("#views li"), "Missing ids by olga") || seen.count("#views li form") != 0 {
		t.Errorf("another sees %q", seen.says("#views li"))
	}
	if got := vera.post("/views/1/delete", url.Values{}); got.status != http.StatusSeeOther {
		t.Errorf("another's delete answers %d", got.status)
	}
	if vera.get("/messages").count("#views li") != 1 {
		t.Error("another deleted it")
	}
	vera.post("/views", form("name", "mine", "back", query))
	vera.post("/views", form("name", "ours", "back", query, "shared", "yes"))
	if got := vera.get("/messages"); got.count("#views li") != 2 || olga.get("/messages").count("#views li") != 1 {
		t.Errorf("a viewer has views %q", got.says("#views li"))
	}
	olga.post("/views", form("name", "missing IDS", "back", "status=all"))
	if link, _ := olga.get("/messages").doc().Find("#views .view-row a").Attr("href"); link != "/messages?status=all" {
		t.Errorf("the same name again leads to %q", link)
	}
	olga.post("/views/1/delete", url.Values{})
	if olga.get("/messages").count("#views li") != 0 {
		t.Error("a deleted view is still there")
	}
	actions := map[string]int{}
	for _, e := range b.events(t) {
		actions[e.Action]++
	}
	if actions["view.save"] != 3 || actions["view.delete"] != 1 {
		t.Errorf("the trail tells of %v", actions)
	}
	for _, name := range []string{"", " ", strings.Repeat("x", 61)} {
		t.Run(fmt.Sprintf("%.10q", name), func(t *testing.T) {
			if got := olga.post(
				"/views",
				form("name", name, "back", ""),
				htmx()...); !strings.Contains(got.text, "give the view a name") &&
				!strings.Contains(got.text, "Give the view a name") {
				t.Errorf("the name %q is taken", name)
			}
		})
	}
}

func TestListRemembersItsLayout(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	olga, vera := b.member(t, "olga", deadletter.Operator), b.member(t, "vera", deadletter.Viewer)
	got := olga.post(
		"/messages/layout",
		form("density", "compact", "column", "source", "column", "response", "back", "status=all"),
		htmx()...)
	want := "grid-table messages-table compact without-type without-cause without-attempts without-last"
	if class, _ := got.doc().Find("table").Attr("class"); got.status != http.StatusOK || class != want {
		t.Errorf("it answers %d with %q", got.status, class)
	}
	olga.post("/signout", url.Values{})
	olga.post("/signin", form("name", "olga", "password", password))
	if class, _ := olga.get("/messages").doc().Find("table").Attr("class"); class != want {
		t.Errorf("after signing in again it is %q", class)
	}
	if class, _ := vera.get("/messages").doc().Find("table").Attr("class"); strings.Contains(class, "compact") {
		t.Errorf("another's is %q", class)
	}
}
