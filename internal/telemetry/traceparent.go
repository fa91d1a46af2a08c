package telemetry

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"dlqdesk/internal/deadletter"
)

// traceParent is https://www.w3.org/TR/trace-context/#traceparent-header; versions after 00 may add to its end.
var traceParent = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$`)

const (
	noTrace = "00000000000000000000000000000000"
	noSpan  = "0000000000000000"
)

// parent is the span that a traceparent names. The zero parent is none.
type parent struct{ trace, span, flags string }

func (p parent) ok() bool { return p.trace != "" }

// parseTraceParent returns the zero parent for a traceparent that is not valid.
func parseTraceParent(sent string) parent {
	found := traceParent.FindStringSubmatch(sent)
	if found == nil || found[1] == "ff" || found[1] == "00" && found[5] != "" || found[2] == noTrace ||
		found[3] == noSpan {
		return parent{}
	}
	return parent{found[2], found[3], found[4]}
}

// platformParent returns the parent that the platform sent; the zero parent if there is no valid one.
func platformParent(h deadletter.Headers) parent {
	values := h["Traceparent"]
	if len(values) != 1 {
		return parent{}
	}
	return parseTraceParent(values[0])
}

// parentOf returns the parent of a span about a message: that of the given traceparent if it is valid, or else the one
// that the platform sent.
func parentOf(given string, h deadletter.Headers) parent {
	if given != "" {
		if p := parseTraceParent(given); p.ok() {
			return p
		}
	}
	return platformParent(h)
}

// TraceParent returns the traceparent for a new delivery of a message: a new span in the given trace. If that is not
// valid, it is in the platform's trace, or else in the message's own.
func TraceParent(message deadletter.ID, given string, h deadletter.Headers) string {
	var span [8]byte
	_, _ = rand.Read(span[:]) // never fails, see crypto/rand
	p := parentOf(given, h)
	if !p.ok() {
		p.trace, p.flags = ownTrace(message), "01"
	}
	return "00-" + p.trace + "-" + hex.EncodeToString(span[:]) + "-" + p.flags
}

// ownTrace returns the trace id of a message without a trace. It is computed from the message's id, so that all
// deliveries of the message are in one trace. If the id is a UUID, the trace id is the same.
func ownTrace(message deadletter.ID) string {
	id, err := uuid.Parse(string(message))
	if err != nil || id == uuid.Nil {
		sum := sha256.Sum256([]byte(message))
		id = uuid.UUID(sum[:16])
	}
	return hex.EncodeToString(id[:])
}

// Continues reports whether a traceparent is one of the platform's trace.
func Continues(h deadletter.Headers, parent string) bool {
	p := platformParent(h)
	return p.ok() && strings.HasPrefix(parent, "00-"+p.trace)
}
