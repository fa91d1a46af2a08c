package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// keyed receives a message about a thing, so many seconds after start.
func keyed(t *testing.T, s *store.Store, id string, key deadletter.OrderKey, second int) deadletter.Message {
	t.Helper()
	c := failure(id, 422, start.Add(time.Duration(second)*time.Second))
	c.OrderKey = key
	return receive(t, s, c)
}

func delivered(t *testing.T, s *store.Store, key deadletter.OrderKey, seconds ...int) {
	t.Helper()
	var list []store.DeliveredEvent
	for _, second := range seconds {
		list = append(list, store.DeliveredEvent{Key: key, ReceivedAt: start.Add(time.Duration(second) * time.Second)})
	}
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.AddDelivered(ctx, list) })
	if err != nil {
		t.Fatal(err)
	}
}

func newer(t *testing.T, s *store.Store, m deadletter.Message) deadletter.Newer {
	t.Helper()
	n, err := s.Newer(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNewerDeliveredEventsAreCounted(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	m := keyed(t, s, "a-1", 7, 10)
	delivered(t, s, 7, 9, 10, 11, 12)
	delivered(t, s, 7, 12) // again
	delivered(t, s, 8, 13)
	if n := newer(t, s, m); n.Count != 2 || n.AtLeast {
		t.Errorf("newer are %+v", n)
	}
	if n := newer(t, s, keyed(t, s, "a-2", 0, 1)); n.Count != 0 {
		t.Errorf("newer than a message without a key are %+v", n)
	}
	var many []int
	for i := range 101 {
		many = append(many, 100+i)
	}
	delivered(t, s, 7, many...)
	if n := newer(t, s, m); n.Count != 100 || !n.AtLeast {
		t.Errorf("newer are %+v", n)
	}
}

// A message that a retry, a replay or a job delivered is a delivered event, too.
func TestDeliveredMessageIsANewerEvent(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	m := keyed(t, s, "a-1", 7, 1)
	keyed(t, s, "a-2", 7, 2)
	keyed(t, s, "a-3", 7, 3)
	replay(t, s, "a-2", false, 200)
	replay(t, s, "a-3", false, 503)
	if n := newer(t, s, m); n.Count != 1 {
		t.Errorf("newer are %+v", n)
	}
}

func TestOldDeliveredEventsAreDeletedAndThoseBeyondTheLimit(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	m := keyed(t, s, "a-1", 7, 0)
	delivered(t, s, 7, 1, 2, 3, 4, 5, 6)
	prune := func(second, most, want int) {
		t.Helper()
		if err := s.PruneDelivered(t.Context(), start.Add(time.Duration(second)*time.Second), most); err != nil {
			t.Fatal(err)
		}
		if n := newer(t, s, m); n.Count != want {
			t.Errorf("%d are left, want %d", n.Count, want)
		}
	}
	prune(3, 10, 4)
	prune(3, 3, 3)
	if n := newer(t, s, keyed(t, s, "a-2", 7, 5)); n.Count != 1 {
		t.Errorf("not the oldest were deleted: %+v", n)
	}
}

func TestMessagesAreListedByTheirOrderKey(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	for i := range 4 {
		keyed(t, s, fmt.Sprintf("a-%d", i), deadletter.OrderKey(7+i%2), i)
	}
	f := store.Filter{OrderKey: 8}
	if got := ids(t, s, store.MessageQuery{Filter: f, Limit: 10}); !slices.Equal(got, []string{"a-3", "a-1"}) {
		t.Errorf("they are %v", got)
	}
	if c, err := s.Counts(t.Context(), f); err != nil || c.ByStatus[deadletter.Failed] != 2 {
		t.Errorf("the counts are %+v, %v", c, err)
	}
	keys, err := s.OrderKeys(t.Context(), 0, 10)
	if err != nil || !slices.Equal(keys, []deadletter.OrderKey{7, 8}) {
		t.Errorf("the keys are %v, %v", keys, err)
	}
	if keys, err = s.OrderKeys(t.Context(), 7, 10); err != nil || !slices.Equal(keys, []deadletter.OrderKey{8}) {
		t.Errorf("the keys after 7 are %v, %v", keys, err)
	}
}

func TestAffectedThingsOfACauseAreCounted(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	var cause string
	for i := range 20 {
		cause = keyed(t, s, fmt.Sprintf("a-%d", i), deadletter.OrderKey(1+i%9), i).Fingerprint
	}
	keyed(t, s, "none", 0, 20)
	replay(t, s, "a-9", false, 200) // it is of the cause all the same
	a, err := s.Affected(t.Context(), cause)
	if err != nil || a.Keys != 9 || a.AtLeast {
		t.Fatalf("affected are %+v, %v", a, err)
	}
	if len(a.Most) != 7 || a.Most[0].Key != 2 || a.Most[0].Messages != 3 || a.Most[0].Sample != "a-19" ||
		a.Most[1].Key != 1 || a.Most[1].Messages != 3 || a.Most[2].Messages != 2 {
		t.Errorf("the most affected are %+v", a.Most)
	}
	err = s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		var changes []*deadletter.Change
		for i := range store.CountCap {
			c := failure(fmt.Sprintf("b-%d", i), 422, start)
			c.OrderKey = deadletter.OrderKey(100 + i)
			change := deadletter.NewMessage(c, policy, 0.5, c.ReceivedAt)
			changes = append(changes, &change)
		}
		_, err := tx.Add(ctx, changes...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if a, err = s.Affected(t.Context(), cause); err != nil || a.Keys != store.CountCap || !a.AtLeast {
		t.Errorf("affected are %d, at least %v, %v", a.Keys, a.AtLeast, err)
	}
}

// No query about order reads past the rows that it returns.
func TestQueriesAboutOrderUseTheirIndexes(t *testing.T) {
	t.Parallel()
	_, path := setup(t)
	useIndexes(t, path, map[string]string{
		store.NewerDelivered:   "SEARCH delivered_events USING PRIMARY KEY (order_key=? AND received_at>?)",
		store.NewestOfOrderKey: "SEARCH messages USING COVERING INDEX messages_order (order_key=?)",
		store.OrderKeysAfter:   "SEARCH messages USING COVERING INDEX messages_order (order_key>?)",
		store.AffectedOfStatus: "SEARCH messages USING COVERING INDEX messages_cause (fingerprint=? AND status=?)",
		store.OldestDelivered:  "SEARCH delivered_events USING COVERING INDEX delivered_events_age (received_at<?)",
		`SELECT n FROM messages m WHERE m.status = 'failed' AND m.source = 'a' AND m.n < 9 ORDER BY m.n DESC LIMIT 5`: "SEARCH " +
			"m USING COVERING INDEX messages_source (source=? AND status=? AND rowid<?)",
	}, "messages")
}

// useIndexes fails if the plan of a query has not the text that is wanted of it, or scans one of the tables, which are
// named as in the queries.
func useIndexes(t *testing.T, path string, queries map[string]string, tables ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for query, want := range queries {
		args := make([]any, strings.Count(query, "?"))
		for i := range args {
			args[i] = 1
		}
		plan, err := planOf(t, db, query, args)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(plan, "\n")
		scans := func(table string) bool { return strings.Contains(got, "SCAN "+table) }
		if !strings.Contains(got, want) || slices.ContainsFunc(tables, scans) {
			t.Errorf("%s\nis done by\n%s\nwant %s", query, got, want)
		}
	}
}

func planOf(t *testing.T, db *sql.DB, query string, args []any) (plan []string, err error) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return nil, err
		}
		plan = append(plan, detail)
	}
	return plan, rows.Err()
}

