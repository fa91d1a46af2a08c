package delivery

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

const (
	idleLimit          = 90 * time.Second
	idlePerHost        = 256
	keepAlive          = 30 * time.Second
	connectLimit       = 10 * time.Second
	maxResponseHeaders = 64 << 10
)

// link holds the settings of connections to a destination. Destinations with equal links share their connections.
type link struct {
	connect time.Duration
	tls     *TLS
}

func (to Destination) link() link {
	connect := to.Connect
	if connect <= 0 {
		connect = connectLimit
	}
	return link{min(connect, to.Timeout), to.TLS} // an attempt to connect does not outlive the delivery
}

func (c *Client) transport(to Destination) *http.Transport {
	l := to.link()
	known, ok := c.transports.Load(l)
	if !ok {
		known, _ = c.transports.LoadOrStore(l, &http.Transport{
			Proxy:                  nil, // destinations come from the configuration alone
			DialContext:            l.dial,
			DialTLSContext:         l.dialTLS,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // no header is added to the platform's
			MaxIdleConnsPerHost:    idlePerHost,
			IdleConnTimeout:        idleLimit,
			MaxResponseHeaderBytes: maxResponseHeaders,
		})
	}
	transport, _ := known.(*http.Transport)
	return transport
}

func (l link) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, l.connect)
	defer cancel()
	conn, err := dialCounted(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// dialTLS connects with the current content of the certificate files, so that a renewed certificate is used at once.
func (l link) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, l.connect)
	defer cancel()
	conn, err := dialCounted(ctx, network, address)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, l.tls.configFor(conn, address))
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the handshake's error says more
		if conn.certificateRequested.Load() {
			err = &certificateRequestedError{err}
		}
		return nil, err
	}
	return secure, nil
}

func dialCounted(ctx context.Context, network, address string) (*countedConn, error) {
	conn, err := (&net.Dialer{KeepAlive: keepAlive}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &countedConn{Conn: conn}, nil
}

// CheckConnection connects to a destination as a delivery would, and sends nothing. Its error is the one that a
// delivery would have.
func (to Destination) CheckConnection(ctx context.Context) error {
	u, err := url.Parse(to.URL)
	if err != nil {
		return errors.New("the destination is no URL") // err repeats its password
	}
	dial, port := to.link().dial, "80"
	if u.Scheme == "https" {
		dial, port = to.link().dialTLS, "443"
	}
	if u.Port() != "" {
		port = u.Port()
	}
	conn, err := dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return errors.New(unreachable(err, to))
	}
	return conn.Close()
}

// requestTrace records whether any byte of a request may have left. Before that the destination cannot know of the
// webhook; afterwards it may.
type requestTrace struct {
	conn      *countedConn // nil: no connection, or one whose bytes are not counted
	before    int64        // bytes written to conn before this request
	shared    bool         // HTTP/2: many requests on one connection
	reused    bool
	responded atomic.Bool // the first byte of a response arrived
	timer     *readTimer
}

// attach returns a context whose request is traced. The fields may be read when the request has ended.
func (t *requestTrace) attach(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              t.gotConn,
		WroteRequest:         func(httptrace.WroteRequestInfo) { t.timer.reset() },
		GotFirstResponseByte: func() { t.responded.Store(true); t.timer.reset() },
	})
}

func (t *requestTrace) gotConn(info httptrace.GotConnInfo) {
	t.reused = info.Reused
	conn := info.Conn
	if secure, ok := conn.(*tls.Conn); ok {
		t.shared = secure.ConnectionState().NegotiatedProtocol == "h2"
		conn = secure.NetConn()
	}
	if counted, ok := conn.(*countedConn); ok {
		t.conn, t.before = counted, counted.written.Load()
	} else {
		t.shared = true
	}
}

func (t *requestTrace) mayHaveSent() bool {
	return t.shared || t.conn != nil && t.conn.written.Load() > t.before
}

// countedConn counts the bytes that are written to it.
type countedConn struct {
	net.Conn
	written              atomic.Int64
	certificateRequested atomic.Bool // the server asked for a client certificate
}

func (c *countedConn) Write(b []byte) (int, error) {
	c.written.Add(int64(len(b))) // before the write, because one that fails may have sent a part
	return c.Conn.Write(b)
}
