package app_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"dlqdesk/internal/desktest"
)

// A start while SQS throttles every call takes webhooks: they wait on disk until it does not.
func TestStartWhileSQSThrottles(t *testing.T) {
	t.Parallel()
	endpoint := desktest.StartSQS(t)
	queueURL := desktest.CreateQueue(t, endpoint, "dlq", map[string]string{"VisibilityTimeout": "3"})
	var over atomic.Bool
	b := desktest.StandBetween(t, endpoint, func(w http.ResponseWriter, _ *http.Request, _ string, nth int) bool {
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
