package acceptance_test

import (
	"bufio"
	"net/http"
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/app"
	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
)

// A stream of changes does not hold up the stop. A client that connects again is told of what it missed, and of nothing
// twice.
func TestStreamOfChangesGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	d := desktest.NewDestination(t)
	d.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	cfg := settings(t, d)
	first := app.New(cfg, app.Options{Log: desktest.Log(t)})
	if err := first.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := program{first, cfg, d}
	var secret string
	err := app.New(cfg, app.Options{Log: desktest.Log(t)}).Users(t.Context(), func(users *auth.Auth) (err error) {
		_, secret, err = users.AddToken(t.Context(), deadletter.CLI("root"),
			deadletter.TokenInput{Name: "watch", Machine: true, Role: deadletter.Viewer}, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	next := p.changes(t, secret, "")
	status, told := p.post(t, `{"id":"1"}`, nil)
	before := kept(t, status, told)
	id, target := next()
	if target != before {
		t.Errorf("the stream tells of %q, want %q", target, before)
	}
	status, told = p.post(t, `{"id":"2"}`, nil)
	missed := kept(t, status, told)
	hurry(t, first)
	for target != "" { // the second may come before the end
		_, target = next()
	}

	p = program{begin(t, cfg), cfg, d}
	next = p.changes(t, secret, id)
	status, told = p.post(t, `{"id":"3"}`, nil)
	want := []string{missed, kept(t, status, told)}
	var got []string
	for range want {
		_, target := next()
		got = append(got, target)
	}
	if !slices.Equal(got, want) {
		t.Errorf("after the restart it tells of %v, want %v", got, want)
	}
}

// changes opens a stream of what is received. The function that it returns waits for the next id and message; they are
// empty once the stream has ended.
func (p program) changes(t *testing.T, secret, lastID string) (next func() (id, message string)) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.ConsoleURL()+"/api/v1/events?kind=message", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("the stream is answered %v, %v", answer, err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	lines := bufio.NewScanner(answer.Body)
	return func() (id, message string) {
		for lines.Scan() {
			if after, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				id = after
			}
			const received = `"action":"message.received","targetKind":"message","target":"`
			if _, data, ok := strings.Cut(lines.Text(), received); ok {
				message, _, _ = strings.Cut(data, `"`)
				return id, message
			}
		}
		return "", ""
	}
}
