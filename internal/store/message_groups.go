package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// GroupQuery asks for one page of the messages that match a filter, grouped by cause.
type GroupQuery struct {
	Filter
	Cursor string // from a page of the same filter; "" is the first page
	Limit  int    // groups of a page
	Newest int    // messages of each group that are read
}

// MessageGroup is the messages of one cause that match a filter.
type MessageGroup struct {
	Cause    string // its fingerprint
	Messages int    // that match
	Newest   []deadletter.Message

	rows []int64 // of Newest
}

// MaxGrouped is how many messages are read for their causes, the newest ones that match, where the stored counts do not
// have all that a filter asks for.
const MaxGrouped = fewMessages

// MessageGroups returns one page of the causes of the messages that match, the one of the most messages first. Newer
// leads to the page before it, Older to the page after it. partly says that only the newest messages were grouped, so
// that there may be more causes, and more messages of each. It returns Invalid for a cursor that is none of its own.
func (s *Store) MessageGroups(ctx context.Context, q GroupQuery) (page Page[MessageGroup], partly bool, err error) {
	at, before, err := parseGroupCursor(q.Cursor)
	if err != nil {
		return page, false, err
	}
	if q.Filter, err = s.Lookup(ctx, q.Filter); err != nil {
		return page, false, err
	}
	table, counted := q.inCounts(true)
	limit := -1 // all
	if at == nil {
		limit = q.Limit + 1
	}
	groups, partly, err := s.groupsIn(ctx, table, counted, q.Newest, limit)
	if err != nil {
		return page, false, fmt.Errorf("group messages by cause: %w", err)
	}
	slices.SortFunc(groups, MessageGroup.compare)
	page = pageOfGroups(groups, at, before, q.Limit)
	for i := range page.Items {
		if err := s.readNewest(ctx, &page.Items[i], table != "", counted, q.Newest); err != nil {
			return page, false, fmt.Errorf("read messages of a cause: %w", err)
		}
	}
	return page, partly, nil
}

// compare orders groups as a list does.
func (g MessageGroup) compare(other MessageGroup) int {
	return cmp.Or(cmp.Compare(other.Messages, g.Messages), strings.Compare(g.Cause, other.Cause))
}

// groupsIn returns all groups, or the first ones up to a limit: counted in a table or, without one, from the messages.
func (s *Store) groupsIn(
	ctx context.Context, table string, f Filter, newest, limit int,
) (groups []MessageGroup, partly bool, err error) {
	if table == "" {
		return s.groupsRead(ctx, f, newest)
	}
	where := f.where()
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var g MessageGroup
		err := r.Scan(&g.Cause, &g.Messages)
		groups = append(groups, g)
		return err
	}, "SELECT m.fingerprint, sum(m.messages) FROM "+table+" m"+where.sql()+
		" GROUP BY m.fingerprint HAVING sum(m.messages) > 0 ORDER BY 2 DESC, 1 LIMIT ?", append(where.args, limit)...)
	return groups, false, err
}

const causesOfRows = `SELECT m.n, m.fingerprint FROM json_each(?) k CROSS JOIN messages m ON m.n = k.value ORDER BY k.key`

// groupsRead groups the newest messages that match.
func (s *Store) groupsRead(ctx context.Context, f Filter, newest int) (groups []MessageGroup, partly bool, err error) {
	where, query, args := f.where(), causesOfRows, []any{}
	if f.reads() {
		matching, _, more, err := s.readCandidates(ctx, MessageQuery{Filter: f}, place{}, false, maxRead)
		if err != nil {
			return nil, false, err
		}
		list, err := toJSON(rowsOf(matching))
		if err != nil {
			return nil, false, err
		}
		partly, args = more, append(args, list)
	} else {
		query = "SELECT " + f.key() + ", m.fingerprint FROM " + where.from + where.sql() + " ORDER BY " + f.key() +
			" DESC LIMIT ?"
		args = append(where.args, MaxGrouped+1)
	}
	at, read := map[string]int{}, 0
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var row int64
		var cause string
		if err := r.Scan(&row, &cause); err != nil {
			return err
		}
		if read++; read > MaxGrouped {
			partly = true
			return nil
		}
		i, known := at[cause]
		if !known {
			i, groups = len(groups), append(groups, MessageGroup{Cause: cause})
			at[cause] = i
		}
		g := &groups[i]
		if g.Messages++; len(g.rows) < newest {
			g.rows = append(g.rows, row)
		}
		return nil
	}, query, args...)
	return groups, partly, err
}

// readNewest reads the newest messages of a group. Those of a counted one are not known yet.
func (s *Store) readNewest(ctx context.Context, g *MessageGroup, counted bool, f Filter, newest int) (err error) {
	if counted && newest > 0 {
		f.Cause = g.Cause
		if g.rows, err = s.newestRows(ctx, f, newest); err != nil {
			return err
		}
	}
	g.Newest, err = s.messagesAt(ctx, g.rows)
	return err
}

// newestRows returns the newest messages of a cause that match. The index of causes has the status before the time, so
// that each status is read by itself.
func (s *Store) newestRows(ctx context.Context, f Filter, limit int) (rows []int64, err error) {
	statuses := deadletter.Statuses()
	if f.Status != "" {
		statuses = []deadletter.Status{f.Status}
	}
	for _, status := range statuses {
		f.Status = status
		where := f.where()
		found, err := sqlite.Column[int64](ctx, s.db, "the newest messages of a cause",
			"SELECT m.n FROM messages m"+where.sql()+" ORDER BY m.n DESC LIMIT ?", append(where.args, limit)...)
		if err != nil {
			return nil, err
		}
		rows = append(rows, found...)
	}
	slices.SortFunc(rows, func(a, b int64) int { return cmp.Compare(b, a) })
	return rows[:min(len(rows), limit)], nil
}

// pageOfGroups cuts a page out of sorted groups: those after a group, or before it.
func pageOfGroups(groups []MessageGroup, at *MessageGroup, before bool, limit int) (page Page[MessageGroup]) {
	first := 0
	if at != nil {
		i, found := slices.BinarySearchFunc(groups, *at, MessageGroup.compare)
		switch {
		case before:
			first = max(0, i-limit)
		case found:
			first = i + 1
		default:
			first = i
		}
	}
	last := min(len(groups), first+limit)
	page.Items = groups[first:last]
	if len(page.Items) == 0 {
		return page
	}
	if first > 0 {
		page.Newer = page.Items[0].cursor("n")
	}
	if last < len(groups) {
		page.Older = page.Items[len(page.Items)-1].cursor("o")
	}
	return page
}

// cursor returns the cursor of the page on a side of a group.
func (g MessageGroup) cursor(side string) string {
	return side + strconv.FormatInt(int64(g.Messages), 36) + "." + g.Cause
}

// parseGroupCursor reads a cursor. at is nil for the first page.
func parseGroupCursor(cursor string) (at *MessageGroup, before bool, err error) {
	if cursor == "" {
		return nil, false, nil
	}
	count, cause, found := strings.Cut(cursor[1:], ".")
	n, err := strconv.ParseInt(count, 36, 32)
	if !found || err != nil || cursor[0] != 'n' && cursor[0] != 'o' {
		return nil, false, errCursor()
	}
	return &MessageGroup{Cause: cause, Messages: int(n)}, cursor[0] == 'n', nil
}
