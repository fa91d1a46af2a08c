package desktest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Delivery is a request that a Destination was sent.
type Delivery struct {
	Header http.Header
	Query  string
	Body   []byte
}

// Destination is the handler behind a source: a real HTTP server that responds as configured and keeps its requests.
type Destination struct {
	URL string

	mu       sync.Mutex
	answer   http.HandlerFunc
	received []Delivery
	arrived  chan struct{}
}

// NewDestination starts a destination that responds 503 until Respond changes that.
func NewDestination(t testing.TB) *Destination {
	t.Helper()
	d := &Destination{
		answer:  Answer(http.StatusServiceUnavailable, `{"error":"CRM is down"}`),
		arrived: make(chan struct{}, 1<<16),
	}
	server := httptest.NewServer(http.HandlerFunc(d.serve))
	t.Cleanup(server.Close)
	d.URL = server.URL
	return d
}

// Answer is a handler whose response is always the same.
func Answer(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func (d *Destination) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	d.mu.Lock()
	d.received = append(d.received, Delivery{Header: r.Header.Clone(), Query: r.URL.RawQuery, Body: body})
	answer := d.answer
	d.mu.Unlock()
	d.arrived <- struct{}{}
	answer(w, r)
}

// Set makes the destination answer differently from now on.
func (d *Destination) Set(answer http.HandlerFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer = answer
}

// Received returns the requests so far.
func (d *Destination) Received() []Delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Delivery(nil), d.received...)
}

// Await blocks until a delivery arrives that no earlier Await returned.
func (d *Destination) Await(t testing.TB) {
	t.Helper()
	select {
	case <-d.arrived:
	case <-t.Context().Done():
		t.Fatal("no delivery arrived")
	}
}