// Every message gets its key, some at a time, and a process that ends meanwhile goes on where it was.
func TestMessagesGetTheirKeysSomeAtATime(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	for i := range 5 {
		keyed(t, s, fmt.Sprintf("a-%d", i), 0, i)
	}
	var asked []string
	next := func(places string) (keys int, more bool) {
		t.Helper()
		given, more, err := s.RekeyMessages(t.Context(), places, 2,
			func(source string, _ deadletter.Headers, body []byte) deadletter.OrderKey {
				asked = append(asked, source+string(body))
				return deadletter.OrderKey(len(asked))
			})
		if err != nil {
			t.Fatal(err)
		}
		return len(given), more
	}
	for i, want := range []struct {
		keys int
		more bool
	}{{2, true}, {2, true}, {1, false}, {0, false}} {
		if keys, more := next("a"); keys != want.keys || more != want.more {
			t.Errorf("step %d gives %d keys, more %v", i, keys, more)
		}
	}
	if len(asked) != 5 || asked[0] != `genesys{"id":"a-4"}` || asked[4] != `genesys{"id":"a-0"}` {
		t.Errorf("the order is %v", asked)
	}
	if m, err := s.Message(t.Context(), "a-0"); err != nil || m.OrderKey != 5 {
		t.Errorf("the message is %+v, %v", m, err)
	}
	if keys, more := next("b"); keys != 2 || !more {
		t.Errorf("other places give %d keys, more %v", keys, more)
	}
}
