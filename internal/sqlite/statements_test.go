package sqlite_test

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"dlqdesk/internal/sqlite"
)

const moreThanKept = 300

// Queries that are put together at run time push prepared ones out, and never out of the hands of one who reads.
func TestPreparedQueriesComeAndGo(t *testing.T) {
	t.Parallel()
	db := openClosedAtEnd(t)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range moreThanKept {
				// Some texts are the same for all workers, the others are for one.
				query := fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3)
					SELECT i + ? + %d FROM n`, i*(worker%2+1))
				got, err := sqlite.Column[int](t.Context(), db, "numbers", query, 10)
				if want := 11 + i*(worker%2+1); err != nil || len(got) != 3 || got[0] != want {
					t.Errorf("query %d: %v, %v", i, got, err)
				}
			}
		})
	}
	all.Wait()
}

func TestRowsOutliveTheirPreparedQuery(t *testing.T) {
	t.Parallel()
	db := openClosedAtEnd(t)
	rows := 0
	err := sqlite.Each(t.Context(), db, func(r sqlite.Row) error {
		var n int
		if err := r.Scan(&n); err != nil {
			return err
		}
		for i := range moreThanKept {
			var got int
			query := fmt.Sprintf("SELECT %d", n*moreThanKept+i)
			if err := db.QueryRowContext(t.Context(), query).Scan(&got); err != nil {
				return err
			}
		}
		rows++
		return nil
	}, `SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3`)
	if err != nil || rows != 3 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

func TestFaultyQueriesReturnTheirErrors(t *testing.T) {
	t.Parallel()
	db := openClosedAtEnd(t)
	var n int
	one := db.QueryRowContext(t.Context(), `SELECT none FROM nowhere`).Scan(&n)
	_, many := sqlite.Column[int](t.Context(), db, "numbers", `SELECT none FROM nowhere`)
	if one == nil || many == nil {
		t.Error(errors.Join(one, many))
	}
}

func openClosedAtEnd(t *testing.T) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), sqlite.Options{
		Path: filepath.Join(t.TempDir(), "test.db"), Migrations: schema(1), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
