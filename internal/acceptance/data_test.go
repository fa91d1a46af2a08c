package acceptance_test

import (
	"database/sql"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"dlqdesk/internal/audit"
	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// checkFiles has SQLite look at every file of a data folder. No process may use them.
func checkFiles(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.db"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the data folder has no databases: %v", err)
	}
	for _, path := range files {
		file, err := sql.Open("sqlite", "file:"+path)
		if err != nil {
			t.Fatal(err)
		}
		var found string
		if err := file.QueryRowContext(t.Context(), `PRAGMA integrity_check`).
			Scan(&found); err != nil ||
			found != "ok" {
			t.Errorf("%s: %s, %v", path, found, err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
}

// auditOf returns the commands on the audit trail of a configuration's data folder.
func auditOf(cfg config.Config) audit.Folder {
	return audit.Folder{Path: cfg.DataDir, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
}

// messagesOf returns every message of a store, by the id that its body has.
func messagesOf(t *testing.T, s *store.Store) map[string][]deadletter.Message {
	t.Helper()
	messages := map[string][]deadletter.Message{}
	for q := (store.MessageQuery{Limit: 200}); ; {
		page, err := s.Messages(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range page.Items {
			r, err := s.Revision(t.Context(), l.ID, 0)
			if err != nil {
				t.Fatal(err)
			}
			var body struct{ ID string }
			if err := json.Unmarshal(r.Body, &body); err != nil {
				t.Errorf("message %s has the body %q", l.ID, r.Body)
			}
			messages[body.ID] = append(messages[body.ID], l)
		}
		if q.Cursor = page.Older; q.Cursor == "" {
			return messages
		}
	}
}
