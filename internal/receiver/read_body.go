package receiver

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"

	"dlqdesk/internal/telemetry"
)

// A platform has bodyLimit to send a body, and a second more for each bodyRate bytes of the source's limit.
const (
	bodyLimit = 10 * time.Second
	bodyRate  = 1 << 20
)

// readBody reads all of a body, within the source's limit and in bounded time.
func readBody(w http.ResponseWriter, req *http.Request, limit int64) ([]byte, error) {
	if req.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	// Servers without deadlines exist only in tests.
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(bodyLimit + time.Duration(limit/bodyRate)*time.Second))
	// The buffer grows with the bytes that arrive, because a client may announce many and send few.
	var body bytes.Buffer
	body.Grow(int(min(max(req.ContentLength, 0), firstRead)) + bytes.MinRead)
	_, err := body.ReadFrom(http.MaxBytesReader(w, req.Body, limit))
	if err == nil {
		// Only the body has a deadline: the delivery may take longer.
		_ = conn.SetReadDeadline(time.Time{})
	}
	return body.Bytes(), err
}

// firstRead is the size of the buffer before the body arrives, in bytes.
const firstRead = 64 << 10

// respondBodyError responds to a body that is too large (413) or did not arrive whole (400), and returns what to count.
func respondBodyError(w http.ResponseWriter, err error, limit int64) telemetry.Answer {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		respond(w, http.StatusRequestEntityTooLarge, fmt.Sprintf(`{"error":"the body is larger than %d bytes"}`, limit))
		return telemetry.AnswerTooLarge
	}
	respond(w, http.StatusBadRequest, `{"error":"the body did not arrive whole"}`)
	return telemetry.AnswerIncomplete
}
