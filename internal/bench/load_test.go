package bench_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// load sends the same webhook again and again over connections that stay open. It writes bytes made once, so that
// its own cost does not hide that of the server.
type load struct {
	request []byte
	want    string // part of every answer
	conns   []conn
}

type conn struct {
	net.Conn
	answers *bufio.Reader
}

func newLoad(b *testing.B, target, want string, conns int) *load {
	b.Helper()
	u, err := url.Parse(target)
	if err != nil {
		b.Fatal(err)
	}
	body := webhook()
	var request bytes.Buffer
	fmt.Fprintf(
		&request,
		"POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: platform/1.0\r\nContent-Type: application/json\r\n"+
			"Authorization: Bearer s3cret\r\nContent-Length: %d\r\n\r\n%s",
		u.RequestURI(),
		u.Host,
		len(body),
		body,
	)
	l := &load{request: request.Bytes(), want: want}
	for range conns {
		c, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", u.Host)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = c.Close() })
		l.conns = append(l.conns, conn{c, bufio.NewReader(c)})
	}
	return l
}

// close closes the connections.
func (l *load) close() {
	for _, c := range l.conns {
		_ = c.Close()
	}
}

// send sends n webhooks over each connection.
func (l *load) send(b *testing.B, n int) {
	b.Helper()
	l.each(b, func(sent int) bool { return sent < n })
}

// during sends webhooks over each connection for a while, and returns how long each response took.
func (l *load) during(b *testing.B, d time.Duration) (took []time.Duration) {
	b.Helper()
	until := time.Now().Add(d)
	return l.each(b, func(int) bool { return time.Now().Before(until) })
}

func (l *load) each(b *testing.B, more func(sent int) bool) (took []time.Duration) {
	b.Helper()
	each, errs := make([][]time.Duration, len(l.conns)), make([]error, len(l.conns))
	var running sync.WaitGroup
	for i, c := range l.conns {
		running.Go(func() {
			for more(len(each[i])) && errs[i] == nil {
				var one time.Duration
				one, errs[i] = l.exchange(c)
				each[i] = append(each[i], one)
			}
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
	return slices.Concat(each...)
}

// exchange sends one webhook, and returns how long the response took.
func (l *load) exchange(c conn) (took time.Duration, err error) {
	started := time.Now()
	if _, err := c.Write(l.request); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	took = time.Since(started)
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), l.want) {
		return 0, fmt.Errorf("a webhook was answered %d %s: %w", answer.StatusCode, text, err)
	}
	return took, nil
}
