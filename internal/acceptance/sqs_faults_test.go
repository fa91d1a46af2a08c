package acceptance_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dlqdesk/internal/desktest"
)

func TestQueueWithThrottlingRefusedEntriesAndLostResponses(t *testing.T) {
	t.Parallel()
	const send, most = "SendMessageBatch", 30 // calls that are interfered with
	for name, i := range map[string]func(b *desktest.SQSProxy) desktest.Intercept{
		"throttles": func(*desktest.SQSProxy) desktest.Intercept {
			var over time.Time
			var once sync.Once
			return func(w http.ResponseWriter, _ *http.Request, action string, _ int) bool {
				once.Do(func() { over = time.Now().Add(4 * time.Second) }) // more than the budget of a send
				if action != send || time.Now().After(over) {
					return false
				}
				desktest.Refuse(w, http.StatusBadRequest, "ThrottlingException")
				return true
			}
		},
		"fails at one entry": func(b *desktest.SQSProxy) desktest.Intercept {
			return func(w http.ResponseWriter, r *http.Request, action string, nth int) bool {
				fault := map[string]any{"SenderFault": false, "Code": "InternalError", "Message": "try again"}
				return action == send && nth <= most && b.WithoutEntry(w, r, nth%2, fault)
			}
		},
		"loses answers": func(b *desktest.SQSProxy) desktest.Intercept {
			return func(w http.ResponseWriter, r *http.Request, action string, nth int) bool {
				if action == "GetQueueAttributes" || nth%3 != 0 || nth > most {
					return false
				}
				b.CutOff(t, w, r)
				return true
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint := desktest.StartSQS(t)
			queueURL := desktest.CreateQueue(t, endpoint, "dlq", map[string]string{"VisibilityTimeout": "3"})
			var b *desktest.SQSProxy
			interfere := sync.OnceValue(func() desktest.Intercept { return i(b) })
			b = desktest.NewSQSProxy(
				t,
				endpoint,
				func(w http.ResponseWriter, r *http.Request, action string, nth int) bool {
					return interfere()(w, r, action, nth)
				},
			)
			p, desk := failing(t, queueURL, desktest.SQSEnvironment(b.URL)...)
			l := loadOn(t, p.url, 8)
			l.await(t, 200)
			desk.holds(t, l.end(t))
			if n := b.Counted(send); n < 3 {
				t.Errorf("no more than %d batches were sent: nothing was interfered with", n)
			}
			p.stop(t)
		})
	}
}

// A start while SQS throttles every call takes webhooks: they wait on disk until it does not.
func TestStartWhileSQSThrottles(t *testing.T) {
	t.Parallel()
	endpoint := desktest.StartSQS(t)
	queueURL := desktest.CreateQueue(t, endpoint, "dlq", map[string]string{"VisibilityTimeout": "3"})
	var over atomic.Bool
	b := desktest.NewSQSProxy(t, endpoint, func(w http.ResponseWriter, _ *http.Request, _ string, nth int) bool {
		if over.Load() {
			return false
		}
		desktest.Refuse(w, http.StatusBadRequest, []string{"ThrottlingException", "RequestThrottled"}[nth%2])
		return true
	})
	p, desk := failing(t, queueURL, desktest.SQSEnvironment(b.URL)...)
	l := loadOn(t, p.url, 2)
	l.await(t, 10)
	promised := l.end(t)
	if b.Counted("GetQueueAttributes") == 0 {
		t.Error("nothing was throttled")
	}
	over.Store(true)
	desk.holds(t, promised)
	p.stop(t)
}

// A process that dies while its queue is deleted comes back without it: what waits on disk shows that the queue was
// there.
func TestKillWhileQueueIsDeletedLosesNothing(t *testing.T) {
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
