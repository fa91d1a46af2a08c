package desk_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// copies is a desk that sends copies of the messages of genesys to a real handler: masked to staging, and unmasked to
// lab.
type copies struct {
	bundle
	to *desktest.Destination
}

func setupCopies(t *testing.T) copies {
	t.Helper()
	b := copies{setup(t), desktest.NewDestination(t)}
	b.to.Set(desktest.Answer(http.StatusOK, `{"customer":{"ssn":"078-05-1120"}}`))
	client := delivery.NewClient(context.Background(), time.Now)
	t.Cleanup(client.Close)
	source := desk.Source{
		Name: "genesys",
		CopiesTo: []desk.CopyTo{
			{CopyTo: deadletter.CopyTo{Name: "staging", Masked: true}, URL: b.to.URL + "/staging"},
			{CopyTo: deadletter.CopyTo{Name: "lab"}, URL: b.to.URL + "/lab"},
		},
		Copies:   delivery.Destination{Timeout: 20 * time.Second},
		ProvedBy: []string{"X-Platform-Proof"},
	}
	masks := desktest.Masks("genesys", redact.Options{
		Headers: []string{"X-Tenant"}, Paths: []payload.Path{{"customer", "ssn"}},
	})
	b.Desk = desk.New(desk.Deps{
		Store:   b.store,
		Sources: desktest.Always([]desk.Source{source}),
		Masks:   desktest.Always(masks),
		Copies:  client,
		Kick:    func() { t.Error("the worker was kicked") },
		Now:     b.clock.Now,
	})
	return b
}

func (b copies) secret(t *testing.T, id string) deadletter.Message {
	t.Helper()
	return b.receive(t, id, func(c *deadletter.Capture) {
		c.Body = []byte(`{"customer":{"ssn":"078-05-1120"},"n":12345678901234567890}`)
		c.Headers["X-Tenant"], c.Headers["X-Note"] = []string{"tenant-s3cret"}, []string{"plain"}
		c.Headers["X-Hub-Signature-256"] = []string{"sha256=s3cret"}
		c.Headers["X-Platform-Proof"] = []string{"proof-s3cret"}
		c.Query = "token=s3cret&page=2"
	})
}

