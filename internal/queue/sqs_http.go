package queue

import (
	"bytes"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// bufferedBody sends each request's body from memory. The SDK closes a body as soon as the response begins, which may
// be before net/http has seen its end; net/http treats that as a fault and closes the connection while the response is
// still being read. The SDK then tries again, but the messages of the receive that was cut off stay hidden until their
// visibility ends (https://github.com/aws/aws-sdk-go-v2/issues/2737). It also sends head and body in one packet.
type bufferedBody struct{ sqs.HTTPClient }

// Do sends a request.
func (c bufferedBody) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return c.HTTPClient.Do(r)
	}
	var body bytes.Buffer
	body.Grow(int(max(r.ContentLength, 0)) + bytes.MinRead)
	if _, err := body.ReadFrom(r.Body); err != nil {
		return nil, err
	}
	r = r.WithContext(r.Context()) // a copy
	r.ContentLength = int64(body.Len())
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body.Bytes())), nil }
	r.Body, _ = r.GetBody()
	return c.HTTPClient.Do(r)
}
