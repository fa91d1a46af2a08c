package console_test

import (
	"net/http"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

// An editor reads a body in the form that it shows, and no form has a secret in it.
func TestBodyIsReturnedInTheRequestedForm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(
		t, "a-1",
		func(c *deadletter.Capture) { c.Body = []byte("{\"n\":1.10,\n\"customer\":{\"ssn\":\"078-05-1120\"}}") },
	)
	p := b.member(t, "vera", deadletter.Viewer)
	for form, want := range map[string]string{
		"":       "{\"n\":1.10,\n\"customer\":{\"ssn\":\"•••\"}}",
		"edit":   "{\"n\":1.10,\n\"customer\":{\"ssn\":\"•••\"}}",
		"pretty": "{\n  \"n\": 1.10,\n  \"customer\": {\n    \"ssn\": \"•••\"\n  }\n}",
	} {
		t.Run("form "+form, func(t *testing.T) {
			if a := p.get("/messages/a-1/body?revision=0&form=" + form); a.status != http.StatusOK || a.text != want {
				t.Errorf("the form %q answers %d: %s", form, a.status, a.text)
			}
		})
	}
}

// A body that is too large for a page links to all of it.
func TestLargePayloadIsCutAndOffersADownload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1", func(c *deadletter.Capture) { c.Body = []byte(`["` + strings.Repeat("x", 1<<20) + `"]`) })
	p := b.member(t, "vera", deadletter.Viewer)
	page := p.get("/messages/a-1")
	if n := len(page.says(".payload-box")); n > 257<<10 {
		t.Errorf("the page has %d bytes of the payload", n)
	}
	whole := page.doc().Find("[data-full]").AttrOr("data-full", "")
	if a := p.get(whole); a.status != http.StatusOK || len(a.text) < 1<<20 {
		t.Errorf("%q answers %d with %d bytes", whole, a.status, len(a.text))
	}
}
