package client_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"dlqdesk/internal/api"
	"dlqdesk/internal/client"
	"dlqdesk/internal/deadletter"
)

// scripted is a desk that handles the requests in turn by its steps, and the rest by the last one.
type scripted struct {
	*httptest.Server
	mu   sync.Mutex
	keys []string // the Idempotency-Key of each request
}

func newScripted(t *testing.T, steps ...http.HandlerFunc) *scripted {
	t.Helper()
	s := &scripted{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		step := steps[min(len(s.keys), len(steps)-1)]
		s.keys = append(s.keys, r.Header.Get("Idempotency-Key"))
		s.mu.Unlock()
		step(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// sent returns the Idempotency-Key of each request so far.
func (s *scripted) sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys)
}

func hangsUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func succeeds(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"id":"a-1"}`)) }

// floods writes a byte more than a client keeps.
func floods(w http.ResponseWriter, _ *http.Request) {
	for range 64 {
		_, _ = w.Write(make([]byte, 1<<20))
	}
	_, _ = w.Write([]byte{0})
}

func refuses(status int, name, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(api.Problem{Type: api.ProblemPrefix + name, Detail: "because"})
	}
}

// A request without an answer is sent once more with the same key. What the desk refuses is not, unless it says when to
// come again.
func TestRequestIsSentAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steps    []http.HandlerFunc
		requests int
		fault    string
	}{
		"answered":                     {[]http.HandlerFunc{succeeds}, 1, ""},
		"no answer, then one":          {[]http.HandlerFunc{hangsUp, succeeds}, 2, ""},
		"never an answer":              {[]http.HandlerFunc{hangsUp}, 2, "no answer"},
		"refused":                      {[]http.HandlerFunc{refuses(409, "conflict", "")}, 1, "because"},
		"too many":                     {[]http.HandlerFunc{refuses(429, "rate-limited", "1"), succeeds}, 2, ""},
		"the first is still worked on": {[]http.HandlerFunc{hangsUp, refuses(409, "conflict", "1"), succeeds}, 3, ""},
		"a fault of the desk":          {[]http.HandlerFunc{refuses(500, "internal", "")}, 1, "because"},
		"more than a client keeps":     {[]http.HandlerFunc{floods}, 1, "64 MiB"},
		"something else than the desk": {[]http.HandlerFunc{http.NotFound}, 1, "not the API"},
		"a redirect, never followed":   {[]http.HandlerFunc{http.RedirectHandler("/", http.StatusFound).ServeHTTP}, 1, "not the API"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScripted(t, c.steps...)
			_, err := client.New(s.URL, "dqd_x").Post(t.Context(), "/messages/a-1/replay", "", nil)
			if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
				t.Errorf("the error is %v", err)
			}
			keys := s.sent()
			if len(keys) != c.requests {
				t.Errorf("%d requests were sent, want %d", len(keys), c.requests)
			}
			for _, key := range keys {
				if key == "" || key != keys[0] {
					t.Errorf("the keys are %q", keys)
				}
			}
		})
	}
}

func TestProblemIsReturned(t *testing.T) {
	t.Parallel()
	s := newScripted(t, refuses(http.StatusForbidden, "forbidden", ""))
	_, err := client.New(s.URL, "").Get(t.Context(), "/me", nil)
	if p := (*api.Problem)(nil); !errors.As(err, &p) || p.Status != http.StatusForbidden {
		t.Errorf("the error is %#v", err)
	}
}

func TestCancelledRequestEndsAtOnce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := newScripted(t, func(http.ResponseWriter, *http.Request) {
		cancel()
		<-ctx.Done()
		panic(http.ErrAbortHandler)
	})
	if _, err := client.New(s.URL, "").Get(ctx, "/me", nil); !errors.Is(err, context.Canceled) ||
		len(s.sent()) != 1 {
		t.Errorf("after %d requests the error is %v", len(s.sent()), err)
	}
}

// A list is read page by page, no more of it than was asked for.
func TestListIsReadByPages(t *testing.T) {
	t.Parallel()
	const all = 450
	desk := newScripted(t, func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		var p client.Page
		for i := from; i < min(all, from+limit); i++ {
			p.Items = append(p.Items, json.RawMessage(strconv.Itoa(i)))
		}
		if from+limit < all {
			p.Next = strconv.Itoa(from + limit)
		}
		_ = json.NewEncoder(w).Encode(p)
	})
	for most, want := range map[int]string{0: "450 ", 10: "10 10", 250: "250 250", 450: "450 ", 999: "450 "} {
		n := 0
		next, err := client.New(desk.URL, "").Each(t.Context(), "/messages", nil, most, func(p client.Page) error {
			n += len(p.Items)
			return nil
		})
		if got := fmt.Sprint(n, " ", next); err != nil || got != want {
			t.Errorf("of at most %d: %q, %v; want %q", most, got, err, want)
		}
	}
}

// A body is returned whole or not at all: what is edited is sent.
func TestBodyIsReturnedWhole(t *testing.T) {
	t.Parallel()
	pack := func(text []byte) []byte {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, err := w.Write(text)
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return packed.Bytes()
	}
	whole := bytes.Repeat([]byte("order 4711\n"), 1000)
	for name, c := range map[string]struct {
		body  []byte
		fault string
	}{
		"packed":                {pack(whole), ""},
		"cut off":               {pack(whole)[:40], "to its end"},
		"more than is kept":     {pack(bytes.Repeat([]byte("order 4711\n"), 6<<20)), "64 MiB"},
		"no text when unpacked": {pack([]byte{0xff, 0xd8, 0, 1, 2}), "no text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			desk := newScripted(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/body") {
					_, _ = w.Write(c.body)
					return
				}
				_ = json.NewEncoder(w).Encode(api.PageOf[api.Revision]{Items: []api.Revision{{
					Headers: deadletter.Headers{"Content-Type": {"text/plain"}, "Content-Encoding": {"gzip"}},
				}}})
			})
			got, err := client.New(desk.URL, "").Content(t.Context(), "a-1", 0)
			if c.fault == "" && (err != nil || !bytes.Equal(got.Bytes, whole)) {
				t.Errorf("returned are %d bytes, %v", len(got.Bytes), err)
			}
			if c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
				t.Errorf("returned are %d bytes, %v", len(got.Bytes), err)
			}
		})
	}
}

// A text that is given is read whole or not at all.
func TestNewBodyIsReadWhole(t *testing.T) {
	t.Parallel()
	for bytes, ok := range map[int64]bool{64 << 20: true, 64<<20 + 1: false} {
		body, err := client.ReadBody(io.LimitReader(zeros{}, bytes))
		if (err == nil) != ok || ok && int64(len(body)) != bytes {
			t.Errorf("of %d bytes %d are read, %v", bytes, len(body), err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
