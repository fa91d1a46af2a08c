package receiver

import (
	"context"
	"fmt"
	"log/slog"

	"dlqdesk/internal/queue"
)

// WarnOfStranded warns of messages that stay on this machine's disk, or may come to, because the DLQ does not accept
// them. A receiver alone does not read them: a whole dlqdesk on its data folder does. stranded is where they are.
func WarnOfStranded(
	ctx context.Context, sources []Source, dlq Queue, stranded []queue.DepthReader, log *slog.Logger,
) error {
	const (
		mayStay = "a webhook that fails and is too large for the queue, even compressed, stays on this machine's disk: " +
			"lower max_body"
		stays = "messages that are too large for the queue are on this machine's disk: " +
			"dlqdesk serve on this data folder shows them"
	)
	limit := dlq.MaxMessageBytes()
	for _, s := range sources {
		if s.MaxBody > int64(limit) {
			log.WarnContext(ctx, mayStay, "source", s.Name, "max_body", s.MaxBody, "queue_accepts", limit)
		}
	}
	for _, q := range stranded {
		depth, err := q.Depth(ctx)
		if err != nil {
			return fmt.Errorf("find messages that are too large for the queue: %w", err)
		}
		if n := depth.Visible + depth.InFlight; n > 0 {
			log.WarnContext(ctx, stays, "messages", n)
		}
	}
	return nil
}
