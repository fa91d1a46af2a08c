package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/pressure"
	"dlqdesk/internal/redact"
)

// Of more messages than fit one batch the newest are indexed first, and the rest later: each once, as it is by then.
func TestNewestMessagesAreIndexedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, path := setup(t)
		const n = 100 // more than a batch has
		for i := range n {
			c := failure(fmt.Sprintf("a-%d", i), 422, start.Add(time.Duration(i)*time.Second))
			c.Body = bytes.Repeat([]byte("x"), payload.MaxSearched)
			receive(t, s, c)
		}
		gauge := pressure.New(desktest.Busy)
		desktest.Capture(gauge, time.Second)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := s.RunIndex(ctx, desktest.NoMasks, gauge); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait() // until the pause after the first batch, because the pressure is high
		stop()
		running.Wait()
		first := indexed(t, path, "missing")
		replay(t, s, "a-1", false, 503)

		desktest.Search(t, s, nil)
		searched(t, s)
		all := indexed(t, path, "missing")
		if len(all) != n {
			t.Errorf("%d of %d messages are indexed", len(all), n)
		}
		if k := len(first); k == 0 || k >= n || !slices.Equal(first, all[len(all)-k:]) {
			t.Errorf("first %v were indexed, of %v", first, all)
		}
		old, latest := indexed(t, path, "422"), found(t, s, "503")
		if len(old) != n-1 || !slices.Equal(latest, []string{"a-1"}) {
			t.Errorf("the old error finds %d messages, the new one %v", len(old), latest)
		}
	})
}

// indexed returns the rows of messages that the file of the index has for a word.
func indexed(t *testing.T, path, word string) (rows []int64) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(filepath.Dir(path), "search.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	const query = `SELECT rowid FROM message_search WHERE message_search MATCH ? ORDER BY rowid`
	found, err := db.QueryContext(t.Context(), query, word)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = found.Close() }()
	for found.Next() {
		var row int64
		if err := found.Scan(&row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// While messages are written, those of some seconds are indexed together: sooner when no more come, or a search asks.
func TestIndexTakesManyMessagesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := desktest.NewStore(t)
		desktest.Search(t, s, nil)
		receiveNext := func(n int) (left int64) {
			receive(t, s, failure(fmt.Sprintf("a-%d", n), 422, start))
			synctest.Wait()
			left, err := s.Unindexed(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return left
		}
		if left := receiveNext(0); left > 0 {
			t.Errorf("a message that comes alone waits: %d", left)
		}
		n := 1
		for before := int64(0); n < 100; n++ {
			left := receiveNext(n)
			if left <= before {
				break
			}
			before = left
			time.Sleep(150 * time.Millisecond)
		}
		if n < 30 || n > 40 {
			t.Errorf("after %d messages of seven a second the index took them", n)
		}
		if left := receiveNext(n + 1); left == 0 {
			t.Error("a message is indexed alone")
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if left, err := s.Unindexed(t.Context()); left > 0 || err != nil {
			t.Errorf("no more come, and %d wait, %v", left, err)
		}
		for i := range 2 {
			receiveNext(n + 2 + i)
			if got := found(t, s, fmt.Sprintf("hook-a-%d", n+2+i)); len(got) != 1 {
				t.Errorf("a search finds %v", got)
			}
		}
	})
}

// A value that is masked from now on is not found any more, also while the index waits for more messages.
func TestNewMaskEndsThePauseOfTheIndex(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, path := setup(t)
		var masks atomic.Pointer[redact.Masks]
		var running sync.WaitGroup
		defer running.Wait()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		running.Go(func() {
			if err := s.RunIndex(ctx, masks.Load, nil); err != nil {
				t.Error(err)
			}
		})
		for i, text := range []string{"078", "079"} {
			c := failure(fmt.Sprintf("a-%d", i), 422, start)
			c.Body = fmt.Appendf(nil, `{"customer":%q}`, text)
			receive(t, s, c)
			synctest.Wait()
		}
		if first, second := indexed(t, path, "078"), indexed(t, path, "079"); len(first) != 1 || len(second) != 0 {
			t.Fatalf("before there are indexed %v and %v", first, second)
		}
		masked, err := payload.ParsePath("$.customer")
		if err != nil {
			t.Fatal(err)
		}
		masks.Store(desktest.Masks("genesys", redact.Options{Paths: []payload.Path{masked}}))
		s.KickIndex()
		synctest.Wait()
		if rows := indexed(t, path, "078"); len(rows) > 0 {
			t.Errorf("a masked value is indexed of %v", rows)
		}
	})
}
