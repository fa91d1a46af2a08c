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

// parsed is a valid traceparent. The zero one is none.
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

// sentBy returns the trace that the platform sent, if it is a valid one.
func sentBy(h deadletter.Headers) parsed {
	values := h["Traceparent"]
	if len(values) != 1 {
		return parsed{}
	}
	return parse(values[0])
}

// goesOn returns the trace that something belongs to: the one that it was given, or else the platform's.
func goesOn(given string, h deadletter.Headers) parsed {
	if given != "" {
		if p := parse(given); p.ok() {
			return p
		}
	}
	return sentBy(h)
}

// TraceParent returns the traceparent of a new delivery of a message: a new span of the trace that was given, or else
// of the platform's, or of the message's own where there is none that is valid.
func TraceParent(message deadletter.ID, given string, h deadletter.Headers) string {
	var span [8]byte
	_, _ = rand.Read(span[:]) // never fails, see crypto/rand
	p := goesOn(given, h)
	if !p.ok() {
		p.trace, p.flags = ownTrace(message), "01"
	}
	return "00-" + p.trace + "-" + hex.EncodeToString(span[:]) + "-" + p.flags
}

// ownTrace returns the trace that a message begins. It follows from the message's id, so that deliveries of it are
// one trace on whatever machine and day they are made: it is the id itself where that is a UUID.
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
