package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

var (
	key    = desktest.Key()
	start  = time.Date(2026, 3, 2, 10, 15, 5, 427_000_000, time.UTC)
	anna   = deadletter.User("anna", deadletter.Operator, "192.0.2.7")
	policy = deadletter.RetryPolicy{MaxAttempts: 5, Base: 2 * time.Second, Cap: 15 * time.Minute}
)

func setup(t *testing.T) (*store.Store, string) {
	t.Helper()
	path := desktest.NewStoreFile(t)
	s, err := store.Open(t.Context(), path, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, path
}

// failure is a capture of a webhook that the handler rejected.
func failure(id string, code int, at time.Time) deadletter.Capture {
	return deadletter.Capture{
		ID:          deadletter.ID(id),
		Source:      "genesys",
		Destination: "http://127.0.0.1:9090/genesys",
		Method:      "POST",
		WebhookID:   "hook-" + id,
		ReceivedAt:  at,
		Headers:     deadletter.Headers{"Content-Type": {"application/json"}},
		Body:        []byte(`{"id":"` + id + `"}`),
		Reason:      fmt.Sprintf("field id is missing (%d)", code),
		FirstAttempt: &deadletter.Attempt{
			Number:          1,
			Trigger:         deadletter.TriggerReceive,
			Actor:           "system",
			StartedAt:       at,
			Done:            true,
			Latency:         84 * time.Millisecond,
			Outcome:         deadletter.ErrorResponse,
			StatusCode:      code,
			Error:           fmt.Sprintf("field id is missing (%d)", code),
			ResponseHeaders: deadletter.Headers{"X-Request": {"7"}},
			ResponseBody:    []byte(`{"error":"field id is missing"}`),
		},
	}
}

func apply(t *testing.T, s *store.Store, c deadletter.Change, err error) deadletter.Message {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(
		t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.Apply(ctx, c) },
	); err != nil {
		t.Fatal(err)
	}
	return c.After
}

func receive(t *testing.T, s *store.Store, c deadletter.Capture) deadletter.Message {
	t.Helper()
	return apply(t, s, deadletter.NewMessage(c, policy, 0.5, c.ReceivedAt), nil)
}

func TestMessageReadsBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	want := receive(t, s, failure("a-1", 422, start))
	got, err := s.Message(t.Context(), "a-1")
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("message\n got %+v\nwant %+v", got, want)
	}
	attempts, err := s.Attempts(t.Context(), "a-1")
	if err != nil || len(attempts) != 1 {
		t.Fatalf("attempts %v, %v", attempts, err)
	}
	if fmt.Sprintf("%+v", attempts[0]) != fmt.Sprintf("%+v", *failure("a-1", 422, start).FirstAttempt) {
		t.Errorf("attempt %+v", attempts[0])
	}
	r, err := s.Revision(t.Context(), "a-1", 0)
	if err != nil || string(r.Body) != `{"id":"a-1"}` || r.Headers.Get("Content-Type") != "application/json" {
		t.Errorf("revision 0 is %q %v, %v", r.Body, r.Headers, err)
	}
	if _, err := s.Message(t.Context(), "nobody"); deadletter.KindOf(err) != deadletter.NotFound {
		t.Errorf("an absent message answers %v, want NotFound", err)
	}
}

func TestDeliveryIsFencedByItsLease(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	m := receive(t, s, failure("a-1", 503, start))
	due, err := s.Due(t.Context(), "genesys", deadletter.Retrying, m.DueAt, 10)
	if err != nil || len(due) != 1 {
		t.Fatalf("due %v, %v", due, err)
	}
	at := m.DueAt
	claim, err := m.Claim(deadletter.Lease{Token: "t1", Until: at.Add(time.Minute)}, "", at)
	leased := apply(t, s, claim, err)
	if again, err := s.Due(t.Context(), "genesys", deadletter.Replaying, at.Add(time.Hour), 10); err != nil ||
		len(again) != 0 {
		t.Errorf("a leased message is due again: %v, %v", again, err)
	}
	// The same claim again started from a state that no longer stands.
	err = s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.Apply(ctx, claim) })
	if deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("a second claim answers %v, want Conflict", err)
	}
	open := deadletter.Attempt{}
	err = s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		open, err = tx.OpenAttempt(ctx, "a-1")
		return err
	})
	if err != nil || open.Done || open.Number != 2 {
		t.Fatalf("open attempt %+v, %v", open, err)
	}
	open.Outcome, open.StatusCode = deadletter.Delivered, 200
	finish, err := leased.Finish("t1", open, policy, 0, at.Add(time.Second))
	apply(t, s, finish, err)
	got, _ := s.Message(t.Context(), "a-1")
	if got.Status != deadletter.Resolved || got.Lease.Token != "" {
		t.Errorf("after delivery the message is %s, lease %q", got.Status, got.Lease.Token)
	}
	if next, err := s.NextDue(t.Context(), "genesys", deadletter.Retrying); err != nil || !next.IsZero() {
		t.Errorf("next due %v, %v, want none", next, err)
	}
}

