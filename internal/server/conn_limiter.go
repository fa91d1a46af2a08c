package server

import (
	"container/list"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// bodyLimit bounds how long a client may take to send a body. A handler that reads the body sets its own deadline.
const bodyLimit = 10 * time.Second

// connLimiter caps open connections; at the cap it closes the connection that has been idle longest. A connection is
// idle while the server waits for a request, or for the rest of one, so clients that send little or nothing lock out
// no others. Example with a cap of 2: A is being answered, B has sent half a request, C connects; B is closed.
type connLimiter struct {
	limit int

	mu   sync.Mutex
	open map[net.Conn]*list.Element // its place in idle; nil while the server answers a request of it
	idle *list.List                 // of net.Conn, the longest idle first
}

// limitConnections caps the open connections of a server. It must be called before the server serves.
func limitConnections(s *http.Server, limit int) {
	c := &connLimiter{limit: limit, open: map[net.Conn]*list.Element{}, idle: list.New()}
	s.Handler = c.handler(s.Handler)
	s.ConnState = c.track
	s.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, conn)
	}
}

type connKey struct{}

func (c *connLimiter) track(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.open[conn] = c.idle.PushBack(conn)
		if len(c.open) > c.limit {
			c.closeLongestIdle()
		}
	case http.StateClosed, http.StateHijacked:
		c.forget(conn)
	case http.StateActive, http.StateIdle:
	}
}

// closeLongestIdle must be called with at least one idle connection: the newest one always is.
func (c *connLimiter) closeLongestIdle() {
	if conn, ok := c.idle.Front().Value.(net.Conn); ok {
		c.forget(conn)
		_ = conn.Close() // an error leaves nothing to do
	}
}

func (c *connLimiter) forget(conn net.Conn) {
	if place := c.open[conn]; place != nil {
		c.idle.Remove(place)
	}
	delete(c.open, conn)
}

func (c *connLimiter) markBusy(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if place := c.open[conn]; place != nil {
		c.idle.Remove(place)
		c.open[conn] = nil
	}
}

func (c *connLimiter) markIdle(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	place, ok := c.open[conn]
	if !ok {
		return
	}
	if place != nil {
		c.idle.Remove(place)
	}
	c.open[conn] = c.idle.PushBack(conn)
}

// handler marks a connection busy from the moment its request has arrived completely until it is answered.
func (c *connLimiter) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, ok := r.Context().Value(connKey{}).(net.Conn)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		defer c.markIdle(conn)
		if len(r.TransferEncoding) > 0 {
			// A request with a length as well may end elsewhere for a proxy in front: nothing after it may be read as
			// a request (RFC 9112, section 6.3).
			w.Header().Set("Connection", "close")
		}
		if r.ContentLength == 0 {
			c.markBusy(conn)
		} else {
			deadlines := http.NewResponseController(w)
			_ = deadlines.SetReadDeadline(time.Now().Add(bodyLimit))
			r.Body = &trackedBody{r.Body, func(complete bool) {
				c.markBusy(conn)
				if complete {
					_ = deadlines.SetReadDeadline(time.Time{}) // the response may take longer
				}
			}}
		}
		next.ServeHTTP(w, r)
	})
}

// trackedBody calls onEnd when a read reaches the end of the body, or fails.
type trackedBody struct {
	io.ReadCloser
	onEnd func(complete bool)
}

// Read implements io.Reader.
func (b *trackedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.onEnd(err == io.EOF)
	}
	return n, err
}
