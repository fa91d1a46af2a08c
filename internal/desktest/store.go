package desktest

import (
	"bytes"
	"path/filepath"
	"testing"

	"dlqdesk/internal/store"
)

// Key is the audit key of test stores.
func Key() []byte { return bytes.Repeat([]byte{7}, 32) }

// NewStore opens a store on a real file that goes with the test.
func NewStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "desk.db"), Key())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return s
}
