package delivery

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/telemetry"
)

func newRequest(ctx context.Context, to Destination, r Request) (*http.Request, error) {
	body := io.NopCloser(bytes.NewReader(r.Body))
	if len(r.Body) == 0 {
		body = http.NoBody // has a Content-Length of 0; any other reader would be sent in chunks
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, Target(to.URL, r.Query), body)
	if err != nil {
		return nil, err
	}
	// With GetBody the transport repeats requests that were certainly not processed: those without a byte written, and
	// those that HTTP/2 reports (GOAWAY, REFUSED_STREAM; RFC 9113 section 8.7). preventRepeat prevents all others.
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.Body)), nil }
	request.ContentLength = int64(len(r.Body))
	request.Header = headersOf(to, r)
	if user := request.URL.User; user != nil {
		password, _ := user.Password()
		request.SetBasicAuth(user.Username(), password)
		request.URL.User = nil
	}
	return request, nil
}

func headersOf(to Destination, r Request) http.Header {
	h := Forwarded(to.URL, r.Headers, r.WebhookID)
	if _, ok := h["Tracestate"]; ok && !telemetry.Continues(r.Headers, r.TraceParent) {
		delete(h, "Tracestate") // it belongs to no trace that goes on
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = []string{""} // net/http leaves an empty one out
	}
	h["Accept-Encoding"] = []string{payload.AcceptEncoding}
	if r.CopyTo != "" {
		h["X-Dlqdesk-Copy"] = []string{r.CopyTo}
		delete(h, "X-Dlqdesk-Attempt")
	} else {
		h["X-Dlqdesk-Attempt"] = []string{strconv.Itoa(r.Attempt)}
	}
	if h["Traceparent"] = []string{r.TraceParent}; r.TraceParent == "" {
		delete(h, "Traceparent")
	}
	preventRepeat(h)
	return h
}

// resign signs a request anew if that is necessary.
func (to Destination) resign(r *Request, now time.Time) error {
	if to.Signer == nil {
		return nil
	}
	signed := http.Request{
		Method: http.MethodPost,
		URL:    &url.URL{RawQuery: sendableQuery(r.Query)},
		Header: Forwarded(to.URL, r.Headers, r.WebhookID),
	}
	if err := to.Signer.Resign(&signed, r.Body, r.Edited, now); err != nil {
		return err
	}
	r.Headers, r.Query = deadletter.Headers(signed.Header), signed.URL.RawQuery
	return nil
}

// Target returns the URL that a delivery requests: that of the destination, with the webhook's query after its own.
func Target(destination, query string) string {
	base, own, _ := strings.Cut(destination, "?")
	if query = join(own, sendableQuery(query)); query != "" {
		return base + "?" + query
	}
	return base
}

// Forwarded returns the headers of a webhook that a delivery passes on, as HTTP can carry them, with its Webhook-Id.
// The user information of a destination's URL takes the place of the webhook's Authorization.
func Forwarded(destination string, from deadletter.Headers, webhookID string) http.Header {
	h := sendable(from)
	h["Webhook-Id"] = withoutControls([]string{webhookID})
	if u, err := url.Parse(destination); err == nil && u.User != nil {
		delete(h, "Authorization")
	}
	return h
}

// sendable returns the headers that are passed on. Messages of other programs can have headers that HTTP cannot carry:
// it leaves out such names, and replaces control characters in values by a space, as RFC 9110 section 5.5 has it.
func sendable(from deadletter.Headers) http.Header {
	h := http.Header(from.EndToEnd())
	delete(h, "Expect")          // the receiver has already accepted the platform's body
	delete(h, "Accept-Encoding") // it says what the platform can read, not its next reader
	for name, values := range h {
		if httpguts.ValidHeaderFieldName(name) {
			h[name] = withoutControls(values)
		} else {
			delete(h, name)
		}
	}
	return h
}

// withoutControls replaces control characters. It returns values without any, the usual case, as they are.
func withoutControls(values []string) []string {
	if !slices.ContainsFunc(values, func(v string) bool { return strings.ContainsFunc(v, isControl) }) {
		return values
	}
	clean := make([]string, len(values))
	for i, v := range values {
		clean[i] = strings.Join(strings.FieldsFunc(v, isControl), " ")
	}
	return clean
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// preventRepeat keeps net/http from sending a request again that may have been processed. It does so for requests with
// one of these names (Request.isReplayable), but only in canonical case. To HTTP the case makes no difference.
func preventRepeat(h http.Header) {
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if values, ok := h[name]; ok {
			delete(h, name)
			h[strings.ToLower(name)] = values
		}
	}
}

// sendableQuery escapes characters that cannot stand in the first line of a request. A query that came over HTTP has
// none.
func sendableQuery(query string) string {
	if !strings.ContainsFunc(query, breaksLine) {
		return query
	}
	var out strings.Builder
	for i := range len(query) {
		if c := query[i]; breaksLine(rune(c)) {
			fmt.Fprintf(&out, "%%%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

func breaksLine(r rune) bool { return r <= ' ' || r == 0x7f || r == '#' }

func join(query, more string) string {
	if query == "" || more == "" {
		return query + more
	}
	return query + "&" + more
}
