package bench_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
)

// webhook is a body of 1 KiB, as platforms send them.
func webhook() []byte {
	const head, tail = `{"eventType":"conversation:updated","n":12345678901234567890,"note":"`, `"}`
	return []byte(head + strings.Repeat("x", 1<<10-len(head)-len(tail)) + tail)
}

// destination is a handler that reads the body and responds at once.
func destination(b *testing.B, status int, answer string) (url string) {
	b.Helper()
	return serve(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
}

// serve listens until the benchmark ends.
func serve(b *testing.B, h http.Handler) (url string) {
	b.Helper()
	var listen net.ListenConfig
	l, err := listen.Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server, done := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}, make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // it ends when it is closed, which is an error
	}()
	b.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return "http://" + l.Addr().String()
}

// settings is a configuration with one source, whose retries are too far off to be part of a figure.
func settings(b *testing.B, destination, dlqURL string) config.Config {
	b.Helper()
	return config.Config{
		Listen:  "127.0.0.1:0",
		DataDir: b.TempDir(),
		Queue:   config.Queue{DLQURL: dlqURL, SpoolLimit: 1 << 30},
		Sources: []config.Source{
			{
				Name:          "genesys",
				Destination:   destination,
				Mode:          config.Direct,
				Timeout:       10 * time.Second,
				MaxBody:       1 << 20,
				MaxConcurrent: 256,
				Retry:         policy(),
			},
		},
	}
}

func policy() deadletter.RetryPolicy {
	return deadletter.RetryPolicy{MaxAttempts: 5, Base: time.Hour, Cap: 24 * time.Hour}
}

// start runs a whole dlqdesk. Its log is written, as in use, but to nowhere.
func start(b *testing.B, cfg config.Config) *app.App {
	b.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil)) //nolint:sloglint // a line's cost counts
	a := app.New(cfg, app.Options{Log: log})
	if err := a.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { stop(b, a) })
	return a
}

func stop(b *testing.B, a *app.App) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := a.Stop(ctx); err != nil {
		b.Errorf("stop: %v", err)
	}
}

// quantile returns the value below which a share of the values lies. It sorts them.
func quantile[T float64 | time.Duration](values []T, share float64) T {
	slices.Sort(values)
	return values[int(share*float64(len(values)-1))]
}

func median(values []float64) float64 { return quantile(values, 0.5) }

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// report prints a figure. The time of one iteration, which the testing package prints by itself, means nothing here.
func report(b *testing.B, value float64, unit string) {
	b.Helper()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(value, unit)
}
