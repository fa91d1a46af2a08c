package app_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dlqdesk/internal/desktest"
)

// A process that dies while its queue is deleted comes back without it: what waits on disk shows that the queue was
// there.
func TestKilledWhileItsQueueIsDeleted(t *testing.T) {
	t.Parallel()
	endpoint := desktest.StartSQS(t)
	queueURL := desktest.CreateQueue(t, endpoint, "dlq", nil)
	environ := desktest.SQSEnvironment(endpoint)
	p, desk := failing(t, queueURL, environ...)
	if _, err := desktest.SQSClient(t, endpoint).
		DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &queueURL}); err != nil {
		t.Fatal(err)
	}
	l := loadOn(t, p.url, 2)
	l.await(t, 10)
	promised := l.end(t)
	p.kill()
	p = serve(t, write(t, desk.cfg), environ...)
	l = loadOn(t, p.url, 2)
	l.await(t, 10)
	promised = append(promised, l.end(t)...)
	desktest.CreateQueue(t, endpoint, "dlq", nil)
	desk.holds(t, promised)
	p.stop(t)
}
