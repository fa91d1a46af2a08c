package search

import (
	"context"
	"fmt"
	"time"

	"dlqdesk/internal/sqlite"
)

// The index keeps what each batch wrote as a segment of its own, of which FTS5 merges only some by itself. A search
// begins in every segment for each of its words: with one segment, most take half of the time.
const (
	// A merge begins when mergeLeast events were indexed since the last one, and a mergeGrowth-th of all: it writes the
	// whole index anew.
	mergeLeast  = 50_000
	mergeGrowth = 8

	// mergePages bounds what one transaction merges, in pages of 4 KB. mergePause is the least pause after it.
	mergePages = 200
	mergePause = 20 * time.Millisecond
)

const (
	readMerged = `SELECT merged FROM position`
	setMerged  = `UPDATE position SET merged = ?`

	// A negative number of pages puts all segments together first, as the documentation of FTS5 says, and does no harm
	// to a merge that is under way. Less than two changes say that nothing is left to merge.
	beginMerge   = `INSERT INTO message_search (message_search, rank) VALUES ('merge', -?)`
	goOnMerging  = `INSERT INTO message_search (message_search, rank) VALUES ('merge', ?)`
	totalChanges = `SELECT total_changes()`
)

// merge merges segments for a moment, if it is time for that. merging says whether there is more to merge.
func (i *Index) merge(ctx context.Context) error {
	done, _ := i.progress()
	query := goOnMerging
	if !i.merging {
		var merged int64
		if err := i.db.QueryRowContext(ctx, readMerged).Scan(&merged); err != nil {
			return fmt.Errorf("read the merges of the search index: %w", err)
		}
		if since := done.newest - merged; since < mergeLeast || since < done.newest/mergeGrowth {
			return nil
		}
		query = beginMerge
	}
	more := false
	err := i.db.Write(ctx, func(ctx context.Context, tx *sqlite.Tx) error {
		var before, after int64
		if err := tx.QueryRowContext(ctx, totalChanges).Scan(&before); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, query, mergePages); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, totalChanges).Scan(&after); err != nil {
			return err
		}
		if more = after-before >= 2; more {
			return nil
		}
		_, err := tx.ExecContext(ctx, setMerged, done.newest)
		return err
	})
	if err != nil {
		return fmt.Errorf("merge the search index: %w", err)
	}
	i.merging = more
	return nil
}
