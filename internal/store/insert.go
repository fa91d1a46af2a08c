package store

import (
	"context"
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

// write inserts rows, of which each has the insertion's values.
func (i insertion) write(ctx context.Context, tx *writeTx, rows [][]any) error {
	for ; len(rows) >= manyRows; rows = rows[manyRows:] {
		var args []any
		for _, row := range rows[:manyRows] {
			args = append(args, row...)
		}
		if _, err := tx.ExecContext(ctx, i.many, args...); err != nil {
			return err
		}
	}
	for _, row := range rows {
		if _, err := tx.ExecContext(ctx, i.one, row...); err != nil {
			return err
		}
	}
	return nil
}
