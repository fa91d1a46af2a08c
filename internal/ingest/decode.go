package ingest

import (
	"cmp"
	"slices"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/telemetry"
)

// awsTrace is the system attribute in which SQS carries a message's trace.
const awsTrace = "AWSTraceHeader"

// decode returns what a queue message contains, completed by the settings of its source. unpack is called with the
// size of a compressed body; if it returns false the body stays packed.
func (i *Ingest) decode(m queue.Message, unpack func(int64) bool) deadletter.Capture {
	settings := i.Settings()
	c := envelope.Decode(envelope.Raw{
		Queue:           i.Queue.Name(),
		ConfigName:      i.ConfigName,
		MessageID:       m.ID,
		Body:            m.Body,
		Attributes:      attributes(m.Attributes),
		System:          m.System,
		SentAt:          m.SentAt,
		ReceiveCount:    m.ReceiveCount,
		GroupID:         m.GroupID,
		DeduplicationID: m.DeduplicationID,
		Unpack:          unpack,
	}, i.Now())
	switch {
	case c.Source != "":
	case c.Queue.ConfigName != "":
		c.Source = settings.SourceOf[c.Queue.ConfigName]
	default:
		c.Source = settings.DefaultSource
	}
	c.Queue.TraceParent = cmp.Or(c.Queue.TraceParent, telemetry.FromAWS(m.System[awsTrace]))
	settings.Masks.Of(c.Queue.ConfigName, c.Source).HideIn(&c)
	paths, ok := settings.EventType[c.Source]
	if !ok {
		paths = payload.AnyEventType()
	}
	c.EventType = payload.EventType(c.Headers, c.Body, paths)
	c.OrderKey = settings.OrderKey[c.Source].Of(c.Source, c.Headers, c.Body)
	if c.WebhookID == "" && !c.Foreign {
		c.WebhookID = i.dedup(c).ID(c.Headers, c.Body)
	}
	return c
}

func (i *Ingest) dedup(c deadletter.Capture) payload.Dedup {
	if d, ok := i.Settings().Dedup[c.Source]; ok {
		return d
	}
	return payload.Dedup{Window: payload.DefaultDedupWindow}
}

func attributes(from map[string]queue.Attribute) []deadletter.QueueAttribute {
	var list []deadletter.QueueAttribute
	for name, a := range from {
		list = append(list, deadletter.QueueAttribute{Name: name, Type: a.Type, Value: a.String, Binary: a.Binary})
	}
	slices.SortFunc(list, func(a, b deadletter.QueueAttribute) int { return strings.Compare(a.Name, b.Name) })
	return list
}
