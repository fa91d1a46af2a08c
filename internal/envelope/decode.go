package envelope

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

// Raw is a queue message as it was received.
type Raw struct {
	Queue           string
	ConfigName      string // the name that the configuration has for the queue; "": it is the program's own
	MessageID       string
	Body            []byte
	Attributes      []deadletter.QueueAttribute // message attributes, by name
	System          map[string]string           // attributes that the queue itself set
	SentAt          time.Time
	ReceiveCount    int
	GroupID         string
	DeduplicationID string

	// Unpack is called before a compressed body is unpacked, with its size in bytes, and may wait for memory. If it
	// returns false, the body stays compressed. nil: there is always memory.
	Unpack func(bytes int64) bool
}

// The forms of a message, as QueueFacts.Form names them.
const (
	FormEnvelope    = "envelope"             // ours
	FormInterchange = "interchange"          // the six fields, from another program
	FormForeign     = deadletter.FormForeign // anything else
)

// Decode returns the capture in a queue message: our envelope, one with the six fields alone, or any other message,
// which becomes the body. at replaces missing times.
func Decode(m Raw, at time.Time) deadletter.Capture {
	marked := cutMark(&m)
	c := decode(m, at)
	if m.ConfigName == "" || c.Queue.Drained {
		return c // nothing is ever sent back to the program's own queue, and what was drained is no redrive
	}
	if c.RedriveOf = marked; marked == "" {
		c.Digest = digest(m.Body, m.Attributes)
	}
	if !c.Foreign {
		c.QueueMessage = m.Body
	}
	return c
}

func decode(m Raw, at time.Time) deadletter.Capture {
	d, ok := readDocument(m.Body)
	if !ok || !d.isEnvelope() {
		return decodeForeign(m, at)
	}
	c := deadletter.Capture{Queue: facts(m, FormInterchange), Method: "POST"}
	c.ReceivedAt = decodeTime(d.timestamp, cmp.Or(m.SentAt, at), at)
	c.Headers = decodeHeaders(d.originalHeaders)
	c.RetryCount = decodeCount(d.retryCount)
	c.Queue.RetryCount = c.RetryCount
	c.ID, c.Queue.ProducerID = messageID(textOf(d.messageID), m.MessageID, m.Body)
	addOurs(&c, d, m.Unpack)
	c.Reason, _ = decodeReason(textOf(d.errorReason), c.FirstAttempt)
	if c.Queue.Form == FormEnvelope {
		addListed(&c, d.queue, m)
	}
	if c.Queue.Drained {
		return c
	}
	c.Queue.Attributes = append(c.Queue.Attributes, unreadFields(c, d)...)
	return c
}

// addOurs reads the body and the fields that dlqdesk adds.
func addOurs(c *deadletter.Capture, d *document, unpack func(int64) bool) {
	exact := exactBody{
		Form:   textOf(d.bodyForm),
		Before: textOf(d.bodyBefore),
		After:  textOf(d.bodyAfter),
		Raw:    contentOf(d.rawBody),
	}
	if exact.Form == bodyGzip && unpack != nil && !unpack(unpackedSize(exact.Raw)) {
		c.Body = exact.Raw
	} else {
		c.Body = exact.decode(d.originalPayload)
	}
	if exact.Form == "" {
		mend(c, d.originalPayload)
		c.Headers = bytesOfNode(c.Headers)
		return
	}
	restoreRaw(c.Headers, d.rawHeaders)
	c.Queue.Form = FormEnvelope
	c.Source, c.Destination = clean(textOf(d.source)), clean(textOf(d.destination))
	c.Method = cmp.Or(clean(textOf(d.method)), "POST")
	c.Query, c.WebhookID, c.ReceiveID = textOf(d.query), clean(textOf(d.webhookID)), clean(textOf(d.receiveID))
	c.Run, c.Queue.TraceParent = clean(textOf(d.run)), clean(textOf(d.traceparent))
	var at time.Time
	if c.Run != "" && at.UnmarshalJSON(d.timestamp) == nil && at.Sub(c.ReceivedAt).Abs() < clockStep {
		c.RunAt, c.Sequence = at, decodeSequence(d.sequence)
	}
	c.FirstAttempt, c.Masks = decodeAttempt(d.firstAttempt, c.ReceivedAt), textOf(d.masks)
}

// decodeSequence returns the number of a message in the ledger; the zero value if the field has no valid one.
func decodeSequence(field json.RawMessage) (s deadletter.Sequence) {
	if len(field) == 0 || json.Unmarshal(field, &s) != nil || !s.IsValid() {
		return deadletter.Sequence{}
	}
	return s
}