// facts returns what the audit trail says of the copies of a message, newest first.
func (b copies) facts(t *testing.T, id string) (actions []string, facts []deadletter.CopyFacts, trail string) {
	t.Helper()
	page, err := b.store.Events(t.Context(), store.EventQuery{EventFilter: store.EventFilter{Target: id}, Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Items {
		if f, ok := e.CopyFacts(); ok {
			actions, facts = append(actions, e.By+" "+e.Action), append(facts, f)
			trail += string(e.After) + e.Reason + e.Source
		}
	}
	return actions, facts, trail
}

func TestCopyIsMaskedAndChangesNothing(t *testing.T) {
	t.Parallel()
	b := setupCopies(t)
	m := b.secret(t, "a-1")
	_, a, err := b.SendElsewhere(t.Context(), anna, ref(m), "staging")
	if err != nil || a.Outcome != deadletter.Delivered || a.StatusCode != http.StatusOK {
		t.Fatalf("%+v, %v", a, err)
	}
	sent := b.to.Received()[0]
	all := fmt.Sprint(sent.Header) + sent.Query + string(sent.Body)
	if strings.Contains(all, "s3cret") || strings.Contains(all, "078-05-1120") {
		t.Errorf("a secret was sent: %s", all)
	}
	h := sent.Header
	if h.Get("X-Dlqdesk-Copy") != "staging" || h.Get("X-Note") != "plain" || h.Get("Webhook-Id") != "a-1" ||
		h.Get("X-Tenant") != redact.Mask || h.Values("X-Hub-Signature-256") != nil ||
		h.Values("X-Platform-Proof") != nil || h.Values("X-Dlqdesk-Attempt") != nil ||
		string(sent.Body) != `{"customer":{"ssn":"•••"},"n":12345678901234567890}` ||
		sent.Query != "token=%E2%80%A2%E2%80%A2%E2%80%A2&page=2" {
		t.Errorf("sent %v ?%s %s", h, sent.Query, sent.Body)
	}
	if got := desktest.Message(t, b.store, "a-1"); got.Status != m.Status || got.Version != m.Version ||
		got.Attempts != m.Attempts || got.Outcome != m.Outcome {
		t.Errorf("the message became %+v", got)
	}
	cause, err := b.store.Cause(t.Context(), m.Fingerprint)
	if err != nil || cause.Unedited.Tried+cause.Edited.Tried != 0 {
		t.Errorf("the cause counts %+v, %v", cause, err)
	}
	actions, facts, trail := b.facts(t, "a-1")
	if strings.Join(actions, ", ") != "anna message.copied, anna message.copy" ||
		facts[0].To != "staging" || !facts[0].Masked || facts[0].StatusCode != http.StatusOK ||
		!strings.Contains(facts[0].Response, redact.Mask) || !strings.HasSuffix(trail, "genesys") ||
		strings.Contains(trail, "078-05-1120") {
		t.Errorf("audited %v %s", actions, trail)
	}
}

func TestUnmaskedCopyHasNoSignature(t *testing.T) {
	t.Parallel()
	b := setupCopies(t)
	m := b.secret(t, "a-1")
	if _, _, err := b.SendElsewhere(t.Context(), anna, ref(m), "lab"); err != nil {
		t.Fatal(err)
	}
	sent := b.to.Received()[0]
	if !strings.Contains(string(sent.Body), "078-05-1120") || sent.Header.Get("X-Tenant") != "tenant-s3cret" ||
		sent.Query != "token=s3cret&page=2" || sent.Header.Values("X-Hub-Signature-256") != nil ||
		sent.Header.Values("X-Platform-Proof") != nil {
		t.Errorf("sent %v ?%s %s", sent.Header, sent.Query, sent.Body)
	}
	if _, facts, _ := b.facts(t, "a-1"); facts[0].Masked {
		t.Error("the audit trail calls it masked")
	}
}

func TestFailedCopyIsAResultAndNoFailure(t *testing.T) {
	t.Parallel()
	b := setupCopies(t)
	m := b.secret(t, "a-1")
	for status, answer := range map[int]http.HandlerFunc{
		http.StatusInternalServerError: desktest.Answer(http.StatusInternalServerError, `{"error":"no"}`),
		http.StatusTemporaryRedirect: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
	} {
		b.to.Set(answer)
		_, a, err := b.SendElsewhere(t.Context(), anna, ref(m), "staging")
		if err != nil || a.Outcome != deadletter.ErrorResponse || a.StatusCode != status {
			t.Errorf("%d: %+v, %v", status, a, err)
		}
	}
	if n := len(b.to.Received()); n != 2 {
		t.Errorf("%d requests were sent, so a redirect was followed", n)
	}
	if got := desktest.Message(t, b.store, "a-1"); got.Status != m.Status || got.Version != m.Version {
		t.Errorf("the message became %+v", got)
	}
}

func TestOneCopyOfAMessageIsSentAtATime(t *testing.T) {
	t.Parallel()
	b := setupCopies(t)
	m := b.secret(t, "a-1")
	answer := make(chan struct{})
	b.to.Set(func(http.ResponseWriter, *http.Request) { <-answer })
	asked, hangUp := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, _, err := b.SendElsewhere(asked, anna, ref(m), "staging")
		first <- err
	}()
	b.to.Await(t)
	if actions, _, _ := b.facts(t, "a-1"); strings.Join(actions, ", ") != "anna message.copy" {
		t.Errorf("while it is in flight the audit trail has %v", actions)
	}
	_, _, err := b.SendElsewhere(t.Context(), bert, ref(m), "staging")
	if deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("a second copy returns %v", err)
	}
	hangUp()
	close(answer)
	if err := <-first; err != nil {
		t.Errorf("after its browser hung up it returns %v", err)
	}
	if _, facts, _ := b.facts(t, "a-1"); facts[0].StatusCode != http.StatusOK {
		t.Errorf("its result is recorded as %+v", facts[0])
	}
	if _, _, err := b.SendElsewhere(t.Context(), bert, ref(m), "staging"); err != nil {
		t.Errorf("the next copy returns %v", err)
	}
}

