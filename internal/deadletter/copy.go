package deadletter

import (
	"encoding/json"
	"strings"
	"time"
)

// CopyTo is where a copy of a message goes, which tests a handler. Example: {"staging", true}. A copy is no delivery:
// it changes nothing of its message, and its result counts nowhere.
type CopyTo struct {
	Name   string // as configured; the address for a copy that a command sends
	Masked bool   // secrets are sent as they are shown
}

// MaxCopies bounds the messages of which one order sends copies.
const MaxCopies = 20

// The actions of the audit events of a copy: before it is sent, and when its result is known.
const (
	ActionCopy   = "message.copy"
	ActionCopied = "message.copied"
)

// CopyFacts are what the audit events of a copy say.
type CopyFacts struct {
	To         string  `json:"to"`
	Masked     bool    `json:"masked"`
	Revision   int     `json:"revision"`
	Outcome    Outcome `json:"outcome,omitempty"`
	StatusCode int     `json:"statusCode,omitempty"`
	LatencyMS  int64   `json:"latencyMs"`
	Error      string  `json:"error,omitempty"`
	Response   string  `json:"response,omitempty"` // its first part
}

// maxCopyResponse bounds the part of a response that the event of a copy stores, in bytes.
const maxCopyResponse = 1 << 10

// Copy returns the event that a copy of the latest revision is about to be sent. The caller must store it before.
func (m Message) Copy(by Actor, to CopyTo, reason string, at time.Time) (Event, error) {
	if err := by.May(ActReplay); err != nil {
		return Event{}, err
	}
	return m.copyEvent(by, ActionCopy, reason, CopyFacts{To: to.Name, Masked: to.Masked, Revision: m.Revision}, at)
}

// Copied returns the event with the result of a copy. response is the decoded response as it may be shown.
func (m Message) Copied(
	by Actor, to CopyTo, reason string, a Attempt, response []byte, at time.Time,
) (Event, error) {
	return m.copyEvent(by, ActionCopied, reason, CopyFacts{
		To: to.Name, Masked: to.Masked, Revision: m.Revision,
		Outcome: a.Outcome, StatusCode: a.StatusCode, LatencyMS: a.Latency.Milliseconds(), Error: a.Error,
		Response: strings.ToValidUTF8(string(response[:min(len(response), maxCopyResponse)]), ""),
	}, at)
}

func (m Message) copyEvent(by Actor, action, reason string, facts CopyFacts, at time.Time) (Event, error) {
	e, err := NewEvent(by, action, "message", string(m.ID), reason, nil, facts, at)
	e.Source = m.Source
	return e, err
}

// CopyFacts returns what an event says of a copy, and whether it is one of a copy.
func (e Event) CopyFacts() (facts CopyFacts, ok bool) {
	if e.Action != ActionCopy && e.Action != ActionCopied {
		return facts, false
	}
	return facts, json.Unmarshal(e.After, &facts) == nil
}
