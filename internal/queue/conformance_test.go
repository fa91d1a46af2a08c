package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
)

// anyQueue is what both kinds of queue can do.
type anyQueue interface {
	Name() string
	MaxMessageBytes() int
	MaxReceive() int
	Visibility() time.Duration
	Send(ctx context.Context, list []queue.Outgoing) []error
	Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Message, error)
	ExtendVisibility(ctx context.Context, messages []queue.Message, d time.Duration) []error
	Release(ctx context.Context, messages []queue.Message) []error
	Delete(ctx context.Context, messages []queue.Message) []error
	Depth(ctx context.Context) (queue.Depth, error)
}

// soon is longer than anything may take that is not to wait.
const soon = 10 * time.Second

// subject is a queue under test, and how time passes for it.
type subject struct {
	anyQueue
	pass func(d time.Duration) // SQS's time passes by itself, while a receiver waits
}

// kind opens queues of one kind. Where time passes in a case, an SQS queue hides its messages for a second, the least
// that it can.
type kind func(t *testing.T, name string, timed bool) subject

func embeddedQueues(t *testing.T) kind {
	file := openQueueFile(t)
	return func(_ *testing.T, name string, _ bool) subject {
		clock := desktest.NewClock()
		return subject{queue.NewEmbedded(file, name, 1<<20, clock.Now), clock.Add}
	}
}

func openQueueFile(t testing.TB) *queue.File {
	t.Helper()
	return openFileAt(t, filepath.Join(t.TempDir(), "queue.db"))
}

func openFileAt(t testing.TB, path string) *queue.File {
	t.Helper()
	file, err := queue.OpenFile(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := file.Close(); err != nil {
			t.Errorf("close the embedded queues' file: %v", err)
		}
	})
	return file
}

func sqsQueues(t *testing.T) kind {
	endpoint := desktest.StartSQS(t)
	return func(t *testing.T, name string, timed bool) subject {
		attributes := map[string]string{"MaximumMessageSize": "262144"}
		if timed {
			attributes["VisibilityTimeout"] = "1"
		}
		return subject{openSQS(t, endpoint, name, attributes), func(time.Duration) {}}
	}
}

func openSQS(t testing.TB, endpoint, name string, attributes map[string]string) *queue.SQS {
	t.Helper()
	q, err := queue.NewSQS(t.Context(), desktest.CreateQueue(t, endpoint, name, attributes), "", desktest.AWS(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestConformance(t *testing.T) {
	t.Parallel()
	cases := map[string]func(t *testing.T, q subject){
		"a message comes as it was sent":             comesAsSent,
		"what the sender says of itself is kept":     keepsAttributes,
		"more than one call takes":                   sendsMany,
		"one receive has its limit":                  receivesInBatches,
		"an empty list is nothing to do":             doesNothing,
		"one bad entry hinders no other":             refusesOneEntry,
		"an empty queue keeps a receiver waiting":    waitsInVain,
		"a waiting receiver is woken by a send":      wakesOnSend,
		"a receiver that leaves is let go":           letsGo,
		"a message in flight is hidden, then comes":  comesAgain,
		"an extended message stays hidden":           staysHidden,
		"a released message comes at once":           comesOnRelease,
		"a release wakes a waiting receiver":         wakesOnRelease,
		"a receipt ends with the next receive":       refusesStaleReceipt,
		"an unknown receipt hinders no other":        refusesUnknownReceipt,
		"a message is never given up":                isNeverGivenUp,
		"the depth counts":                           countsDepth,
		"many receivers get each message once":       sharesOut,
		"fifo: order within a group":                 keepsOrder,
		"fifo: one in flight blocks its group alone": blocksGroup,
		"fifo: a released one comes first":           releasesFirst,
		"fifo: a repeated message is one":            isOneMessage,
		"fifo: what is left out has a default":       fillsIn,
	}
	timed := map[string]bool{
		"a message in flight is hidden, then comes": true, "an extended message stays hidden": true,
		"a receipt ends with the next receive": true, "fifo: a released one comes first": true,
	}
	for name, open := range map[string]func(*testing.T) kind{"SQS": sqsQueues, "embedded": embeddedQueues} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := open(t)
			number := 0
			for title, run := range cases {
				number++
				name := fmt.Sprintf("queue-%d", number)
				if strings.HasPrefix(title, "fifo:") {
					name += ".fifo"
				}
				t.Run(title, func(t *testing.T) {
					t.Parallel()
					q := open(t, name, timed[title])
					if q.Name() != name {
						t.Errorf("its name is %q", q.Name())
					}
					run(t, q)
				})
			}
		})
	}
}

