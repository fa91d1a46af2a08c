// Package envelope is the form in which a letter travels on a dead letter queue: a JSON document of six fields that other
// programs know as well, and ours beside them. Writing keeps every byte of the body; reading never fails, because nothing that
// arrives on a dead letter queue may be lost.
package envelope

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
)

// version is that of the fields which dlqdesk adds.
const version = 1

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
	Version      int                 `json:"version"`
	Source       string              `json:"source,omitempty"`
	Destination  string              `json:"destination,omitempty"`
	Method       string              `json:"method,omitempty"`
	Query        string              `json:"query,omitempty"`
	WebhookID    string              `json:"webhookId,omitempty"`
	ReceiveID    string              `json:"receiveId,omitempty"`
	Run          string              `json:"run,omitempty"`
	Sequence     deadletter.Sequence `json:"sequence,omitzero"`
	TraceParent  string              `json:"traceparent,omitempty"`
	StatusCode   int                 `json:"statusCode,omitempty"`
	Outcome      string              `json:"outcome,omitempty"`
	FirstAttempt *attempt            `json:"firstAttempt,omitempty"`
	Queue        *listed             `json:"queue,omitempty"`
	exactBody
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
	payload, exact, err := encodeBody(c.Body)
	if err != nil {
		return nil, fmt.Errorf("encode body of %s: %w", c.ID, err)
	}
	return encode(c, payload, exact)
}

// EncodeWithin is Encode, but what would be larger than limit bytes is compressed. The answer may still be larger.
func EncodeWithin(c deadletter.Capture, limit int) ([]byte, error) {
	text, err := Encode(c)
	if err != nil || len(text) <= limit {
		return text, err
	}
	exact, err := compressBody(c.Body)
	if err != nil {
		return nil, fmt.Errorf("compress body of %s: %w", c.ID, err)
	}
	packed, err := encode(c, []byte("null"), exact)
	if len(packed) < len(text) {
		return packed, err
	}
	return text, err
}

func encode(c deadletter.Capture, payload []byte, exact exactBody) ([]byte, error) {
	first, err := marshal(head{string(c.ID), cmp.Or(c.RunAt, c.ReceivedAt).UTC()})
	if err != nil {
		return nil, fmt.Errorf("encode envelope of %s: %w", c.ID, err)
	}
	told, err := encodeListed(c)
	if err != nil {
		return nil, err
	}
	t := tail{OriginalHeaders: encodeHeaders(c.Headers), ErrorReason: c.Reason, RetryCount: c.RetryCount, ours: ours{
		Version: version, Source: c.Source, Destination: c.Destination, Method: c.Method, Query: c.Query, WebhookID: c.WebhookID,
		ReceiveID: c.ReceiveID, Run: c.Run, Sequence: c.Sequence, TraceParent: c.Queue.TraceParent, FirstAttempt: encodeAttempt(c.First), Queue: told, exactBody: exact,
	}}
	if c.First != nil {
		t.StatusCode, t.Outcome = c.First.StatusCode, string(c.First.Outcome)
	}
	last, err := marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encode envelope of %s: %w", c.ID, err)
	}
	// Put together by hand, because encoding/json would reformat the payload.
	return slices.Concat(first[:len(first)-1], []byte(`,"originalPayload":`), payload, []byte(`,`), last[1:]), nil
}

// marshal is json.Marshal without what only HTML asks for, and without characters that a queue refuses.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return escapeRefused(bytes.TrimSuffix(out.Bytes(), []byte("\n"))), nil
}

// encodeHeaders writes headers as Node does: names in lower case, one value as a string, several as a list.
func encodeHeaders(h deadletter.Headers) map[string]any {
	out := make(map[string]any, len(h))
	for _, name := range h.Names() {
		lower, values := strings.ToLower(name), make([]string, len(h[name]))
		for i, v := range h[name] {
			values[i] = readable(v)
		}
		if len(values) == 1 {
			out[lower] = values[0]
		} else {
			out[lower] = values
		}
	}
	return out
}

// readable takes a header that is no UTF-8 for Latin-1, as Node does with all headers.
func readable(value string) string {
	if utf8.ValidString(value) {
		return value
	}
	runes := make([]rune, len(value))
	for i := range len(value) {
		runes[i] = rune(value[i])
	}
	return string(runes)
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
