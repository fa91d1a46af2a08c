package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"dlqdesk/internal/sqlite"
)

// A backup that fails removes the copies that it made, and no file that was there before.
func TestFailedBackupRemovesItsOwnCopiesAlone(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	names := []string{"first.db", "second.db", "third.db"}
	for _, name := range names {
		openClosed(t, filepath.Join(from, name), schema(1))
	}
	const earlier = "an earlier copy"
	there := filepath.Join(to, "second.db")
	if err := os.WriteFile(there, []byte(earlier), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.BackupFiles(t.Context(), from, to, names); err == nil {
		t.Error("an earlier copy is in the way, and the backup did not fail")
	}
	if found, err := os.ReadFile(there); string(found) != earlier || err != nil { //nolint:gosec // of the test
		t.Errorf("the earlier copy has %q, %v", found, err)
	}
	left, err := os.ReadDir(to)
	if len(left) != 1 || err != nil {
		t.Errorf("these remain: %v, %v", left, err)
	}
}