func comesAsSent(t *testing.T, q subject) {
	bodies := []string{
		`{"eventType":"conversation:updated", "n":12345678901234567890}`, " \t\r\n ",
		"ä€ \u00a0\u2028 \ufffd ﷽ <&>\"'\\u0000 \u007f\u0085", strings.Repeat("x", q.MaxMessageBytes()),
	}
	send(t, q, bodies...)
	var got []string
	for range bodies {
		m := receiveOne(t, q)
		if m.ID == "" || m.ReceiptHandle == "" || m.ReceiveCount != 1 || m.System["ApproximateReceiveCount"] != "1" {
			t.Errorf("a message came as %+v", m.System)
		}
		if sent, err := strconv.ParseInt(
			m.System["SentTimestamp"], 10, 64,
		); err != nil || sent != m.SentAt.UnixMilli() || m.SentAt.IsZero() {
			t.Errorf("it was sent at %v, and by the system attributes at %v (%v)", m.SentAt, sent, err)
		}
		got = append(got, string(m.Body))
	}
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(bodies))) {
		t.Errorf("%d bodies came otherwise than they were sent", len(bodies))
	}
}

func keepsAttributes(t *testing.T, q subject) {
	want := map[string]queue.Attribute{
		"ErrorMessage": {
			Type:   "String",
			String: "Zeitüberschreitung\n<&>",
		},
		"ErrorCode": {Type: "Number", String: "00503.50"},
		"Trace.id_1-x": {
			Type:   "Binary",
			Binary: []byte{0, 1, 0xFF, '"', 0xC3},
		},
		"labelled": {Type: "String.uuid", String: " "},
		"float":    {Type: "Number.float", String: "1e-9"},
		"png":      {Type: "Binary.png", Binary: []byte("\x89PNG")},
	}
	ok(t, q.Send(t.Context(), []queue.Outgoing{{Body: []byte("x"), Attributes: want}}))
	got := receiveOne(t, q).Attributes
	if !maps.EqualFunc(want, got, func(a, b queue.Attribute) bool {
		return a.Type == b.Type && a.String == b.String && string(a.Binary) == string(b.Binary)
	}) {
		t.Errorf("the attributes came as %+v", got)
	}
}

func sendsMany(t *testing.T, q subject) {
	// Together these are more than one call may carry, in number and in bytes.
	want := map[string]bool{}
	var list []queue.Outgoing
	for i := range 37 {
		body := fmt.Sprintf("%03d%s", i, strings.Repeat("x", (i%4)*q.MaxMessageBytes()/8))
		want[body] = true
		list = append(list, queue.Outgoing{Body: []byte(body)})
	}
	ok(t, q.Send(t.Context(), list))
	messages := receiveAll(t, q, len(list))
	for _, m := range messages {
		delete(want, string(m.Body))
	}
	if len(want) > 0 {
		t.Errorf("%d messages did not come", len(want))
	}
	ok(t, q.ExtendVisibility(t.Context(), messages, time.Minute))
	ok(t, q.Delete(t.Context(), messages))
	if d, err := q.Depth(t.Context()); d.Total() != 0 || err != nil {
		t.Errorf("after all were deleted the depth is %+v, %v", d, err)
	}
}

func receivesInBatches(t *testing.T, q subject) {
	list := make([]queue.Outgoing, q.MaxReceive()+1)
	for i := range list {
		list[i] = queue.Outgoing{Body: strconv.AppendInt(nil, int64(i), 10)}
	}
	ok(t, q.Send(t.Context(), list))
	seen := map[string]bool{}
	for len(seen) < len(list) && !t.Failed() {
		got := receive(t, q, len(list))
		if len(got) > q.MaxReceive() {
			t.Errorf("%d messages came at once", len(got))
		}
		for _, m := range got {
			seen[string(m.Body)] = true
		}
		ok(t, q.Delete(t.Context(), got))
	}
}

