package demo_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/demo"
)

// answered is what the destination said.
type answered struct {
	status int
	header http.Header
	body   string
}

func serve(t *testing.T, scan time.Duration) (url string) {
	t.Helper()
	server := httptest.NewServer(demo.NewDestination(scan).Handler())
	t.Cleanup(server.Close)
	return server.URL
}

func ask(t *testing.T, method, url, body string, header http.Header) answered {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{answer.StatusCode, answer.Header, string(text)}
}

func attempt(n string) http.Header { return http.Header{"X-Dlqdesk-Attempt": {n}} }

func TestDestinationFailsByEventKind(t *testing.T) {
	t.Parallel()
	url := serve(t, 0)
	for _, c := range []struct {
		name             string
		path, body, try  string
		status           int
		says, retryAfter string
	}{
		{"a message", "/genesys", `{"id":"1","type":"Text","text":"x"}`, "1", 503, "<title>The CRM is down", ""},
		{
			"a message, tried again", "/genesys", `{"id":"1","type":"Text","text":"x"}`, "4", 503,
			"<title>The CRM is down", "",
		},
		{
			"a message of the other platform", "/cxone", `{"eventId":"1","eventType":"MessageCreated"}`, "1", 503,
			"<title>The CRM is down", "",
		},
		{"without an id", "/genesys", `{"type":"Text"}`, "1", 422, `{"error":"field id is missing"}`, ""},
		{"with an empty id", "/genesys", `{"id":"","type":"Text"}`, "1", 422, `{"error":"field id is missing"}`, ""},
		{"with an id that is a number", "/genesys", `{"id":7}`, "1", 422, `{"error":"field id is missing"}`, ""},
		{
			"without the other platform's id", "/cxone", `{"id":"1"}`, "1", 422,
			`{"error":"field eventId is missing"}`, "",
		},
		{
			"a wrap-up", "/genesys", `{"id":"1","detail-type":"v2.detail.events.conversation.{id}.acw"}`, "1", 429,
			"rate limit", "5",
		},
		{
			"a wrap-up, tried again", "/genesys", `{"id":"1","detail-type":"v2.detail.events.conversation.{id}.acw"}`,
			"2", 200, "processed", "",
		},
		{
			"a disconnect", "/genesys", `{"id":"1","detail-type":"v2.detail.events.conversation.{id}.customer.end"}`,
			"1", 200, "processed", "",
		},
		{"typing", "/genesys", `{"id":"1","type":"Event"}`, "1", 200, "processed", ""},
		{"outbound, which has no id", "/cxone", `{"thread":{"idOnExternalPlatform":"t"}}`, "1", 200, "processed", ""},
		{
			"text that only looks like a message", "/genesys", `{"id":"1","note":"\"type\":\"Text\""}`, "1", 200,
			"processed", "",
		},
		{"no JSON", "/genesys", `<xml/>`, "1", 400, "no JSON object", ""},
		{"no object", "/cxone", `[1]`, "1", 400, "no JSON object", ""},
		{"too large", "/genesys", `{"id":"` + strings.Repeat("x", 1<<20) + `"}`, "1", 413, "too large", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ask(t, http.MethodPost, url+c.path, c.body, attempt(c.try))
			if got.status != c.status || !strings.Contains(got.body, c.says) ||
				got.header.Get("Retry-After") != c.retryAfter {
				t.Errorf("%s: %d %q, Retry-After %q; want %d %q, %q", c.name, got.status, got.body,
					got.header.Get("Retry-After"), c.status, c.says, c.retryAfter)
			}
		})
	}
	for path, want := range map[string]int{"/other": 404, "/genesys": 405} {
		t.Run(path, func(t *testing.T) {
			if got := ask(t, http.MethodGet, url+path, "", nil); got.status != want {
				t.Errorf("GET %s: %d, want %d", path, got.status, want)
			}
		})
	}
}

func TestScansExceedTheTimeout(t *testing.T) {
	t.Parallel()
	const attachment = `{"id":"1","type":"Text","content":[{"contentType":"Attachment"}]}`
	url := serve(t, time.Hour)
	ctx, hangUp := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer hangUp()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/genesys", strings.NewReader(attachment))
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := http.DefaultClient.Do(req); err == nil {
		_ = answer.Body.Close()
		t.Errorf("a scan was answered %d", answer.StatusCode)
	}
	ask(t, http.MethodPost, url+"/repair", "", nil)
	if got := ask(t, http.MethodPost, url+"/genesys", attachment, nil); got.status != http.StatusOK {
		t.Errorf("repaired, it answers %d", got.status)
	}
}

func TestRepairAndBreak(t *testing.T) {
	t.Parallel()
	url := serve(t, time.Hour)
	fates := map[string]struct{ broken, repaired int }{
		`{"id":"1","type":"Text"}`: {503, 200},
		`{"id":"1","detail-type":"v2.detail.events.conversation.{id}.acw"}`: {429, 200},
		`{"type":"Text"}`: {422, 422}, // it takes an edit
	}
	check := func(when string, repaired bool) {
		for body, fate := range fates {
			t.Run(fmt.Sprintf("%s, %s", when, body), func(t *testing.T) {
				want := fate.broken
				if repaired {
					want = fate.repaired
				}
				if got := ask(t, http.MethodPost, url+"/genesys", body, attempt("1")); got.status != want {
					t.Errorf("%s, %s: %d, want %d", when, body, got.status, want)
				}
			})
		}
	}
	check("at first", false)
	if got := ask(t, http.MethodPost, url+"/repair", "", nil); got.status != 200 ||
		!strings.HasPrefix(got.body, "repaired:") {
		t.Errorf("curl is told %d %q", got.status, got.body)
	}
	check("repaired", true)
	if got := ask(t, http.MethodPost, url+"/break", "", nil); got.status != 200 ||
		!strings.HasPrefix(got.body, "broken:") {
		t.Errorf("curl is told %d %q", got.status, got.body)
	}
	check("broken again", false)
}

func TestControlPage(t *testing.T) {
	t.Parallel()
	url := serve(t, 0)
	browser := http.Header{"Accept": {"text/html,application/xhtml+xml"}}
	ask(t, http.MethodPost, url+"/genesys", `{"id":"1","type":"Text"}`, nil)
	ask(t, http.MethodPost, url+"/genesys", `{"id":"2","type":"Text"}`, nil)

	page := ask(t, http.MethodGet, url+"/", "", browser)
	for _, want := range []string{"<strong>broken</strong>", `action="/repair"`, "<td>/genesys</td><td>503 " +
		"Service Unavailable</td><td class=\"n\">2</td>"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %s:\n%s", want, page.body)
		}
	}
	page = ask(t, http.MethodPost, url+"/repair", "", browser.Clone()) // follows the redirect, as a browser does
	if page.status != http.StatusOK || !strings.Contains(page.body, `action="/break"`) ||
		!strings.Contains(page.body, "<strong>repaired</strong>") {
		t.Errorf("after the repair: %d\n%s", page.status, page.body)
	}
	text := ask(t, http.MethodGet, url+"/", "", nil)
	if want := "repaired: events are taken, but for those without their id\n     2  /genesys  503 Service " +
		"Unavailable\n"; text.body != want {
		t.Errorf("curl is told %q, want %q", text.body, want)
	}
}