func TestManyMessagesAreAddedAtOnce(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	receive(t, s, failure("a-3", 422, start))
	const many = 27
	changes := make([]*deadletter.Change, many)
	for i := range changes {
		c := failure(fmt.Sprintf("a-%d", i), 422, start)
		if i == 7 {
			c.FirstAttempt = nil // another program's
		}
		change := deadletter.NewMessage(c, policy, 0.5, start)
		changes[i] = &change
	}
	var added []bool
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		added, err = tx.Add(ctx, changes...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range changes {
		id := c.After.ID
		if added[i] != (i != 3) {
			t.Errorf("%s was added: %t", id, added[i])
		}
		if r, err := s.Revision(t.Context(), id, 0); err != nil || !bytes.Equal(r.Body, c.Revision.Body) {
			t.Errorf("%s has the body %q, %v", id, r.Body, err)
		}
		want := 1
		if i == 7 {
			want = 0
		}
		if attempts, err := s.Attempts(t.Context(), id); err != nil || len(attempts) != want {
			t.Errorf("%s has the attempts %+v, %v", id, attempts, err)
		}
		page, err := s.Events(
			t.Context(), store.EventQuery{EventFilter: store.EventFilter{Target: string(id)}, Limit: 5},
		)
		if err != nil || len(page.Items) != 1 {
			t.Errorf("%s has the events %+v, %v", id, page.Items, err)
		}
	}
	if r, err := s.VerifyAudit(t.Context()); r.Events != many || err != nil {
		t.Errorf("the trail has %d events, %v", r.Events, err)
	}
}

func TestPagesListEveryMessageOnceInBothDirections(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	var want []string
	for i := range 23 {
		at := start.Add(time.Duration(i/4) * time.Millisecond) // several within one millisecond
		receive(t, s, failure(fmt.Sprintf("id-%02d", i), 422, at))
		want = append([]string{fmt.Sprintf("id-%02d", i)}, want...)
	}
	var down []string
	q := store.MessageQuery{Limit: 5}
	var last store.Page[deadletter.Message]
	for {
		page, err := s.Messages(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Items {
			down = append(down, string(m.ID))
		}
		last = page
		if page.Older == "" {
			break
		}
		q.Cursor = page.Older
	}
	if fmt.Sprint(down) != fmt.Sprint(want) {
		t.Errorf("older pages\n got %v\nwant %v", down, want)
	}
	up := []string{}
	for _, m := range last.Items {
		up = append(up, string(m.ID))
	}
	for page := last; page.Newer != ""; {
		q.Cursor = page.Newer
		var err error
		if page, err = s.Messages(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, m := range page.Items {
			ids = append(ids, string(m.ID))
		}
		up = append(ids, up...)
	}
	if fmt.Sprint(up) != fmt.Sprint(want) {
		t.Errorf("newer pages\n got %v\nwant %v", up, want)
	}
	for _, cursor := range []string{"x", "o", "o-1", "nzzzzzzzzzzzzzzzzzzz", "o0", "\x00"} {
		t.Run(fmt.Sprintf("%q", cursor), func(t *testing.T) {
			if _, err := s.Messages(t.Context(), store.MessageQuery{Cursor: cursor, Limit: 5}); deadletter.KindOf(
				err,
			) != deadletter.Invalid {
				t.Errorf("cursor %q answers %v, want Invalid", cursor, err)
			}
		})
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	desktest.Search(t, s, nil)
	receive(t, s, failure("9b1f6c1e-7a35-4f0d-9a55-000000000001", 422, start))
	receive(t, s, failure("9b1f6c1e-7a35-4f0d-9a55-000000000002", 503, start.Add(time.Hour)))
	third := failure("c3", 422, start.Add(2*time.Hour))
	third.Source, third.Reason = "cxone", `No answer within 10s: "quoted" größe`
	third.FirstAttempt.Outcome = deadletter.Unknown
	receive(t, s, third)
	for name, c := range map[string]struct {
		filter store.Filter
		want   int
	}{
		"all":                  {store.Filter{}, 3},
		"status":               {store.Filter{Status: deadletter.Retrying}, 2},
		"source":               {store.Filter{Source: "cxone"}, 1},
		"code":                 {store.Filter{StatusCode: 422}, 2},
		"outcome":              {store.Filter{Outcome: deadletter.Unknown}, 1},
		"from":                 {store.Filter{From: start.Add(time.Hour)}, 2},
		"to":                   {store.Filter{To: start.Add(time.Hour)}, 1},
		"word":                 {store.Filter{Text: "missing"}, 2},
		"beginning of words":   {store.Filter{Text: "fie miss"}, 2},
		"part of a message id": {store.Filter{Text: "9b1f6c1e-7a35"}, 2},
		"whole message id":     {store.Filter{Text: "9b1f6c1e-7a35-4f0d-9a55-000000000002"}, 1},
		"quotes and umlauts":   {store.Filter{Text: `"quoted" GRÖSSE größe`}, 0},
		"umlaut":               {store.Filter{Text: `"quoted" GRÖßE`}, 1},
		"operators are text":   {store.Filter{Text: "NOT missing OR (*"}, 0},
		"text and status":      {store.Filter{Text: "missing", Status: deadletter.Failed, Source: "genesys"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := s.Messages(t.Context(), store.MessageQuery{Filter: c.filter, Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Items) != c.want {
				t.Errorf("%d messages, want %d", len(page.Items), c.want)
			}
			counts, err := s.Counts(t.Context(), c.filter)
			if err != nil {
				t.Fatal(err)
			}
			total := 0
			for status, n := range counts.ByStatus {
				if c.filter.Status == "" || status == c.filter.Status {
					total += n
				}
			}
			if total != c.want {
				t.Errorf("counts say %d, want %d", total, c.want)
			}
		})
	}
}

// The kept counts must equal what counting the messages would give, whatever happened to them.
func TestCountsFollowEveryChange(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	random := rand.New(rand.NewPCG(1, 2))
	at := start
	for i := range 40 {
		receive(t, s, failure(fmt.Sprintf("id-%d", i), []int{422, 503}[random.IntN(2)], at))
	}
	for range 150 {
		at = at.Add(20 * time.Minute)
		m, err := s.Message(t.Context(), deadletter.ID(fmt.Sprintf("id-%d", random.IntN(40))))
		if err != nil {
			t.Fatal(err)
		}
		var c deadletter.Change
		switch random.IntN(4) {
		case 0:
			c, err = m.Replay(anna, deadletter.TriggerReplay, 0, m.Version, at)
		case 1:
			c, err = m.Archive(anna, "test", m.Version, at)
		case 2:
			c, err = m.Restore(anna, m.Version, at)
		case 3:
			if c, err = m.Claim(deadletter.Lease{Token: "t", Until: at}, "", at); err == nil {
				m = apply(t, s, c, nil)
				a := *c.Attempt
				a.Outcome, a.StatusCode = deadletter.ErrorResponse, []int{200, 422, 500}[random.IntN(3)]
				if a.StatusCode == 200 {
					a.Outcome = deadletter.Delivered
				}
				c, err = m.Finish("t", a, policy, 0, at)
			}
		}
		if err == nil {
			apply(t, s, c, nil)
		}
	}
	raw := open(t, path)
	var wrong int
	err := raw.QueryRowContext(t.Context(), `SELECT count(*) FROM (
		SELECT source, status, outcome, status_code, count(*) FROM messages GROUP BY 1, 2, 3, 4 EXCEPT
		SELECT source, status, outcome, status_code, messages FROM message_counts)`).Scan(&wrong)
	if err != nil || wrong != 0 {
		t.Errorf("%d counts are wrong, %v", wrong, err)
	}
	if r, err := s.VerifyAudit(t.Context()); err != nil || r.Events < 40 {
		t.Errorf("audit trail of %d events: %v", r.Events, err)
	}
}

func open(t *testing.T, path string) *sql.DB {
	t.Helper()
	raw, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return raw
}

func TestAuditRowsCannotBeChangedOrDeleted(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	receive(t, s, failure("a-1", 422, start))
	raw := open(t, path)
	for _, statement := range []string{
		`UPDATE audit_events SET by = 'mallory'`,
		`DELETE FROM audit_events`,
		`INSERT OR REPLACE INTO audit_events SELECT seq, at, actor, 'mallory', addr, action, target_kind, target,
			source, reason, before, after, link FROM audit_events`,
		`UPDATE revisions SET body = 'other'`,
	} {
		t.Run(fmt.Sprintf("%.26s", statement), func(t *testing.T) {
			if _, err := raw.ExecContext(t.Context(), statement); err == nil {
				t.Errorf("%s was carried out", statement)
			}
		})
	}
	if _, err := s.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTamperingWithTheFileIsDetected(t *testing.T) {
	t.Parallel()
	for name, statements := range map[string][]string{
		"changed": {`DROP TRIGGER audit_events_never_change`, `UPDATE audit_events SET by = 'mallory'
			WHERE seq = 2`},
		"removed between": {`DROP TRIGGER audit_events_never_deleted`, `DELETE FROM audit_events WHERE seq = 2`},
		"cut off the end": {`DROP TRIGGER audit_events_never_deleted`, `DELETE FROM audit_events WHERE seq = 3`},
		"cut with head": {`DROP TRIGGER audit_events_never_deleted`, `DELETE FROM audit_events
			WHERE seq = 3`, `UPDATE audit_head SET seq = 2, link = (SELECT link FROM audit_events WHERE seq = 2)`},
		"all removed": {`DROP TRIGGER audit_events_never_deleted`, `DELETE FROM audit_events`},
		"added at the end": {`INSERT INTO audit_events SELECT 4, at, actor, by, addr, action, target_kind, target,
			source, reason, before, after, link FROM audit_events WHERE seq = 3`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, path := setup(t)
			for i := range 3 {
				receive(t, s, failure(fmt.Sprintf("id-%d", i), 422, start))
			}
			if r, err := s.VerifyAudit(t.Context()); r.Events != 3 || err != nil {
				t.Fatalf("before: %d events, %v", r.Events, err)
			}
			raw := open(t, path)
			for _, statement := range statements {
				if _, err := raw.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			_, err := s.VerifyAudit(t.Context())
			var fault *store.ChainFault
			if !errors.As(err, &fault) {
				t.Errorf("verification answers %v, want a chain fault", err)
			}
		})
	}
}

func TestFailedWriteLeavesNothing(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	boom := errors.New("boom")
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if err := tx.Apply(ctx, deadletter.NewMessage(failure("a-1", 422, start), policy, 0, start)); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("the write answers %v", err)
	}
	if _, err := s.Message(t.Context(), "a-1"); deadletter.KindOf(err) != deadletter.NotFound {
		t.Errorf("the message is there: %v", err)
	}
	if r, err := s.VerifyAudit(t.Context()); r.Events != 0 || err != nil {
		t.Errorf("%d events, %v", r.Events, err)
	}
}

func TestEventFilters(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	m := receive(t, s, failure("a-1", 422, start))
	receive(t, s, failure("b-2", 422, start.Add(time.Minute)))
	c, err := m.Archive(anna, "known fault", 0, start.Add(time.Hour))
	apply(t, s, c, err)
	for name, f := range map[string]struct {
		filter store.EventFilter
		want   int
	}{
		"all":         {store.EventFilter{}, 3},
		"by":          {store.EventFilter{By: "anna"}, 1},
		"action":      {store.EventFilter{Action: "message.archive"}, 1},
		"first part":  {store.EventFilter{Action: "message."}, 3},
		"other part":  {store.EventFilter{Action: "user."}, 0},
		"target":      {store.EventFilter{Target: "a-1"}, 2},
		"from":        {store.EventFilter{From: start.Add(time.Minute)}, 2},
		"to":          {store.EventFilter{To: start.Add(time.Minute)}, 1},
		"after all":   {store.EventFilter{From: start.Add(48 * time.Hour)}, 0},
		"source":      {store.EventFilter{Source: "genesys"}, 3},
		"both bounds": {store.EventFilter{From: start, To: start.Add(time.Second)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			page, err := s.Events(t.Context(), store.EventQuery{EventFilter: f.filter, Limit: 10})
			if err != nil || len(page.Items) != f.want {
				t.Errorf("%s: %d events, %v, want %d", name, len(page.Items), err, f.want)
			}
		})
	}
	page, _ := s.Events(t.Context(), store.EventQuery{EventFilter: store.EventFilter{By: "anna"}, Limit: 1})
	e := page.Items[0]
	if e.Addr != "192.0.2.7" || e.Reason != "known fault" || e.Target != "a-1" || len(e.Before) == 0 ||
		len(e.After) == 0 {
		t.Errorf("event %+v", e)
	}
}

func TestUsersAndSessions(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	event := deadletter.Event{
		At:         start,
		Actor:      deadletter.ActorSystem,
		By:         "system",
		Action:     "user.add",
		TargetKind: "user",
		Target:     "anna",
	}
	add := func(name string) error {
		return s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return tx.AddUser(
				ctx, store.User{Name: name, Role: deadletter.Admin, PasswordHash: "h1", CreatedAt: start},
				event,
			)
		})
	}
	if has, err := s.HasUsers(t.Context()); has || err != nil {
		t.Fatalf("has users %v, %v", has, err)
	}
	if err := add("anna"); err != nil {
		t.Fatal(err)
	}
	if err := add("ANNA"); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("the same name again answers %v, want Conflict", err)
	}
	if err := s.Write(
		t.Context(),
		func(ctx context.Context, tx *store.Tx) error { return tx.SetPassword(ctx, "anna", "h2", event) },
	); err != nil {
		t.Fatal(err)
	}
	u, err := s.User(t.Context(), "Anna")
	if err != nil || u.PasswordHash != "h2" || u.Credential != 2 || u.Name != "anna" {
		t.Errorf("user %+v, %v", u, err)
	}

	at := start.Add(time.Minute)
	session := store.Session{
		User: "anna", OpenedAt: start, SeenAt: start, ExpiresAt: start.Add(time.Hour), Addr: "192.0.2.1",
		Agent: "curl/8", Data: []byte("data"),
	}
	write := func(do func(ctx context.Context, tx *store.Tx) error) {
		t.Helper()
		if err := s.Write(t.Context(), do); err != nil {
			t.Fatal(err)
		}
	}
	write(func(ctx context.Context, tx *store.Tx) error { return tx.UpdateSession(ctx, "token", session) })
	if _, found, _ := s.SessionData(t.Context(), "token", at); found {
		t.Error("a session is opened by an update")
	}
	write(func(ctx context.Context, tx *store.Tx) error { return tx.OpenSession(ctx, "token", session) })
	if data, found, err := s.SessionData(t.Context(), "token", at); string(data) != "data" || !found || err != nil {
		t.Errorf("session %q %v %v", data, found, err)
	}
	session.Data = nil
	session.ID = store.SessionID("token")
	list, err := s.Sessions(t.Context(), "ANNA", at, start.Add(-time.Hour), 10)
	if err != nil || len(list) != 1 || !reflect.DeepEqual(list[0], session) {
		t.Errorf("sessions %+v, %v", list, err)
	}
	if _, found, _ := s.SessionData(t.Context(), "token", start.Add(time.Hour)); found {
		t.Error("an expired session is found")
	}
	before, err := s.AccessVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	write(func(ctx context.Context, tx *store.Tx) error { return tx.DeleteSession(ctx, "token") })
	if _, found, _ := s.SessionData(t.Context(), "token", at); found {
		t.Error("a deleted session is found")
	}
	if after, err := s.AccessVersion(t.Context()); after == before || err != nil {
		t.Errorf("the access version is still %d, %v", after, err)
	}
}
