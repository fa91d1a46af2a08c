package receiver_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/receiver"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/verify"
)

// largeBody is more than the buffers of a connection hold.
var largeBody = bytes.Repeat([]byte("x"), 12<<20)

// refusing serves a source that is not verified and one that is.
func refusing(t *testing.T, n *notes) *httptest.Server {
	t.Helper()
	proof, err := verify.New(verify.Settings{
		Scheme: verify.GitHub, Source: "github", Secrets: []redact.Secret{redact.NewSecret("test", "0123456789abcdef")},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := receiver.New(receiver.Deps{
		Sources: desktest.Always([]receiver.Source{
			{Name: "genesys", MaxBody: limit}, {Name: "github", MaxBody: 64 << 20, Verify: proof},
		}),
		Sender: handler(deadletter.Delivered), DLQ: silent{}, Ledger: n, Now: time.Now, Log: desktest.Log(t),
	})
	server := httptest.NewServer(r.Handler())
	t.Cleanup(server.Close)
	return server
}

var refusals = map[string]struct {
	method, path string
	status       int
	key          ledger.RefusalKey
	why          string
}{
	"too large": {
		http.MethodPost, "/webhooks/genesys", 413,
		ledger.RefusalKey{Source: "genesys", Reason: ledger.RefusedTooLarge},
		"the body has 12582912 bytes, and 1024 are accepted",
	},
	"unproven": {
		http.MethodPost, "/webhooks/github", 401,
		ledger.RefusalKey{Source: "github", Reason: ledger.RefusedUnproven},
		"the header X-Hub-Signature-256 is missing",
	},
	"unknown": {
		http.MethodPost, "/webhooks/nope%0A" + strings.Repeat("y", 90), 404,
		ledger.RefusalKey{Reason: ledger.RefusedUnknownSource},
		`there is no source named "nope` + "\uFFFD" + strings.Repeat("y", 55) + `…"`,
	},
	"method": {
		http.MethodPut, "/webhooks/genesys", 405,
		ledger.RefusalKey{Source: "genesys", Reason: ledger.RefusedMethod},
		`the method is "PUT", and webhooks are sent with POST`,
	},
	"path": {http.MethodPost, "/elsewhere", 404, ledger.RefusalKey{}, ""},
}

// A reverse proxy passes the status on, and a client that reads only after it has written everything sees it, although
// the body is much larger than what is accepted.
func TestSenderOfALargeBodyLearnsTheStatus(t *testing.T) {
	t.Parallel()
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &notes{}
			server := refusing(t, n)
			at, err := url.Parse(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			proxy := httptest.NewServer(httputil.NewSingleHostReverseProxy(at))
			t.Cleanup(proxy.Close)
			for range 3 {
				req, err := http.NewRequestWithContext(
					t.Context(),
					c.method,
					proxy.URL+c.path,
					bytes.NewReader(largeBody),
				)
				if err != nil {
					t.Fatal(err)
				}
				if got := ask(t, req); got.status != c.status || !strings.Contains(got.body, `"error"`) {
					t.Errorf("by way of a proxy: %d %s", got.status, got.body)
				}
				if status := writeThenRead(t, at.Host, c.method, c.path); status != c.status {
					t.Errorf("after everything was written: %d", status)
				}
			}
			if why := n.refused[c.key]; c.why != "" && (len(why) != 6 || why[0] != c.why) {
				t.Errorf("counted as %q", n.refused)
			}
		})
	}
}

// writeThenRead sends a request and reads the response only then.
func writeThenRead(t *testing.T, host, method, path string) int {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", method, path, len(largeBody))
	if err == nil {
		_, err = conn.Write(largeBody)
	}
	if err != nil {
		t.Fatalf("the connection ended while the body was written: %v", err)
	}
	got, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no response: %v", err)
	}
	_ = got.Body.Close()
	return got.StatusCode
}

// A body in chunks is read to the limit before it is refused: by then, its sender does not wait for 100 Continue.
func TestSenderInChunksLearnsTheStatus(t *testing.T) {
	t.Parallel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", refusing(t, &notes{}).Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprint(conn, "POST /webhooks/genesys HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"+
		"Transfer-Encoding: chunked\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	read := bufio.NewReader(conn)
	if line, err := read.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("the sender was told %q %v", line, err)
	}
	chunk := fmt.Sprintf("%x\r\n%s\r\n", len(largeBody), largeBody)
	if _, err := io.WriteString(conn, chunk+chunk+"0\r\n\r\n"); err != nil {
		t.Fatalf("the connection ended while the body was written: %v", err)
	}
	_, _ = read.ReadString('\n') // the empty line of 100 Continue
	got, err := http.ReadResponse(read, nil)
	if err != nil {
		t.Fatalf("no response: %v", err)
	}
	_ = got.Body.Close()
	if got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("the response is %s", got.Status)
	}
}

