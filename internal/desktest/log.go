package desktest

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"dlqdesk/internal/telemetry"
)

// concernNoMessage are the lines of the log that concern none. Every other one has the message's id.
var concernNoMessage = map[string]bool{
	"circuit breaker half-open: the destination responds again, and the backlog is let through":                          true,
	"circuit breaker open: retries and jobs wait, and one probe at a time is sent":                                       true,
	"messages are moved from the queue to the store again":                                                               true,
	"the processing queue is worked on again":                                                                            true,
	"a page is no longer told what changes":                                                                              true,
	"a platform is sent for a token":                                                                                     true,
	"a queue of the list cannot be read; it is tried again every minute":                                                 true,
	"an SQS queue is away; what should go there waits on this machine's disk until it is back":                           true,
	"an export was broken off":                                                                                           true,
	"cannot go on with jobs":                                                                                             true,
	"cannot go on with jobs; trying again":                                                                               true,
	"cannot go on with redrives; trying again":                                                                           true,
	"cannot move messages from the queue to the store; trying again":                                                     true,
	"cannot read what is due; trying again":                                                                              true,
	"cannot reclaim what was in flight yet; trying again":                                                                true,
	"cannot work on the processing queue; trying again":                                                                  true,
	"certificates for a destination were read anew":                                                                      true,
	"changed certificates cannot be used; going on with those from before":                                               true,
	"how a list should look could not be read":                                                                           true,
	"messages cannot be made searchable; trying again":                                                                   true,
	"messages of a queue cannot be given its source; trying again in a minute":                                           true,
	"messages that are too large for the queue are on this machine's disk: dlqdesk serve on this data folder shows them": true,
	"messages that wait on disk could not be moved to the queue; trying again":                                           true,
	"not ready: a webhook could not be kept":                                                                             true,
	"open pages could not be told what changed":                                                                          true,
	"ready again: webhooks can be kept":                                                                                  true,
	"request":                                                                                                            true, // but for those of a message's page
	"a request could not be answered":                                                                                    true, // likewise
	"an answer was broken off":                                                                                           true, // likewise
	"the audit trail could not be verified":                                                                              true,
	"the audit trail does not hold":                                                                                      true,
	"the certificate was read anew":                                                                                      true,
	"the latest spans did not reach the collector":                                                                       true,
	"the ledger cannot be checked now; trying again":                                                                     true,
	"the ledger could not be saved; trying again":                                                                        true,
	"the ledger does not balance: see its page":                                                                          true,
	"the machine's clock was set back: times are ahead of it until it has caught up":                                     true,
	"the new certificate cannot be used; the one before it stays":                                                        true,
	"the public address is no origin":                                                                                    true,
	"the queue confirms messages again":                                                                                  true,
	"the queue does not confirm messages; they are kept on this machine's disk until it does":                            true,
	"traces do not reach the collector; webhooks are not held up by that":                                                true,
	"webhooks were refused: they do not prove who sent them":                                                             true,
	"what became of buffered webhooks is not in the ledger yet":                                                          true,
	"what is known of destinations could not be kept":                                                                    true,
	"what was known of a destination cannot be read":                                                                     true,
	"a webhook that fails and is too large for the queue, even compressed, stays on this machine's disk: lower max_body": true,
}

// Log answers a logger as the program has it. The test fails where a line does not name the message that it concerns.
func Log(t testing.TB) *slog.Logger {
	t.Helper()
	l := &lines{nameless: map[string]bool{}}
	t.Cleanup(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for message := range l.nameless {
			t.Errorf(
				"a line of the log names no message: %q: log it with the context of telemetry.About, or wrap its error by "+
					"deadletter.AboutMessage; if it concerns none, say so in desktest.concernNoMessage",
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
	if !named && !concernNoMessage[r.Message] && !strings.HasPrefix(r.Message, "http: ") { // those are net/http's own
		l.mu.Lock()
		defer l.mu.Unlock()
		l.nameless[r.Message] = true
	}
	return nil
}

func (l *lines) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *lines) WithGroup(string) slog.Handler      { return l }
