package delivery_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

// fault is what a server does on the wire, and what is to be told of it.
type fault struct {
	talk    func(context.Context, net.Conn)
	outcome deadletter.Outcome
	status  int
	reason  string
	kept    string
}

// noHTTP is the error of answers that are known to be wrong without waiting.
const noHTTP = "The handler's answer was no valid HTTP: it may have processed it"

// wireFaults are those of HTTP/1. unreachable must only be said where no byte of the request has left.
func wireFaults() map[string]fault {
	const (
		junk = noHTTP
		head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
		late = "No answer within 250ms: the handler may have processed it"
		cut  = "The connection broke before the handler answered: it may have processed it"
	)
	return map[string]fault{
		"hangs before it reads": {
			func(ctx context.Context, _ net.Conn) { <-ctx.Done() },
			deadletter.Unknown,
			0,
			late,
			"",
		},
		"hangs after it read":     {replying("", false), deadletter.Unknown, 0, late, ""},
		"hangs up after it read":  {replying("", true), deadletter.Unknown, 0, cut, ""},
		"hangs up in its headers": {replying("HTTP/1.1 200 OK\r\nX: ", true), deadletter.Unknown, 0, cut, ""},
		"hangs in its headers":    {replying("HTTP/1.1 200 OK\r\nX: ", false), deadletter.Unknown, 0, late, ""},
		"hangs up in its body":    {replying(head+"half", true), deadletter.Delivered, 200, "", "half"},
		"hangs in its body":       {replying(head+"half", false), deadletter.Delivered, 200, "", "half"},
		"hangs in the body of an error": {
			replying("HTTP/1.1 500 X\r\nContent-Length: 10\r\n\r\nbroken", false), deadletter.ErrorResponse, 500,
			"broken", "broken",
		},
		"writes garbage":      {replying("SSH-2.0-OpenSSH_9.2\r\n", true), deadletter.Unknown, 0, junk, ""},
		"writes a bad header": {replying("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", true), deadletter.Unknown, 0, junk, ""},
		"has endless headers": {
			endless("HTTP/1.1 200 OK\r\n", "X: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"),
			deadletter.Unknown,
			0,
			junk,
			"",
		},
		"has an endless body": {
			endless("HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("x", 1000)),
			deadletter.Delivered,
			200,
			"",
			strings.Repeat("x", 4096),
		},
		"goes on for ever": {endless("", "HTTP/1.1 102 Processing\r\n\r\n"), deadletter.Unknown, 0, junk, ""},
		"switches protocols": {
			replying("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", false),
			deadletter.ErrorResponse,
			101,
			"Switching Protocols",
			"",
		},
		"writes byte by byte": {dripping(head + "0123456789"), deadletter.Delivered, 200, "", "0123456789"},
		"answers before all": {func(ctx context.Context, conn net.Conn) {
			_, _ = io.ReadFull(conn, make([]byte, 4))
			_, _ = io.WriteString(conn, "HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n")
			<-ctx.Done()
		}, deadletter.ErrorResponse, 413, "Request Entity Too Large", ""},
		"has no length": {replying("HTTP/1.0 200 OK\r\n\r\nall", true), deadletter.Delivered, 200, "", "all"},
		"lies about its gzip": {
			replying("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08", true),
			deadletter.Delivered,
			200,
			"",
			"\x1f\x8b\x08",
		},
		"speaks TLS, not HTTP": {replying("\x15\x03\x01\x00\x02\x02\x16", true), deadletter.Unknown, 0, junk, ""},
	}
}

func TestFaultsOfTheWire(t *testing.T) {
	t.Parallel()
	for name, c := range wireFaults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			started, dest := time.Now(), hurried("http://"+listen(t, c.talk))
			if c.reason == noHTTP {
				dest.Timeout = patience // reading them takes a busy machine longer than it waits otherwise
			}
			c.check(t, setup(t).Send(t.Context(), dest, request("x", nil)))
			if took := time.Since(started); took > 20*impatience {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func (f fault) check(t *testing.T, a deadletter.Attempt) {
	t.Helper()
	if a.Outcome != f.outcome || a.StatusCode != f.status || a.Error != f.reason || string(a.ResponseBody) != f.kept {
		t.Errorf("attempt %+v", a)
	}
}

// A destination that reads nothing of a large webhook, and one that reads a part, are waited for no longer than for
// others.
func TestUnreadLargeBodyTimesOut(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("x", 32<<20) // more than lies between the two
	for name, c := range map[string]struct {
		talk   func(context.Context, net.Conn)
		reason string
	}{
		"hangs before it reads": {
			func(ctx context.Context, _ net.Conn) { <-ctx.Done() },
			"No answer within 250ms: the handler may have processed it",
		},
		"hangs while it reads": {func(ctx context.Context, conn net.Conn) {
			_, _ = io.CopyN(io.Discard, conn, 1<<20)
			<-ctx.Done()
		}, "No answer within 250ms: the handler may have processed it"},
		"hangs up while it reads": {func(_ context.Context, conn net.Conn) {
			_, _ = io.CopyN(io.Discard, conn, 1<<20)
		}, "The connection broke before the handler answered: it may have processed it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there := to("http://" + listen(t, c.talk))
			if strings.HasPrefix(c.reason, "No answer") {
				there = hurried(there.URL)
			}
			fault{nil, deadletter.Unknown, 0, c.reason, ""}.check(
				t, setup(t).Send(t.Context(), there, request(body, nil)),
			)
		})
	}
}

// Single bytes of a response do not extend the timeout. The part that arrived by then is recorded.
func TestTricklingResponseTimesOut(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
	for name, c := range map[string]struct {
		head, rest string
		want       deadletter.Outcome
	}{
		"in its head": {"", head, deadletter.Unknown},
		"in its body": {head, strings.Repeat("x", 1000), deadletter.Delivered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := setup(t).Send(
				t.Context(), hurried("http://"+listen(t, trickling(c.head, c.rest, impatience/10))),
				request("x", nil),
			)
			if a.Outcome != c.want || a.Latency < impatience || a.Latency > 20*impatience ||
				len(a.ResponseBody) > 100 ||
				c.want == deadletter.Delivered && !a.ResponseCut {
				t.Errorf("attempt %+v", a)
			}
		})
	}
}

// An endless response is read up to a limit, and the delivery ends before its timeout.
func TestEndlessResponsesAreReadInPart(t *testing.T) {
	t.Parallel()
	const most = 32 << 20 // with all that lies between the two; a minute has room for thousands of times as much
	for name, beginning := range map[string]string{"headers": "HTTP/1.1 200 OK\r\nX: ", "body": "HTTP/1.1 200 " +
		"OK\r\n\r\n", "chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			written := make(chan int, 1)
			address := listen(t, func(_ context.Context, conn net.Conn) {
				if _, _, err := readRequest(bufio.NewReader(conn)); err != nil {
					return
				}
				_, err := io.WriteString(conn, beginning)
				total, block := 0, strings.Repeat("x", 64<<10)
				for err == nil && total <= most {
					var n int
					n, err = io.WriteString(conn, block)
					total += n
				}
				written <- total
			})
			client := setup(t)
			a := client.Send(t.Context(), to("http://"+address), request("x", nil))
			if len(a.ResponseBody) > deadletter.MaxResponse || a.Latency > patience/2 {
				t.Errorf("%d bytes are kept, after %s", len(a.ResponseBody), a.Latency)
			}
			if n := <-written; n > most {
				t.Errorf("over %d bytes were read", n)
			}
		})
	}
}

// endless writes a beginning and then one text again and again.
func endless(beginning, text string) func(context.Context, net.Conn) {
	return func(_ context.Context, conn net.Conn) {
		if _, _, err := readRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		_, err := io.WriteString(conn, beginning)
		for err == nil {
			_, err = io.WriteString(conn, text)
		}
	}
}

func dripping(text string) func(context.Context, net.Conn) {
	return func(_ context.Context, conn net.Conn) {
		if _, _, err := readRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		for i := range len(text) {
			if _, err := io.WriteString(conn, text[i:i+1]); err != nil {
				return
			}
		}
	}
}