func TestCopyIsRefused(t *testing.T) {
	t.Parallel()
	b := setupCopies(t)
	m := b.secret(t, "a-1")
	elsewhere := func(by deadletter.Actor, name string) error {
		_, _, err := b.SendElsewhere(t.Context(), by, ref(m), name)
		return err
	}
	all := func(n int) error {
		_, err := b.SendAllElsewhere(t.Context(), anna, make([]desk.Ref, n), "staging")
		return err
	}
	forward := func(by deadletter.Actor, f desk.Forward) error {
		_, err := b.Forward(t.Context(), by, "a-1", f)
		return err
	}
	root := deadletter.CLI("root")
	for name, c := range map[string]struct {
		err  error
		kind deadletter.Kind
	}{
		"nobody":            {elsewhere(noone, "staging"), deadletter.Unauthenticated},
		"viewer":            {elsewhere(vera, "staging"), deadletter.Forbidden},
		"unknown name":      {elsewhere(anna, "http://127.0.0.1:1"), deadletter.Conflict},
		"too many":          {all(deadletter.MaxCopies + 1), deadletter.Invalid},
		"none":              {all(0), deadletter.Invalid},
		"URL of a user":     {forward(anna, desk.Forward{To: b.to.URL}), deadletter.Forbidden},
		"other machine":     {forward(root, desk.Forward{To: "http://192.0.2.1:3000"}), deadletter.Invalid},
		"name of a machine": {forward(root, desk.Forward{To: "http://127.0.0.1.example.com"}), deadletter.Invalid},
		"user information":  {forward(root, desk.Forward{To: "http://127.0.0.1@192.0.2.1/"}), deadletter.Invalid},
		"no URL":            {forward(root, desk.Forward{To: "127.0.0.1:3000"}), deadletter.Invalid},
		"no reason":         {forward(root, desk.Forward{To: b.to.URL, Unmasked: true}), deadletter.Invalid},
	} {
		if deadletter.KindOf(c.err) != c.kind {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	if actions, _, _ := b.facts(t, "a-1"); len(actions) != 0 || len(b.to.Received()) != 0 {
		t.Errorf("%v, %d requests", actions, len(b.to.Received()))
	}
}

func TestBatchOfCopies(t *testing.T) {
	t.Parallel()
	b := setupCopies(t)
	var refs []desk.Ref
	for i := range 6 {
		refs = append(refs, ref(b.secret(t, fmt.Sprint("a-", i))))
	}
	got, err := b.SendAllElsewhere(t.Context(), anna, append(refs, desk.Ref{ID: "none"}), "staging")
	if err != nil || len(got.Sent) != 6 || len(got.Refused) != 1 || len(b.to.Received()) != 6 {
		t.Errorf("%d sent, %v refused, %d received, %v", len(got.Sent), got.Refused, len(b.to.Received()), err)
	}
}

func TestForwardSendsToThisMachine(t *testing.T) {
	t.Parallel()
	b := setupCopies(t)
	b.secret(t, "a-1")
	for _, f := range []desk.Forward{{To: b.to.URL}, {To: b.to.URL, Unmasked: true, Reason: "ssn 078-05-1120 fails"}} {
		a, err := b.Forward(t.Context(), deadletter.CLI("root"), "a-1", f)
		if err != nil || a.Outcome != deadletter.Delivered {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	sent := b.to.Received()
	if strings.Contains(string(sent[0].Body), "078-05-1120") || !strings.Contains(string(sent[1].Body), "078-05-1120") {
		t.Errorf("sent %s and %s", sent[0].Body, sent[1].Body)
	}
	actions, facts, trail := b.facts(t, "a-1")
	if len(actions) != 4 || facts[0].To != b.to.URL || facts[0].Masked || strings.Contains(trail, "078-05-1120") {
		t.Errorf("audited %v %s", actions, trail)
	}
}
