package console

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
)

const (
	livePath = "/live"

	// countOnly asks for the number of failed messages without updates of a list, causesOnly for the list of causes.
	countOnly  = "count"
	causesOnly = "causes"

	// liveEvery is the least time between two updates of a page.
	liveEvery = 500 * time.Millisecond

	// liveBeat is how often a stream sends a heartbeat and checks that its user is still signed in.
	liveBeat = 20 * time.Second

	// accessEvery is how often streams look whether a session may have ended, in this process or by a command.
	accessEvery = 500 * time.Millisecond

	// liveWrite bounds how long a browser may take to read an update.
	liveWrite = 10 * time.Second

	maxStreams       = 1000
	maxStreamsOfUser = 250
	maxLiveRows      = 2 * pageSize
	maxHappenings    = 1000 // in one update; a page that lags further behind must be reloaded
)

// streams are the open pages that receive live updates.
type streams struct {
	mu     sync.Mutex
	open   map[*stream]struct{}
	closed bool
}

// stream is one open page, with the events that it has not been sent yet.
type stream struct {
	user string
	at   presentAt
	wake chan struct{}
	end  chan struct{} // closed when the desk stops

	check chan struct{} // has a value if the session may have ended
	crowd chan struct{} // has a value if others came to the cause of the page, or left it

	mu      sync.Mutex
	waiting []store.TrailEntry
	lost    bool // the page must be reloaded: too much happened
}

func (s *streams) join(user string, at presentAt) (*stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ofUser := 0
	for other := range s.open {
		if other.user == user {
			ofUser++
		}
	}
	if s.closed || len(s.open) >= maxStreams || ofUser >= maxStreamsOfUser {
		return nil, deadletter.Errorf(deadletter.RateLimited, "too many pages receive live updates: close some")
	}
	joined := &stream{
		user: user, at: at, wake: make(chan struct{}, 1), end: make(chan struct{}), check: make(chan struct{}, 1),
		crowd: make(chan struct{}, 1),
	}
	joined.check <- struct{}{} // the session may have ended since the request began
	if s.open == nil {
		s.open = map[*stream]struct{}{}
	}
	s.open[joined] = struct{}{}
	s.tellPresence(at.cause)
	return joined, nil
}

func (s *streams) leave(one *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, one)
	s.tellPresence(one.at.cause)
}

func (s *streams) tell(list []store.TrailEntry, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.open {
		one.add(list, lost)
	}
}

// checkAll makes every stream check that its user is still signed in.
func (s *streams) checkAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.open {
		select {
		case one.check <- struct{}{}:
		default:
		}
	}
}

func (s *streams) any() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open) > 0
}

func (s *stream) add(list []store.TrailEntry, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, list...)
	if lost || len(s.waiting) > maxHappenings {
		s.waiting, s.lost = nil, true
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *stream) take() (list []store.TrailEntry, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, lost = s.waiting, s.lost
	s.waiting, s.lost = nil, false
	return list, lost
}

// CloseStreams ends all streams, so that the server can stop. No new stream is opened.
func (c *Console) CloseStreams() {
	c.live.mu.Lock()
	defer c.live.mu.Unlock()
	if !c.live.closed {
		c.live.closed = true
		for one := range c.live.open {
			close(one.end)
		}
	}
}

// Run sends changes in the store to the open pages until ctx ends. It ends those of users who were signed out, disabled
// or removed, within a second.
func (c *Console) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { c.watchAccess(ctx) })
	defer watching.Wait()
	defer cancel()
	return c.publish(ctx)
}

// watchAccess makes streams check their sessions when any may have ended.
func (c *Console) watchAccess(ctx context.Context) {
	look := time.NewTicker(accessEvery)
	defer look.Stop()
	known := int64(-1)
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		if !c.live.any() {
			known = -1 // a stream that is opened meanwhile was checked when it was
			continue
		}
		version, err := c.Store.AccessVersion(ctx)
		if err != nil {
			if ctx.Err() == nil {
				c.Log.ErrorContext(ctx, "streams cannot be checked", "err", err)
			}
			continue
		}
		if version != known {
			c.live.checkAll()
		}
		known = version
	}
}

