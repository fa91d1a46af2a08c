//go:build litestream

package acceptance_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// A replica that Litestream keeps while the program works is a dlqdesk like the one that was lost, its audit trail
// included.
func TestLitestreamReplicaIsRestored(t *testing.T) {
	t.Parallel()
	litestream, err := filepath.Abs("../../bin/litestream")
	if err != nil {
		t.Fatal(err)
	}
	p := setup(t, nil)
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	replica := filepath.Join(t.TempDir(), "replica")
	settings := filepath.Join(t.TempDir(), "litestream.yml")
	text := fmt.Sprintf("dbs:\n  - path: %s\n    replica: { type: file, path: %s, sync-interval: 100ms }\n",
		filepath.Join(p.cfg.DataDir, "desk.db"), replica)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	replicate := exec.CommandContext(context.WithoutCancel(t.Context()), litestream, "replicate", "-config", settings)
	if err := replicate.Start(); err != nil {
		t.Fatalf("make replica builds it: %v", err)
	}
	t.Cleanup(func() { _ = replicate.Process.Kill(); _ = replicate.Wait() })
	l := p.load(t, 3)
	l.await(t, 200)
	promised := l.end(t)
	p.holds(t, promised)

	cfg := p.cfg
	cfg.DataDir = t.TempDir()
	restoreUntil(t, litestream, settings, p, filepath.Join(cfg.DataDir, "desk.db"), promised)
	_ = replicate.Process.Signal(syscall.SIGTERM)
	program{begin(t, cfg), cfg, p.destination}.holds(t, promised)
}

// restoreUntil restores the replica, with the audit key beside it, until it has caught up with these messages.
func restoreUntil(t *testing.T, litestream, settings string, p program, to string, ids []string) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(p.cfg.DataDir, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(to), "audit.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	limit := time.After(time.Minute)
	for look := time.NewTicker(500 * time.Millisecond); ; {
		out, err := exec.CommandContext(
			t.Context(), litestream, "restore", "-force", "-config", settings, "-o", to,
			filepath.Join(p.cfg.DataDir, "desk.db"),
		).
			CombinedOutput()
		if err == nil && hasAll(t, to, key, ids) {
			return
		}
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("the replica does not catch up: %v\n%s", err, out)
		}
	}
}

func hasAll(t *testing.T, path string, key []byte, ids []string) bool {
	t.Helper()
	s, err := store.Open(t.Context(), path, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for _, id := range ids {
		if _, err := s.Message(t.Context(), deadletter.ID(id)); err != nil {
			return false
		}
	}
	return true
}
