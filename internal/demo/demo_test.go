package demo

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var at = time.Date(2026, 3, 2, 10, 15, 5, 0, time.UTC)

func TestEveryEventIsJSONOfItsPlatform(t *testing.T) {
	t.Parallel()
	withoutID := 0
	for n := range 2 * len(mix) {
		e, err := makeEvent(n, at)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal([]byte(e.body), &fields); err != nil || strings.Contains(e.body, "$") {
			t.Errorf("event %d is %s: %v", n, e.body, err)
		}
		id := map[string]string{"genesys": "id", "cxone": "eventId"}[e.source]
		if id == "" {
			t.Errorf("event %d is of source %q", n, e.source)
		}
		if fields[id] == nil {
			withoutID++
		}
	}
	if withoutID == 0 {
		t.Error("no event lacks its id, so nothing needs an edit")
	}
}

func TestDestinationFailsUntilItIsRepaired(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newDestination(time.Millisecond).handler())
	t.Cleanup(server.Close)
	for name, c := range map[string]struct{ path, body string }{
		"message":    {"/genesys", `{"id":"1","type":"Text"}`},
		"wrap-up":    {"/genesys", `{"id":"1","detail-type":"v2.detail.events.conversation.{id}.acw"}`},
		"cxone":      {"/cxone", `{"eventId":"1","eventType":"MessageCreated"}`},
		"attachment": {"/genesys", `{"id":"1","content":[{"contentType":"Attachment"}]}`},
		"no id":      {"/genesys", `{"eventType":"conversation:updated"}`},
		"no JSON":    {"/cxone", `<xml/>`},
	} {
		status, header := post(t, server.URL+c.path, c.body)
		want := map[string]int{"message": 503, "wrap-up": 429, "cxone": 503, "attachment": 200, "no id": 422, "no JSON": 400}[name]
		if status != want {
			t.Errorf("%s: %d, want %d", name, status, want)
		}
		if status == http.StatusTooManyRequests && header.Get("Retry-After") == "" {
			t.Error("a 429 comes without Retry-After")
		}
	}
	post(t, server.URL+"/repair", "")
	if status, _ := post(t, server.URL+"/genesys", `{"id":"1","type":"Text"}`); status != http.StatusOK {
		t.Errorf("repaired, it answers %d", status)
	}
	if status, _ := post(t, server.URL+"/genesys", `{"type":"Text"}`); status != http.StatusUnprocessableEntity {
		t.Errorf("repaired, it answers an event without an id %d", status)
	}
	post(t, server.URL+"/break", "")
	if status, _ := post(t, server.URL+"/genesys", `{"id":"1","type":"Text"}`); status != http.StatusServiceUnavailable {
		t.Errorf("broken again, it answers %d", status)
	}
}

func post(t *testing.T, url, body string) (int, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return answer.StatusCode, answer.Header
}

func TestSenderPostsAsAPlatformDoes(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r }))
	t.Cleanup(server.Close)
	s := newSender(server.URL, func() time.Time { return at })
	if err := s.post(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	r := <-got
	if r.URL.Path != "/webhooks/cxone" || r.Header.Get("Webhook-Id") == "" || r.Header.Get("Authorization") == "" {
		t.Errorf("%s with %v", r.URL.Path, r.Header)
	}
}

func TestConfigurationNamesBothSources(t *testing.T) {
	t.Parallel()
	text := Options{Listen: "127.0.0.1:8080", Destination: "127.0.0.1:9090", Data: "data/demo"}.configuration()
	for _, line := range []string{"listen: 127.0.0.1:8080", "destination: http://127.0.0.1:9090/genesys", "mode: buffered"} {
		if !strings.Contains(text, line) {
			t.Errorf("without %q:\n%s", line, text)
		}
	}
}
