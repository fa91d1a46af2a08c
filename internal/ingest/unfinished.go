package ingest

import (
	"slices"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/queue"
)

// Unfinished remembers messages that were read and are still on their queue, which forgets them one day.
type Unfinished struct {
	mu   sync.Mutex
	list map[string]Left // by the message's id
}

// Left is a message that is still on its queue.
type Left struct {
	Message deadletter.ID
	SentAt  time.Time
	Kept    bool // its message is in the store, and the message alone could not be deleted
}

// mostLeft bounds what is remembered: the oldest, which go first.
const mostLeft = 100

// List answers what is left, the oldest first.
func (u *Unfinished) List() []Left {
	u.mu.Lock()
	defer u.mu.Unlock()
	list := make([]Left, 0, len(u.list))
	for _, l := range u.list {
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b Left) int { return a.SentAt.Compare(b.SentAt) })
	return list
}

func (u *Unfinished) add(m queue.Message, l Left) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.list == nil {
		u.list = map[string]Left{}
	}
	u.list[m.ID] = l
	if len(u.list) <= mostLeft {
		return
	}
	newest := m.ID
	for id, other := range u.list {
		if other.SentAt.After(u.list[newest].SentAt) {
			newest = id
		}
	}
	delete(u.list, newest)
}

func (u *Unfinished) drop(m queue.Message) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.list, m.ID)
}
