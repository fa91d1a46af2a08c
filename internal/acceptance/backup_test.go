package acceptance_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dlqdesk/internal/app"
	"dlqdesk/internal/audit"
	"dlqdesk/internal/desktest"
)

// A backup under load contains every webhook that was answered 200 before the backup began. A dlqdesk that starts on
// the copy shows them.
func TestBackupUnderLoadIsRestored(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	l := p.load(t, 3)
	l.await(t, 30)
	before := l.soFar()
	to := filepath.Join(t.TempDir(), "backup")
	command := app.New(p.cfg, app.Options{Log: desktest.Log(t)})
	copied, err := command.Backup(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(copied, " "); got != "queue.db desk.db" {
		t.Errorf("copied %s", got)
	}
	l.end(t)

	if _, err := command.Backup(t.Context(), to); err == nil {
		t.Error("a second backup replaced the first")
	}
	key, err := os.ReadFile(filepath.Join(p.cfg.DataDir, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, "audit.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := p.cfg
	cfg.DataDir = to
	if _, err := auditOf(cfg).Verify(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "a backup was restored") {
		t.Errorf("of the copy the audit trail says %v", err)
	}
	accept := audit.Order{By: "Ana Ruiz", Reason: "restored the backup"}
	if _, err := auditOf(cfg).Accept(t.Context(), accept); err != nil {
		t.Error(err)
	}
	if _, err := auditOf(cfg).Verify(t.Context()); err != nil {
		t.Errorf("accepted, the audit trail says %v", err)
	}
	restored := program{begin(t, cfg), cfg, p.destination}
	restored.holdsAtLeast(t, before)
}

func TestBackupWithoutStoreFails(t *testing.T) {
	t.Parallel()
	cfg := settings(t, desktest.NewDestination(t))
	cfg.DataDir = t.TempDir()
	_, err := app.New(cfg, app.Options{Log: desktest.Log(t)}).Backup(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "nothing to copy") {
		t.Errorf("it answers %v", err)
	}
}
