package ingest

import (
	"context"

	"golang.org/x/sync/semaphore"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/queue"
)

// Room is memory for bodies that are unpacked: for one of the largest, or for many that are smaller. Whoever can put
// messages on a queue can put there what grows a thousandfold, and many batches are worked on at a time.
type Room struct{ *semaphore.Weighted }

// NewRoom makes a room that nobody is in.
func NewRoom() *Room { return &Room{semaphore.NewWeighted(envelope.MaxUnpacked)} }

// read is a message and what it brings.
type read struct {
	Message queue.Message
	Capture deadletter.Capture
}

// packed is a message whose body will have so many bytes.
type packed struct {
	Message queue.Message
	bytes   int64
}

// read reads a batch but for what has to be unpacked.
func (i *Ingest) read(messages []queue.Message) (list []read, later []packed) {
	list = make([]read, 0, len(messages))
	for _, m := range messages {
		p := packed{m, -1}
		c := i.decode(m, func(bytes int64) bool {
			p.bytes = bytes
			return false
		})
		if p.bytes >= 0 {
			later = append(later, p)
		} else {
			list = append(list, read{m, c})
		}
	}
	return list, later
}

// keepPacked unpacks a message when there is room, and writes it.
func (i *Ingest) keepPacked(ctx context.Context, p packed) error {
	if err := i.settings.Room.Acquire(ctx, p.bytes); err != nil {
		return err
	}
	defer i.settings.Room.Release(p.bytes)
	return i.write(ctx, read{p.Message, i.decode(p.Message, nil)})
}

func messagesOf(list []read) []queue.Message {
	messages := make([]queue.Message, len(list))
	for n, r := range list {
		messages[n] = r.Message
	}
	return messages
}
