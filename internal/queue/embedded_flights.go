package queue

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// flights tracks the messages of one queue that were received and not deleted. It is in memory alone, because it
// matters only to the receivers of this process: for the next one, every message is visible again.
type flights struct {
	// receiving is held from before messages are selected until begin, so that no two receives return the same ones,
	// and none returns one that is being deleted.
	receiving sync.Mutex

	mu      sync.Mutex
	total   int               // number of messages on the queue
	before  int64             // the newest message of an earlier process, which may have received it
	newest  int64             // the newest message
	next    int64             // of a queue without order: no message from this number on was received yet
	list    map[int64]*flight // by number
	soonest time.Time         // none of list becomes visible before it
	changed chan struct{}     // closed when a message may have become visible
}

// flight is a message that was received.
type flight struct {
	group    string
	receives int
	until    time.Time // when it is visible again
	leaving  bool      // it is being deleted, and is not visible any more
}

// newFlights returns the flights of a queue that has so many messages, up to a number.
func newFlights(total int, newest int64) *flights {
	return &flights{
		total:   total,
		before:  newest,
		newest:  newest,
		list:    map[int64]*flight{},
		soonest: never,
		changed: make(chan struct{}),
	}
}

// never is later than any visibility ends.
var never = time.Unix(1<<40, 0)

// awaitChange returns a channel that is closed when a message may have become visible.
func (f *flights) awaitChange() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// nextVisible returns a time before which no message in flight becomes visible by itself.
func (f *flights) nextVisible() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.soonest
}

// wake makes waiting receivers look for messages.
func (f *flights) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.changed)
	f.changed = make(chan struct{})
}

// sent records that messages up to a number are on the queue.
func (f *flights) sent(messages int, newest int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.total, f.newest = f.total+messages, max(f.newest, newest)
}

// waiting returns the numbers of messages that are visible again, the oldest first, and the number from which on no
// message was received; 0 if there is none from there on.
func (f *flights) waiting(now time.Time) (again []int64, next int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next <= f.newest {
		next = max(1, f.next)
	}
	if f.soonest.After(now) {
		return nil, next
	}
	soonest := never
	for n, m := range f.list {
		if m.visible(now) {
			again = append(again, n)
		}
		if !m.leaving && m.until.Before(soonest) {
			soonest = m.until
		}
	}
	f.soonest = soonest
	slices.Sort(again)
	return again, next
}

func (m *flight) visible(now time.Time) bool { return !m.leaving && !m.until.After(now) }

// blocked returns the message groups of which a message is in flight.
func (f *flights) blocked(now time.Time) map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	groups := map[string]bool{}
	for _, m := range f.list {
		if !m.visible(now) {
			groups[m.group] = true
		}
	}
	return groups
}

// begin records a receive, and returns the messages of it.
func (f *flights) begin(rows []row, until time.Time) []Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	messages := make([]Message, len(rows))
	for i, r := range rows {
		m := f.list[r.number]
		if m == nil {
			m = &flight{group: r.GroupID}
			f.list[r.number] = m
		}
		m.receives, m.until = m.receives+1, until
		f.next = max(f.next, r.number+1)
		messages[i] = r.received(m.receives, r.number <= f.before)
	}
	if until.Before(f.soonest) {
		f.soonest = until
	}
	return messages
}

// receiptSeparator stands between the two parts of a receipt handle: the number of the message, and how often it was
// received.
const receiptSeparator = "-"

// received returns the message of a row that was received so often. earlier says that another process may have
// received it before.
func (r row) received(times int, earlier bool) Message {
	m, count := r.Message, strconv.Itoa(times)
	m.ReceiveCount, m.Redelivered = times, earlier || times > 1
	m.ReceiptHandle = strconv.FormatInt(r.number, 10) + receiptSeparator + count
	m.System = map[string]string{
		"ApproximateReceiveCount": count,
		"SentTimestamp":           strconv.FormatInt(m.SentAt.UnixMilli(), 10),
	}
	return m
}

// find returns the number and the flight of a receipt handle; nil if the receipt no longer stands.
func (f *flights) find(handle string) (int64, *flight) {
	number, times, _ := strings.Cut(handle, receiptSeparator)
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, nil
	}
	m := f.list[n]
	if m == nil || m.leaving || times != strconv.Itoa(m.receives) {
		return 0, nil
	}
	return n, m
}

// hide keeps messages in flight until a time, or makes them visible if that is past. It returns an error for each
// whose receipt no longer stands.
func (f *flights) hide(messages []Message, until time.Time) []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	errs := make([]error, len(messages))
	for i, m := range messages {
		if _, flying := f.find(m.ReceiptHandle); flying == nil {
			errs[i] = ErrStaleReceipt
		} else {
			flying.until = until
		}
	}
	if until.Before(f.soonest) {
		f.soonest = until
	}
	return errs
}

// leave begins to delete messages, and returns their numbers and groups. It returns an error for each whose receipt no
// longer stands.
func (f *flights) leave(messages []Message) (numbers []int64, groups map[string]bool, errs []error) {
	f.receiving.Lock()
	defer f.receiving.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	errs, groups = make([]error, len(messages)), map[string]bool{}
	for i, m := range messages {
		n, flying := f.find(m.ReceiptHandle)
		if flying == nil {
			errs[i] = ErrStaleReceipt
			continue
		}
		flying.leaving = true
		numbers, groups[flying.group] = append(numbers, n), true
	}
	return numbers, groups, errs
}

// left ends what leave began: the messages are deleted, or still there.
func (f *flights) left(numbers []int64, deleted bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range numbers {
		if deleted {
			delete(f.list, n)
			f.total--
			continue
		}
		m := f.list[n]
		m.leaving = false
		if m.until.Before(f.soonest) {
			f.soonest = m.until
		}
	}
}

// forget drops messages that are no longer in the file, though nothing here deleted them.
func (f *flights) forget(numbers []int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range numbers {
		delete(f.list, n)
		f.total--
	}
}

// count returns the numbers of messages on the queue and in flight.
func (f *flights) count(now time.Time) (total, inFlight int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.list {
		if !m.visible(now) {
			inFlight++
		}
	}
	return max(f.total, inFlight), inFlight // a message may be received before its sender has counted it
}

// snapshot returns the messages that were received, and the numbers of those that are in flight.
func (f *flights) snapshot(now time.Time) (received map[int64]flight, inFlight []int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	received = make(map[int64]flight, len(f.list))
	for n, m := range f.list {
		if received[n] = *m; !m.visible(now) {
			inFlight = append(inFlight, n)
		}
	}
	return received, inFlight
}
