package receiver

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
)

// A platform has bodyLimit to send a body, and a second more for each bodyRate bytes of the source's limit.
const (
	bodyLimit = 10 * time.Second
	bodyRate  = 1 << 20
)

// readBody reads all of a body, within the source's limit and in bounded time.
func readBody(w http.ResponseWriter, req *http.Request, limit int64) ([]byte, error) {
	if req.ContentLength > limit {
		return nil, errTooLarge
	}
	// Servers without deadlines exist only in tests.
	conn := http.NewResponseController(w)
	req.Body = begunBody{req.Body}
	_ = conn.SetReadDeadline(time.Now().Add(bodyLimit + time.Duration(limit/bodyRate)*time.Second))
	// The buffer grows with the bytes that arrive, because a client may announce many and send few.
	var body bytes.Buffer
	body.Grow(int(min(max(req.ContentLength, 0), firstRead)) + bytes.MinRead)
	// Not http.MaxBytesReader, which closes the connection: see discardBody.
	n, err := body.ReadFrom(io.LimitReader(req.Body, limit+1))
	if err == nil && n > limit {
		err = errTooLarge
	}
	if err == nil {
		// Only the body has a deadline: the delivery may take longer.
		_ = conn.SetReadDeadline(time.Time{})
	}
	return body.Bytes(), err
}

// begunBody is a body that is being read. Its sender waits for 100 Continue no longer.
type begunBody struct{ io.ReadCloser }

var errTooLarge = errors.New("the body is larger than the source accepts")

// firstRead is the size of the buffer before the body arrives, in bytes.
const firstRead = 64 << 10
