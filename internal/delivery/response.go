package delivery

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

const (
	// maxDrain bounds how much of a long response is read and dropped so that its connection can be used again, in
	// bytes.
	maxDrain = 256 << 10

	// maxStoredHeaders bounds the response headers of an attempt, in bytes, so that no response makes a message too
	// large for its queue.
	maxStoredHeaders = 8 << 10
)

// classify returns the outcome of a delivery that got a response. Redirects are not followed, so they are error
// responses.
func classify(statusCode int) deadletter.Outcome {
	if statusCode >= 200 && statusCode < 300 {
		return deadletter.Delivered
	}
	return deadletter.ErrorResponse
}

// attemptOf reads a response and returns its attempt. Only the status decides the outcome, even if the body is cut off.
func (c *Client) attemptOf(response *http.Response, r Request) deadletter.Attempt {
	a := deadletter.Attempt{
		StatusCode: response.StatusCode,
		Outcome:    classify(response.StatusCode),
		RetryAfter: RetryAfter(response.Header.Get("Retry-After"), c.now()),
	}
	if r.OnlyFailures && a.Outcome == deadletter.Delivered {
		discard(response.Body)
		return a
	}
	a.ResponseHeaders = boundHeaders(response.Header)
	// The bytes after a 101 are no body, and the transport does not end them in time.
	if response.StatusCode == http.StatusSwitchingProtocols {
		a.Error = errorText(response.StatusCode, payload.Text{})
		return a
	}
	text := readBody(response)
	a.ResponseBody, a.ResponseCut = text.Bytes, text.Cut
	if a.Outcome != deadletter.Delivered {
		a.Error = errorText(response.StatusCode, text)
	}
	return a
}

// readBody returns the first part of a body, decoded: at most MaxResponse bytes of it.
func readBody(response *http.Response) payload.Text {
	most := int64(deadletter.MaxResponse)
	if response.Header.Get("Content-Encoding") != "" {
		most = maxDrain // a block of compressed data can only be read whole
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if int64(len(body)) <= most && err == nil {
		return payload.Decode(deadletter.Headers(response.Header), body, deadletter.MaxResponse)
	}
	if err == nil {
		discard(response.Body)
	}
	return payload.DecodeHead(deadletter.Headers(response.Header), body, deadletter.MaxResponse)
}

// discard reads the rest of a response, so that its connection can be used again.
func discard(body io.Reader) { _, _ = io.CopyN(io.Discard, body, maxDrain) }

// boundHeaders returns the first headers, by name, that fit into maxStoredHeaders.
func boundHeaders(from http.Header) deadletter.Headers {
	h := deadletter.Headers(from)
	if sizeOf(h) <= maxStoredHeaders {
		return h
	}
	fitting, room := deadletter.Headers{}, maxStoredHeaders
	for _, name := range h.Names() {
		if size := sizeOf(deadletter.Headers{name: h[name]}); size <= room {
			fitting[name], room = h[name], room-size
		}
	}
	return fitting
}

func sizeOf(h deadletter.Headers) int {
	size := 0
	for name, values := range h {
		for _, value := range values {
			size += len(name) + len(value)
		}
	}
	return size
}

// RetryAfter parses the header of RFC 9110 section 10.2.3: seconds, or a date. It returns 0 if the value is not valid.
func RetryAfter(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
