package notify_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dlqdesk/internal/notify"
)

func TestSinksFollowNoRedirects(t *testing.T) {
	t.Parallel()
	var followed atomic.Bool
	elsewhere := newPlatform(t, accepts)
	elsewhere.answers(func(http.ResponseWriter, *http.Request) { followed.Store(true) })
	for _, code := range []int{301, 302, 303, 307, 308} {
		p := newPlatform(t, accepts)
		p.answers(status(code, "", "Location", elsewhere.URL))
		failed := sendError(t, newWebhook(t, p, vectorSecret).Send(t.Context(), newCause()))
		if !failed.Permanent || !strings.Contains(failed.Error(), "not followed") {
			t.Errorf("%d: %v", code, failed)
		}
	}
	if followed.Load() {
		t.Error("a redirect was followed")
	}
}

// What a receiver refuses for good is said with what to do.
func TestRefusalSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for code, says := range map[int]string{401: "secret", 403: "secret", 404: "address", 410: "address"} {
		p := newPlatform(t, accepts)
		p.answers(status(code, "no such hook"))
		failed := sendError(t, newWebhook(t, p, vectorSecret).Send(t.Context(), newCause()))
		if !failed.Permanent || !strings.Contains(failed.Error(), "o such hook") ||
			!strings.Contains(failed.Error(), says) {
			t.Errorf("%d: %v", code, failed)
		}
	}
}

func TestSinkThatIsAwayIsTriedAgain(t *testing.T) {
	t.Parallel()
	closed := newPlatform(t, accepts)
	closed.Close()
	sink := notify.NewSlack(newClient(t), secret(closed.URL+"/services/s3cretpart"))
	failed := sendError(t, sink.Send(t.Context(), newCause()))
	if failed.Permanent || !strings.Contains(failed.Error(), "Slack cannot be reached. Connection refused") {
		t.Error(failed)
	}
	if strings.Contains(failed.Error(), "s3cretpart") {
		t.Error("the address is repeated: it is the credential")
	}
}

// A receiver that never answers, or never ends its answer, holds up nothing for longer than the limit.
func TestSinkThatIsSilentIsTriedAgain(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, accepts)
	release := make(chan struct{})
	defer close(release)
	p.answers(func(http.ResponseWriter, *http.Request) { <-release })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	failed := sendError(t, newWebhook(t, p, "").Send(ctx, newCause()))
	if failed.Permanent || !strings.Contains(failed.Error(), "may have arrived") {
		t.Error(failed)
	}
}

func TestLongAnswerIsNotReadWhole(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, accepts)
	var written atomic.Int64
	p.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		for range 1 << 12 {
			n, err := io.WriteString(w, strings.Repeat("x", 1<<16))
			if written.Add(int64(n)); err != nil {
				return
			}
		}
	})
	failed := sendError(t, newWebhook(t, p, "").Send(t.Context(), newCause()))
	if len(failed.Error()) > 1000 || written.Load() > 16<<20 {
		t.Errorf("%d bytes were written; %.2000s", written.Load(), failed)
	}
}