// A body in chunks does not say how large it is, and one that is too large by one byte is.
func TestBodyOfUnknownLengthIsTooLarge(t *testing.T) {
	t.Parallel()
	for _, over := range []int{1, 12 << 20} {
		n := &notes{}
		body := io.MultiReader(bytes.NewReader(bytes.Repeat([]byte("x"), limit+over))) // no length
		req, err := http.NewRequestWithContext(
			t.Context(),
			http.MethodPost,
			refusing(t, n).URL+"/webhooks/genesys",
			body,
		)
		if err != nil {
			t.Fatal(err)
		}
		got := ask(t, req)
		why := n.refused[ledger.RefusalKey{Source: "genesys", Reason: ledger.RefusedTooLarge}]
		if got.status != http.StatusRequestEntityTooLarge || len(why) != 1 ||
			why[0] != "the body has more than 1024 bytes, and 1024 are accepted" {
			t.Errorf("%d over: %d %s, counted as %q", over, got.status, got.body, n.refused)
		}
	}
}

// A sender that waits for 100 Continue gets the status, and is not asked for its body.
func TestWaitingSenderNeedNotSendARefusedBody(t *testing.T) {
	t.Parallel()
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			server := refusing(t, &notes{})
			var dialer net.Dialer
			conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(server.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_, _ = fmt.Fprintf(
				conn,
				"%s %s HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 99999\r\n\r\n",
				c.method,
				c.path,
			)
			got, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = got.Body.Close()
			if got.StatusCode != c.status {
				t.Errorf("told %d", got.StatusCode)
			}
		})
	}
}

// endless is a body without an end. It ends with an error at the deadline that was set, if it is slow.
type endless struct {
	every     time.Duration // between two bytes; 0: as fast as it is read
	deadlines *desktest.Deadlines
	read      int
}

func (*endless) Close() error { return nil }

func (e *endless) Read(p []byte) (int, error) {
	if e.every == 0 {
		e.read += len(p)
		return len(p), nil
	}
	time.Sleep(e.every)
	if list := e.deadlines.List; len(list) > 0 && !list[len(list)-1].IsZero() && !time.Now().Before(list[len(list)-1]) {
		return 0, os.ErrDeadlineExceeded
	}
	e.read++
	return 1, nil
}

// An endless sender of a refused body is read to a bound of bytes, a slow one to a bound of time.
func TestRefusedBodyIsReadToABound(t *testing.T) {
	t.Parallel()
	for name, every := range map[string]time.Duration{"endless": 0, "slow": time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := receiver.New(receiver.Deps{
					Sources: desktest.Always([]receiver.Source{{Name: "genesys", MaxBody: limit}}),
					Ledger:  &notes{}, Now: time.Now, Log: desktest.Log(t),
				})
				c := desktest.NewDeadlines()
				body := &endless{every: every, deadlines: c}
				req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/nope", body)
				begun := time.Now()
				r.Handler().ServeHTTP(c, req)
				if took := time.Since(begun); c.Code != http.StatusNotFound || took > 11*time.Second ||
					body.read > 65<<20 {
					t.Errorf("%d after %s and %d bytes", c.Code, took, body.read)
				}
				if list := c.List; len(list) == 0 || list[len(list)-1].IsZero() {
					t.Error("the connection goes on without a deadline")
				}
			})
		})
	}
}

// Each reason of a 401 is counted for the operator, and is not in the response.
func TestReasonsOf401AreCountedAndNotTold(t *testing.T) {
	t.Parallel()
	n := &notes{}
	server := refusing(t, n)
	for reason, header := range map[ledger.RefusalReason]string{
		ledger.RefusedUnproven: "", ledger.RefusedMalformed: "nonsense",
		ledger.RefusedMismatch: "sha256=" + strings.Repeat("0", 64),
	} {
		req, err := http.NewRequestWithContext(
			t.Context(), http.MethodPost, server.URL+"/webhooks/github", strings.NewReader("{}"),
		)
		if err != nil {
			t.Fatal(err)
		}
		if header != "" {
			req.Header.Set("X-Hub-Signature-256", header)
		}
		if got := ask(t, req); got.status != http.StatusUnauthorized || got.body != `{"error":"unauthorized"}` {
			t.Errorf("%s: told %d %s", reason, got.status, got.body)
		}
		if len(n.refused[ledger.RefusalKey{Source: "github", Reason: reason}]) != 1 {
			t.Errorf("%s: counted as %q", reason, n.refused)
		}
	}
}
