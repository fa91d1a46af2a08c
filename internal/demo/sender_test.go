package demo_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dlqdesk/internal/demo"
)

func clock() time.Time { return now }

func TestSenderPostsAsAPlatformDoes(t *testing.T) {
	t.Parallel()
	type posted struct {
		path   string
		header http.Header
		body   []byte
	}
	got := make(chan posted, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- posted{r.Method + " " + r.URL.Path, r.Header, body}
		_, _ = io.WriteString(w, `{"status":"queued_for_retry","messageId":"m"}`)
	}))
	t.Cleanup(server.Close)
	s := demo.NewSender(server.URL, clock, io.Discard)
	for n := range 2 {
		status, err := s.Post(t.Context(), n)
		if err != nil || status != "queued_for_retry" {
			t.Fatalf("event %d: %q, %v", n, status, err)
		}
		p, e := <-got, makeEvent(t, n)
		if p.path != "POST /webhooks/"+e.Source || !json.Valid(p.body) ||
			p.header.Get("User-Agent") != e.Header.Get("User-Agent") {
			t.Errorf("event %d came as %s with %v and %s", n, p.path, p.header, p.body)
		}
		if n == 1 && p.header.Get("Webhook-Id") == "" {
			t.Errorf("event %d has lost its id: %v", n, p.header)
		}
	}
}

func TestSenderReportsARefusal(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"500":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"not dlqdesk":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") },
		"cut off":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"empty answer": func(http.ResponseWriter, *http.Request) {},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			t.Cleanup(server.Close)
			if status, err := demo.NewSender(server.URL, clock, io.Discard).Post(t.Context(), 0); err == nil {
				t.Errorf("%s: taken for %q", name, status)
			}
		})
	}
}

func TestSenderContinuesUntilStopped(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var posts atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch posts.Add(1) {
		case 2, 3, 4:
			w.WriteHeader(http.StatusInternalServerError)
			return
		case 8:
			stop()
		}
		_, _ = io.WriteString(w, `{"status":"accepted"}`)
	}))
	t.Cleanup(server.Close)
	var out strings.Builder
	demo.NewSender(server.URL, clock, &out).Run(ctx, 5, 0, time.Millisecond)
	if posts.Load() != 8 {
		t.Errorf("%d events were sent, want 8", posts.Load())
	}
	if told := out.String(); strings.Count(told, "500 Internal Server Error") != 1 ||
		!strings.Contains(told, "5 events are sent") {
		t.Errorf("it told %q; want one refusal of the row, and that 5 are sent", told)
	}
}

func TestAwait(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" || asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	if err := demo.NewSender(server.URL, clock, io.Discard).Await(t.Context()); err != nil || asked.Load() != 3 {
		t.Errorf("up after %d questions, %v", asked.Load(), err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := demo.NewSender("http://127.0.0.1:1", clock, io.Discard).Await(ctx); err == nil {
		t.Error("nothing listens there, and it is said to be up")
	}
}
