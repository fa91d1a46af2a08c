package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/server"
	"dlqdesk/internal/store"
)

// trail makes a data folder whose trail has some events, and the configuration that names it.
func trail(t *testing.T, events int) (folder, file string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "data")
	dir, err := server.OpenDataDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	key, err := dir.AuditKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), dir.File(server.DeskFile), key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	err = s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for range events {
			e := deadletter.Event{At: time.Date(2026, 3, 2, 10, 15, 5, 0, time.UTC), Action: "user.sign_in", By: "anna"}
			if err := tx.Record(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return folder, write(t, filepath.Join(t.TempDir(), "dlqdesk.yaml"),
		"data_dir: "+folder+"\nsources: {genesys: {destination: 'http://127.0.0.1:9090/'}}\n")
}

// A data folder whose database and seal were deleted looks new. It is not called intact.
func TestAuditVerifyOfADeletedTrail(t *testing.T) {
	t.Parallel()
	folder, file := trail(t, 3)
	mark := strings.Split(strings.TrimSpace(dlqdesk(nil, "audit", "verify", "--config", file).stdout), "\n")[1]
	for _, pattern := range []string{"desk.db*", "audit.seal"} {
		names, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := dlqdesk(nil, "audit", "verify", "--config", file)
	if said := got.stdout + got.stderr; strings.Contains(said, "intact") || !strings.Contains(said, "no events") {
		t.Errorf("without a trail: %+v", got)
	}
	if got := dlqdesk(nil, "audit", "verify", "--config", file, "--at-least", mark); got.code != 1 {
		t.Errorf("at least %s: %+v", mark, got)
	}
}

func TestAuditVerifyPrintsTheLastEvent(t *testing.T) {
	t.Parallel()
	_, file := trail(t, 3)
	got := dlqdesk(nil, "audit", "verify", "--config", file)
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	if got.code != 0 || len(lines) != 2 || lines[0] != "the audit trail is intact: 3 events" ||
		!strings.HasPrefix(lines[1], "3:") || len(lines[1]) != 2+64 {
		t.Fatalf("%+v", got)
	}
	if again := dlqdesk(nil, "audit", "verify", "--config", file, "--at-least", lines[1]); again != got {
		t.Errorf("with its own last line: %+v", again)
	}
	for want, mark := range map[string]string{
		"does not contain event 4": "4" + lines[1][1:], "does not contain event 3": "3:" + strings.Repeat("0", 64),
	} {
		got := dlqdesk(nil, "audit", "verify", "--config", file, "--at-least", mark)
		if got.code != 1 || !strings.Contains(got.stderr, want) || got.stdout != "" {
			t.Errorf("at least %s: %+v", mark, got)
		}
	}
	if got := dlqdesk(nil, "audit", "verify", "--config", file, "--at-least", "3"); got.code != 2 ||
		!strings.Contains(got.stderr, "--at-least") {
		t.Errorf("no mark at all: %+v", got)
	}
}

// An alarm, its acceptance, and what the trail says from then on, as text and as JSON.
func TestAuditAcceptAndRekey(t *testing.T) {
	t.Parallel()
	folder, file := trail(t, 3)
	if err := os.Remove(filepath.Join(folder, store.SealFile)); err != nil {
		t.Fatal(err)
	}
	if got := dlqdesk(nil, "audit", "verify", "--config", file); got.code != 1 ||
		!strings.Contains(got.stderr, "the audit trail was tampered with: the file audit.seal is missing") {
		t.Errorf("without its seal: %+v", got)
	}
	got := dlqdesk(nil, "audit", "verify", "--config", file, "--json")
	var report struct {
		Intact       bool
		Fault, Last  string
		Events       int
		AcceptedGaps []struct {
			Found              []string
			Event              int
			AcceptedBy, Reason string
		}
	}
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil || got.code != 1 || report.Intact ||
		!strings.Contains(report.Fault, "is missing") {
		t.Errorf("as JSON: %v, %+v", err, got)
	}
	if got := dlqdesk(nil, "audit", "accept", "--config", file, "--by", "Ana"); got.code != 2 {
		t.Errorf("without a reason: %+v", got)
	}
	accepted := dlqdesk(nil, "audit", "accept", "--config", file, "--by", "Ana Ruiz", "--reason", "restored a backup")
	if accepted.code != 0 || !strings.Contains(accepted.stdout, "\n4:") {
		t.Fatalf("accepting: %+v", accepted)
	}
	if again := dlqdesk(nil, "audit", "accept", "--config", file, "--by", "Ana", "--reason", "x"); again.code != 5 ||
		!strings.Contains(again.stderr, "nothing is wrong") {
		t.Errorf("accepting again: %+v", again)
	}
	if err := os.Remove(filepath.Join(folder, "audit.key")); err != nil {
		t.Fatal(err)
	}
	rekeyed := dlqdesk(nil, "audit", "rekey", "--config", file, "--by", "Ana Ruiz", "--reason", "lost the copy")
	if rekeyed.code != 0 || !strings.Contains(rekeyed.stdout, "\n5:") {
		t.Fatalf("re-keying: %+v", rekeyed)
	}
	got = dlqdesk(nil, "audit", "verify", "--config", file)
	for _, want := range []string{
		"intact: 5 events", "accepted by Ana Ruiz at ", "(event 5)",
		"reason: lost the copy",
	} {
		if got.code != 0 || !strings.Contains(got.stdout, want) {
			t.Errorf("after that: %+v, want %q", got, want)
		}
	}
	got = dlqdesk(nil, "audit", "verify", "--config", file, "--json")
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil || got.code != 0 || report.Events != 5 ||
		len(report.AcceptedGaps) != 1 || report.AcceptedGaps[0].AcceptedBy != "Ana Ruiz" ||
		report.AcceptedGaps[0].Event != 5 || !strings.HasPrefix(report.Last, "5:") {
		t.Errorf("as JSON: %v, %+v", err, got)
	}
}
