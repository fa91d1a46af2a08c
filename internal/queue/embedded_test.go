package queue_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
)

func TestEmbeddedAcceptsTheCharactersOfSQS(t *testing.T) {
	t.Parallel()
	q := queue.NewEmbedded(openQueueFile(t), "q", 1<<20, time.Now)
	const body = "\U00010000 😀 \U0010ffff"
	send(t, q, body)
	if m := receiveOne(t, q); string(m.Body) != body {
		t.Errorf("it came as %q", m.Body)
	}
}

func TestEmbeddedReceivesOldestFirst(t *testing.T) {
	t.Parallel()
	q := queue.NewEmbedded(openQueueFile(t), "q", 1<<20, time.Now)
	for n := range 30 {
		send(t, q, fmt.Sprintf("%02d", n))
	}
	ok(t, q.Release(t.Context(), receive(t, q, 10)))
	for n, m := range receiveAll(t, q, 30) {
		if want := fmt.Sprintf("%02d", n); string(m.Body) != want {
			t.Errorf("in place %s came %s", want, m.Body)
		}
	}
}

func TestEmbeddedQueueOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "queue.db")
	clock := desktest.NewClock()
	open := func() (*queue.Embedded, func()) {
		file, err := queue.OpenFile(t.Context(), path, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return queue.NewEmbedded(file, "q", 1<<20, clock.Now), func() {
			if err := file.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	q, closeFile := open()
	send(t, q, "a", "b", "c")
	ok(t, q.Delete(t.Context(), []queue.Message{receiveOne(t, q)}))
	inFlight := receiveOne(t, q)
	closeFile()

	q, closeFile = open()
	defer closeFile()
	if d, err := q.Depth(t.Context()); d.Visible != 1 || d.InFlight != 1 || !d.Oldest.Equal(inFlight.SentAt) ||
		err != nil {
		t.Errorf("the depth is %+v, %v", d, err)
	}
	if m := receiveOne(t, q); string(m.Body) != "c" || m.ReceiveCount != 1 {
		t.Errorf("%q came for the time %d", m.Body, m.ReceiveCount)
	}
	ok(t, q.ExtendVisibility(t.Context(), []queue.Message{inFlight}, time.Minute)) // the receipt stands still
	clock.Add(time.Minute)
	if m := receiveOne(t, q); string(m.Body) != "b" || m.ReceiveCount != 2 {
		t.Errorf("%q came for the time %d", m.Body, m.ReceiveCount)
	}
}

func TestEmbeddedQueuesOfOneFileAreApart(t *testing.T) {
	t.Parallel()
	file := openQueueFile(t)
	one, other := queue.NewEmbedded(file, "one.fifo", 1<<20, time.Now), queue.NewEmbedded(
		file, "other.fifo", 1<<20, time.Now,
	)
	same := []queue.Outgoing{{Body: []byte("x"), GroupID: "a", DeduplicationID: "id"}}
	ok(t, one.Send(t.Context(), same))
	m := receiveOne(t, one)
	nothing(t, other, 0)
	ok(t, other.Send(t.Context(), same))
	if errs := other.Delete(t.Context(), []queue.Message{m}); errs[0] == nil {
		t.Error("a receipt of one queue counts on the other")
	}
	receiveOne(t, other)
	if d, err := one.Depth(t.Context()); d.InFlight != 1 || err != nil {
		t.Errorf("the depth is %+v, %v", d, err)
	}
}

func TestEmbeddedAcceptsARepeatedMessageAfterFiveMinutes(t *testing.T) {
	t.Parallel()
	clock := desktest.NewClock()
	q := queue.NewEmbedded(openQueueFile(t), "q.fifo", 1<<20, clock.Now)
	same := []queue.Outgoing{{Body: []byte("x"), DeduplicationID: "id"}}
	ok(t, q.Send(t.Context(), same))
	clock.Add(5*time.Minute - time.Millisecond)
	ok(t, q.Send(t.Context(), same))
	if d, err := q.Depth(t.Context()); d.Visible != 1 || err != nil {
		t.Errorf("the depth is %+v, %v", d, err)
	}
	clock.Add(time.Millisecond)
	ok(t, q.Send(t.Context(), same))
	if d, err := q.Depth(t.Context()); d.Visible != 2 || err != nil {
		t.Errorf("the depth is %+v, %v", d, err)
	}
}

func TestEmbeddedBlocksAGroupWhileAnyOfItsMessagesIsInFlight(t *testing.T) {
	t.Parallel()
	q := queue.NewEmbedded(openQueueFile(t), "q.fifo", 1<<20, time.Now)
	ok(t, q.Send(t.Context(), []queue.Outgoing{
		{
			Body:    []byte("a1"),
			GroupID: "a",
		},
		{Body: []byte("b1"), GroupID: "b"},
		{Body: []byte("a2"), GroupID: "a"},
		{Body: []byte("a3"), GroupID: "a"},
	}))
	got := receive(t, q, 3) // of one group as many as there is room for
	if s := fmt.Sprintf("%s %s %s", got[0].Body, got[1].Body, got[2].Body); len(got) != 3 || s != "a1 a2 a3" {
		t.Fatalf("received %s", s)
	}
	ok(t, q.Release(t.Context(), got[:1]))
	ok(t, q.Delete(t.Context(), got[2:]))
	if m := receiveOne(t, q); string(m.Body) != "b1" { // a2 is in flight still, so a1 waits
		t.Errorf("received %s", m.Body)
	}
	nothing(t, q, 0)
	ok(t, q.Delete(t.Context(), got[1:2]))
	if m := receiveOne(t, q); string(m.Body) != "a1" {
		t.Errorf("received %s", m.Body)
	}
}

// A receiver waits for the moment at which a hidden message becomes visible, also when that moment is moved closer.
func TestEmbeddedReceiverWaitsForVisibility(t *testing.T) {
	t.Parallel()
	q := queue.NewEmbedded(openQueueFile(t), "q", 1<<20, time.Now)
	send(t, q, "x")
	first := []queue.Message{receiveOne(t, q)}
	begun := time.Now()
	var waiting sync.WaitGroup
	waiting.Go(func() { receiveOne(t, q) })
	ok(t, q.ExtendVisibility(t.Context(), first, 200*time.Millisecond))
	waiting.Wait()
	if took := time.Since(begun); took < 150*time.Millisecond || took > soon {
		t.Errorf("it came after %v", took)
	}
}

func TestEmbeddedCloseEndsAWaitingReceive(t *testing.T) {
	t.Parallel()
	file, err := queue.OpenFile(t.Context(), filepath.Join(t.TempDir(), "queue.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	q := queue.NewEmbedded(file, "q", 1<<20, time.Now)
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Receive(t.Context(), 10, time.Minute); err == nil {
		t.Error("a receive from a closed file has no error")
	}
	if errs := q.Send(t.Context(), []queue.Outgoing{{Body: []byte("x")}}); errs[0] == nil {
		t.Error("a send to a closed file has no error")
	}
}

func BenchmarkEmbedded(b *testing.B) {
	for _, size := range []int{1 << 10, 16 << 10} {
		for _, name := range []string{"q", "q.fifo"} {
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				benchmark(b, queue.NewEmbedded(openQueueFile(b), name, 1<<20, time.Now), size)
			})
		}
	}
}

func BenchmarkSQS(b *testing.B) {
	endpoint := desktest.StartSQS(b)
	number := 0
	b.Run("1KiB", func(b *testing.B) {
		number++
		benchmark(b, openSQS(b, endpoint, fmt.Sprintf("q-%d", number), nil), 1<<10)
	})
}

// benchmark measures sending, and receiving with deleting, each ten to a call and by several at once.
func benchmark(b *testing.B, q anyQueue, size int) {
	const workers, batch = 16, 10
	list := make([]queue.Outgoing, batch)
	body := make([]byte, size)
	for i := range body {
		body[i] = 'a' + byte(i%26)
	}
	for i := range list {
		list[i] = queue.Outgoing{Body: body, GroupID: fmt.Sprint(i)}
	}
	phase := func(what string, work func(ctx context.Context) error) {
		begun := time.Now()
		left := make(chan struct{}, b.N)
		for range b.N {
			left <- struct{}{}
		}
		close(left)
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for range left {
					if err := work(b.Context()); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		b.ReportMetric(float64(b.N*batch)/time.Since(begun).Seconds(), what+"/s")
	}
	phase("sent", func(ctx context.Context) error { return first(q.Send(ctx, list)) })
	phase("received", func(ctx context.Context) error {
		for got := 0; got < batch; {
			messages, err := q.Receive(ctx, batch-got, time.Second)
			if err != nil {
				return err
			}
			if err := first(q.Delete(ctx, messages)); err != nil {
				return err
			}
			if got += len(messages); len(messages) == 0 {
				break // the others have them
			}
		}
		return nil
	})
}

func first(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
