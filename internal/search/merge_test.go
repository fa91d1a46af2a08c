package search

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"dlqdesk/internal/sqlite"
)

// Segments of many batches become one, in steps, while more is written, and after a restart. Every search finds the
// same meanwhile.
func TestSegmentsAreMerged(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	i := openIndex(t, path)
	const batches, each = 40, 500
	for b := range batches {
		i.addBatch(t, b*each, each)
	}
	if n := i.segments(t); n < 4 {
		t.Fatalf("the index has %d segments", n)
	}
	i.setProgress(progress{newest: mergeLeast - 1})
	if err := i.merge(t.Context()); i.merging || err != nil {
		t.Fatalf("it is merged before it is time: %v, %v", i.merging, err)
	}
	i.setProgress(progress{newest: mergeLeast})
	if err := i.merge(t.Context()); !i.merging || err != nil {
		t.Fatalf("it is not merged: %v, %v", i.merging, err)
	}
	i.addBatch(t, batches*each, each)
	i.matches(t, "alpha", (batches+1)*each)
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}

	i = openIndex(t, path)
	i.setProgress(progress{newest: mergeLeast})
	steps := 0
	for begun := false; !begun || i.merging; steps++ {
		begun = true
		if err := i.merge(t.Context()); err != nil {
			t.Fatal(err)
		}
		i.matches(t, "alpha", (batches+1)*each)
	}
	if n := i.segments(t); n != 1 || steps < 2 {
		t.Errorf("after %d steps the index has %d segments", steps, n)
	}
	i.matches(t, "word7", 1)
	if err := i.merge(t.Context()); i.merging || err != nil {
		t.Errorf("it is merged again: %v, %v", i.merging, err)
	}
}

type openedIndex struct{ *Index }

func openIndex(t *testing.T, path string) openedIndex {
	t.Helper()
	i, err := Open(t.Context(), path, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Close() }) // it may be closed already
	return openedIndex{i}
}

// addBatch indexes texts in one transaction. Each has a common word, and words of its own.
func (i openedIndex) addBatch(t *testing.T, from, n int) {
	t.Helper()
	err := i.db.Write(t.Context(), func(ctx context.Context, tx *sqlite.Tx) error {
		for row := from; row < from+n; row++ {
			text := "alpha"
			for part := range 30 {
				text += fmt.Sprintf(" word%d", row+part*1_000_000)
			}
			if _, err := tx.ExecContext(
				ctx, "INSERT INTO message_search (rowid, text) VALUES (?, ?)", row, text,
			); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (i openedIndex) segments(t *testing.T) (n int) {
	t.Helper()
	return i.count(t, "SELECT count(DISTINCT segid) FROM message_search_idx")
}

func (i openedIndex) matches(t *testing.T, word string, want int) {
	t.Helper()
	n := i.count(t, "SELECT count(*) FROM message_search WHERE message_search MATCH ?", word)
	if n != want {
		t.Errorf("%d texts have %s, want %d", n, word, want)
	}
}

func (i openedIndex) count(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	if err := i.db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
