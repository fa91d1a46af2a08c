package delivery_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
)

const (
	// patience is a timeout that no test reaches, and impatience one that tests of hanging destinations wait for.
	patience   = time.Minute
	impatience = 250 * time.Millisecond

	parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

func setup(t *testing.T) *delivery.Client {
	t.Helper()
	c := delivery.NewClient(t.Context(), time.Now)
	t.Cleanup(c.Close)
	return c
}

func to(url string) delivery.Destination {
	return delivery.Destination{Source: "genesys", URL: url, Timeout: patience, MaxConcurrent: 64}
}

func hurried(url string) delivery.Destination {
	d := to(url)
	d.Timeout = impatience
	return d
}

func request(body string, headers deadletter.Headers) delivery.Request {
	return delivery.Request{Body: []byte(body), Headers: headers, WebhookID: "hook-1", Attempt: 1, TraceParent: parent}
}

// trusting takes certificates of a test's server alone.
func trusting(t *testing.T, authority *x509.Certificate) *delivery.TLS {
	t.Helper()
	return read(t, delivery.TLSFiles{CA: desktest.PEMFile(t, "CERTIFICATE", authority.Raw)})
}

func read(t *testing.T, files delivery.TLSFiles) *delivery.TLS {
	t.Helper()
	read, err := delivery.NewTLS(files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// seen is a request as it arrived.
type seen struct {
	*http.Request
	body string
}

// destination returns with a handler, and gives what it was sent.
func destination(t *testing.T, answer http.HandlerFunc) (url string, requests <-chan seen) {
	t.Helper()
	got := make(chan seen, 1024)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("the destination read: %v", err)
		}
		got <- seen{r, string(body)}
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func ok(http.ResponseWriter, *http.Request) {}

// listen has a function talk on each connection, one after the other or side by side, until the test ends.
func listen(t *testing.T, talk func(ctx context.Context, conn net.Conn)) (address string) {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
				defer func() { _ = conn.Close() }()
				talk(ctx, conn)
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		running.Wait()
	})
	return l.Addr().String()
}

// readRequest reads one request off a connection, whole.
func readRequest(from *bufio.Reader) (*http.Request, string, error) {
	r, err := http.ReadRequest(from)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(r.Body)
	return r, string(body), err
}

// replying reads one request and writes a text in answer to it. It keeps the connection open unless the text is to
// break off.
func replying(text string, hangUp bool) func(context.Context, net.Conn) {
	return func(ctx context.Context, conn net.Conn) {
		if _, _, err := readRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		_, _ = io.WriteString(conn, text)
		if !hangUp {
			<-ctx.Done()
		}
	}
}
