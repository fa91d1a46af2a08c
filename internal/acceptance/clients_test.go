package acceptance_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dlqdesk/internal/desktest"
)

// rude is a real process on a real listener, in front of a destination that takes everything.
type rude struct {
	*process
	address     string
	destination *desktest.Destination
}

func newRude(t *testing.T) rude {
	t.Helper()
	d := desktest.NewDestination(t)
	d.Set(desktest.Answer(http.StatusOK, `{}`))
	p := serve(t, write(t, settings(t, d)))
	return rude{p, strings.TrimPrefix(p.url, "http://"), d}
}

const opening = "POST /webhooks/genesys HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

func TestBodiesWithWrongContentLengthAreRefused(t *testing.T) {
	t.Parallel()
	r := newRude(t)
	for name, c := range map[string]struct {
		said      string
		statuses  []int
		delivered string // "-": nothing
	}{
		"shorter":               {"Content-Length: 100\r\n\r\n{}", []int{400}, "-"},
		"longer":                {"Content-Length: 2\r\n\r\n{}and more\r\n\r\n", []int{200, 400}, "{}"},
		"two lengths":           {"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", []int{400}, "-"},
		"negative":              {"Content-Length: -2\r\n\r\n{}", []int{400}, "-"},
		"beyond any number":     {"Content-Length: 99999999999999999999\r\n\r\n{}", []int{400}, "-"},
		"beyond the limit":      {"Content-Length: 1099511627776\r\n\r\n{}", []int{413}, "-"},
		"chunks that are none":  {"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n{}\r\n0\r\n\r\n", []int{400}, "-"},
		"a chunk without end":   {"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}", []int{400}, "-"},
		"chunks that break off": {"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", []int{400}, "-"},
		"another encoding":      {"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", []int{501}, "-"},
		"length and chunks": {
			"Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n", []int{200}, "[]",
		},
		"chunks, then a request": {
			"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
			[]int{200},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(r.destination.Received())
			conn := desktest.Dial(t, r.address)
			conn.Send(t, "%s", opening+c.said)
			conn.EndSending(t)
			for _, status := range c.statuses {
				conn.ExpectStatus(t, status)
			}
			conn.ExpectClosed(t)
			got := r.destination.Received()[before:]
			if want := c.delivered != "-"; want != (len(got) == 1) || want && string(got[0].Body) != c.delivered {
				t.Errorf("%d deliveries: %+v", len(got), got)
			}
		})
	}
}

func TestOversizedHeadersAreRefused(t *testing.T) {
	t.Parallel()
	r := newRude(t)
	other := desktest.Dial(t, r.address)
	for name, headers := range map[string]string{
		"one":  "X-Large: " + strings.Repeat("x", 1<<20) + "\r\n",
		"many": strings.Repeat("X-Small: x\r\n", 1<<20/12),
		"name": strings.Repeat("x", 1<<20) + ": x\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn := desktest.Dial(t, r.address)
			// The server need not read all of it, so the end may not be sent.
			if _, err := fmt.Fprint(
				conn, opening+headers+"Content-Length: 2\r\n\r\n{}",
			); err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				t.Error(err)
			}
			conn.ExpectStatus(t, http.StatusRequestHeaderFieldsTooLarge)
		})
	}
	other.Send(t, "%s", opening+"Content-Length: 2\r\n\r\n{}")
	other.ExpectStatus(t, http.StatusOK)
	if n := len(r.destination.Received()); n != 1 {
		t.Errorf("%d deliveries, want the other client's", n)
	}
}

// A client that sends little by little is disconnected, and delays no others.
func TestSlowClientsAreCutOff(t *testing.T) {
	t.Parallel()
	r := newRude(t)
	var dawdling []desktest.Conn
	for _, said := range []string{
		"POST /webhooks/gen", opening + "X-Slow: x", opening + "Content-Length: 1000\r\n\r\n{", opening +
			"Transfer-Encoding: chunked\r\n\r\n2\r\n{",
		strings.Replace(opening, "genesys", "nobody", 1) + "Content-Length: 1000\r\n\r\n{",
	} {
		conn := desktest.Dial(t, r.address)
		if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		conn.Send(t, "%s", said)
		dawdling = append(dawdling, conn)
	}
	stop := make(chan struct{})
	var running sync.WaitGroup
	for _, conn := range dawdling {
		running.Go(func() {
			for tick := time.NewTicker(time.Second); ; {
				select {
				case <-stop:
					return
				case <-tick.C:
					if _, err := conn.Write([]byte("x")); err != nil {
						return
					}
				}
			}
		})
	}
	r.post(t, `{}`, http.StatusOK)
	for _, conn := range dawdling {
		if _, err := io.Copy(io.Discard, conn.Reader); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("a client that dawdles is still waited for")
		}
	}
	close(stop)
	running.Wait()
	r.post(t, `{}`, http.StatusOK)
	if n := len(r.destination.Received()); n != 2 {
		t.Errorf("%d deliveries, want those of whole webhooks", n)
	}
}

func TestTenThousandIdleConnections(t *testing.T) {
	t.Parallel()
	const idle = 10_000
	mayOpen(t, idle+2_000)
	r := newRude(t)
	r.post(t, `{}`, http.StatusOK)
	before := r.memory(t)
	open := make(chan net.Conn, idle)
	var dialing sync.WaitGroup
	for range 20 {
		dialing.Go(func() {
			for range idle / 20 {
				conn, err := net.Dial("tcp", r.address) //nolint:noctx // on loopback
				if err != nil {
					t.Error(err)
					return
				}
				open <- conn
			}
		})
	}
	dialing.Wait()
	for range 10 {
		conn := desktest.Dial(t, r.address)
		conn.Send(t, "%s", opening+"Content-Length: 2\r\n\r\n{}")
		conn.ExpectStatus(t, http.StatusOK)
	}
	after := r.memory(t)
	t.Logf("%d MiB, and %d MiB with %d connections", before>>20, after>>20, len(open))
	if after-before > 128<<20 {
		t.Errorf("they cost %d MiB", (after-before)>>20)
	}
	close(open)
	for conn := range open {
		_ = conn.Close()
	}
	r.post(t, `{}`, http.StatusOK)
}

// mayOpen has this process, and those that it starts, open so many files.
func mayOpen(t *testing.T, files uint64) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur, limit.Max = max(limit.Cur, files), max(limit.Max, files)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatalf("the test needs %d open files (ulimit -Hn): %v", files, err)
	}
}

// memory returns what a process has in memory, in bytes.
func (p *process) memory(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
