// Package acceptance_test tests the whole program from outside: it embeds internal/app, or runs the built binary in a
// process of its own. Tests of one part belong to the package of that part.
package acceptance_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
)

// program is a whole dlqdesk with one real destination behind it.
type program struct {
	*app.App
	cfg         config.Config
	destination *desktest.Destination
}

const password = "correct horse battery"

// settings is a configuration whose retries are too far off to come into a test.
func settings(t *testing.T, d *desktest.Destination) config.Config {
	t.Helper()
	return config.Config{
		Listen:  "127.0.0.1:0",
		DataDir: usedFolder(t),
		Queue:   config.Queue{SpoolLimit: 1 << 30},
		Sources: []config.Source{
			{
				Name:          "genesys",
				Destination:   d.URL + "/genesys",
				Mode:          config.Direct,
				Timeout:       5 * time.Second,
				MaxBody:       1 << 20,
				MaxConcurrent: 64,
				Retry:         deadletter.RetryPolicy{MaxAttempts: 5, Base: time.Hour, Cap: 24 * time.Hour},
				Breaker: config.Breaker{
					FailureRate:   0.5,
					Window:        time.Minute,
					MinDeliveries: 10,
					Probe:         15 * time.Second,
					RampStart:     20,
				},
			},
		},
	}
}

// usedFolder returns the data folder of a dlqdesk that was started once: a first start runs all migrations, which takes
// a while under the race detector.
func usedFolder(t *testing.T) string {
	t.Helper()
	dir := filepath.Dir(desktest.NewStoreFile(t))
	if err := os.WriteFile(filepath.Join(dir, "audit.key"), desktest.Key(), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func setup(t *testing.T, change func(*config.Config)) program {
	t.Helper()
	d := desktest.NewDestination(t)
	cfg := settings(t, d)
	if change != nil {
		change(&cfg)
	}
	return program{begin(t, cfg), cfg, d}
}

func begin(t *testing.T, cfg config.Config) *app.App {
	t.Helper()
	a := app.New(cfg, app.Options{Log: desktest.Log(t)})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, a) })
	return a
}

func end(t *testing.T, a *app.App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := a.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// post sends a webhook and returns the response.
func (p program) post(t *testing.T, body string, headers http.Header) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(
		t.Context(), http.MethodPost, p.URL()+"/webhooks/genesys", strings.NewReader(body),
	)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = headers.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	if req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return do(t, http.DefaultClient, req)
}

func do(t *testing.T, client *http.Client, req *http.Request) (int, string) {
	t.Helper()
	answer, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// signIn sets up the first user and returns a browser without script that is signed in.
func (p program) signIn(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	link, err := url.Parse(p.SetupURL())
	if err != nil {
		t.Fatal(err)
	}
	p.submit(
		t,
		client,
		"/setup",
		url.Values{
			"token":    {link.Query().Get("token")},
			"name":     {"anna"},
			"password": {password},
			"confirm":  {password},
		},
	)
	return client
}

// signInAgain signs in whom signIn has set up.
func (p program) signInAgain(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	p.submit(t, client, "/signin", url.Values{"name": {"anna"}, "password": {password}})
	return client
}

// submit posts a form, and returns the page after it.
func (p program) submit(t *testing.T, client *http.Client, path string, form url.Values) string {
	t.Helper()
	status, text := p.postForm(t, client, path, form)
	if status != http.StatusOK {
		t.Fatalf("POST %s: %d %s", path, status, text)
	}
	return text
}

func (p program) postForm(t *testing.T, client *http.Client, path string, form url.Values) (int, string) {
	t.Helper()
	body := strings.NewReader(form.Encode())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.ConsoleURL()+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return do(t, client, req)
}

func (p program) get(t *testing.T, client *http.Client, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.ConsoleURL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, client, req)
}

// await asks for a page until it holds a text; the deadline of the test is the limit.
func (p program) await(t *testing.T, client *http.Client, path, text string) string {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for {
		status, body := p.get(t, client, path)
		if status == http.StatusOK && strings.Contains(body, text) {
			return body
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("GET %s: %d, without %q", path, status, text)
		}
	}
}
