package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
)

// signedBundle has a message of a source whose signatures follow a policy, received that long ago.
func signedBundle(t *testing.T, policy deadletter.SignaturePolicy, ago time.Duration) (bundle, person) {
	t.Helper()
	b := setup(t, func(d *console.Deps) {
		withDesk(d, func(o *desk.Deps) {
			o.Sources = desktest.Always([]desk.Source{{Name: "genesys", Signature: policy}})
		})
	})
	b.receive(t, "a-1")
	b.receive(t, "a-2")
	b.clock.Add(ago)
	return b, b.member(t, "olga", deadletter.Operator)
}

func TestPagesTellWhatBecomesOfSignatures(t *testing.T) {
	t.Parallel()
	const (
		until  = "2026-03-02 10:19:05 UTC"
		refuse = "the handler may refuse"
	)
	plain, timed := deadletter.SignaturePolicy{
		Signed: true,
	}, deadletter.SignaturePolicy{
		Signed: true,
		Age:    4 * time.Minute,
	}
	anew, timedAnew := plain, timed
	anew.Resign, timedAnew.Resign = true, true
	for name, c := range map[string]struct {
		policy                     deadletter.SignaturePolicy
		ago                        time.Duration
		message, edit, edited, job string // what each page says; "": nothing
	}{
		"no signature": {policy: deadletter.SignaturePolicy{}, ago: time.Hour},
		"without a time": {
			plain, time.Hour, "",
			"The handler may refuse an edit: the signature is that of the original. Set verify.resign to sign it anew.",
			"The handler may refuse an edit: the signature is that of the original. Set verify.resign to sign it anew.",
			"genesys: the handler may refuse edited messages, because their signatures are those of the originals.",
		},
		"without a time, signed anew": {
			anew, time.Hour, "", "The edit will be signed anew.",
			"A replay will be signed anew: the handler may refuse the signature that the message came with.",
			"genesys: edited messages will be signed anew.",
		},
		"fresh": {
			timed, time.Minute, "From " + until + " on, " + refuse + " a replay: its signature will be too old.",
			"The handler may refuse an edit: the signature is that of the original. Set verify.resign to sign it anew.",
			"The handler may refuse an edit: the signature is that of the original. Set verify.resign to sign it anew.",
			"genesys: the handler may refuse messages received over 4 min ago, and edited ones, because their " +
				"signatures are those of the originals.",
		},
		"fresh, signed anew": {
			timedAnew, time.Minute, "From " + until + " on, a replay will be signed anew.",
			"The edit will be signed anew.",
			"A replay will be signed anew: the handler may refuse the signature that the message came with.",
			"genesys: messages received over 4 min ago, and edited ones will be signed anew.",
		},
		"late": {
			timed, time.Hour,
			"The handler may refuse a replay: the signature is from 2026-03-02 10:15:05 UTC. Set verify.resign to " +
				"sign it anew.",
			"The handler may refuse an edit: the signature is that of the original. Set verify.resign to sign it anew.",
			"The handler may refuse a replay: the signature is from 2026-03-02 10:15:05 UTC. Set verify.resign to " +
				"sign it anew.",
			"genesys: the handler may refuse messages received over 4 min ago, and edited ones, because their " +
				"signatures are those of the originals.",
		},
		"late, signed anew": {
			timedAnew, time.Hour,
			"A replay will be signed anew: the handler may refuse the signature that the message came with.",
			"The edit will be signed anew.",
			"A replay will be signed anew: the handler may refuse the signature that the message came with.",
			"genesys: messages received over 4 min ago, and edited ones will be signed anew.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p := signedBundle(t, c.policy, c.ago)
			if got := p.get("/messages/a-1").says(".signature-note"); got != c.message {
				t.Errorf("the message says %q, want %q", got, c.message)
			}
			if got := p.get("/messages/a-1/edit").says(".signature-note"); got != c.edit {
				t.Errorf("the edit says %q, want %q", got, c.edit)
			}
			form := order(0, "revision", "0", "body", `{"id":7}`, "reason", "test")
			if saved := p.post("/messages/a-1/edit", form); saved.status != http.StatusSeeOther {
				t.Fatalf("the edit is refused: %d", saved.status)
			}
			b.finish(t, "a-1", deadletter.ErrorResponse, 401)
			if got := p.get("/messages/a-1").says(".signature-note"); got != c.edited {
				t.Errorf("the edited message says %q, want %q", got, c.edited)
			}
			all := url.Values{"action": {"replay"}, "scope": {"all"}, "back": {"status=failed"}}
			if got := p.post("/messages/bulk", all, htmx()...).says(".signature-note"); got != c.job {
				t.Errorf("the job says %q, want %q", got, c.job)
			}
		})
	}
}

// A page that is open when the signature becomes too old looks again then, and says so.
func TestSignatureNoteLooksAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	b, p := signedBundle(t, deadletter.SignaturePolicy{Signed: true, Age: 4 * time.Minute}, time.Minute)
	note := p.get("/messages/a-1").doc().Find(".signature-note")
	const path = "/messages/a-1/signature"
	if note.AttrOr("hx-get", "") != path || note.AttrOr("hx-trigger", "") != "load delay:180001ms, again" {
		t.Errorf("the note looks again at %q, on %q", note.AttrOr("hx-get", ""), note.AttrOr("hx-trigger", ""))
	}
	b.clock.Add(3 * time.Minute)
	again := p.get(path, htmx()...)
	if got := again.says(".signature-note"); !strings.HasPrefix(got, "The handler may refuse a replay") {
		t.Errorf("then it says %q", got)
	}
	if again.count("[hx-get]") != 0 {
		t.Error("and it looks again, though it does not change any more")
	}
	if gone := p.get("/messages/b-9/signature", htmx()...); gone.status != http.StatusNotFound {
		t.Errorf("of no message it says %d", gone.status)
	}
}

func TestHandlerMayRefuseSelectedMessages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy deadletter.SignaturePolicy
		asked  bool
	}{
		"late":              {deadletter.SignaturePolicy{Signed: true, Age: time.Minute}, true},
		"late, signed anew": {deadletter.SignaturePolicy{Signed: true, Age: time.Minute, Resign: true}, false},
		"fresh":             {deadletter.SignaturePolicy{Signed: true, Age: 2 * time.Hour}, false},
		"without a time":    {deadletter.SignaturePolicy{Signed: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, p := signedBundle(t, c.policy, time.Hour)
			got := p.post("/messages/bulk", url.Values{"action": {"replay"}, "item": {"a-1@0", "a-2@0"}}, htmx()...)
			if asked := got.count("#job-confirm") == 1; asked != c.asked {
				t.Errorf("asked: %v, want %v: %s", asked, c.asked, got.says("main"))
			}
			if c.asked && !strings.Contains(got.says(".signature-note"), "may refuse") {
				t.Errorf("it says %q", got.says(".signature-note"))
			}
		})
	}
}