func doesNothing(t *testing.T, q subject) {
	ctx := t.Context()
	for _, errs := range [][]error{q.Send(ctx, nil), q.ExtendVisibility(ctx, nil, time.Minute), q.Release(
		ctx, nil,
	), q.Delete(ctx, nil)} {
		if len(errs) > 0 {
			t.Errorf("answers for nothing: %v", errs)
		}
	}
}

func refusesOneEntry(t *testing.T, q subject) {
	attribute := func(name string, a queue.Attribute) map[string]queue.Attribute {
		return map[string]queue.Attribute{name: a}
	}
	limit := q.MaxMessageBytes()
	entries := []struct {
		message queue.Outgoing
		want    error
	}{
		{queue.Outgoing{Body: []byte("good 0")}, nil},
		{queue.Outgoing{Body: []byte(strings.Repeat("x", limit+1))}, queue.ErrTooLarge},
		{queue.Outgoing{Body: []byte("nul \x00")}, queue.ErrIllegalBody},
		{queue.Outgoing{Body: []byte("good 1")}, nil},
		{queue.Outgoing{Body: []byte("invalid \xff")}, queue.ErrIllegalBody},
		{queue.Outgoing{Body: []byte("surrogate \xed\xa0\x80")}, queue.ErrIllegalBody},
		{queue.Outgoing{Body: []byte("none \ufffe")}, queue.ErrIllegalBody},
		{queue.Outgoing{}, queue.ErrIllegalBody},
		{
			queue.Outgoing{
				Body:       []byte("x"),
				Attributes: attribute("a b", queue.Attribute{Type: "String", String: "x"}),
			},
			queue.ErrIllegalAttribute,
		},
		{
			queue.Outgoing{Body: []byte("x"), Attributes: attribute("a", queue.Attribute{Type: "Text", String: "x"})},
			queue.ErrIllegalAttribute,
		},
		{
			queue.Outgoing{Body: []byte("x"), Attributes: attribute("a", queue.Attribute{Type: "String"})},
			queue.ErrIllegalAttribute,
		},
		{
			queue.Outgoing{
				Body: []byte("x"), Attributes: attribute("a", queue.Attribute{Type: "Binary", String: "x"}),
			},
			queue.ErrIllegalAttribute,
		},
		{
			queue.Outgoing{
				Body:       []byte("x"),
				Attributes: attribute("a", queue.Attribute{Type: "String", String: "\x01"}),
			},
			queue.ErrIllegalAttribute,
		},
		{queue.Outgoing{Body: []byte("x"), Attributes: manyAttributes(11)}, queue.ErrIllegalAttribute},
		// The attributes count: with them it is one byte too large.
		{
			queue.Outgoing{
				Body:       []byte(strings.Repeat("x", limit-7)),
				Attributes: attribute("a", queue.Attribute{Type: "String", String: "b"}),
			},
			queue.ErrTooLarge,
		},
		{queue.Outgoing{Body: []byte("good 2"), Attributes: manyAttributes(10)}, nil},
	}
	var list []queue.Outgoing
	for _, e := range entries {
		list = append(list, e.message)
	}
	for i, err := range q.Send(t.Context(), list) {
		if !errors.Is(err, entries[i].want) {
			t.Errorf("entry %d answers %v, want %v", i, err, entries[i].want)
		}
	}
	var got []string
	for _, m := range receiveAll(t, q, 3) {
		got = append(got, string(m.Body))
	}
	if slices.Sort(got); !slices.Equal(got, []string{"good 0", "good 1", "good 2"}) {
		t.Errorf("these came: %q", got)
	}
}

func manyAttributes(n int) map[string]queue.Attribute {
	list := map[string]queue.Attribute{}
	for i := range n {
		list[strconv.Itoa(i)] = queue.Attribute{Type: "Number", String: "1"}
	}
	return list
}

func waitsInVain(t *testing.T, q subject) {
	begun := time.Now()
	nothing(t, q, 0)
	if took := time.Since(begun); took > soon {
		t.Errorf("a receiver that does not wait was held for %v", took)
	}
	begun = time.Now()
	nothing(t, q, time.Second)
	if took := time.Since(begun); took < 900*time.Millisecond || took > soon {
		t.Errorf("a receiver that waits a second was held for %v", took)
	}
}

