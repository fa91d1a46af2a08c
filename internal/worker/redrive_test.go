package worker_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/redrive"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
	"dlqdesk/internal/worker"
)

// origin sends to a real queue, and goes wrong where a test wants it to.
type origin struct {
	*redrive.Origin
	dlq   *queue.SQS
	fifo  bool
	fault func(body string) error // before the message is sent; nil: none
	after func(body string) error // the answer is lost

	mu   sync.Mutex
	busy map[string]int // messages on their way, by group
	most int            // that ever were, of one group
	all  int            // that ever were at once
	sent []string       // the trace of each message
}

func (o *origin) To(l deadletter.Message) (string, error) {
	to, err := o.Find(l.Queue.SourceARN)
	if err != nil {
		return "", deadletter.Errorf(deadletter.Conflict, "%s", err)
	}
	return to, nil
}

func (o *origin) FIFO() bool { return o.fifo }

func (o *origin) MaxMessageBytes() int { return 256 << 10 }

func (o *origin) Send(ctx context.Context, to string, m queue.Outgoing) (string, error) {
	o.begin(m.GroupID, 1)
	o.mu.Lock()
	o.sent = append(o.sent, m.Trace)
	o.mu.Unlock()
	defer o.begin(m.GroupID, -1)
	if o.fault != nil {
		if err := o.fault(string(m.Body)); err != nil {
			return "", err
		}
	}
	id, err := o.dlq.SendTo(ctx, to, m)
	if err == nil && o.after != nil {
		err = o.after(string(m.Body))
	}
	return id, err
}

func (o *origin) begin(group string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy[group] += n
	o.most = max(o.most, o.busy[group])
	sum := 0
	for _, n := range o.busy {
		sum += n
	}
	o.all = max(o.all, sum)
}

// redriveBundle is a worker that sends messages back to a queue of a real SQS server.
type redriveBundle struct {
	bundle
	origin *origin
	client *sqs.Client
	source string
}

// TestRedrive shares one SQS server among its parts, each with queues of its own.
func TestRedrive(t *testing.T) {
	t.Parallel()
	endpoint := desktest.StartSQS(t)
	for name, test := range map[string]struct {
		suffix string
		run    func(*testing.T, redriveBundle)
	}{
		"a job keeps the order of each group":                 {".fifo", jobKeepsOrder},
		"single ones of a group follow one another":           {".fifo", singlesKeepOrder},
		"a lost answer stops a job's group":                   {".fifo", lostAnswerStopsGroup},
		"a job keeps its rate":                                {"", jobKeepsRate},
		"a job pauses and is cancelled":                       {"", jobPausesAndCancels},
		"it says what became of it":                           {"", saysWhatBecame},
		"one is on its way at a time":                         {"", oneAtATime},
		"that of a dead process is unknown":                   {"", deadProcess},
		"those of a queue that is gone go to a person":        {"", queueIsGone},
		"a test batch waits for a person, a restart included": {"", testBatchWaits},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.run(t, setupRedrive(t, endpoint, test.suffix))
		})
	}
}

