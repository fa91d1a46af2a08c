package app_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/desktest"
)

// guarded is a server that takes two connections at once, and answers what it is sent.
func guarded(t *testing.T, handler http.HandlerFunc) (address string) {
	t.Helper()
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, done := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}, make(chan struct{})
	app.Guard(server, 2)
	go func() {
		defer close(done)
		_ = server.Serve(l) // it ends when it is closed, which is an error
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return l.Addr().String()
}

// client is a connection of a platform.
type client struct {
	net.Conn
	read *bufio.Reader
}

func dial(t *testing.T, address string) client {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(context.WithoutCancel(t.Context()), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return client{conn, bufio.NewReader(conn)}
}

func (c client) say(t *testing.T, format string, args ...any) {
	t.Helper()
	if _, err := fmt.Fprintf(c, format, args...); err != nil {
		t.Errorf("say %q: %v", format, err)
	}
}

// hears reads an answer.
func (c client) hears(t *testing.T, status int) {
	t.Helper()
	answer, err := http.ReadResponse(c.read, nil)
	if err != nil {
		t.Errorf("the answer: %v", err)
		return
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != status {
		t.Errorf("the answer is %d, want %d", answer.StatusCode, status)
	}
}

// isClosed waits until the server has closed the connection.
func (c client) isClosed(t *testing.T) {
	t.Helper()
	if _, err := c.read.ReadByte(); err == nil {
		t.Error("a connection that should be closed says something")
	} else if timeout, ok := err.(net.Error); ok && timeout.Timeout() { //nolint:errorlint // it comes from the connection itself
		t.Error("a connection that should be closed is open")
	}
}

const (
	request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
	half    = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{"
)

// guardedSlow is guarded with a handler that answers at once, but on /slow: there it tells that it was entered, and
// waits to be let go.
func guardedSlow(t *testing.T) (address string, entered, release chan struct{}) {
	t.Helper()
	entered, release = make(chan struct{}), make(chan struct{})
	address = guarded(t, func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err == nil && r.URL.Path == "/slow" {
			close(entered)
			<-release
		}
	})
	return address, entered, release
}

func TestWhoKeepsUsWaitingMakesRoom(t *testing.T) {
	t.Parallel()
	address, entered, release := guardedSlow(t)
	idle := dial(t, address)
	idle.say(t, request)
	idle.hears(t, http.StatusOK)
	halfway := dial(t, address)
	halfway.say(t, half)
	served := dial(t, address) // the third: whoever waited longest goes
	served.say(t, "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
	<-entered
	idle.isClosed(t)
	next := dial(t, address)
	next.say(t, request)
	next.hears(t, http.StatusOK)
	halfway.isClosed(t) // not the one whose request is being answered
	close(release)
	served.hears(t, http.StatusOK)
	next.say(t, request)
	next.hears(t, http.StatusOK)
}

// A request that is there as a whole keeps nobody waiting, however long ago its connection was opened.
func TestWhoIsBeingAnsweredStays(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]string{
		"with a body": "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", "without one": "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, entered, release := guardedSlow(t)
			served := dial(t, address)
			served.say(t, "%s", slow)
			<-entered
			idle := dial(t, address)
			idle.say(t, request)
			idle.hears(t, http.StatusOK)
			next := dial(t, address)
			next.say(t, request)
			next.hears(t, http.StatusOK)
			idle.isClosed(t)
			close(release)
			served.hears(t, http.StatusOK)
		})
	}
}

// Who was answered waits from then on, also where nobody had asked for the body.
func TestWhoWasAnsweredIsLastInLine(t *testing.T) {
	t.Parallel()
	address := guarded(t, func(http.ResponseWriter, *http.Request) {})
	first, second := dial(t, address), dial(t, address)
	for _, c := range []client{first, second, first} {
		c.say(t, request)
		c.hears(t, http.StatusOK)
	}
	third := dial(t, address)
	third.say(t, request)
	third.hears(t, http.StatusOK)
	second.isClosed(t)
	first.say(t, request)
	first.hears(t, http.StatusOK)
}

// A body has ten seconds, whether its handler asks for it or not. The answer to one that is there as a whole may take
// longer.
func TestBodyIsWaitedForUntilItIsThere(t *testing.T) {
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
		"left":       {func(http.ResponseWriter, *http.Request) {}, strings.NewReader("{}"), true, false},
		"none":       {read, http.NoBody, false, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			server := &http.Server{Handler: c.handler, ReadHeaderTimeout: time.Minute}
			app.Guard(server, 2)
			ours, theirs := net.Pipe()
			defer func() { _, _ = ours.Close(), theirs.Close() }()
			d := desktest.NewDeadlines()
			server.Handler.ServeHTTP(
				d,
				httptest.NewRequestWithContext(server.ConnContext(t.Context(), ours), http.MethodPost, "/", c.body),
			)
			limited := len(d.List) > 0 && time.Until(d.List[0]) == 10*time.Second
			lifted := len(d.List) > 1 && d.List[1].IsZero()
			if limited != c.limited || lifted != c.lifted {
				t.Errorf("a body that is %s is waited for until %v", name, d.List)
			}
		})
	}
}
