package delivery

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync/atomic"
)

// wire tells whether any byte of a request may have left: before that the destination cannot know of the webhook, and
// after it nobody can be sure that it does not.
type wire struct {
	conn     *countedConn // nil: no connection, or one whose bytes cannot be told apart
	before   int64
	shared   bool // HTTP/2: many requests on one connection
	reused   bool
	answered atomic.Bool // a first byte came back
	quiet    *silence
}

// watch answers a context whose request is watched. The fields may be read when the request has ended.
func (w *wire) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              w.connected,
		WroteRequest:         func(httptrace.WroteRequestInfo) { w.quiet.begin() },
		GotFirstResponseByte: func() { w.answered.Store(true); w.quiet.begin() },
	})
}

func (w *wire) connected(info httptrace.GotConnInfo) {
	w.reused = info.Reused
	conn := info.Conn
	if secure, ok := conn.(*tls.Conn); ok {
		w.shared = secure.ConnectionState().NegotiatedProtocol == "h2"
		conn = secure.NetConn()
	}
	if counted, ok := conn.(*countedConn); ok {
		w.conn, w.before = counted, counted.written.Load()
	} else {
		w.shared = true
	}
}

func (w *wire) wrote() bool {
	return w.shared || w.conn != nil && w.conn.written.Load() > w.before
}

// countedConn counts what is written to it, in bytes.
type countedConn struct {
	net.Conn
	written atomic.Int64
	asked   atomic.Bool // for a certificate of ours
}

func (c *countedConn) Write(b []byte) (int, error) {
	c.written.Add(int64(len(b))) // before, because a write that fails may have sent a part
	return c.Conn.Write(b)
}