func wakesOnSend(t *testing.T, q subject) {
	begun := time.Now()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if got := receiveOne(t, q); string(got.Body) != "x" {
				t.Errorf("received %q", got.Body)
			}
		})
	}
	// A receiver gets a message, whether it was waiting already or comes later.
	for range 3 {
		send(t, q, "x")
	}
	all.Wait()
	if took := time.Since(begun); took > soon {
		t.Errorf("the receivers were held for %v", took)
	}
}

func letsGo(t *testing.T, q subject) {
	begun := time.Now()
	ctx, leave := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer leave()
	messages, err := q.Receive(ctx, 10, 20*time.Second)
	if !errors.Is(err, context.DeadlineExceeded) || len(messages) > 0 {
		t.Errorf("the receiver has %d messages, %v", len(messages), err)
	}
	if took := time.Since(begun); took > soon {
		t.Errorf("the receiver was held for %v", took)
	}
	for _, err := range q.Send(ctx, []queue.Outgoing{{Body: []byte("x")}}) {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a sender who has left has the answer %v", err)
		}
	}
}

func comesAgain(t *testing.T, q subject) {
	send(t, q, "x")
	first := receiveOne(t, q)
	nothing(t, q, 0)
	q.pass(q.Visibility())
	second := receiveOne(t, q)
	if second.ID != first.ID || second.ReceiveCount != 2 || second.ReceiptHandle == first.ReceiptHandle ||
		!second.SentAt.Equal(first.SentAt) {
		t.Errorf("it came first as %+v, then as %+v", first, second)
	}
}

func staysHidden(t *testing.T, q subject) {
	send(t, q, "x")
	first := receiveOne(t, q)
	ok(t, q.ExtendVisibility(t.Context(), []queue.Message{first}, 3*q.Visibility()))
	q.pass(2 * q.Visibility())
	nothing(t, q, 2*time.Second)
	q.pass(q.Visibility())
	if second := receiveOne(t, q); second.ReceiveCount != 2 {
		t.Errorf("it comes for the time %d", second.ReceiveCount)
	}
}

func comesOnRelease(t *testing.T, q subject) {
	send(t, q, "x")
	// it would be hidden for long
	ok(t, q.ExtendVisibility(t.Context(), []queue.Message{receiveOne(t, q)}, time.Minute))
	send(t, q, "y")
	second := receiveOne(t, q)
	ok(t, q.Release(t.Context(), []queue.Message{second}))
	if third := receiveOne(t, q); third.ID != second.ID || third.ReceiveCount != 2 {
		t.Errorf("after the release came %q for the time %d", third.Body, third.ReceiveCount)
	}
}

func wakesOnRelease(t *testing.T, q subject) {
	send(t, q, "x")
	first := receiveOne(t, q)
	ok(t, q.ExtendVisibility(t.Context(), []queue.Message{first}, time.Minute))
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if second := receiveOne(t, q); second.ID != first.ID {
			t.Errorf("received %q", second.Body)
		}
	})
	ok(t, q.Release(t.Context(), []queue.Message{first}))
	waiting.Wait()
}

func refusesStaleReceipt(t *testing.T, q subject) {
	send(t, q, "x")
	stale := []queue.Message{receiveOne(t, q)}
	ok(t, q.Release(t.Context(), stale))
	fresh := []queue.Message{receiveOne(t, q)}
	// SQS does not tell that such a receipt no longer stands, but it takes nothing off.
	if err := errors.Join(q.Delete(t.Context(), stale)...); err != nil && !errors.Is(err, queue.ErrStaleReceipt) {
		t.Errorf("a stale delete answers %v", err)
	}
	if errs := q.ExtendVisibility(t.Context(), stale, time.Minute); !errors.Is(errs[0], queue.ErrStaleReceipt) {
		t.Errorf("a stale extension answers %v", errs[0])
	}
	if errs := q.Release(t.Context(), stale); !errors.Is(errs[0], queue.ErrStaleReceipt) {
		t.Errorf("a stale release answers %v", errs[0])
	}
	nothing(t, q, 0)
	q.pass(q.Visibility())
	if again := receiveOne(t, q); again.ID != fresh[0].ID || again.ReceiveCount != 3 {
		t.Errorf("after a stale delete came %q for the time %d", again.Body, again.ReceiveCount)
	}
}

