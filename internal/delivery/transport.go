package delivery

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

const (
	idleLimit        = 90 * time.Second
	idlePerHost      = 256
	keepAlive        = 30 * time.Second
	connectLimit     = 10 * time.Second
	maxAnswerHeaders = 64 << 10
)

// link is how connections to a destination are made. Destinations that are alike share their connections.
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
			MaxResponseHeaderBytes: maxAnswerHeaders,
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

// dialTLS makes a connection by the files as they are now: a certificate that was renewed counts from the next one on.
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
		if conn.asked.Load() {
			err = &askedError{err}
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
