package acceptance_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
)

// The process is killed as soon as it has answered: what a person decided about a cause is in the store, with its
// event.
func TestKilledProcessKeepsTheStatesOfCauses(t *testing.T) {
	t.Parallel()
	p, desk := failing(t, "")
	desk.holds(t, []string{p.post(t, `{"id":"a-1"}`, http.StatusOK)})
	cause := desk.onlyCause(t)
	if cause.State != deadletter.CauseNew || cause.Failed != 1 {
		t.Fatalf("the cause is %+v", cause)
	}
	err := app.New(desk.cfg, app.Options{Log: desktest.Log(t)}).Users(t.Context(), func(users *auth.Auth) error {
		return users.AddUser(t.Context(), deadletter.CLI("root"), "olga", "operator", password)
	})
	if err != nil {
		t.Fatal(err)
	}
	olga := browser(t)
	p.submit(t, olga, "/signin", url.Values{"name": {"olga"}, "password": {password}})
	p.submit(t, olga, "/causes/"+cause.Fingerprint+"/claim", url.Values{"version": {"0"}, "for": {"4h"}})
	p.kill()
	again := serve(t, write(t, desk.cfg))
	if cause = desk.onlyCause(
		t,
	); cause.State != deadletter.CauseClaimed || cause.Owner != "olga" ||
		cause.Version != 1 ||
		time.Until(cause.OwnedUntil) < 3*time.Hour {
		t.Errorf("after the end of the process the cause is %+v", cause)
	}
	again.stop(t)
	if report, err := auditOf(desk.cfg).Verify(t.Context()); err != nil {
		t.Errorf("the audit trail says %v: %+v", err, report)
	}
}

// submit posts a form that leads on to another page.
func (p *process) submit(t *testing.T, client *http.Client, path string, form url.Values) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if status, text := do(t, client, r); status != http.StatusSeeOther {
		t.Fatalf("%s answers %d: %s", path, status, text)
	}
}

// onlyCause returns the cause of all messages.
func (p program) onlyCause(t *testing.T) deadletter.Cause {
	t.Helper()
	s := p.beside(t)
	list, err := s.TopCauses(t.Context(), "", 2)
	if err != nil || len(list) != 1 {
		t.Fatalf("causes %+v, %v", list, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return list[0]
}
