package delivery_test

import (
	"context"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dlqdesk/internal/deadletter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// After every fault the slot is free, and no connection or goroutine is left, even if the server keeps the connection
// open. The test counts goroutines of net/http, so it cannot be parallel.
func TestFaultsLeaveNothingBehind(t *testing.T) { //nolint:paralleltest // it counts goroutines of the whole process
	faults := wireFaults()
	faults["reads nothing of much"] = fault{
		func(ctx context.Context, _ net.Conn) { <-ctx.Done() }, deadletter.Unknown, 0, "", "",
	}
	faults["trickles"] = fault{
		trickling("HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("x", 1000), impatience/10), deadletter.Delivered,
		200, "", "",
	}
	client := setup(t)
	url, _ := destination(t, ok)
	var sending sync.WaitGroup
	for name, c := range faults {
		for _, scheme := range []string{"http://", "https://"} {
			there := hurried(scheme + listen(t, c.talk))
			there.Source, there.MaxConcurrent = scheme+name, 1
			body := "x"
			if strings.Contains(name, "much") {
				body = strings.Repeat("x", 32<<20)
			}
			sending.Go(func() {
				for range 3 {
					client.Send(context.Background(), there, request(body, nil))
				}
				there.URL, there.Timeout = url, patience
				if a := client.Send(context.Background(), there, request("x", nil)); a.Outcome != deadletter.Delivered {
					t.Errorf("%s: then nothing goes any more: %+v", there.Source, a)
				}
			})
		}
	}
	sending.Wait()
	client.Close()
	limit := time.After(20 * time.Second)
	for look := time.NewTicker(10 * time.Millisecond); ; {
		left := connections()
		if len(left) == 0 {
			return
		}
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("%d goroutines are left of connections, such as\n%s", len(left), left[0])
		}
	}
}

// connections returns the stacks of all that net/http has at work for a client.
func connections() []string {
	text := make([]byte, 16<<20)
	stacks := strings.Split(string(text[:runtime.Stack(text, true)]), "\n\n")
	return slices.DeleteFunc(stacks, func(stack string) bool {
		return !slices.ContainsFunc(
			[]string{"http.(*persistConn)", "http.(*Transport)", "http.(*http2", "delivery.link"},
			func(part string) bool { return strings.Contains(stack, part) },
		)
	})
}
