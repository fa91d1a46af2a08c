package bench_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

const (
	waiting = 20_000 // envelopes on the queue
	batch   = 10     // messages of one call, SQS's limit
	pollers = 4      // as many as the program has
	rounds  = 3      // at least, because a round may take longer than the benchmark is given
)

// BenchmarkIngestFromSQS measures from when the program is up until every message of a queue is in the store, beside
// a bare client that receives and deletes as many from the same server. Each round has a server of its own, which
// ends with it: connections of a program that was stopped hold memory for as long as their other end is there, and
// what is left of its memory bounds the next.
func BenchmarkIngestFromSQS(b *testing.B) {
	var ours, theirs, ratios, costs []float64
	for range rounds {
		b.Run("round", func(b *testing.B) {
			endpoint := desktest.StartSQS(b)
			desktest.UseSQS(b, endpoint)
			client := desktest.SQSClient(b, endpoint)
			drain(b, client, preload(b, client, endpoint, "warm")) // Node compiles what is run often
			for b.Loop() {
				n := strconv.Itoa(len(ours))
				their := drain(b, client, preload(b, client, endpoint, "bare-"+n))
				queueURL, before := preload(b, client, endpoint, "dlq-"+n), spent(b)
				our := ingest(b, queueURL)
				costs = append(costs, micros(spent(b)-before)/waiting)
				ours, theirs, ratios = append(ours, our), append(theirs, their), append(ratios, our/their)
			}
			report(b, ours[len(ours)-1], "messages/s")
			report(b, costs[len(costs)-1], "cpu-µs/message")
			report(b, theirs[len(theirs)-1], "bare-messages/s")
			report(b, ratios[len(ratios)-1], "ratio")
		})
	}
	result(b, "ingest from SQS, messages/s", median(ours), 10_000)
	result(b, "ingest / bare SDK that receives and deletes", median(ratios), 0.5)
}

// preload makes a queue with envelopes on it.
func preload(b *testing.B, client *sqs.Client, endpoint, name string) (queueURL string) {
	b.Helper()
	queueURL = desktest.CreateQueue(b, endpoint, name, nil)
	now := time.Now()
	masks := redact.New(redact.Options{}).Name() // of a source without any, as the receiver writes it
	for from := 0; from < waiting; from += batch {
		entries := make([]types.SendMessageBatchRequestEntry, batch)
		for i := range entries {
			c := desktest.Failure(fmt.Sprintf("%s-%d", name, from+i), 422, now)
			c.Body = webhook()
			c.Masks = masks
			body, err := envelope.Encode(c)
			if err != nil {
				b.Fatal(err)
			}
			entries[i] = types.SendMessageBatchRequestEntry{
				Id:          aws.String(strconv.Itoa(i)),
				MessageBody: aws.String(string(body)),
			}
		}
		sent, err := client.SendMessageBatch(
			b.Context(), &sqs.SendMessageBatchInput{QueueUrl: &queueURL, Entries: entries},
		)
		if err != nil || len(sent.Successful) != batch {
			b.Fatalf("fill the queue: %v", err)
		}
	}
	return queueURL
}

// drain receives and deletes everything and returns messages per second.
func drain(b *testing.B, client *sqs.Client, queueURL string) float64 {
	b.Helper()
	var left atomic.Int64
	left.Store(waiting)
	errs := make([]error, pollers)
	var running sync.WaitGroup
	started := time.Now()
	for i := range pollers {
		running.Go(func() {
			for left.Load() > 0 && errs[i] == nil {
				var n int
				n, errs[i] = drainBatch(b.Context(), client, queueURL)
				left.Add(-int64(n))
			}
		})
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			b.Fatal(err)
		}
	}
	return waiting / time.Since(started).Seconds()
}

func drainBatch(ctx context.Context, client *sqs.Client, queueURL string) (int, error) {
	got, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &queueURL, MaxNumberOfMessages: batch, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil || len(got.Messages) == 0 {
		return 0, err
	}
	entries := make([]types.DeleteMessageBatchRequestEntry, len(got.Messages))
	for i, m := range got.Messages {
		entries[i] = types.DeleteMessageBatchRequestEntry{
			Id:            aws.String(strconv.Itoa(i)),
			ReceiptHandle: m.ReceiptHandle,
		}
	}
	_, err = client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &queueURL, Entries: entries})
	return len(entries), err
}

// ingest runs the program until the messages of a queue are in its store, and returns messages per second. Those that
// are there when it has started, with a new store, do not count.
func ingest(b *testing.B, queueURL string) float64 {
	b.Helper()
	cfg := settings(b, destination(b, 200, ""), queueURL)
	a := start(b, cfg)
	desk := open(b, cfg.DataDir)
	before, began := messages(b, desk), time.Now()
	// The store is asked seldom enough to cost nothing.
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for messages(b, desk) < waiting {
		<-tick.C
	}
	took := time.Since(began)
	stop(b, a)
	return float64(waiting-before) / took.Seconds()
}

// open opens the store of a data folder beside the program.
func open(b *testing.B, dataDir string) *store.Store {
	b.Helper()
	key, err := os.ReadFile(filepath.Join(dataDir, "audit.key"))
	if err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(b.Context(), filepath.Join(dataDir, "desk.db"), key, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// messages counts everything in a store.
func messages(b *testing.B, s *store.Store) (total int) {
	b.Helper()
	counts, err := s.Counts(b.Context(), store.Filter{})
	if err != nil {
		b.Fatal(err)
	}
	for _, status := range deadletter.Statuses() {
		total += counts.ByStatus[status]
	}
	return total
}