// decodeAttempt returns the receiver's attempt; nil if the field has none. at replaces a missing start.
func decodeAttempt(field json.RawMessage, at time.Time) *deadletter.Attempt {
	if len(field) == 0 || field[0] != '{' {
		return nil
	}
	a := &deadletter.Attempt{
		Number:    1,
		Trigger:   deadletter.TriggerReceive,
		Actor:     deadletter.System().Name,
		StartedAt: at,
		Done:      true,
	}
	for m, err := range payload.Members(field) {
		if err != nil {
			break // it was read once already
		}
		value := json.RawMessage(m.Value)
		switch string(m.Name) {
		case "startedAt":
			var started time.Time
			if started.UnmarshalJSON(value) == nil {
				a.StartedAt = cmp.Or(started, at)
			}
		case "latencyUs":
			a.Latency = time.Duration(decodeNumber(value)) * time.Microsecond
		case "outcome":
			a.Outcome = deadletter.Outcome(textOf(value))
		case "statusCode":
			a.StatusCode = int(decodeNumber(value))
		case "error":
			a.Error = shorten(clean(textOf(value)))
		case "responseHeaders":
			a.ResponseHeaders = decodeHeaders(value)
		case "responseBody":
			a.ResponseBody, _ = base64.StdEncoding.DecodeString(textOf(value)) // what cannot be read of it is no answer
		case "responseCut":
			a.ResponseCut = string(value) == "true"
		case "retryAfterMs":
			a.RetryAfter = time.Duration(decodeNumber(value)) * time.Millisecond
		case "traceparent":
			a.TraceParent = textOf(value)
		}
	}
	if !slices.Contains(deadletter.Outcomes(), a.Outcome) {
		a.Outcome = deadletter.Unknown
	}
	return a
}

// decodeNumber returns the whole number in a field; 0 if there is none.
func decodeNumber(field json.RawMessage) int64 {
	n, err := strconv.ParseInt(string(field), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// decodeForeign returns the capture of a queue message that is no envelope: the body is its body, the headers are its
// attributes, and the reason is the error that an AWS service wrote into the attributes.
func decodeForeign(m Raw, at time.Time) deadletter.Capture {
	c := deadletter.Capture{
		Method:     "POST",
		Body:       m.Body,
		Foreign:    true,
		Headers:    deadletter.Headers{},
		ReceivedAt: cmp.Or(m.SentAt, at),
		Queue:      facts(m, FormForeign),
	}
	for _, a := range m.Attributes {
		if a.Binary == nil && headerName.MatchString(a.Name) {
			c.Headers[a.Name] = append(c.Headers[a.Name], a.Value)
		}
	}
	c.Headers = c.Headers.Canonical()
	addService(&c, m)
	setContentType(&c)
	c.Queue.RetryCount = c.RetryCount
	c.ID, c.Queue.ProducerID = messageID(m.MessageID, m.MessageID, m.Body)
	return c
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+.^_|~-]+$`)

func facts(m Raw, form string) deadletter.QueueFacts {
	service := ""
	if m.System[sourceARN] != "" {
		service = ServiceSQS
	}
	return deadletter.QueueFacts{
		Service:         service,
		SourceARN:       clean(m.System[sourceARN]),
		ConfigName:      m.ConfigName,
		Queue:           m.Queue,
		MessageID:       m.MessageID,
		GroupID:         m.GroupID,
		DeduplicationID: m.DeduplicationID,
		SentAt:          m.SentAt,
		ReceiveCount:    m.ReceiveCount,
		Form:            form,
		Attributes:      slices.Clone(m.Attributes),
	}
}

var safeID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$`)

// messageID returns the id of a message. It is the sender's id if that is valid in a URL path. Otherwise it is computed
// from the sender's id, which is returned as original, or from the body if there is no id.
func messageID(sent, queueID string, body []byte) (id deadletter.ID, original string) {
	if sent == "" {
		sent = queueID
	}
	if safeID.MatchString(sent) {
		return deadletter.ID(sent), ""
	}
	from := []byte(sent)
	if sent == "" {
		from = body
	}
	sum := sha256.Sum256(from)
	derived, err := uuid.FromBytes(sum[:16])
	if err != nil {
		return deadletter.ID(fmt.Sprintf("%x", sum[:16])), sent
	}
	derived[6], derived[8] = derived[6]&0x0f|0x80, derived[8]&0x3f|0x80 // version 8 of RFC 9562
	return deadletter.ID(derived.String()), clean(sent)
}

// firstYear is the earliest year of a timestamp that is accepted. The latest is now.
const firstYear = 2000

// clockStep is the time that a clock may have been set back since it stamped a message.
const clockStep = 48 * time.Hour

// decodeTime reads RFC 3339 text or milliseconds since 1970. A time in the future comes from a wrong clock and becomes
// now.
func decodeTime(field json.RawMessage, otherwise, now time.Time) time.Time {
	var at time.Time
	var millis int64
	switch {
	case at.UnmarshalJSON(field) == nil:
	case json.Unmarshal(field, &millis) == nil:
		at = time.UnixMilli(millis)
	}
	if at.Year() < firstYear || at.IsZero() {
		return otherwise
	}
	if at.After(now) {
		return now
	}
	return at.UTC()
}

const maxCount = 1_000_000

func decodeCount(field json.RawMessage) int {
	n, err := strconv.ParseFloat(textOf(field), 64)
	if err != nil || !(n > 0) {
		return 0
	}
	return int(min(n, maxCount))
}

func decodeHeaders(field json.RawMessage) deadletter.Headers {
	h := deadletter.Headers{}
	if len(field) == 0 || field[0] != '{' {
		return h
	}
	for m, err := range payload.Members(field) {
		if err != nil {
			break // it was read once already
		}
		if values := headerValues(m.Value); values != nil {
			h[string(m.Name)] = values
		} else {
			delete(h, string(m.Name)) // the last of several with one name counts
		}
	}
	return h.Canonical()
}

// restoreRaw puts back the bytes of the header values that originalHeaders has as text. It leaves a header that another
// program has changed since.
func restoreRaw(h deadletter.Headers, field json.RawMessage) {
	if len(field) == 0 {
		return
	}
	for name, texts := range decodeHeaders(field) {
		values := make([]string, len(texts))
		for i, text := range texts {
			value, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return
			}
			values[i] = string(value)
		}
		if slices.Equal(readable(values), h[name]) {
			h[name] = values
		}
	}
}

