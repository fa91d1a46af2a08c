package app_test

import (
	"database/sql"
	"encoding/json"
	"path/filepath"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// checkFiles has SQLite look at every file of a data folder. Nobody may be at work on them.
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
		if err := file.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&found); err != nil || found != "ok" {
			t.Errorf("%s: %s, %v", path, found, err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
}

// lettersOf answers every letter of a store, by the id that its body has.
func lettersOf(t *testing.T, s *store.Store) map[string][]deadletter.Letter {
	t.Helper()
	letters := map[string][]deadletter.Letter{}
	for q := (store.LetterQuery{Limit: 200}); ; {
		page, err := s.Letters(t.Context(), q)
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
				t.Errorf("letter %s has the body %q", l.ID, r.Body)
			}
			letters[body.ID] = append(letters[body.ID], l)
		}
		if q.Cursor = page.Older; q.Cursor == "" {
			return letters
		}
	}
}