func (c *Console) publish(ctx context.Context) error {
	at, err := c.Store.LatestSequence(ctx)
	if err != nil {
		return err
	}
	for {
		changed := c.Store.Changed()
		if at, err = c.publishSince(ctx, at); err != nil && ctx.Err() == nil {
			c.Log.ErrorContext(ctx, "open pages could not be updated", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(liveEvery):
		}
	}
}

func (c *Console) publishSince(ctx context.Context, at int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	list, err := c.Store.TrailAfter(ctx, at, maxHappenings+1)
	if err != nil || len(list) == 0 {
		return at, err
	}
	if len(list) > maxHappenings {
		at, err = c.Store.LatestSequence(ctx)
		c.live.tell(nil, true)
		return at, err
	}
	c.live.tell(list, false)
	return list[len(list)-1].Sequence, nil
}

// follow streams the changes of a list: the counts, the rows of the page, and the number of new messages.
func (c *Console) follow(w http.ResponseWriter, r *http.Request) error {
	f, err := newFollower(c, r)
	if err != nil {
		return err
	}
	at, err := c.presentAt(r.Context(), r.URL.Query())
	if err != nil {
		return err
	}
	s, err := c.live.join(auth.Actor(r.Context()).Name, at)
	if err != nil {
		return err
	}
	defer c.live.leave(s)
	f.out, f.conn = w, http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // or a proxy would buffer the updates
	if err := f.run(r, s); err != nil && r.Context().Err() == nil {
		c.Log.DebugContext(r.Context(), "live updates of a page ended", "err", err)
	}
	return nil
}

// follower updates one page.
type follower struct {
	c     *Console
	list  liveList // nil: the page has none
	after int64
	out   http.ResponseWriter
	conn  *http.ResponseController
}

// liveList is the list of an open page.
type liveList interface {
	// add adds to an update what news changed in the list. lost: too much happened to know what.
	add(ctx context.Context, u *liveUpdate, news []store.TrailEntry, lost bool) error
	// beat returns what time alone changed in the list, or nil.
	beat(ctx context.Context) (*liveUpdate, error)
}

func newFollower(c *Console, r *http.Request) (f *follower, err error) {
	values := r.URL.Query()
	f = &follower{c: c}
	rows := strings.Split(values.Get("rows"), ",")
	if len(rows) > maxLiveRows {
		return nil, deadletter.Errorf(deadletter.Invalid, "a page shows at most %d rows", maxLiveRows)
	}
	switch values.Get("only") {
	case countOnly:
	case causeOnly:
		f.list = &liveCause{c, values.Get("cause")}
	case causesOnly:
		f.list, err = newLiveCauses(c, auth.Actor(r.Context()), values, rows)
	default:
		f.list, err = newLiveMessages(r.Context(), c, values, rows)
	}
	if err != nil {
		return nil, err
	}
	after := values.Get("after")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		after = last // the browser reconnected by itself
	}
	if f.after, err = strconv.ParseInt(after, 10, 64); err != nil {
		return nil, deadletter.Errorf(deadletter.Invalid, "the address of the live updates is incomplete")
	}
	return f, nil
}

func (f *follower) run(r *http.Request, s *stream) error {
	ctx := r.Context()
	if err := f.send(ctx, "retry: 2000\n\n"); err != nil {
		return err
	}
	missed, err := f.c.Store.TrailAfter(ctx, f.after, maxHappenings+1)
	if err != nil {
		return err
	}
	if err := f.tell(ctx, missed, len(missed) > maxHappenings); err != nil {
		return err
	}
	beat := time.NewTicker(liveBeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.end:
			return nil
		case <-beat.C:
			err = f.beat(r)
		case <-s.check:
			err = f.beat(r)
		case <-s.crowd:
			err = f.tellPresence(ctx)
		case <-s.wake:
			list, lost := s.take()
			err = f.tell(ctx, list, lost)
		}
		if err != nil {
			return err
		}
	}
}

