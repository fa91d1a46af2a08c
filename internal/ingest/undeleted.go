package ingest

import (
	"slices"
	"sync"

	"dlqdesk/internal/queue"
)

// Undeleted lists messages that were read and are still on their queue, which deletes them when they expire.
type Undeleted struct {
	mu   sync.Mutex
	list map[string]queue.Undeleted // by the message's id
}

// maxUndeleted bounds what is remembered: the oldest, which go first.
const maxUndeleted = 100

// List returns the undeleted messages, the oldest first.
func (u *Undeleted) List() []queue.Undeleted {
	u.mu.Lock()
	defer u.mu.Unlock()
	list := make([]queue.Undeleted, 0, len(u.list))
	for _, l := range u.list {
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b queue.Undeleted) int { return a.SentAt.Compare(b.SentAt) })
	return list
}

func (u *Undeleted) add(m queue.Message, l queue.Undeleted) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.list == nil {
		u.list = map[string]queue.Undeleted{}
	}
	u.list[m.ID] = l
	if len(u.list) <= maxUndeleted {
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

func (u *Undeleted) remove(m queue.Message) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.list, m.ID)
}
