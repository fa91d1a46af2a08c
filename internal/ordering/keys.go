package ordering

import (
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// keySet is a set of keys that never misses one. It says of a few others that it has them: with a million keys of 6 %.
// Then a delivered event is written for nothing.
type keySet [1 << (keyBits - 6)]uint64

// keyBits is how many bits of a key the set distinguishes: it has two MiB.
const keyBits = 24

func newKeySet() *keySet { return &keySet{} }

func (s *keySet) has(key deadletter.OrderKey) bool {
	n := uint64(key) % (1 << keyBits)
	return s[n/64]&(1<<(n%64)) != 0
}

// add adds a key, and returns false if the set had it.
func (s *keySet) add(key deadletter.OrderKey) bool {
	if s.has(key) {
		return false
	}
	n := uint64(key) % (1 << keyBits)
	s[n/64] |= 1 << (n % 64)
	return true
}

// recentEvents are the latest delivered events, so many at most.
type recentEvents struct {
	events []recentEvent
	next   int // where the next one goes, once there are maxRecent
}

// recentEvent takes 16 bytes, and has no pointer that the garbage collector would follow.
type recentEvent struct {
	key deadletter.OrderKey
	at  int64 // in milliseconds, of its receipt
}

// maxRecent events take four MiB. A thousand webhooks a second fill them in four minutes; a delivery takes 30 seconds
// at most.
const maxRecent = 1 << 18

func (r *recentEvents) add(e store.DeliveredEvent) {
	recent := recentEvent{e.Key, e.ReceivedAt.UnixMilli()}
	if len(r.events) < maxRecent {
		r.events = append(r.events, recent)
		return
	}
	r.events[r.next] = recent
	r.next = (r.next + 1) % maxRecent
}

// take appends the events of known keys to a list, and forgets them.
func (r *recentEvents) take(known *keySet, list []store.DeliveredEvent) []store.DeliveredEvent {
	for i, e := range r.events {
		if known.has(e.key) { // no message has the key 0
			list = append(list, store.DeliveredEvent{Key: e.key, ReceivedAt: time.UnixMilli(e.at)})
			r.events[i] = recentEvent{}
		}
	}
	return list
}
