package store

import (
	"context"
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

// write inserts rows, each of as many values as there are columns, and answers how many of them it did.
func (i insertion) write(ctx context.Context, tx *writeTx, rows [][]any) (written int, err error) {
	for len(rows) > 0 {
		query, args, n := i.one, rows[0], 1
		if len(rows) >= manyRows {
			query, args, n = i.many, slices.Concat(rows[:manyRows]...), manyRows
		}
		result, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return written, err
		}
		inserted, err := result.RowsAffected()
		if err != nil {
			return written, err
		}
		written, rows = written+int(inserted), rows[n:]
	}
	return written, nil
}
