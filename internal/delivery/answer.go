package delivery

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"time"

	"dlqdesk/internal/deadletter"
)

const (
	// maxRead bounds what is read of an answer: beyond what an attempt keeps only so that the connection can be used
	// again.
	maxRead = 256 << 10

	// maxKeptHeaders bounds the headers that an attempt keeps, in bytes, so that no answer makes a message too large
	// for its queue.
	maxKeptHeaders = 8 << 10
)

// read takes the answer in. Its status decides; a body that breaks off changes nothing about it.
func (c *Client) read(answer *http.Response) deadletter.Attempt {
	a := deadletter.Attempt{
		StatusCode: answer.StatusCode, Outcome: deadletter.ErrorResponse, ResponseHeaders: bounded(answer.Header),
		RetryAfter: RetryAfter(answer.Header.Get("Retry-After"), c.now()),
	}
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		a.Outcome = deadletter.Delivered
	}
	// What follows a 101 is no body, and the transport does not end it in time.
	if answer.StatusCode != http.StatusSwitchingProtocols {
		a.ResponseBody, a.ResponseCut = readBody(answer)
	}
	if a.Outcome != deadletter.Delivered {
		a.Error = rejection(answer.StatusCode, a.ResponseBody)
	}
	return a
}

// readBody answers the first part of a body, and whether there is more of it.
func readBody(answer *http.Response) (kept []byte, cut bool) {
	kept, err := io.ReadAll(io.LimitReader(answer.Body, deadletter.MaxResponse+1))
	cut = err != nil
	if len(kept) > deadletter.MaxResponse {
		cut = true
		_, _ = io.CopyN(io.Discard, answer.Body, maxRead) // only for the connection's sake
	}
	if answer.Header.Get("Content-Encoding") == "gzip" {
		kept = gunzip(kept)
	}
	if len(kept) > deadletter.MaxResponse {
		return kept[:deadletter.MaxResponse], true
	}
	return kept, cut
}

// gunzip answers what people can read of an answer that a platform's own Accept-Encoding had the destination compress.
func gunzip(compressed []byte) []byte {
	from, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return compressed
	}
	text, err := io.ReadAll(io.LimitReader(from, deadletter.MaxResponse+1))
	if err != nil && len(text) == 0 {
		return compressed
	}
	return text
}

// bounded answers the headers, in the order of their names, as far as an attempt keeps them.
func bounded(from http.Header) deadletter.Headers {
	h := deadletter.Headers(from)
	if sizeOf(h) <= maxKeptHeaders {
		return h
	}
	kept, room := deadletter.Headers{}, maxKeptHeaders
	for _, name := range h.Names() {
		if size := sizeOf(deadletter.Headers{name: h[name]}); size <= room {
			kept[name], room = h[name], room-size
		}
	}
	return kept
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

// RetryAfter reads the header of RFC 9110 section 10.2.3: seconds, or a date. What it cannot read is 0.
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
