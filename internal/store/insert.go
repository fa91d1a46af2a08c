package store

import (
	"context"
	"iter"
	"slices"
	"strings"
)

// insertion is an INSERT of one row, and of several: a statement costs about as much as a row.
type insertion struct{ one, many string }

// manyRows is how many rows an insertion writes at once: as many as a queue hands out.
const manyRows = 10

// insertionOf makes an insertion of what stands before the values, how many a row has, and what stands after them.
func insertionOf(before string, columns int, after string) insertion {
	row := "(?" + strings.Repeat(", ?", columns-1) + ")"
	return insertion{before + " VALUES " + row + after, before + " VALUES " + row + strings.Repeat(", "+row, manyRows-1) + after}
}

// statements answers which statements insert rows, and their arguments. Each row has the insertion's values.
func (i insertion) statements(rows [][]any) iter.Seq2[string, []any] {
	return func(yield func(query string, args []any) bool) {
		for ; len(rows) >= manyRows; rows = rows[manyRows:] {
			if !yield(i.many, slices.Concat(rows[:manyRows]...)) {
				return
			}
		}
		for _, row := range rows {
			if !yield(i.one, row) {
				return
			}
		}
	}
}

// write inserts rows.
func (i insertion) write(ctx context.Context, tx *writeTx, rows [][]any) error {
	for query, args := range i.statements(rows) {
		if _, err := tx.ExecContext(ctx, query, args...); err != nil {
			return err
		}
	}
	return nil
}

// answer inserts rows and has fn scan what the insertion returns of each that was.
func (i insertion) answer(ctx context.Context, tx *writeTx, fn func(row) error, rows [][]any) error {
	for query, args := range i.statements(rows) {
		if err := each(ctx, tx, fn, query, args...); err != nil {
			return err
		}
	}
	return nil
}
