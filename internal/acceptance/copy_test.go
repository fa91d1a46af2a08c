package acceptance_test

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"

	"dlqdesk/internal/desktest"
)

// Copies reach staging and the machine of a developer, masked, beside a running server. They are in the audit trail,
// and change nothing of their message.
func TestCopiesGoElsewhere(t *testing.T) {
	t.Parallel()
	production, staging, local := desktest.NewDestination(t), desktest.NewDestination(t), desktest.NewDestination(t)
	production.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	staging.Set(desktest.Answer(http.StatusOK, `{}`))
	local.Set(desktest.Answer(http.StatusOK, `{}`))
	const once = "mask: { json: [$.shoe] }"
	r := startReloaded(t, "sources:\n"+source("orders", production.URL, once))
	r.send(t, "orders", `{"shoe":"wide-4711"}`, "Authorization", "Bearer s3cret")
	eventually(t, func() bool { return strings.Contains(r.page(t, "/messages?status=failed"), `href="/messages/`) })
	at := messagePath(t, r.page(t, "/messages?status=failed"))
	at, _, _ = strings.Cut(at, "?")
	if strings.Contains(r.page(t, at), at+"/copy") {
		t.Error("a copy is offered without a destination")
	}
	elsewhere := `, destinations: { staging: { url: "` + staging.URL + `" } }`
	r.reload(t, "sources:\n"+source("orders", production.URL, once+elsewhere))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+at+"/copy",
		strings.NewReader(url.Values{"version": {"0"}, "to": {"staging"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, text := do(t, r.browser, req)
	if status != http.StatusOK || !strings.Contains(text, "Sent to staging: 200 in ") || len(staging.Received()) != 1 {
		t.Errorf("%d, %d at staging", status, len(staging.Received()))
	}

	forward := func(wanted int, says string, args ...string) {
		t.Helper()
		code, out := run(t, append([]string{"forward", path.Base(at), "--config", r.file}, args...)...)
		if code != wanted || !strings.Contains(out, says) {
			t.Errorf("forward %q exits with %d: %s", args, code, out)
		}
	}
	forward(0, "Masked copy of "+path.Base(at)+": 200 in ", "--to", local.URL)
	forward(0, `"statusCode": 200`, "--to", local.URL, "--json")
	forward(0, "Unmasked copy of", "--to", local.URL, "--unmasked", "--reason", "the shoe decides")
	forward(2, "--to", "--unmasked")
	forward(2, "--unmasked needs --reason", "--to", local.URL, "--unmasked")
	forward(2, "is not this machine", "--to", "http://192.0.2.1:3000")
	forward(1, "422 in ", "--to", production.URL)
	if code, out := run(t, "forward", "none", "--to", local.URL, "--config", r.file); code != 4 {
		t.Errorf("an unknown message exits with %d: %s", code, out)
	}
	got := local.Received()
	if len(got) != 3 || string(got[0].Body) != `{"shoe":"•••"}` || string(got[2].Body) != `{"shoe":"wide-4711"}` ||
		got[0].Header.Get("X-Dlqdesk-Copy") != local.URL || got[0].Header.Get("Authorization") == "Bearer s3cret" {
		t.Errorf("the developer received %+v", got)
	}
	if page := r.page(t, "/messages?status=failed"); !strings.Contains(page, at) {
		t.Error("the message is not failed any more")
	}
	if page := r.page(t, at); !strings.Contains(page, "sent unmasked to "+local.URL) ||
		!strings.Contains(page, "(command line)") || !strings.Contains(page, "the shoe decides") {
		t.Error("the page lacks what was sent")
	}
	if code, out := run(t, "audit", "verify", "--config", r.file); code != 0 {
		t.Errorf("the audit trail: %s", out)
	}
}
