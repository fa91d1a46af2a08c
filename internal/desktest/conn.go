package desktest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Conn is a raw TCP connection to an HTTP server, for tests that send what net/http's client would not.
type Conn struct {
	net.Conn
	Reader *bufio.Reader
}

// Dial connects to an address. The connection has 30 seconds, and is closed when the test ends.
func Dial(t testing.TB, address string) Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(context.WithoutCancel(t.Context()), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return Conn{conn, bufio.NewReader(conn)}
}

// Send writes to the connection.
func (c Conn) Send(t testing.TB, format string, args ...any) {
	t.Helper()
	if _, err := fmt.Fprintf(c, format, args...); err != nil {
		t.Errorf("send %q: %v", format, err)
	}
}

// EndSending closes the connection for writing alone.
func (c Conn) EndSending(t testing.TB) {
	t.Helper()
	tcp, ok := c.Conn.(*net.TCPConn)
	if !ok {
		t.Fatal("not a TCP connection")
	}
	if err := tcp.CloseWrite(); err != nil {
		t.Errorf("close the connection for writing: %v", err)
	}
}

// ExpectStatus reads one response and checks its status.
func (c Conn) ExpectStatus(t testing.TB, status int) {
	t.Helper()
	response, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		t.Errorf("read the response: %v", err)
		return
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if response.StatusCode != status {
		t.Errorf("the response is %d, want %d", response.StatusCode, status)
	}
}

// ExpectClosed waits until the server has closed the connection.
func (c Conn) ExpectClosed(t testing.TB) {
	t.Helper()
	if _, err := c.Reader.ReadByte(); err == nil {
		t.Error("the server still sends on a connection that it should have closed")
	} else if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		t.Error("the server has not closed the connection")
	}
}

// Deadlines records a response, and the read deadlines of its request; the zero time: none.
type Deadlines struct {
	*httptest.ResponseRecorder
	List []time.Time
}

// NewDeadlines returns the deadlines of a connection that has none yet.
func NewDeadlines() *Deadlines { return &Deadlines{ResponseRecorder: httptest.NewRecorder()} }

// SetReadDeadline takes one down. It never fails.
func (d *Deadlines) SetReadDeadline(t time.Time) error {
	d.List = append(d.List, t)
	return nil
}
