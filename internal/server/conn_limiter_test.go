package server_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/server"
)

// limited starts a server that accepts two connections at a time, and returns its address.
func limited(t *testing.T, handler http.HandlerFunc) (address string) {
	t.Helper()
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, done := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}, make(chan struct{})
	server.LimitConnections(s, 2)
	go func() {
		defer close(done)
		_ = s.Serve(l) // returns an error when it is closed
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return l.Addr().String()
}

const (
	request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
	half    = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{"
)

// limitedSlow is limited with a handler that returns at once, except on /slow: there it closes entered, and waits for
// release.
func limitedSlow(t *testing.T) (address string, entered, release chan struct{}) {
	t.Helper()
	entered, release = make(chan struct{}), make(chan struct{})
	address = limited(t, func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err == nil && r.URL.Path == "/slow" {
			close(entered)
			<-release
		}
	})
	return address, entered, release
}

func TestLongestIdleConnectionIsClosedAtTheCap(t *testing.T) {
	t.Parallel()
	address, entered, release := limitedSlow(t)
	idle := desktest.Dial(t, address)
	idle.Send(t, request)
	idle.ExpectStatus(t, http.StatusOK)
	halfway := desktest.Dial(t, address)
	halfway.Send(t, half)
	served := desktest.Dial(t, address) // the third: the longest idle one is closed
	served.Send(t, "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
	<-entered
	idle.ExpectClosed(t)
	next := desktest.Dial(t, address)
	next.Send(t, request)
	next.ExpectStatus(t, http.StatusOK)
	halfway.ExpectClosed(t) // not the one whose request is being answered
	close(release)
	served.ExpectStatus(t, http.StatusOK)
	next.Send(t, request)
	next.ExpectStatus(t, http.StatusOK)
}

// A connection whose request is being answered is not idle, however long ago it was opened.
func TestBusyConnectionStaysOpen(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]string{
		"with a body": "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
		"without one": "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, entered, release := limitedSlow(t)
			served := desktest.Dial(t, address)
			served.Send(t, "%s", slow)
			<-entered
			idle := desktest.Dial(t, address)
			idle.Send(t, request)
			idle.ExpectStatus(t, http.StatusOK)
			next := desktest.Dial(t, address)
			next.Send(t, request)
			next.ExpectStatus(t, http.StatusOK)
			idle.ExpectClosed(t)
			close(release)
			served.ExpectStatus(t, http.StatusOK)
		})
	}
}

// An answered connection becomes the newest idle one, even if the handler did not read the body.
func TestRespondingConnectionIsClosedLast(t *testing.T) {
	t.Parallel()
	address := limited(t, func(http.ResponseWriter, *http.Request) {})
	first, second := desktest.Dial(t, address), desktest.Dial(t, address)
	for _, c := range []desktest.Conn{first, second, first} {
		c.Send(t, request)
		c.ExpectStatus(t, http.StatusOK)
	}
	third := desktest.Dial(t, address)
	third.Send(t, request)
	third.ExpectStatus(t, http.StatusOK)
	second.ExpectClosed(t)
	first.Send(t, request)
	first.ExpectStatus(t, http.StatusOK)
}

// A body has ten seconds, whether its handler reads it or not. The response to a complete one may take longer.
func TestBodyHasADeadlineUntilItIsComplete(t *testing.T) {
	t.Parallel()
	read := func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		body    io.Reader
		limited bool
		lifted  bool
	}{
		"read":       {read, strings.NewReader("{}"), true, true},
		"breaks off": {read, iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("{}"))), true, false},
		"not read":   {func(http.ResponseWriter, *http.Request) {}, strings.NewReader("{}"), true, false},
		"none":       {read, http.NoBody, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &http.Server{Handler: c.handler, ReadHeaderTimeout: time.Minute}
				server.LimitConnections(s, 2)
				ours, theirs := net.Pipe()
				defer func() { _, _ = ours.Close(), theirs.Close() }()
				d := desktest.NewDeadlines()
				s.Handler.ServeHTTP(
					d,
					httptest.NewRequestWithContext(s.ConnContext(t.Context(), ours), http.MethodPost, "/", c.body),
				)
				limited := len(d.List) > 0 && time.Until(d.List[0]) == 10*time.Second
				lifted := len(d.List) > 1 && d.List[1].IsZero()
				if limited != c.limited || lifted != c.lifted {
					t.Errorf("a body that is %s has the deadlines %v", name, d.List)
				}
			})
		})
	}
}
