// Package envelope is the form in which a letter travels on a dead letter queue: a JSON document of six fields that other
// programs know as well, and ours beside them. Writing keeps every byte of the body; reading never fails, because nothing that
// arrives on a dead letter queue may be lost.
package envelope

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
)

// The ways in which originalPayload holds the body.
const (
	bodyJSON   = "json"   // the value is the body, byte for byte
	bodyText   = "text"   // the string's content is the body
	bodyBase64 = "base64" // rawBody is the body; originalPayload is only for reading
)

// head are the interchange fields before the payload, and tail what follows it.
type head struct {
	MessageID string    `json:"messageId"`
	Timestamp time.Time `json:"timestamp"`
}

type tail struct {
	OriginalHeaders map[string]any `json:"originalHeaders"`
	ErrorReason     string         `json:"errorReason"`
	RetryCount      int            `json:"retryCount"`
	ours
}

// ours are the fields that dlqdesk adds.
type ours struct {
	Source       string   `json:"source,omitempty"`
	Destination  string   `json:"destination,omitempty"`
	Method       string   `json:"method,omitempty"`
	Query        string   `json:"query,omitempty"`
	WebhookID    string   `json:"webhookId,omitempty"`
	ReceiveID    string   `json:"receiveId,omitempty"`
	StatusCode   int      `json:"statusCode,omitempty"`
	FirstAttempt *attempt `json:"firstAttempt,omitempty"`
	BodyForm     string   `json:"bodyForm,omitempty"`
	RawBody      string   `json:"rawBody,omitempty"`
}

type attempt struct {
	StartedAt       time.Time          `json:"startedAt"`
	LatencyUS       int64              `json:"latencyUs"`
	Outcome         deadletter.Outcome `json:"outcome"`
	StatusCode      int                `json:"statusCode,omitempty"`
	Error           string             `json:"error,omitempty"`
	ResponseHeaders deadletter.Headers `json:"responseHeaders,omitempty"`
	ResponseBody    []byte             `json:"responseBody,omitempty"`
	ResponseCut     bool               `json:"responseCut,omitempty"`
	RetryAfterMS    int64              `json:"retryAfterMs,omitempty"`
	TraceParent     string             `json:"traceparent,omitempty"`
}

// Encode writes a capture as the body of a queue message: valid UTF-8 without a character that SQS refuses.
func Encode(c deadletter.Capture) ([]byte, error) {
	payload, form, raw, err := encodeBody(c.Body)
	if err != nil {
		return nil, err
	}
	first, err := json.Marshal(head{string(c.ID), c.ReceivedAt.UTC()})
	if err != nil {
		return nil, fmt.Errorf("encode envelope of %s: %w", c.ID, err)
	}
	t := tail{OriginalHeaders: encodeHeaders(c.Headers), ErrorReason: c.Reason, RetryCount: c.RetryCount, ours: ours{
		Source: c.Source, Destination: c.Destination, Method: c.Method, Query: c.Query, WebhookID: c.WebhookID, ReceiveID: c.ReceiveID,
		FirstAttempt: encodeAttempt(c.First), BodyForm: form, RawBody: raw,
	}}
	if c.First != nil {
		t.StatusCode = c.First.StatusCode
	}
	last, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encode envelope of %s: %w", c.ID, err)
	}
	// Put together by hand, because encoding/json would reformat the payload.
	var out bytes.Buffer
	out.Grow(len(first) + len(payload) + len(last) + 32)
	out.Write(escapeRefused(first[:len(first)-1]))
	out.WriteString(`,"originalPayload":`)
	out.Write(payload)
	out.WriteByte(',')
	out.Write(escapeRefused(last[1:]))
	return out.Bytes(), nil
}

// encodeBody answers the value of originalPayload, how the body is read back from it, and the exact bytes in base64 where it
// cannot be.
func encodeBody(body []byte) (payload []byte, form, raw string, err error) {
	clean := utf8.Valid(body) && !hasRefused(body)
	readable := bytes.ToValidUTF8(body, []byte("\uFFFD"))
	if json.Valid(readable) {
		trimmed := bytes.Trim(readable, " \t\r\n")
		if clean && len(trimmed) == len(body) {
			return body, bodyJSON, "", nil
		}
		return escapeRefused(trimmed), bodyBase64, base64.StdEncoding.EncodeToString(body), nil
	}
	text, err := json.Marshal(string(readable))
	if err != nil {
		return nil, "", "", fmt.Errorf("encode body: %w", err)
	}
	if utf8.Valid(body) {
		return escapeRefused(text), bodyText, "", nil
	}
	return escapeRefused(text), bodyBase64, base64.StdEncoding.EncodeToString(body), nil
}

// lastSafe is the last character that every SQS server takes. Amazon's own takes #x10000-#x10FFFF as well (SendMessage in the SQS
// API reference), others do not. Of what is below it, valid JSON and valid UTF-8 leave nothing that is refused.
const lastSafe = 0xFFFD

// hasRefused tells whether a text has a character that the queue may refuse. In JSON those stand in strings alone.
func hasRefused(text []byte) bool { return bytes.ContainsFunc(text, isRefused) }

func isRefused(r rune) bool { return r > lastSafe }

// escapeRefused writes such characters as JSON escapes.
func escapeRefused(text []byte) []byte {
	if !hasRefused(text) {
		return text
	}
	out := make([]byte, 0, len(text)+len(text)/8)
	for _, r := range string(text) {
		switch {
		case !isRefused(r):
			out = utf8.AppendRune(out, r)
		case r > maxBMP:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

const maxBMP = 0xFFFF

// encodeHeaders writes headers as Node does: names in lower case, one value as a string, several as a list.
func encodeHeaders(h deadletter.Headers) map[string]any {
	out := make(map[string]any, len(h))
	for _, name := range h.Names() {
		lower := strings.ToLower(name)
		if values := h[name]; len(values) == 1 {
			out[lower] = values[0]
		} else {
			out[lower] = values
		}
	}
	return out
}

func encodeAttempt(a *deadletter.Attempt) *attempt {
	if a == nil {
		return nil
	}
	return &attempt{
		StartedAt: a.StartedAt.UTC(), LatencyUS: a.Latency.Microseconds(), Outcome: a.Outcome, StatusCode: a.StatusCode, Error: a.Error,
		ResponseHeaders: a.ResponseHeaders, ResponseBody: a.ResponseBody, ResponseCut: a.ResponseCut,
		RetryAfterMS: a.RetryAfter.Milliseconds(), TraceParent: a.TraceParent,
	}
}