// bytesOfNode returns the bytes of header values that a Node program wrote. Node reads and writes the bytes of a header
// as Latin-1.
func bytesOfNode(h deadletter.Headers) deadletter.Headers {
	for _, values := range h {
		for i, value := range values {
			values[i] = toLatin1(value)
		}
	}
	return h
}

// textsOfNode returns the texts by which a Node program knows header values.
func textsOfNode(values []string) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		runes := make([]rune, len(value))
		for at := range len(value) {
			runes[at] = rune(value[at])
		}
		texts[i] = string(runes)
	}
	return texts
}

// toLatin1 returns a text in Latin-1, or as it is if Latin-1 lacks one of its characters.
func toLatin1(text string) string {
	const last = 0xff
	if strings.ContainsFunc(text, func(r rune) bool { return r > last }) {
		return text
	}
	out := make([]byte, 0, len(text))
	for _, r := range text {
		out = append(out, byte(r))
	}
	return string(out)
}

func headerValues(field json.RawMessage) (values []string) {
	const null = "null"
	var list []json.RawMessage
	switch {
	case string(field) == null:
		return nil
	case field[0] != '[' || json.Unmarshal(field, &list) != nil:
		return []string{textOf(field)}
	}
	for _, v := range list {
		if string(v) != null {
			values = append(values, textOf(v))
		}
	}
	return values
}

func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// maxReason is the longest reason that is shown, in characters.
const maxReason = 500

// decodeReason returns the reason to show, and whether it is the whole errorReason. It removes the status code that
// errorReason adds, because the attempt has it.
func decodeReason(text string, first *deadletter.Attempt) (reason string, whole bool) {
	reason = clean(text)
	if first != nil && reason == clean(withStatus(first.StatusCode, first.Error)) {
		reason = clean(first.Error)
	}
	short := shorten(reason)
	return short, short == reason
}

func shorten(text string) string {
	if len(text) <= maxReason || utf8.RuneCountInString(text) <= maxReason {
		return text
	}
	return string([]rune(text)[:maxReason-1]) + "…"
}

// unreadFields returns the fields that another program added to the interchange fields, and a reason that is too long
// to be shown.
func unreadFields(c deadletter.Capture, d *document) []deadletter.QueueAttribute {
	var list []deadletter.QueueAttribute
	unread := func(name string, value json.RawMessage) {
		if value != nil {
			list = append(list, deadletter.QueueAttribute{Name: name, Type: envelopeField, Value: string(value)})
		}
	}
	for _, m := range d.others {
		unread(string(m.Name), m.Value)
	}
	if c.Queue.Form != FormEnvelope {
		for _, name := range ourFields {
			unread(name, *d.field(name))
		}
	}
	reason := d.errorReason
	if _, whole := decodeReason(textOf(reason), c.FirstAttempt); !whole {
		unread("errorReason", reason)
	}
	slices.SortStableFunc(list, func(a, b deadletter.QueueAttribute) int { return strings.Compare(a.Name, b.Name) })
	last := list[:0]
	for i, a := range list {
		if i+1 == len(list) || list[i+1].Name != a.Name {
			last = append(last, a)
		}
	}
	return last
}
