package desktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// SQSProxy stands between a queue and its SQS server, and may answer a call in its place.
type SQSProxy struct {
	URL    string // what the queue calls in place of the server
	Server http.Handler

	mu    sync.Mutex
	calls map[string]int
}

// Intercept reports whether it responded to the nth call of an action itself.
type Intercept func(w http.ResponseWriter, r *http.Request, action string, nth int) bool

// NewSQSProxy proxies an SQS server for its clients until the test ends.
func NewSQSProxy(t testing.TB, endpoint string, i Intercept) *SQSProxy {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	b := &SQSProxy{Server: httputil.NewSingleHostReverseProxy(target), calls: map[string]int{}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
		if !i(w, r, action, b.count(action)) {
			b.Server.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(proxy.Close)
	b.URL = proxy.URL
	return b
}

func (b *SQSProxy) count(action string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls[action]++
	return b.calls[action]
}

// Counted returns how often an action was called.
func (b *SQSProxy) Counted(action string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls[action]
}

// Refuse responds to a call as SQS does when it refuses it.
func Refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"__type":"com.amazonaws.sqs#%s","message":"the test refuses"}`, code)
}

// Peek returns the body of a call, which can be read again.
func Peek(r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return ""
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}

// WithoutEntry passes a batch on without one of its entries and responds that this one failed. It reports whether there
// was such an entry.
func (b *SQSProxy) WithoutEntry(w http.ResponseWriter, r *http.Request, place int, fault map[string]any) bool {
	whole := []byte(Peek(r))
	var call map[string]json.RawMessage
	var entries []json.RawMessage
	if json.Unmarshal(whole, &call) != nil || json.Unmarshal(call["Entries"], &entries) != nil ||
		len(entries) <= max(place, 1) {
		return false
	}
	var out struct{ ID string }
	_ = json.Unmarshal(entries[place], &out)
	fault["Id"] = out.ID
	call["Entries"], _ = json.Marshal(append(entries[:place:place], entries[place+1:]...))
	body, _ := json.Marshal(call)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer := httptest.NewRecorder()
	b.Server.ServeHTTP(answer, r)
	var answered map[string]any
	_ = json.Unmarshal(answer.Body.Bytes(), &answered)
	answered["Failed"] = []any{fault}
	_ = json.NewEncoder(w).Encode(answered)
	return true
}

// CutOff passes a call on and resets the connection in the middle of the answer.
func (b *SQSProxy) CutOff(t testing.TB, w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	b.Server.ServeHTTP(answer, r)
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Errorf("hijack: %v", err)
		return
	}
	body := answer.Body.Bytes()
	_, _ = fmt.Fprintf(
		buffered,
		"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n%s",
		len(body), body[:len(body)/2],
	)
	_ = buffered.Flush()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
