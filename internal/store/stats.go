package store

import (
	"context"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// Tally counts the messages of a source that were received and delivered within one step of time.
type Tally struct {
	At       time.Time // when the step begins
	Source   string
	Failed   int // messages received
	ByRetry  int // delivered by an automatic retry
	ByPeople int // delivered because a person or an API client asked
}

// TallyQuery asks for the tallies from From (inclusive) to To (exclusive), both on a step.
type TallyQuery struct {
	Source   string // "": all
	From, To time.Time
	Step     time.Duration // whole minutes, or whole hours
}

const tallies = `SELECT at - at % ?1, source, sum(failed), sum(by_retry), sum(by_people) FROM tallies
	WHERE step = ?2 AND at >= ?3 AND at < ?4 AND (?5 = '' OR source = ?5) GROUP BY 1, 2 ORDER BY 1, 2`

// Tallies returns the steps in which anything was received or delivered, oldest first. Its cost depends on the time
// range and the number of sources, not on the number of messages.
func (s *Store) Tallies(ctx context.Context, q TallyQuery) ([]Tally, error) {
	kept := time.Minute
	if q.Step%time.Hour == 0 {
		kept = time.Hour
	}
	var list []Tally
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var t Tally
		var at int64
		err := r.Scan(&at, &t.Source, &t.Failed, &t.ByRetry, &t.ByPeople)
		t.At = time.UnixMilli(at).UTC()
		list = append(list, t)
		return err
	}, tallies, q.Step.Milliseconds(), kept.Milliseconds(), q.From.UnixMilli(), q.To.UnixMilli(), q.Source)
	if err != nil {
		return nil, fmt.Errorf("read tallies: %w", err)
	}
	return list, nil
}

// CountUpTo counts the messages that match a filter, up to a limit.
func (s *Store) CountUpTo(ctx context.Context, f Filter, limit int) (int, error) {
	where := f.where()
	var n int
	query := "SELECT count(*) FROM (SELECT 1 FROM " + where.from + where.sql() + " LIMIT ?)"
	if err := s.db.QueryRowContext(ctx, query, append(where.args, limit)...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count messages: %w", err)
	}
	return n, nil
}

const countsBySource = `SELECT source, status, sum(messages) FROM message_counts WHERE messages > 0
	GROUP BY source, status`

// CountsBySource returns how many messages each source has, by status.
func (s *Store) CountsBySource(ctx context.Context) (map[string]map[deadletter.Status]int, error) {
	counts := map[string]map[deadletter.Status]int{}
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var source string
		var status deadletter.Status
		var n int
		err := r.Scan(&source, &status, &n)
		if counts[source] == nil {
			counts[source] = map[deadletter.Status]int{}
		}
		counts[source][status] = n
		return err
	}, countsBySource)
	if err != nil {
		return nil, fmt.Errorf("count messages by source: %w", err)
	}
	return counts, nil
}