func refusesUnknownReceipt(t *testing.T, q subject) {
	send(t, q, "x", "y")
	known := receiveAll(t, q, 2)
	errs := q.ExtendVisibility(
		t.Context(), []queue.Message{known[0], {ReceiptHandle: "unknown"}, known[1]}, time.Minute,
	)
	if errs[0] != nil || !errors.Is(errs[1], queue.ErrStaleReceipt) || errs[2] != nil {
		t.Errorf("the extension answers %v", errs)
	}
	errs = q.Delete(t.Context(), []queue.Message{known[0], {ReceiptHandle: "unknown"}, known[1]})
	if errs[0] != nil || errs[2] != nil {
		t.Errorf("the delete answers %v", errs)
	}
	if d, err := q.Depth(t.Context()); d.Visible+d.InFlight != 0 || err != nil {
		t.Errorf("the depth is %+v, %v", d, err)
	}
}

func isNeverGivenUp(t *testing.T, q subject) {
	send(t, q, "x")
	for n := range 20 {
		m := receiveOne(t, q)
		if m.ReceiveCount != n+1 {
			t.Fatalf("it comes for the time %d, want %d", m.ReceiveCount, n+1)
		}
		ok(t, q.Release(t.Context(), []queue.Message{m}))
	}
}

func countsDepth(t *testing.T, q subject) {
	send(t, q, "a", "b", "c")
	q.pass(time.Hour)
	ok(t, q.Delete(t.Context(), []queue.Message{receiveOne(t, q)}))
	ok(t, q.ExtendVisibility(t.Context(), []queue.Message{receiveOne(t, q)}, time.Minute))
	d, err := q.Depth(t.Context())
	if d.Visible != 1 || d.InFlight != 1 || d.Delayed != 0 || err != nil {
		t.Errorf("the depth is %+v, %v", d, err)
	}
	m := receiveOne(t, q)
	if !d.Oldest.IsZero() && !d.Oldest.Equal(m.SentAt) {
		t.Errorf("the oldest is of %v, not %v", d.Oldest, m.SentAt)
	}
}

func sharesOut(t *testing.T, q subject) {
	const receivers, each = 8, 125
	seen := make(map[string]int)
	var mu sync.Mutex
	var left atomic.Int64
	left.Store(receivers * each)
	var all sync.WaitGroup
	for range receivers {
		all.Go(func() {
			for left.Load() > 0 {
				messages, err := q.Receive(t.Context(), 10, time.Second)
				if err != nil {
					t.Errorf("receive: %v", err)
					return
				}
				left.Add(-int64(len(messages)))
				mu.Lock()
				for _, m := range messages {
					seen[string(m.Body)]++
				}
				mu.Unlock()
				ok(t, q.Delete(t.Context(), messages))
			}
		})
	}
	for sender := range receivers {
		all.Go(func() {
			var list []queue.Outgoing
			for n := range each {
				list = append(list, queue.Outgoing{Body: fmt.Appendf(nil, "%d-%d", sender, n)})
			}
			ok(t, q.Send(t.Context(), list))
		})
	}
	all.Wait()
	if len(seen) != receivers*each {
		t.Errorf("%d of %d messages came", len(seen), receivers*each)
	}
	for body, times := range seen {
		if times != 1 {
			t.Errorf("%s came %d times", body, times)
		}
	}
}

func keepsOrder(t *testing.T, q subject) {
	var list []queue.Outgoing
	for n := range 24 {
		group := string(rune('a' + n%3))
		list = append(list, queue.Outgoing{Body: fmt.Appendf(nil, "%s%02d", group, n), GroupID: group})
	}
	ok(t, q.Send(t.Context(), list))
	last := map[string]string{}
	for left := len(list); left > 0; {
		messages := receive(t, q, 10)
		for _, m := range messages {
			if body := string(m.Body); m.GroupID != body[:1] || body <= last[m.GroupID] {
				t.Errorf("in group %q came %s after %s", m.GroupID, body, last[m.GroupID])
			}
			last[m.GroupID] = string(m.Body)
		}
		left -= len(messages)
		ok(t, q.Delete(t.Context(), messages))
	}
}

