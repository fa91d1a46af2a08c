package app

import (
	"bytes"
	"context"
	"encoding/json"

	"dlqdesk/internal/console"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/queue"
)

// browseBytes is the largest message of a queue that is read to be listed: what SQS takes at most fits. Of a larger
// one the id alone is told.
const browseBytes = 1 << 20

// browse lists what a queue of this machine holds; nil for any other, because SQS shows a message to nobody but its
// receiver.
func browse(q queue.DepthReader) func(context.Context, console.HeldQuery) ([]console.Held, error) {
	embedded, ok := q.(*queue.Embedded)
	if !ok {
		return nil
	}
	return func(ctx context.Context, asked console.HeldQuery) ([]console.Held, error) {
		var list []console.Held
		query := queue.BrowseQuery{
			InFlight:  asked.InWork,
			After:     asked.After,
			Limit:     asked.Limit,
			BodyBytes: browseBytes,
		}
		err := embedded.Browse(ctx, query, func(m queue.BrowsedMessage) error {
			list = append(list, browsed(m))
			return nil
		})
		return list, err
	}
}

func browsed(m queue.BrowsedMessage) console.Held {
	shown := console.Held{
		Number:   m.Number,
		ID:       m.ID,
		Bytes:    m.Size,
		Since:    m.SentAt,
		Receives: m.ReceiveCount,
		Until:    m.HiddenUntil,
	}
	if m.Size > len(m.Body) {
		shown.Cut = true
		if id := firstText(m.Body, "messageId"); id != "" {
			shown.ID = id
		}
		return shown
	}
	c := envelope.Decode(envelope.Raw{
		MessageID: m.ID, Body: m.Body, SentAt: m.SentAt, Unpack: func(int64) bool { return false },
	}, m.SentAt)
	shown.ID, shown.Source, shown.Reason = string(c.ID), c.Source, c.Reason
	return shown
}

// firstText answers the first value of an object, of which there is the beginning alone, where it is a text of that
// name: "" otherwise.
func firstText(beginning []byte, name string) string {
	d := json.NewDecoder(bytes.NewReader(beginning))
	for _, want := range []json.Token{json.Delim('{'), name} {
		if got, err := d.Token(); err != nil || got != want {
			return ""
		}
	}
	value, err := d.Token()
	text, ok := value.(string)
	if err != nil || !ok {
		return ""
	}
	return text
}
