package server_test

import (
	"testing"

	"dlqdesk/internal/server"
)

func TestDiskUseIsThatOfTheFoldersDisk(t *testing.T) {
	t.Parallel()
	dir, err := server.OpenDataDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	used, of, err := dir.DiskUse()
	if err != nil || used <= 0 || of < used || of < 1<<20 {
		t.Errorf("%d of %d bytes are in use, %v", used, of, err)
	}
}