func setupRedrive(t *testing.T, endpoint, suffix string) redriveBundle {
	t.Helper()
	attributes := map[string]string{}
	if suffix != "" {
		attributes["FifoQueue"] = "true"
	}
	name := rand.Text()
	dlq, source := desktest.CreateQueue(t, endpoint, name+"-dlq"+suffix, attributes), desktest.CreateQueue(
		t, endpoint, name+suffix, attributes,
	)
	q, err := queue.NewSQS(t.Context(), dlq, "", desktest.AWS(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	b := redriveBundle{client: desktest.SQSClient(t, endpoint), source: source}
	b.origin = &origin{Origin: redrive.NewOrigin(q, source, ""), dlq: q, fifo: suffix != "", busy: map[string]int{}}
	b.bundle = setupWith(t, []worker.Queue{{Name: "orders", Route: b.origin, Slots: 8}})
	return b
}

// queued puts messages of a queue into the store, in the order of their ids.
func (b redriveBundle) queued(t *testing.T, n int, group func(i int) string) []deadletter.Message {
	t.Helper()
	var all []deadletter.Message
	for i := range n {
		id := fmt.Sprintf("q-%03d", i)
		c := desktest.Failure(id, 422, b.clock.Now().Add(time.Duration(i)*time.Millisecond))
		c.Foreign, c.FirstAttempt, c.Source, c.Body = true, nil, "", []byte(id)
		c.Queue = deadletter.QueueFacts{ConfigName: "orders", MessageID: "m-" + id, GroupID: group(i)}
		all = append(all, desktest.Receive(t, b.store, c))
	}
	return all
}

func noGroup(int) string { return "" }

// arrived returns the messages on the source queue, by group and in their order.
func (b redriveBundle) arrived(t *testing.T) map[string][]string {
	t.Helper()
	got := map[string][]string{}
	for {
		answer, err := b.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl:                    &b.source,
			MaxNumberOfMessages:         10,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(answer.Messages) == 0 {
			return got
		}
		for _, m := range answer.Messages {
			group := m.Attributes["MessageGroupId"]
			got[group] = append(got[group], aws.ToString(m.Body))
			if _, err := b.client.DeleteMessage(
				t.Context(), &sqs.DeleteMessageInput{QueueUrl: &b.source, ReceiptHandle: m.ReceiptHandle},
			); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func jobKeepsOrder(t *testing.T, b redriveBundle) {
	t.Helper()
	b.employ(t, deadletter.Operator)
	b.queued(t, 60, func(i int) string { return fmt.Sprintf("g-%d", i%6) })
	b.origin.fault = func(body string) error {
		if body == "q-027" { // of the group g-3, as those that follow it by sixes
			return fmt.Errorf("%w: no room", queue.ErrRefused)
		}
		return nil
	}
	b.run(t)
	j := b.finished(t, b.begin(t, deadletter.ActRedrive, deadletter.JobInput{}))
	if j.Items != (deadletter.JobItems{Done: 54, Failed: 1, Skipped: 5}) {
		t.Errorf("of the messages came %+v", j.Items)
	}
	for group, bodies := range b.arrived(t) {
		if !slices.IsSorted(bodies) ||
			len(bodies) != 10 &&
				(group != "g-3" || !slices.Equal(bodies, []string{"q-003", "q-009", "q-015", "q-021"})) {
			t.Errorf("group %s came as %v", group, bodies)
		}
	}
	if b.origin.most != 1 || b.origin.all < 2 {
		t.Errorf("%d messages of one group were on their way at once, %d in all", b.origin.most, b.origin.all)
	}
	if l := desktest.Message(t, b.store, "q-033"); l.Status != deadletter.Failed || l.Attempts != 0 {
		t.Errorf("what follows the one that failed is %+v", l)
	}
}

func singlesKeepOrder(t *testing.T, b redriveBundle) {
	t.Helper()
	messages := b.queued(t, 4, func(i int) string { return []string{"g", "g", "g", "other"}[i] })
	hold, reached := make(chan struct{}), make(chan struct{}, 4)
	b.origin.fault = func(body string) error {
		reached <- struct{}{}
		<-hold
		if body == "q-001" {
			return fmt.Errorf("%w: no room", queue.ErrRefused)
		}
		return nil
	}
	for _, l := range messages {
		if _, err := b.Redrive(
			t.Context(), anna, desk.Ref{ID: l.ID, Version: l.Version}, desk.SendCommand{},
		); err != nil {
			t.Fatal(err)
		}
	}
	b.run(t)
	<-reached
	<-reached // the first of each group
	close(hold)
	b.becomes(t, "q-000", deadletter.Redriven)
	b.becomes(t, "q-003", deadletter.Redriven)
	b.becomes(t, "q-001", deadletter.Failed)
	b.becomes(t, "q-002", deadletter.Failed)
	if a := b.attempts(t, "q-002"); len(a) != 1 || a[0].Outcome != deadletter.Unreachable ||
		!strings.Contains(a[0].Error, "overtake") {
		t.Errorf("what was to follow has the attempts %+v", a)
	}
	if got := b.arrived(t); !slices.Equal(got["g"], []string{"q-000"}) {
		t.Errorf("group g came as %v", got["g"])
	}
}

func saysWhatBecame(t *testing.T, b redriveBundle) {
	t.Helper()
	b.queued(t, 4, noGroup)
	b.origin.fault = func(body string) error {
		switch body {
		case "q-001":
			return fmt.Errorf("%w: no room", queue.ErrRefused)
		case "q-002":
			return fmt.Errorf("%w: no route", queue.ErrUnsent)
		}
		return nil
	}
	b.origin.after = func(body string) error {
		if body == "q-003" {
			return errors.New("the connection broke")
		}
		return nil
	}
	b.run(t)
	for id, want := range map[deadletter.ID]deadletter.Outcome{
		"q-000": deadletter.OutcomeRedriven, "q-001": deadletter.ErrorResponse,
		"q-002": deadletter.Unreachable, "q-003": deadletter.Unknown,
	} {
		if _, err := b.Redrive(t.Context(), anna, desk.Ref{ID: id}, desk.SendCommand{}); err != nil {
			t.Fatal(err)
		}
		status := deadletter.Failed
		if want == deadletter.OutcomeRedriven {
			status = deadletter.Redriven
		}
		l := b.becomes(t, id, status)
		a := b.attempts(t, id)
		if l.Outcome != want || len(a) != 1 || a[0].Outcome != want ||
			(a[0].Error == "") != (want == deadletter.OutcomeRedriven) ||
			(a[0].MessageID != "") != (want == deadletter.OutcomeRedriven) {
			t.Errorf("%s: message %+v, attempts %+v", id, l, a)
		}
	}
}

// oneAtATime checks that many redrives of one message at once put one message on the queue.
func oneAtATime(t *testing.T, b redriveBundle) {
	t.Helper()
	b.queued(t, 1, noGroup)
	b.run(t)
	bert := deadletter.User("bert", deadletter.Admin, "")
	errs := make([]error, 12)
	var asking sync.WaitGroup
	for i := range errs {
		asking.Go(func() {
			by := []deadletter.Actor{anna, bert}[i%2]
			_, errs[i] = b.Redrive(t.Context(), by, desk.Ref{ID: "q-000"}, desk.SendCommand{})
		})
	}
	asking.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if deadletter.KindOf(err) != deadletter.Conflict || !strings.Contains(
			deadletter.TextOf(err), "redriven by",
		) {
			t.Errorf("a loser is told %v", err)
		}
	}
	b.becomes(t, "q-000", deadletter.Redriven)
	if got := b.arrived(t)[""]; won != 1 || len(got) != 1 {
		t.Errorf("%d won, and %v arrived", won, got)
	}
	made := b.attempts(t, "q-000")[0].TraceParent
	trace := strings.Split(telemetry.TraceParent("q-000", "", nil), "-")[1]
	if len(b.origin.sent) != 1 || b.origin.sent[0] == "" || b.origin.sent[0] != telemetry.ToAWS(made) ||
		!strings.Contains(made, trace) {
		t.Errorf("the attempt is %q of trace %s, and its message was sent with %q", made, trace, b.origin.sent)
	}
}

// A process that died between the send and its record leaves a redrive with an unknown outcome.
func deadProcess(t *testing.T, b redriveBundle) {
	t.Helper()
	l := b.queued(t, 1, noGroup)[0]
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		ordered, err := l.Redrive(anna, deadletter.TriggerRedrive, 0, 0, b.clock.Now())
		if err != nil {
			return err
		}
		opened, err := ordered.After.Claim(deadletter.Lease{Token: "dead", Until: b.clock.Now()}, "", b.clock.Now())
		if err != nil {
			return err
		}
		return tx.ApplyRequestAndClaim(ctx, ordered, opened)
	})
	if err != nil {
		t.Fatal(err)
	}
	b.run(t)
	got := b.becomes(t, l.ID, deadletter.Failed)
	if a := b.attempts(
		t, l.ID,
	); got.Outcome != deadletter.Unknown || len(a) != 1 || a[0].Outcome != deadletter.Unknown ||
		!strings.Contains(a[0].Error, "may be on its queue") {
		t.Errorf("message %+v, attempts %+v", got, a)
	}
	if arrived := b.arrived(t); len(arrived) != 0 {
		t.Errorf("%v was sent without being asked", arrived)
	}
}

func queueIsGone(t *testing.T, b redriveBundle) {
	t.Helper()
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		c := deadletter.NewMessage(
			deadletter.Capture{
				ID:         "gone-1",
				WebhookID:  "gone-1",
				ReceivedAt: b.clock.Now(),
				Queue:      deadletter.QueueFacts{ConfigName: "gone"},
			},
			deadletter.RetryPolicy{},
			0,
			b.clock.Now(),
		)
		if err := tx.Apply(ctx, c); err != nil {
			return err
		}
		ordered, err := c.After.Redrive(anna, deadletter.TriggerRedrive, 0, 0, b.clock.Now())
		if err != nil {
			return err
		}
		return tx.Apply(ctx, ordered)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.worker.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.becomes(t, "gone-1", deadletter.Failed)
	if a := b.attempts(t, "gone-1"); len(a) != 1 || !strings.Contains(a[0].Error, `the queue "gone"`) {
		t.Errorf("attempts %+v", a)
	}
}

// asking has a job pause after so many messages.
func asking(size int) deadletter.JobSteps { return deadletter.JobSteps{Sizes: []int{size}, Ask: true} }

// A job tries its first messages, waits for a decision, and goes on after a restart.
func testBatchWaits(t *testing.T, b redriveBundle) {
	t.Helper()
	b.employ(t, deadletter.Operator)
	b.queued(t, 12, noGroup)
	stop := b.run(t)
	id := b.begin(t, deadletter.ActRedrive, deadletter.JobInput{Steps: asking(5)})
	paused := b.awaitJob(t, id, "paused", func(j deadletter.Job) bool { return j.State == deadletter.JobPaused })
	if paused.Items.Done != 5 || paused.Items.Pending != 7 ||
		!strings.HasPrefix(paused.PauseReason, "step 1 of 2 (5 messages) finished, 0 of its messages failed") {
		t.Errorf("after its first step it is %+v", paused)
	}
	stop()
	if err := b.ResumeJob(t.Context(), anna, id, ""); err != nil {
		t.Fatal(err)
	}
	b.run(t)
	if j := b.finished(t, id); j.Items.Done != 12 {
		t.Errorf("in the end it is %+v", j.Items)
	}
	if got := b.arrived(t)[""]; len(got) != 12 {
		t.Errorf("%d messages arrived", len(got))
	}
}

// A job can pause after a step whatever its messages came to.
func TestReplayJobAsksAfterAStep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 20)
	b.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	b.run(t)
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{Steps: asking(3)})
	b.awaitJob(t, id, "paused", func(j deadletter.Job) bool {
		return j.State == deadletter.JobPaused && j.Items.Done+j.Items.Failed == 3
	})
	b.received(t, 3)
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	if err := b.ResumeJob(t.Context(), anna, id, ""); err != nil {
		t.Fatal(err)
	}
	b.finished(t, id)
	b.received(t, 20)
}
