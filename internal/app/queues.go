package app

import (
	"context"
	"fmt"
	"slices"

	"dlqdesk/internal/desk"
	"dlqdesk/internal/ingest"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/receiver"
	"dlqdesk/internal/server"
)

// queues are where messages and webhooks wait.
type queues struct {
	dlq        receiver.Queue
	processing receiver.Queue
	messages   []ingest.Queue // what ingest reads
	list       []*dlq         // further queues that are read
	webhooks   []receiver.ProcessingQueue
	shown      []desk.Queue
	// Everything in which messages, and webhooks of buffered sources, wait.
	messagesWait, webhooksWait []queue.DepthReader

	embedded, spool *queue.File // opened when they are needed

	readyChecks []server.ReadyCheck
}

// Names of the embedded queues and spools.
const (
	dlqName        = "dlq"
	processingName = "processing"
)

// readQueue is a queue from which messages are ingested, or webhooks are delivered.
type readQueue interface {
	ingest.Queue
	receiver.ProcessingQueue
}

// line is one queue: what is sent to, what that is read from, and everything in which a message may be meanwhile.
type line struct {
	to    receiver.Queue
	from  []readQueue
	waits []queue.DepthReader
}

func (a *App) openQueues(ctx context.Context, dir *server.DataDir) (*queues, error) {
	q := &queues{}
	dlq, err := a.openLine(ctx, dir, q, a.cfg.Queue.DLQURL, dlqName, desk.DLQHolds)
	if err != nil {
		return nil, err
	}
	q.dlq, q.messagesWait = dlq.to, dlq.waits
	for _, from := range dlq.from {
		q.messages = append(q.messages, from)
	}
	// It is open even if no source is buffered: one may be after a reload, and webhooks of one that was may wait on it.
	processing, err := a.openLine(ctx, dir, q, a.cfg.Queue.ProcessingURL, processingName, desk.ProcessingHolds)
	q.processing, q.webhooksWait = processing.to, processing.waits
	for _, from := range processing.from {
		q.webhooks = append(q.webhooks, from)
	}
	return q, err
}

// undeleted returns the list of a queue's messages that were read and are still on it, which the overview shows.
func (q *queues) undeleted(name string) *ingest.Undeleted {
	u := &ingest.Undeleted{}
	for i := range q.shown {
		if q.shown[i].Name == name {
			q.shown[i].Undeleted = u.List
		}
	}
	return u
}

// anyBuffered reports whether a source is buffered at the moment.
func (a *App) anyBuffered() bool {
	return slices.ContainsFunc(a.settings.Load().Receiver, func(s receiver.Source) bool { return s.Buffered })
}

func (a *App) openLine(ctx context.Context, dir *server.DataDir, q *queues, url, name, holds string) (line, error) {
	if url != "" {
		return a.openSQS(ctx, dir, q, url, name, holds)
	}
	if q.embedded == nil {
		var err error
		if q.embedded, err = a.openMessages(ctx, dir, server.QueueFile); err != nil {
			return line{}, fmt.Errorf("open the embedded queue: %w", err)
		}
		q.readyChecks = append(q.readyChecks, func(ctx context.Context) error {
			if name == processingName && !a.anyBuffered() {
				return nil // no webhook would be put on it
			}
			return q.embedded.Probe(ctx)
		})
	}
	embedded := queue.NewEmbedded(q.embedded, name, queue.MaxEmbedded, a.now)
	shown := a.gauge(holds, embedded)
	shown.Fate, shown.Buffered = fateIn(name), name == processingName
	q.shown = append(q.shown, shown)
	return line{embedded, []readQueue{embedded}, []queue.DepthReader{embedded}}, nil
}

// openSQS puts a spool in front of an SQS queue. What the queue never takes is read from the spool itself.
func (a *App) openSQS(ctx context.Context, dir *server.DataDir, q *queues, url, name, holds string) (line, error) {
	if q.spool == nil {
		var err error
		if q.spool, err = a.openMessages(ctx, dir, server.SpoolFile); err != nil {
			return line{}, fmt.Errorf("open the spool: %w", err)
		}
		if err := q.spool.Limit(ctx, a.cfg.Queue.SpoolLimit); err != nil {
			return line{}, fmt.Errorf("open the spool: %w", err)
		}
	}
	sqs, err := queue.OpenSpooled(ctx, queue.SpooledDeps{
		URL: url, Region: a.cfg.Queue.Region, Name: name, File: q.spool, Now: a.now, Log: a.log,
	})
	if err != nil {
		return line{}, err
	}
	a.life.OnStop("receives from "+sqs.Name(), func(ctx context.Context) error { sqs.SQS.Close(ctx); return nil })
	a.life.OnStop("spool of "+sqs.Name(), func(context.Context) error { sqs.Close(); return nil })
	a.run("drainer of "+sqs.Name(), sqs.Run)
	a.run("watch of "+sqs.Name(), sqs.Watch)
	q.readyChecks = append(q.readyChecks, sqs.Ready)
	shown := a.gauge(holds, sqs.SQS)
	shown.UnconfirmedSince, shown.Shared = sqs.UnavailableSince, name == processingName
	shown.Buffered = name == processingName
	waiting, stranded := a.gauge(desk.SpoolHolds, sqs.Waiting()), a.gauge(desk.StrandedHolds, sqs.Stranded())
	waiting.Spool, stranded.Spool = true, true
	waiting.Fate, stranded.Fate = desk.SpoolFate, fateIn(name)
	q.shown = append(q.shown, shown, waiting, stranded)
	return line{
		sqs,
		[]readQueue{sqs.SQS, sqs.Stranded()},
		[]queue.DepthReader{sqs.SQS, sqs.Waiting(), sqs.Stranded()},
	}, nil
}

// fateIn says where a message goes that is read from a queue of this machine.
func fateIn(name string) string {
	if name == processingName {
		return desk.ProcessingFate
	}
	return desk.MessageFate
}

func (a *App) gauge(holds string, q queue.DepthReader) desk.Queue {
	shown := desk.Queue{Name: q.Name(), Holds: holds, Depth: queue.NewDepthCache(q.Depth, a.now).Depth}
	if embedded, ok := q.(*queue.Embedded); ok {
		shown.ReportsOldest, shown.Browse = true, embedded.Browse
	}
	return shown
}

func (a *App) openMessages(ctx context.Context, dir *server.DataDir, name string) (*queue.File, error) {
	file, err := queue.OpenFile(ctx, dir.File(name), a.log.With("component", "queue"))
	if err != nil {
		return nil, err
	}
	a.life.OnStop(name, func(context.Context) error { return file.Close() })
	return file, nil
}
