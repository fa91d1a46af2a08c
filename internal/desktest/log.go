package desktest

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"dlqdesk/internal/telemetry"
)

// concernNoMessage lists the log lines that concern no message. Every other line has the message's id. The lines on
// requests and responses have it too where the request is for the page of a message.
var concernNoMessage = []string{
	"webhooks were refused",
	"circuit breaker half-open: the destination responds again, and the backlog is let through",
	"circuit breaker open: retries and jobs wait, and one probe at a time is sent",
	"the queue can be processed again",
	"live updates of a page ended",
	"messages are being grouped anew",
	"messages could not be grouped anew; it is tried again",
	"messages were grouped anew",
	"a platform is sent for a token",
	"a sink could not be told of an alert",
	"a sink did not take an alert; trying again",
	"a sink was told of an alert",
	"alerts can be sent again",
	"cannot find out all that is worth an alert; trying again",
	"cannot send alerts; trying again",
	"what is worth an alert can be found out again",
	"a queue of the list cannot be read; it is tried again every minute",
	"an SQS queue is away; what should go there waits on this machine's disk until it is back",
	"an export was aborted",
	"cannot go on with jobs",
	"cannot go on with jobs; trying again",
	"cannot go on with redrives; trying again",
	"cannot process the queue; trying again",
	"cannot read what is due; trying again",
	"cannot reclaim what was in flight yet; trying again",
	"certificates for a destination were read anew",
	"changed certificates cannot be used; going on with those from before",
	"the layout of the message list could not be read",
	"messages cannot be made searchable; trying again",
	"messages of a queue cannot be given its source; trying again in a minute",
	"messages that wait on disk could not be moved to the queue; trying again",
	"not ready: a webhook could not be kept",
	"open pages could not be updated",
	"ready again: webhooks can be kept",
	"request",
	"a request failed",
	"a request was refused",
	"a response was aborted",
	"the audit trail could not be verified",
	"the audit trail failed verification",
	"the certificate was read anew",
	"the latest spans did not reach the collector",
	"the ledger cannot be checked now; trying again",
	"the ledger could not be saved; trying again",
	"the ledger does not balance: see its page",
	"the machine's clock was set back: times are ahead of it until it has caught up",
	"the new certificate cannot be used; the one before it stays",
	"public_url is not an origin",
	"the queue confirms messages again",
	"the queue does not confirm messages; they are kept on this machine's disk until it does",
	"traces do not reach the collector; webhooks are not affected",
	"what became of buffered webhooks is not in the ledger yet",
	"the state of the destinations could not be stored",
	"the saved state of a destination cannot be read",
}

// Log returns a logger as the program has it. The test fails where a line does not name the message that it concerns.
func Log(t testing.TB) *slog.Logger {
	t.Helper()
	l := &lines{nameless: map[string]bool{}}
	t.Cleanup(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for message := range l.nameless {
			t.Errorf(
				"a line of the log names no message: %q: log it with the context of telemetry.About, "+
					"or wrap its error by deadletter.AboutMessage; "+
					"if it concerns none, say so in desktest.concernNoMessage",
				message,
			)
		}
	})
	return slog.New(telemetry.Log(l))
}

// lines are those that name no message though they concern one.
type lines struct {
	mu       sync.Mutex
	nameless map[string]bool
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	named := false
	r.Attrs(func(a slog.Attr) bool {
		named = named || a.Key == "message" && a.Value.String() != ""
		return !named
	})
	// those are net/http's own
	if !named && !slices.Contains(concernNoMessage, r.Message) && !strings.HasPrefix(r.Message, "http: ") {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.nameless[r.Message] = true
	}
	return nil
}

func (l *lines) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *lines) WithGroup(string) slog.Handler      { return l }
