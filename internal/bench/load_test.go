package bench_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// connections is how many webhooks are under way at a time.
const connections = 32

// load sends the same webhook again and again over connections that stay open. It writes bytes made once, so that
// what it costs itself does not hide what the server costs.
type load struct {
	request []byte
	want    string // what every answer must hold
	conns   []conn
}

type conn struct {
	net.Conn
	answers *bufio.Reader
}

func newLoad(b *testing.B, target, want string) *load {
	b.Helper()
	return newLoadOf(b, target, want, connections)
}

func newLoadOf(b *testing.B, target, want string, conns int) *load {
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

// round sends n webhooks over every connection. It returns requests per second and how long each response took.
func (l *load) round(b *testing.B, n int) (rate float64, took []time.Duration) {
	b.Helper()
	took = make([]time.Duration, n*len(l.conns))
	errs := make([]error, len(l.conns))
	var running sync.WaitGroup
	started := time.Now()
	for i, c := range l.conns {
		running.Go(func() { errs[i] = l.send(c, took[i*n:(i+1)*n]) })
	}
	running.Wait()
	rate = float64(len(took)) / time.Since(started).Seconds()
	for _, err := range errs {
		if err != nil {
			b.Fatal(err)
		}
	}
	return rate, took
}

func (l *load) send(c conn, took []time.Duration) error {
	for i := range took {
		started := time.Now()
		if _, err := c.Write(l.request); err != nil {
			return err
		}
		answer, err := http.ReadResponse(c.answers, nil)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		took[i] = time.Since(started)
		if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), l.want) {
			return fmt.Errorf("a webhook was answered %d %s: %w", answer.StatusCode, text, err)
		}
	}
	return nil
}
