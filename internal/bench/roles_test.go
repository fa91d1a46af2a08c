package bench_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"
)

// The parts of a comparison that are no product are processes of their own as well, so that each one's processor time
// is known. They are this test program, started again with a role.
const (
	roleVariable   = "DLQDESK_BENCH_ROLE"
	targetVariable = "DLQDESK_BENCH_TARGET"

	roleHandler = "handler" // see newHandler
	roleProxy   = "proxy"   // forwards to the target
)

// play runs this process in a role until its standard input ends, which it does when the benchmark is killed.
func play(role string) error {
	target, err := url.Parse(os.Getenv(targetVariable))
	if err != nil {
		return err
	}
	h := newHandler()
	if role == roleProxy {
		h = newProxy(target)
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("Listening at http://%s\n", l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return (&http.Server{Handler: h, ReadHeaderTimeout: time.Minute}).Serve(l)
}

// startRole starts a process with a role.
func startRole(b *testing.B, role, target string) process {
	b.Helper()
	program, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), program) //nolint:gosec // this program
	cmd.Env = append(os.Environ(), roleVariable+"="+role, targetVariable+"="+target)
	if _, err := cmd.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	return launch(b, cmd)
}

// newHandler is the handler behind every contestant: a webhook to /ok is processed, one to /fail fails. GET /count
// returns how many have come.
func newHandler() http.Handler {
	var came atomic.Int64
	respond := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			came.Add(1)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ok", respond(http.StatusOK, `{"ok":true}`))
	mux.HandleFunc("POST /fail", respond(http.StatusInternalServerError, `{"error":"the CRM is down"}`))
	mux.HandleFunc("GET /count", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, came.Load()) })
	return mux
}

// newProxy is a bare reverse proxy, with enough idle connections for the load.
func newProxy(to *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Transport: &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true},
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
	}
}
