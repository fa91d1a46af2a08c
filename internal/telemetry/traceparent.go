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

// traceParent is https://www.w3.org/TR/trace-context/#traceparent-header; versions after 00 may go on behind it.
var traceParent = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$`)

const (
	noTrace = "00000000000000000000000000000000"
	noSpan  = "0000000000000000"
)

// parsed is a valid traceparent, or the zero value.
type parsed struct{ trace, span, flags string }

func (p parsed) ok() bool { return p.trace != "" }

func parse(sent string) parsed {
	found := traceParent.FindStringSubmatch(sent)
	if found == nil || found[1] == "ff" || found[1] == "00" && found[5] != "" || found[2] == noTrace ||
		found[3] == noSpan {
		return parsed{}
	}
	return parsed{found[2], found[3], found[4]}
}

// sentBy returns the traceparent that the platform sent; the zero value if it is not valid.
func sentBy(h deadletter.Headers) parsed {
	values := h["Traceparent"]
	if len(values) != 1 {
		return parsed{}
	}
	return parse(values[0])
}

// goesOn returns the trace to continue: the given one if it is valid, or else the platform's.
func goesOn(given string, h deadletter.Headers) parsed {
	if given != "" {
		if p := parse(given); p.ok() {
			return p
		}
	}
	return sentBy(h)
}

// TraceParent returns the traceparent for a new delivery of a message: a new span in the given trace. If that is not
// valid, it is in the platform's trace, or else in the message's own.
func TraceParent(message deadletter.ID, given string, h deadletter.Headers) string {
	var span [8]byte
	_, _ = rand.Read(span[:]) // never fails, see crypto/rand
	p := goesOn(given, h)
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
	p := sentBy(h)
	return p.ok() && strings.HasPrefix(parent, "00-"+p.trace)
}
