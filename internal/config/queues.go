package config

import (
	"net/url"
	"slices"
	"strings"
)

// DLQ is a DLQ of SQS beside the program's own, whose messages the desk reads.
type DLQ struct {
	Name   string // its key below queues
	URL    string
	Region string // empty: that of the URL, or else the one that the AWS SDK finds
	// the source that its messages are delivered by; empty: none, they cannot be replayed over HTTP
	Source         string
	SourceQueueURL string // the SQS queue that its messages are redriven to; empty: SQS is asked which one it is
	Mask           Mask   // of its messages, besides that of the source
}

// DLQ returns the queue with the given name.
func (c Config) DLQ(name string) (DLQ, bool) {
	i := slices.IndexFunc(c.Queues, func(q DLQ) bool { return q.Name == name })
	if i < 0 {
		return DLQ{}, false
	}
	return c.Queues[i], true
}

const queueURLHint = "set it to the URL of the DLQ, such as https://sqs.eu-west-1.amazonaws.com/123456789012/orders-dlq"

func readDLQ(name string, s *section) DLQ {
	if err := checkName("queue", name); err != nil {
		s.reader.fault(s.path, err.Error())
	}
	return DLQ{
		Name:           name,
		URL:            required(s, "url", parseQueueURL, queueURLHint),
		Region:         setting(s, "region", "", emptyOr(parseRegion)),
		Source:         setting(s, "source", "", parseText),
		SourceQueueURL: setting(s, "source_queue_url", "", emptyOr(parseQueueURL)),
		Mask:           readMask(s.section("mask")),
	}
}

// checkDLQs refuses a queue that is configured for another use as well: its messages would go round in circles.
func (r *reader) checkDLQs(c Config) {
	uses := map[string]string{c.Queue.DLQURL: "queue.dlq_url", c.Queue.ProcessingURL: "queue.processing_url"}
	for _, q := range c.Queues {
		at := join("queues", q.Name)
		if other, taken := uses[q.URL]; taken && q.URL != "" {
			r.fault(join(at, "url"), "is the queue of "+other+": read each queue once")
		}
		uses[q.URL] = join(at, "url")
		if _, ok := c.Source(q.Source); !ok && q.Source != "" {
			r.fault(join(at, "source"), "there is no source "+quote(q.Source)+orNear(q.Source, c.SourceNames()))
		}
	}
	for _, q := range c.Queues {
		at := join(join("queues", q.Name), "source_queue_url")
		if other, taken := uses[q.SourceQueueURL]; taken && q.SourceQueueURL != "" {
			r.fault(at, "is the queue of "+other+": a redriven message would come straight back")
		}
		if fifo := isFIFO(q.URL); q.SourceQueueURL != "" && q.URL != "" && fifo != isFIFO(q.SourceQueueURL) {
			r.fault(at, "must be a FIFO queue if url is one, and a standard queue otherwise")
		}
	}
}

func isFIFO(queueURL string) bool {
	u, err := url.Parse(queueURL)
	return err == nil && strings.HasSuffix(u.Path, ".fifo")
}
