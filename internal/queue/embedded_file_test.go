package queue_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/queue"
)

var start = time.Date(2026, 3, 2, 10, 15, 0, 0, time.UTC)

func openFileAt(t testing.TB, path string) *queue.File {
	t.Helper()
	m, err := queue.OpenFile(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return m
}

// fill puts n messages that wait behind n that are in flight on a queue, and on a FIFO queue n behind one in flight,
// all of one group. Only the messages between two numbers have contents; the first is number 1.
func fill(t testing.TB, path string, n, from, to int) {
	t.Helper()
	file, err := sql.Open("sqlite", "file:"+path+"?_pragma=synchronous(OFF)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	later := start.Add(time.Hour).UnixMilli()
	const numbers = `WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < ?1) `
	for _, query := range []string{
		`INSERT INTO messages (queue, hidden_until) ` + numbers + `SELECT 'q', ?2 FROM numbers`,
		`INSERT INTO messages (queue) ` + numbers + `SELECT 'q' FROM numbers`,
		`INSERT INTO messages (queue, message_group, hidden_until) ` + numbers + `SELECT 'q.fifo', 'a',
			iif(i = 1, ?2, NULL) FROM numbers`,
	} {
		if _, err := file.ExecContext(t.Context(), query, n, later); err != nil {
			t.Fatal(err)
		}
	}
	const contents = `INSERT INTO contents (n, id, attributes, sent_at, body) SELECT n, n, 'null', 0, x'78'
		FROM messages WHERE n BETWEEN ? AND ?`
	if _, err := file.ExecContext(t.Context(), contents, from, to); err != nil {
		t.Fatal(err)
	}
}

// The time of a receive does not grow with what waits, is in flight, or is blocked.
func TestTimeOfReceiveDoesNotGrowWithTheQueue(t *testing.T) {
	t.Parallel()
	const few, many, rounds = 1_000, 60_000, 21
	files := map[int]*queue.File{}
	for _, n := range []int{few, many} {
		path := filepath.Join(t.TempDir(), "queue.db")
		files[n] = openFileAt(t, path)
		fill(t, path, n, n+1, n+10*rounds)
	}
	took := map[string][]time.Duration{}
	for round := range rounds {
		for n, m := range files {
			group := fmt.Sprint(round)
			if _, err := m.Send(
				t.Context(), "q.fifo", []queue.Message{{ID: group, GroupID: group}}, start,
			); err != nil {
				t.Fatal(err)
			}
			for _, request := range []queue.ReceiveRequest{
				{Queue: "q", Limit: 10, Visibility: time.Hour},
				{Queue: "q.fifo", FIFO: true, Limit: 1, Visibility: time.Hour},
			} {
				t.Run(fmt.Sprint(request), func(t *testing.T) {
					begun := time.Now()
					messages, err := m.Receive(t.Context(), request, start)
					if err != nil || len(messages) != request.Limit {
						t.Fatalf("from %s came %d messages, %v", request.Queue, len(messages), err)
					}
					name := fmt.Sprint(request.Queue, n)
					took[name] = append(took[name], time.Since(begun))
				})
			}
		}
	}
	for _, name := range []string{"q", "q.fifo"} {
		// The shortest of all rounds is the one that no other process on the machine held up.
		little, much := slices.Min(took[fmt.Sprint(name, few)]), slices.Min(took[fmt.Sprint(name, many)])
		if much > 3*little+2*time.Millisecond {
			t.Errorf("a receive from %s takes %v with %d messages, %v with %d", name, little, few, much, many)
		}
	}
}

func TestRepeatedMessageIsAppendedOnce(t *testing.T) {
	t.Parallel()
	m := openQueueFile(t)
	send := func(list ...queue.Message) ([]string, error) { return m.Send(t.Context(), "q", list, start) }
	ids, err := send(
		queue.Message{ID: "1", DeduplicationID: "same"}, queue.Message{ID: "2", DeduplicationID: "same"},
		queue.Message{ID: "3"},
	)
	if err != nil || !slices.Equal(ids, []string{"1", "1", "3"}) {
		t.Errorf("sent as %q, %v", ids, err)
	}
	d, err := m.Depth(t.Context(), "q", start)
	if d.Total() != 2 || d.InFlight != 0 || !d.Oldest.Equal(start) || err != nil {
		t.Errorf("the depth is %+v, %v", d, err)
	}
}

func TestManyMessagesThatBecomeVisibleAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "queue.db")
	m := openFileAt(t, path)
	const n = 2_500 // more than one receive wakes
	fill(t, path, n, 1, 2*n)
	at := start.Add(time.Hour)
	seen := map[string]bool{}
	for {
		messages, err := m.Receive(t.Context(), queue.ReceiveRequest{
			Queue: "q", Limit: 100, Visibility: time.Hour,
		}, at)
		if err != nil {
			t.Fatal(err)
		}
		if len(messages) == 0 {
			break
		}
		for _, message := range messages {
			seen[message.ID] = true
		}
	}
	if len(seen) != 2*n {
		t.Errorf("%d of %d messages came", len(seen), 2*n)
	}
	if next, err := m.NextVisible(t.Context(), "q"); !next.Equal(at.Add(time.Hour)) || err != nil {
		t.Errorf("the next becomes visible at %v, %v", next, err)
	}
}

