package delivery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
)

// Reach connects to a destination as a delivery would, and sends nothing. Its error says what a delivery would say.
func (to Destination) Reach(ctx context.Context) error {
	u, err := url.Parse(to.URL)
	if err != nil {
		return fmt.Errorf("the destination is no URL: %w", err)
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
