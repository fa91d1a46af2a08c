package receiver

import (
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
	body, err := readWithin(req.Body, req.ContentLength, limit)
	if err == nil {
		// Only the body has a deadline: the delivery may take longer.
		_ = conn.SetReadDeadline(time.Time{})
	}
	return body, err
}

// readWithin reads all of a body that has at most limit bytes. announced is its size, negative if it is not known. The
// buffer grows with the bytes that arrive, because a client may announce many and send few. Its last growth is to the
// announced size.
//
// It is not http.MaxBytesReader, which closes the connection: see discardBody.
func readWithin(from io.Reader, announced, limit int64) ([]byte, error) {
	body := make([]byte, 0, min(max(announced, 0), firstRead)+1)
	for {
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return nil, errTooLarge
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return nil, err
		case len(body) == cap(body):
			size := min(max(2*int64(cap(body)), minRead), limit+1)
			if announced >= int64(cap(body)) {
				size = min(size, announced+1)
			}
			body = append(make([]byte, 0, size), body...)
		}
	}
}

// begunBody is a body that is being read. Its sender waits for 100 Continue no longer.
type begunBody struct{ io.ReadCloser }

var errTooLarge = errors.New("the body is larger than the source accepts")

// The size of the buffer before a body arrives, and after its first growth if its size is not known, in bytes.
const (
	firstRead = 64 << 10
	minRead   = 512
)
