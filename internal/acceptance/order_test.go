package acceptance_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dlqdesk/internal/desktest"
)

// An event fails, a newer one of the same conversation is delivered, and the replay of the first asks. The order key
// comes by a reload, after the failure.
func TestReplayAfterANewerEventAsks(t *testing.T) {
	t.Parallel()
	handler := desktest.NewDestination(t)
	handler.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	r := startReloaded(t, "sources:\n"+source("genesys", handler.URL, "max_concurrent: 4"))
	first := `{"conversationId":"talk-7","event":"opened"}`
	if _, text := r.send(t, "genesys", first); !strings.Contains(text, "queued") {
		t.Fatalf("the handler takes it: %s", text)
	}
	list := ""
	eventually(t, func() bool {
		list = r.page(t, "/messages?status=failed")
		return strings.Contains(list, `href="/messages/`)
	})
	message := messagePath(t, list)
	r.reload(t, "sources:\n"+source("genesys", handler.URL, "order_key: [$.conversationId]"))
	eventually(t, func() bool { return strings.Contains(r.page(t, message), "Messages of this conversation") })

	handler.Set(desktest.Answer(http.StatusOK, `{}`))
	for _, event := range []string{"changed", "closed"} {
		body := `{"conversationId":"talk-7","event":"` + event + `"}`
		if status, text := r.send(t, "genesys", body); status != http.StatusOK || !strings.Contains(text, "accepted") {
			t.Fatalf("%s is answered %d %s", event, status, text)
		}
	}
	r.send(t, "genesys", `{"conversationId":"talk-8","event":"opened"}`)
	const newer = "2 newer events of this conversation were delivered"
	eventually(t, func() bool { return strings.Contains(r.page(t, message), newer) })

	before := len(handler.Received())
	replay := func(form url.Values) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(
			t.Context(), http.MethodPost, r.url+message+"/replay", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return do(t, r.browser, req)
	}
	form := url.Values{"version": {"0"}, "revision": {"0"}}
	if status, text := replay(form); status != http.StatusPreconditionRequired || !strings.Contains(text, newer) {
		t.Errorf("the replay is answered %d", status)
	}
	if got := len(handler.Received()); got != before {
		t.Errorf("it was sent before the answer: %d requests, before %d", got, before)
	}
	form.Set("newer", "yes")
	replay(form)
	eventually(t, func() bool { return len(handler.Received()) == before+1 })
}
