// Package envelope owns the form of a message on a DLQ: a JSON document of six fields that other programs know as well,
// and the fields that dlqdesk adds. Encoding preserves every byte of the body. Decoding never fails, because nothing
// that arrives on a DLQ may be lost: a queue message that is no envelope becomes the body of a message.
//
// It must not send or receive anything, or decide what happens to a message.
package envelope

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
)

// version is the version of the fields that dlqdesk adds.
const version = 1

// Encode writes a capture as the body of a queue message: valid UTF-8 without a character that SQS refuses.
func Encode(c deadletter.Capture) ([]byte, error) {
	payload, exact := encodeBody(c.Body)
	return encode(c, payload, exact)
}

// compressFrom is the size from which a body is always compressed, in bytes. A message of such a body in full is in
// memory several times until it is on a queue, and once more for each reader.
const compressFrom = 1 << 20

// EncodeWithin is Encode, but compresses a body that is large, or too large for an envelope of limit bytes. The result
// may still be larger.
func EncodeWithin(c deadletter.Capture, limit int) ([]byte, error) {
	var text []byte
	if len(c.Body) <= min(limit, compressFrom) {
		var err error
		if text, err = Encode(c); err != nil || len(text) <= limit {
			return text, err
		}
	}
	packed, err := encode(c, []byte("null"), exactBody{Form: bodyGzip, Raw: c.Body})
	if text != nil && len(packed) >= len(text) {
		return text, err
	}
	return packed, err
}

// usualRest is the usual size of an envelope without its payload, in bytes.
const usualRest = 2 << 10

// errorReason returns the reason with the status code, for which the six fields have no other place.
func errorReason(c deadletter.Capture) string {
	if c.FirstAttempt != nil && c.FirstAttempt.Error == c.Reason {
		return withStatus(c.FirstAttempt.StatusCode, c.Reason)
	}
	return c.Reason
}

// withStatus puts the status code before a reason as it is written on the queue, with a colon: "422: id is missing".
func withStatus(code int, reason string) string {
	text := deadletter.WithStatus(code, reason)
	if rest, ok := strings.CutPrefix(text, strconv.Itoa(code)+" "); ok && text != reason {
		return strconv.Itoa(code) + ": " + rest
	}
	return text
}

// encode writes the six fields that other programs know, and then those that dlqdesk adds.
func encode(c deadletter.Capture, payload []byte, exact exactBody) ([]byte, error) {
	told, err := encodeListed(c)
	if err != nil {
		return nil, err
	}
	w := begin(len(payload) + usualRest)
	w.text("messageId", string(c.ID))
	w.time("timestamp", cmp.Or(c.RunAt, c.ReceivedAt))
	w.raw("originalPayload", payload)
	w.open("originalHeaders")
	w.headers(c.Headers, readable)
	w.close()
	w.text("errorReason", errorReason(c))
	w.number("retryCount", int64(c.RetryCount))
	w.number("version", version)
	w.optional("source", c.Source)
	w.optional("destination", c.Destination)
	w.optional("method", c.Method)
	w.optional("query", escapeRaw(c.Query))
	w.optional("webhookId", c.WebhookID)
	w.optional("receiveId", c.ReceiveID)
	w.optional("run", c.Run)
	if c.Sequence != (deadletter.Sequence{}) {
		w.open("sequence")
		w.sequence(c.Sequence)
		w.close()
	}
	w.optional("traceparent", c.Queue.TraceParent)
	if c.FirstAttempt != nil {
		w.counted("statusCode", int64(c.FirstAttempt.StatusCode))
		w.optional("outcome", string(c.FirstAttempt.Outcome))
		w.open("firstAttempt")
		w.attempt(*c.FirstAttempt)
		w.close()
		w.optional("masks", c.Masks)
	}
	if told != nil {
		w.value("queue", told)
	}
	w.rawHeaders(c.Headers)
	exact.encode(w)
	if w.err != nil {
		return nil, fmt.Errorf("encode envelope of %s: %w", c.ID, w.err)
	}
	return w.end(), nil
}

// marshal is json.Marshal without escapes for HTML, and with escapes for characters that a queue refuses.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return escapeRefused(bytes.TrimSuffix(out.Bytes(), []byte("\n"))), nil
}

// headers writes headers as Node does: names in lower case, one value as a string, several as a list.
// text returns values as JSON strings.
func (w *writer) headers(h deadletter.Headers, text func(values []string) []string) {
	for _, name := range h.Names() {
		lower, values := strings.ToLower(name), text(h[name])
		if len(values) == 1 {
			w.text(lower, values[0])
		} else {
			w.texts(lower, values)
		}
	}
}

// escapeRaw escapes bytes of a query that JSON cannot carry. They name the same characters to its reader.
func escapeRaw(query string) string {
	if !isRaw(query) {
		return query
	}
	var out strings.Builder
	for i := range len(query) {
		if c := query[i]; c >= utf8.RuneSelf {
			fmt.Fprintf(&out, "%%%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

// readable returns header values as texts.
func readable(values []string) []string {
	if !slices.ContainsFunc(values, isRaw) {
		return values
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = deadletter.ReadableValue(v)
	}
	return texts
}

// isRaw reports whether a header value is bytes that JSON cannot carry.
func isRaw(value string) bool { return !utf8.ValidString(value) }

// rawHeaders writes the headers with bytes that JSON cannot carry once more: all of their values, in base64.
func (w *writer) rawHeaders(h deadletter.Headers) {
	raw := deadletter.Headers{}
	for name, values := range h {
		if slices.ContainsFunc(values, isRaw) {
			raw[name] = values
		}
	}
	if len(raw) == 0 {
		return
	}
	w.open("rawHeaders")
	for _, name := range raw.Names() {
		texts := make([]string, len(raw[name]))
		for i, value := range raw[name] {
			texts[i] = base64.StdEncoding.EncodeToString([]byte(value))
		}
		w.texts(strings.ToLower(name), texts)
	}
	w.close()
}

func (w *writer) sequence(s deadletter.Sequence) {
	w.number("number", int64(s.Number))
	w.counted("settled", int64(s.Settled))
	w.counted("refused", int64(s.Refused))
}

func (w *writer) attempt(a deadletter.Attempt) {
	w.time("startedAt", a.StartedAt)
	w.number("latencyUs", a.Latency.Microseconds())
	w.text("outcome", string(a.Outcome))
	w.counted("statusCode", int64(a.StatusCode))
	w.optional("error", a.Error)
	if len(a.ResponseHeaders) > 0 {
		w.open("responseHeaders")
		for _, name := range a.ResponseHeaders.Names() {
			w.texts(name, readable(a.ResponseHeaders[name]))
		}
		w.close()
	}
	w.bytes("responseBody", a.ResponseBody)
	w.set("responseCut", a.ResponseCut)
	w.counted("retryAfterMs", a.RetryAfter.Milliseconds())
	w.optional("traceparent", a.TraceParent)
}