func TestProbeFailsWhenAMessageDoesNotFit(t *testing.T) {
	t.Parallel()
	m := openQueueFile(t)
	for range 2 { // it leaves nothing that is in the way of the next
		if err := m.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Limit(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, 128<<10)
	if _, err := m.Send(t.Context(), "dlq", []queue.Message{{ID: "1", Body: body}}, time.Now()); err == nil {
		t.Fatal("the file has no limit")
	}
	if err := m.Probe(t.Context()); err != nil {
		t.Errorf("there is room for a usual message: %v", err)
	}
	// The room that the probes made is used up.
	if _, err := m.Send(
		t.Context(), "dlq", []queue.Message{{ID: "2", Body: body[:60<<10]}}, time.Now(),
	); err != nil {
		t.Fatal(err)
	}
	if err := m.Probe(t.Context()); err == nil {
		t.Error("a full file is said to take a message")
	}
}

func TestFullFileRefusesMessagesUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	m := openQueueFile(t)
	if err := m.Limit(t.Context(), 256<<10); err != nil {
		t.Fatal(err)
	}
	send := func(size int) error {
		_, err := m.Send(
			t.Context(), "q", []queue.Message{{ID: "x", Body: bytes.Repeat([]byte("x"), size)}}, start,
		)
		return err
	}
	if err := send(1 << 20); deadletter.KindOf(err) != deadletter.Unavailable ||
		!strings.Contains(deadletter.TextOf(err), "full") {
		t.Errorf("it answers %v", err)
	}
	if err := send(10); err != nil {
		t.Errorf("what fits is refused: %v", err)
	}
}

func TestReleaseAllMakesMessagesOfADeadProcessVisible(t *testing.T) {
	t.Parallel()
	m := openQueueFile(t)
	for _, name := range []string{"q", "q.fifo"} {
		t.Run(name, func(t *testing.T) {
			request := queue.ReceiveRequest{Queue: name, FIFO: name == "q.fifo", Limit: 10, Visibility: time.Hour}
			receive := func() (ids string) {
				list, err := m.Receive(t.Context(), request, start)
				if err != nil {
					t.Fatal(err)
				}
				for _, message := range list {
					ids += message.ID
				}
				return ids
			}
			group := strings.TrimPrefix(name, "q")
			if _, err := m.Send(
				t.Context(),
				name,
				[]queue.Message{
					{ID: "1", GroupID: group},
					{ID: "2", GroupID: group},
				},
				start,
			); err != nil {
				t.Fatal(err)
			}
			if first, none := receive(), receive(); first != "12" || none != "" {
				t.Fatalf("first came %q, then %q", first, none)
			}
			if err := m.ReleaseAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			if again := receive(); again != "12" {
				t.Errorf("from %s came %q again", name, again)
			}
		})
	}
}