func blocksGroup(t *testing.T, q subject) {
	ok(
		t,
		q.Send(
			t.Context(),
			[]queue.Outgoing{
				{Body: []byte("a1"), GroupID: "a"},
				{Body: []byte("a2"), GroupID: "a"},
				{Body: []byte("b1"), GroupID: "b"},
			},
		),
	)
	a1 := receiveOne(t, q)
	b1 := receiveOne(t, q)
	nothing(t, q, 0)
	ok(t, q.Send(t.Context(), []queue.Outgoing{{Body: []byte("a3"), GroupID: "a"}}))
	nothing(t, q, 0)
	if string(a1.Body) != "a1" || string(b1.Body) != "b1" {
		t.Errorf("%q and %q came", a1.Body, b1.Body)
	}
	// A receiver that waits for the group is woken when the group is free.
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if a2 := receiveOne(t, q); string(a2.Body) != "a2" {
			t.Errorf("after a1 came %q", a2.Body)
		}
	})
	ok(t, q.Delete(t.Context(), []queue.Message{a1}))
	waiting.Wait()
	nothing(t, q, 0)
}

func releasesFirst(t *testing.T, q subject) {
	ok(t, q.Send(t.Context(), []queue.Outgoing{{Body: []byte("1"), GroupID: "a"}, {Body: []byte("2"), GroupID: "a"}}))
	ok(t, q.Release(t.Context(), []queue.Message{receiveOne(t, q)}))
	again := receiveOne(t, q)
	if string(again.Body) != "1" || again.ReceiveCount != 2 {
		t.Errorf("after the release came %q", again.Body)
	}
	q.pass(q.Visibility())
	again = receiveOne(t, q)
	if string(again.Body) != "1" || again.ReceiveCount != 3 {
		t.Errorf("after the time was up came %q", again.Body)
	}
}

func isOneMessage(t *testing.T, q subject) {
	twice := queue.Outgoing{Body: []byte("x"), GroupID: "a", DeduplicationID: "id"}
	ok(t, q.Send(t.Context(), []queue.Outgoing{twice, twice}))
	first := receiveOne(t, q)
	if first.DeduplicationID != "id" || first.GroupID != "a" {
		t.Errorf("it came with group %q and deduplication id %q", first.GroupID, first.DeduplicationID)
	}
	ok(t, q.Delete(t.Context(), []queue.Message{first}))
	q.pass(4 * time.Minute)
	ok(t, q.Send(t.Context(), []queue.Outgoing{twice})) // it counts also when the first is gone
	nothing(t, q, 0)
}

func fillsIn(t *testing.T, q subject) {
	send(t, q, "x", "x") // two messages of the same body
	for range 2 {
		m := receiveOne(t, q)
		if m.GroupID != "dlqdesk" || m.DeduplicationID == "" {
			t.Errorf("it came with group %q and deduplication id %q", m.GroupID, m.DeduplicationID)
		}
		ok(t, q.Delete(t.Context(), []queue.Message{m}))
	}
}

func ok(t testing.TB, errs []error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Errorf("%v", err)
	}
}

func send(t testing.TB, q anyQueue, bodies ...string) {
	t.Helper()
	var list []queue.Outgoing
	for _, body := range bodies {
		list = append(list, queue.Outgoing{Body: []byte(body)})
	}
	ok(t, q.Send(t.Context(), list))
}

// receive returns what comes first. A receiver that waits may be answered with nothing before its time, which SQS
// allows itself.
func receive(t testing.TB, q anyQueue, limit int) []queue.Message {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < soon; {
		messages, err := q.Receive(t.Context(), limit, soon)
		if err != nil {
			t.Errorf("receive: %v", err)
			return nil
		}
		if len(messages) > limit {
			t.Errorf("%d messages came, %d were asked for", len(messages), limit)
		}
		if len(messages) > 0 {
			return messages
		}
	}
	t.Error("nothing came")
	return nil
}

func receiveOne(t testing.TB, q anyQueue) queue.Message {
	t.Helper()
	messages := receive(t, q, 1)
	if len(messages) == 0 {
		return queue.Message{}
	}
	return messages[0]
}

func receiveAll(t testing.TB, q anyQueue, n int) []queue.Message {
	t.Helper()
	var list []queue.Message
	for len(list) < n && !t.Failed() {
		list = append(list, receive(t, q, 10)...)
	}
	return list
}

func nothing(t testing.TB, q anyQueue, wait time.Duration) {
	t.Helper()
	messages, err := q.Receive(t.Context(), 10, wait)
	if err != nil {
		t.Errorf("receive: %v", err)
	}
	for _, m := range messages {
		t.Errorf("%q came for the time %d", m.Body, m.ReceiveCount)
	}
}
