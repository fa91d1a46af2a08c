// Package server owns what the process needs of its machine: listeners (TLS, a cap on connections, the addresses of
// clients behind trusted proxies), /healthz and /readyz, the order of a shutdown, limits of files and memory, the
// clock, and the data folder with its lock and its audit key. It must not know a source, a queue or the store:
// handlers and checks are given to it.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"dlqdesk/internal/config"
)

// These limits bound what a client can occupy without sending a request.
const (
	readHeaderLimit = 10 * time.Second
	idleLimit       = 2 * time.Minute
	maxHeaderBytes  = 64 << 10
)

// Listener is the configuration of one Server.
type Listener struct {
	Name       string                  // "receiver", for errors
	Address    string                  // "127.0.0.1:8080"
	TLS        func() config.ListenTLS // the files of the moment; nil, or without a certificate at the start: no TLS
	Proxies    []netip.Prefix          // whose X-Forwarded-For and Forwarded headers are believed
	Handler    http.Handler
	OnShutdown func()      // ends responses that would never end by themselves. nil: there are none
	OnFailure  func(error) // is called when the server ends without Stop
	Log        *slog.Logger
}

// Server serves HTTP on one address.
type Server struct {
	http http.Server
	addr net.Addr
	done chan struct{} // closed when Serve has returned
}

// Start listens on an address and serves it until Stop.
func Start(ctx context.Context, l Listener) (*Server, error) {
	var listen net.ListenConfig
	conn, err := listen.Listen(ctx, "tcp", l.Address)
	if err != nil {
		return nil, fmt.Errorf("listen for the %s: %w: stop what uses the address, or set another one", l.Name, err)
	}
	addr := conn.Addr()
	if l.TLS != nil && l.TLS().On() {
		if conn, err = encrypt(conn, l.TLS, l.Log); err != nil {
			return nil, err
		}
	}
	s := &Server{addr: addr, done: make(chan struct{})}
	s.http = http.Server{
		Handler:           noSniffing(withHealth(clientAddr(l.Handler, l.Proxies))),
		ReadHeaderTimeout: readHeaderLimit,
		IdleTimeout:       idleLimit,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(l.Log.Handler(), slog.LevelDebug),
	}
	limitConnections(&s.http, maxOpenConnections())
	if l.OnShutdown != nil {
		s.http.RegisterOnShutdown(l.OnShutdown)
	}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(conn); !errors.Is(err, http.ErrServerClosed) {
			l.OnFailure(fmt.Errorf("serve the %s: %w", l.Name, err))
		}
	}()
	return s, nil
}

// noSniffing keeps browsers from taking a response for another type than it says.
func noSniffing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// Stop accepts no more connections and waits for the requests in flight. It closes their connections when ctx ends.
func (s *Server) Stop(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	<-s.done
	return err
}

// Host returns the host and port at which a client on the same machine reaches the server.
func (s *Server) Host() string { return LocalHost(s.addr.String()) }

// LocalHost returns an address as a client on the same machine reaches it: ":8080" becomes "127.0.0.1:8080".
func LocalHost(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
