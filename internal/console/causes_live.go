package console

import (
	"context"
	"maps"
	"net/url"
	"slices"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
)

// maxTop is how many new causes an open page takes in. More are counted.
const maxTop = 20

// liveCauses is the list of causes of an open page.
type liveCauses struct {
	c     *Console
	by    deadletter.Actor
	list  causeList
	rows  map[string]string // by fingerprint, as the page shows it; "": as it was when the page connected
	again bool              // it connected before: its rows may be old
	fresh map[string]bool   // match the filter since, and are not shown
	top   bool              // new causes go on top: the page shows the beginning of an order that new ones begin
}

func newLiveCauses(c *Console, by deadletter.Actor, values url.Values, rows []string) (*liveCauses, error) {
	l := &liveCauses{
		c: c, by: by, rows: map[string]string{}, fresh: map[string]bool{}, again: values.Get("again") != "",
	}
	l.list.query, l.list.cursor = pickFields(values, causeFields()), values.Get("cursor")
	for _, fingerprint := range rows {
		if fingerprint != "" {
			l.rows[fingerprint] = ""
		}
	}
	var err error
	l.list.asked, err = causeQuery(by, l.list.query, "")
	sort := l.list.asked.Sort
	l.top = l.list.cursor == "" && (sort == store.ByUrgency || sort == store.ByNewest)
	return l, err
}

func (l *liveCauses) add(ctx context.Context, u *liveUpdate, news []store.TrailEntry, lost bool) error {
	changed, err := l.changed(ctx, news)
	if err != nil {
		return err
	}
	if lost {
		changed = append(changed, l.shown()...)
		u.New = "many"
	}
	if err := l.addTabs(ctx, u); err != nil {
		return err
	}
	notice, err := l.c.onTheirWayNotice(ctx)
	if err != nil {
		return err
	}
	if u.OnTheirWay, err = written(ctx, page.OnTheirWay(notice)); err != nil {
		return err
	}
	if err := l.addRows(ctx, u, changed); err != nil {
		return err
	}
	return l.addNew(ctx, u, changed)
}

// beat returns the rows that time changed: a cause stops arriving, an hour begins.
func (l *liveCauses) beat(ctx context.Context) (*liveUpdate, error) {
	rows, err := l.write(ctx, l.shown(), store.CauseFilter{})
	if err != nil {
		return nil, err
	}
	u := &liveUpdate{Quiet: true, Rows: map[string]string{}}
	for fingerprint, row := range rows {
		if known := l.rows[fingerprint]; known != row && (known != "" || l.again) {
			u.Rows[fingerprint] = row
		}
		l.rows[fingerprint] = row
	}
	if len(u.Rows) == 0 {
		return nil, nil //nolint:nilnil // see liveList
	}
	return u, nil
}

func (l *liveCauses) shown() []string { return slices.Collect(maps.Keys(l.rows)) }

// changed returns the causes that something happened to.
func (l *liveCauses) changed(ctx context.Context, news []store.TrailEntry) ([]string, error) {
	var ids []deadletter.ID
	var list []string
	for _, h := range news {
		if h.Message != "" {
			ids = append(ids, h.Message)
		}
		if h.Cause != "" {
			list = append(list, h.Cause)
		}
	}
	if len(ids) == 0 {
		return distinct(list), nil
	}
	ofMessages, err := l.c.Store.CausesOfMessages(ctx, distinct(ids))
	return distinct(append(list, ofMessages...)), err
}

func (l *liveCauses) addTabs(ctx context.Context, u *liveUpdate) (err error) {
	if l.list.counts, err = l.c.Store.CauseCounts(ctx, l.list.asked.CauseFilter); err != nil {
		return err
	}
	u.Tabs, err = written(ctx, page.CauseTabs(causeTabs(l.list)))
	return err
}

// addRows adds the shown rows among some causes. A cause that was joined to another is gone.
func (l *liveCauses) addRows(ctx context.Context, u *liveUpdate, fingerprints []string) (err error) {
	shown := slices.DeleteFunc(slices.Clone(fingerprints), func(fingerprint string) bool {
		_, ok := l.rows[fingerprint]
		return !ok
	})
	if u.Rows, err = l.write(ctx, shown, store.CauseFilter{}); err != nil {
		return err
	}
	for _, fingerprint := range shown {
		if row, ok := u.Rows[fingerprint]; ok {
			l.rows[fingerprint] = row
		} else {
			u.Rows[fingerprint] = ""
			delete(l.rows, fingerprint)
		}
	}
	return nil
}

// addNew puts new causes on top of the list, or counts them.
func (l *liveCauses) addNew(ctx context.Context, u *liveUpdate, fingerprints []string) error {
	others := slices.DeleteFunc(slices.Clone(fingerprints), func(fingerprint string) bool {
		_, here := u.Rows[fingerprint]
		return here
	})
	rows, err := l.write(ctx, others, l.list.asked.CauseFilter)
	if err != nil {
		return err
	}
	for fingerprint, row := range rows {
		if l.top && len(l.rows) < pageSize+maxTop {
			u.Top = append(u.Top, liveRow{fingerprint, row})
			l.rows[fingerprint] = row
		} else {
			l.fresh[fingerprint] = true
		}
	}
	if u.New == "" {
		u.New = freshCount(len(l.fresh))
	}
	return nil
}

// write renders those of some causes that match a filter.
func (l *liveCauses) write(ctx context.Context, fingerprints []string, f store.CauseFilter) (map[string]string, error) {
	rows := make(map[string]string, len(fingerprints))
	if len(fingerprints) == 0 {
		return rows, nil
	}
	views, err := l.c.Desk.CausesMatching(ctx, l.by, fingerprints, f)
	if err != nil {
		return nil, err
	}
	hours, err := l.c.causeHours(ctx, views)
	if err != nil {
		return nil, err
	}
	for _, v := range views {
		row := l.c.causeRow(ctx, v, hours[v.Cause.Fingerprint])
		if rows[row.Fingerprint], err = written(ctx, page.CauseTableRow(row)); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