// tellPresence sends who else is on the page of a cause.
func (f *follower) tellPresence(ctx context.Context) error {
	l, ok := f.list.(*liveCause)
	if !ok {
		return nil
	}
	u, err := l.presence(ctx)
	if err != nil {
		return err
	}
	return f.update(ctx, u)
}

// beat sends a heartbeat. It ends the stream of a user who signed out or was removed.
func (f *follower) beat(r *http.Request) error {
	if err := f.c.Auth.StillSignedIn(r); err != nil {
		return errors.Join(err, f.send(r.Context(), "event: over\ndata: {}\n\n"))
	}
	if f.list != nil {
		if u, err := f.list.beat(r.Context()); err != nil || u != nil {
			return cmp.Or(err, f.update(r.Context(), u))
		}
	}
	return f.send(r.Context(), ": alive\n\n")
}

// liveUpdate is one update of a page.
type liveUpdate struct {
	Tabs       string            `json:"tabs,omitempty"`
	OnTheirWay string            `json:"onTheirWay,omitempty"`
	Parts      map[string]string `json:"parts,omitempty"` // of the page, by their id
	Rows       map[string]string `json:"rows,omitempty"`  // an empty text: the row is gone
	Top        []liveRow         `json:"top,omitempty"`   // rows to put on top of the list, the topmost last
	New        string            `json:"new,omitempty"`   // "12", or "many"
	Quiet      bool              `json:"quiet,omitempty"` // nothing happened: time alone changed the rows
	Failed     string            `json:"failed"`          // the number of failed messages in all; "": none
}

// liveRow is a new row of a list.
type liveRow struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

func (f *follower) tell(ctx context.Context, happened []store.TrailEntry, lost bool) error {
	var news []store.TrailEntry
	for _, h := range happened {
		if h.Sequence > f.after && (h.Message != "" || h.Cause != "") {
			news = append(news, h)
		}
	}
	if len(news) == 0 && !lost {
		return nil
	}
	u := &liveUpdate{}
	if f.list != nil {
		if err := f.list.add(ctx, u, news, lost); err != nil {
			return err
		}
	}
	if n := len(happened); n > 0 {
		f.after = max(f.after, happened[n-1].Sequence)
	}
	return f.update(ctx, u)
}

// update sends an update, with the number of failed messages.
func (f *follower) update(ctx context.Context, u *liveUpdate) (err error) {
	if u.Failed, err = f.c.failedCount(ctx); err != nil {
		return err
	}
	text, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("write an update: %w", err)
	}
	return f.send(ctx, fmt.Sprintf("id: %d\nevent: update\ndata: %s\n\n", f.after, text))
}

