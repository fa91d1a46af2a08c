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

// A connection has a limit of its own, TLS included, and so has silence once the webhook is sent; neither waits for
// the total one.
func TestEachPartOfADeliveryHasItsLimit(t *testing.T) {
	t.Parallel()
	const (
		head    = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
		silence = "Silence for 250ms after the webhook was sent: the handler may have processed it"
	)
	silent := listen(t, func(ctx context.Context, _ net.Conn) { <-ctx.Done() })
	for name, c := range map[string]struct {
		url     string
		outcome deadletter.Outcome
		reason  string
		kept    string
	}{
		"no TLS": {
			"https://" + silent, deadletter.Unreachable, "No connection to " + silent + " within 250ms", "",
		},
		"no answer": {"http://" + silent, deadletter.Unknown, silence, ""},
		"half a head": {
			"http://" + listen(t, replying("HTTP/1.1 200 OK\r\nX: ", false)), deadletter.Unknown, silence, "",
		},
		"half a body": {"http://" + listen(t, replying(head+"half", false)), deadletter.Delivered, "", "half"},
		"a steady trickle": {
			"http://" + listen(t, trickling(head, "0123456789", 150*time.Millisecond)), deadletter.Delivered, "",
			"0123456789",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there := to(c.url)
			there.Connect, there.Read = impatience, impatience
			if strings.HasPrefix(c.reason, "Silence") || c.kept != "" {
				there.Connect = 0
			}
			if c.kept == "0123456789" {
				there.Read = time.Second // the whole takes longer
			}
			a := setup(t).Send(t.Context(), there, request("x", nil))
			if a.Outcome != c.outcome || a.Error != c.reason || string(a.ResponseBody) != c.kept ||
				a.Latency > patience/2 {
				t.Errorf("attempt %+v", a)
			}
		})
	}
}

// trickling writes an answer's body byte by byte.
func trickling(head, body string, pause time.Duration) func(context.Context, net.Conn) {
	return func(ctx context.Context, conn net.Conn) {
		if _, _, err := readRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		_, err := io.WriteString(conn, head)
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for i := 0; i < len(body) && err == nil; i++ {
			select {
			case <-tick.C:
				_, err = io.WriteString(conn, body[i:i+1])
			case <-ctx.Done():
				return
			}
		}
	}
}
