package delivery

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strings"

	"dlqdesk/internal/deadletter"
)

// traceParent is https://www.w3.org/TR/trace-context/#traceparent-header; versions after 00 may go on behind it.
var traceParent = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$`)

const (
	noTrace = "00000000000000000000000000000000"
	noSpan  = "0000000000000000"
)

// TraceParent answers the traceparent of a new delivery: a new span of the platform's trace, or of a new one where the platform
// sent none that is valid.
func TraceParent(h deadletter.Headers) string {
	var id [24]byte
	_, _ = rand.Read(id[:]) // never fails, see crypto/rand
	trace, span, flags := hex.EncodeToString(id[:16]), hex.EncodeToString(id[16:]), "01"
	if sent, sentFlags, ok := sentTrace(h); ok {
		trace, flags = sent, sentFlags
	}
	return "00-" + trace + "-" + span + "-" + flags
}

// sentTrace answers the trace that the platform sent, if it is a valid one.
func sentTrace(h deadletter.Headers) (trace, flags string, ok bool) {
	values := h["Traceparent"]
	if len(values) != 1 {
		return "", "", false
	}
	sent := traceParent.FindStringSubmatch(values[0])
	if sent == nil || sent[1] == "ff" || sent[1] == "00" && sent[5] != "" || sent[2] == noTrace || sent[3] == noSpan {
		return "", "", false
	}
	return sent[2], sent[4], true
}

// continues tells whether a traceparent is one of the platform's trace.
func continues(h deadletter.Headers, parent string) bool {
	trace, _, ok := sentTrace(h)
	return ok && strings.HasPrefix(parent, "00-"+trace)
}
