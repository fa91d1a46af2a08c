package acceptance_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dlqdesk/internal/app"
	"dlqdesk/internal/config"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// A program that starts on a trail that was tampered with says so in every place, and works all the same. What each
// tampering is noticed by is a table of package audit.
func TestTamperedTrailIsReportedEverywhere(t *testing.T) {
	t.Parallel()
	d := desktest.NewDestination(t)
	cfg := settings(t, d)
	cfg.ConsoleListen, cfg.MetricsListen = "127.0.0.1:0", "127.0.0.1:0"
	first := program{begin(t, cfg), cfg, d}
	first.signIn(t)
	first.awaitMetrics(t, "dlqdesk_audit_trail_intact 1")
	if !strings.Contains(first.scrape(t), "\ndlqdesk_audit_trail_verified_timestamp_seconds ") {
		t.Error("the time of the verification is no metric")
	}
	end(t, first.App)
	if err := os.Remove(filepath.Join(cfg.DataDir, store.SealFile)); err != nil {
		t.Fatal(err)
	}

	log := &lockedLog{}
	p := program{beginLogging(t, cfg, slog.New(slog.NewTextHandler(log, nil))), cfg, d}
	p.awaitMetrics(t, "dlqdesk_audit_trail_intact 0")
	const fault = "audit.seal is missing"
	if got := log.String(); strings.Count(got, "the audit trail failed verification") != 1 ||
		!strings.Contains(got, fault) {
		t.Errorf("the log says %s", got)
	}
	client := p.signInAgain(t)
	if _, page := p.get(t, client, "/audit"); !strings.Contains(page, `data-chain="broken"`) ||
		!strings.Contains(page, "The file audit.seal is missing") {
		t.Errorf("the page says %s", page)
	}
	if _, page := p.get(t, client, "/messages"); !strings.Contains(page, "The audit trail was tampered with") {
		t.Error("the navigation says nothing")
	}
	file := write(t, cfg)
	if code, out := run(t, "audit", "verify", "--config", file); code != 1 || !strings.Contains(out, fault) {
		t.Errorf("the command ends with %d: %s", code, out)
	}
	if code, out := run(t, "audit", "accept", "--config", file, "--by", "Ana", "--reason", "x"); code != 1 ||
		!strings.Contains(out, "stop it") {
		t.Errorf("beside the running program accepting ends with %d: %s", code, out)
	}
}

func beginLogging(t *testing.T, cfg config.Config, log *slog.Logger) *app.App {
	t.Helper()
	a := app.New(cfg, app.Options{Log: log})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, a) })
	return a
}

type lockedLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