func (f *follower) send(ctx context.Context, text string) error {
	if err := f.conn.SetWriteDeadline(time.Now().Add(liveWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := f.out.Write([]byte(text)); err != nil {
		return err
	}
	return errors.Join(ctx.Err(), f.conn.Flush())
}

func written(ctx context.Context, part templ.Component) (string, error) {
	var text strings.Builder
	err := part.Render(ctx, &text)
	return text.String(), err
}

// freshCount returns a number of new rows; "" for none.
func freshCount(n int) string {
	switch {
	case n == 0:
		return ""
	case n > maxHappenings:
		return "many"
	}
	return strconv.Itoa(n)
}

// liveMessages is the list of messages of an open page.
type liveMessages struct {
	c     *Console
	list  list
	back  string
	shown map[deadletter.ID]bool
	fresh map[deadletter.ID]bool // matched the filter since, and are not shown
}

func newLiveMessages(ctx context.Context, c *Console, values url.Values, rows []string) (*liveMessages, error) {
	f := &liveMessages{c: c, shown: map[deadletter.ID]bool{}, fresh: map[deadletter.ID]bool{}}
	f.list.query, f.list.cursor = pickFields(values, messageFields()), values.Get("cursor")
	f.back = replaceParam(f.list.query, "cursor", f.list.cursor).Encode()
	for _, id := range rows {
		f.shown[deadletter.ID(id)] = true
	}
	var err error
	f.list.asked, err = messageQuery(ctx, f.list.query, "")
	return f, err
}

func (f *liveMessages) beat(context.Context) (*liveUpdate, error) { return nil, nil } //nolint:nilnil // see liveList

func (f *liveMessages) add(ctx context.Context, u *liveUpdate, news []store.TrailEntry, lost bool) (err error) {
	if u.Tabs, err = f.tabs(ctx); err != nil {
		return err
	}
	notice, err := f.c.onTheirWayNotice(ctx)
	if err != nil {
		return err
	}
	if u.OnTheirWay, err = written(ctx, page.OnTheirWay(notice)); err != nil {
		return err
	}
	if u.Rows, err = f.rows(ctx, news); err != nil {
		return err
	}
	if u.New, err = f.count(ctx, news); err != nil {
		return err
	}
	if u.Parts, err = f.groups(ctx); err != nil {
		return err
	}
	if lost {
		u.New = "many"
	}
	return nil
}

// tabs renders the statuses with their counts.
func (f *liveMessages) tabs(ctx context.Context) (string, error) {
	var err error
	if f.list.counts, err = f.c.Store.Counts(ctx, f.list.asked.Filter); err != nil {
		return "", err
	}
	return written(ctx, page.StatusTabs(tabs(f.list)))
}

// groups renders the numbers of messages of the causes on the page, if it is grouped.
func (f *liveMessages) groups(ctx context.Context) (parts map[string]string, err error) {
	if !f.list.isGrouped() {
		return nil, nil
	}
	l := f.list
	if err := f.c.readGroups(ctx, &l, 0); err != nil {
		return nil, err
	}
	parts = map[string]string{}
	for _, g := range l.groups {
		count := page.MessageGroupCount(l.groupView(g, deadletter.Cause{}))
		if parts[page.MessageGroupID(g.Cause)], err = written(ctx, count); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// rows renders the rows of the page whose messages changed.
func (f *liveMessages) rows(ctx context.Context, happened []store.TrailEntry) (map[string]string, error) {
	var ids []deadletter.ID
	for _, h := range happened {
		if f.shown[h.Message] {
			ids = append(ids, h.Message)
		}
	}
	messages, err := f.c.Store.MessagesAmong(ctx, distinct(ids), store.Filter{})
	if err != nil || len(messages) == 0 {
		return nil, err
	}
	if err := f.c.Desk.Hider().Messages(ctx, messages); err != nil {
		return nil, err
	}
	causes, err := f.c.causesOf(ctx, messages)
	if err != nil {
		return nil, err
	}
	rows := map[string]string{}
	for _, m := range messages {
		row := f.c.rowView(ctx, m, causes[m.Fingerprint], f.back)
		if rows[string(m.ID)], err = written(ctx, page.MessageTableRow(row)); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// count returns how many messages joined the list since the page was loaded; "" for none.
func (f *liveMessages) count(ctx context.Context, happened []store.TrailEntry) (string, error) {
	var ids []deadletter.ID
	for _, h := range happened {
		if !f.shown[h.Message] && f.entered(h.Action) {
			ids = append(ids, h.Message)
		}
	}
	messages, err := f.c.Store.MessagesAmong(ctx, distinct(ids), f.list.asked.Filter)
	if err != nil {
		return "", err
	}
	for _, m := range messages {
		f.fresh[m.ID] = true
	}
	return freshCount(len(f.fresh)), nil
}

// entered reports whether an action can bring a message into the list: it was received, or, for the list of failed
// messages, it failed for good or was restored.
func (f *liveMessages) entered(action string) bool {
	if action == "message.received" {
		return true
	}
	return f.list.asked.Status == deadletter.Failed &&
		(strings.HasPrefix(action, "attempt.") && action != "attempt.started" || action == "message.restore")
}

// distinct returns each id once.
func distinct[T ~string](ids []T) []T {
	slices.Sort(ids)
	return slices.Compact(ids)
}
