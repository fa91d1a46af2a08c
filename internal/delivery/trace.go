package delivery

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"

	"dlqdesk/internal/deadletter"
)

// traceParent is version 00 of https://www.w3.org/TR/trace-context/#traceparent-header.
var traceParent = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$`)

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
	if sent := traceParent.FindStringSubmatch(h.Get("Traceparent")); sent != nil && sent[1] != noTrace && sent[2] != noSpan {
		trace, flags = sent[1], sent[3]
	}
	return "00-" + trace + "-" + span + "-" + flags
}
