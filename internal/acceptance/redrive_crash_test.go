package acceptance_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// The process is killed after SQS accepted the redriven message and before the outcome is recorded. The outcome is
// unknown: the message waits for an operator, and the next process sends nothing by itself.
func TestRedriveOfKilledProcessIsNotSentAgain(t *testing.T) {
	t.Parallel()
	server := desktest.StartSQS(t)
	front := newFront(t, server)
	l := newRedriveLine(t, server, "orders", "")
	sent, err := l.client.SendMessage(
		t.Context(), &sqs.SendMessageInput{QueueUrl: &l.dlq, MessageBody: aws.String(`{"n":1}`)},
	)
	if err != nil {
		t.Fatal(err)
	}
	id := deadletter.ID(aws.ToString(sent.MessageId))
	p := program{cfg: settings(t, desktest.NewDestination(t))}
	file := write(t, p.cfg)
	list(t, file, "shop: { url: "+l.dlq+", source_queue_url: "+l.source+" }")
	environ := desktest.SQSEnvironment(front.endpoint)

	first := serve(t, file, environ...)
	s := p.beside(t)
	await(t, "the message arrives", func() bool { _, err := s.Message(t.Context(), id); return err == nil })
	first.stop(t)
	redrive(t, s, id, l.source)

	reached := front.holdSend()
	second := serve(t, file, environ...)
	<-reached // SQS has it, and its answer is on its way
	second.kill()

	serve(t, file, environ...)
	await(t, "the message is a person's again", func() bool {
		got, err := s.Message(t.Context(), id)
		return err == nil && got.Status == deadletter.Failed
	})
	checkUnknown(t, s, id)
	if m := l.receive(t.Context(), t); aws.ToString(m.Body) != `{"n":1}` {
		t.Errorf("on its queue is %q", aws.ToString(m.Body))
	}
	more, err := l.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &l.source})
	if err != nil || len(more.Messages) != 0 {
		t.Errorf("it was sent again: %v, %v", more, err)
	}
}

// to is where every message goes back to.
type to string

func (t to) To(deadletter.Message) (string, error) { return string(t), nil }

// list adds a queue to the list in the file of a configuration.
func list(t *testing.T, file, queue string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("queues:\n  " + queue + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// await waits for what another process does.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for look := time.NewTicker(50 * time.Millisecond); !is(); {
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("in vain: %s", what)
		}
	}
}

func checkUnknown(t *testing.T, s *store.Store, id deadletter.ID) {
	t.Helper()
	attempts, err := s.Attempts(t.Context(), id)
	if err != nil || len(attempts) != 1 || attempts[0].Outcome != deadletter.Unknown || attempts[0].Error == "" {
		t.Errorf("its attempts are %+v, %v", attempts, err)
	}
	events, err := s.Events(
		t.Context(), store.EventQuery{EventFilter: store.EventFilter{Target: string(id)}, Limit: 10},
	)
	if err != nil || len(events.Items) == 0 || events.Items[0].Action != "attempt.redrive_unknown" {
		t.Errorf("the audit trail says %+v, %v", events.Items, err)
	}
}
