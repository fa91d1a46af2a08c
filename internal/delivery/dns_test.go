package delivery_test

import (
	"context"
	"net"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

// nameServer is one that answers each question with a code of RFC 1035 section 4.1.1, or not at all.
func nameServer(t *testing.T, code byte, silent bool) (address string) {
	t.Helper()
	var lc net.ListenConfig
	conn, err := lc.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		question := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(question)
			if err != nil {
				return
			}
			if silent {
				continue
			}
			question[2], question[3] = 0x81, 0x80|code // a response, with recursion
			_, _ = conn.WriteTo(question[:n], from)
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return conn.LocalAddr().String()
}

// resolver asks a server until the test ends. Otherwise an abandoned lookup goes on for seconds.
func resolver(t *testing.T, server string) *net.Resolver {
	t.Helper()
	test := t.Context()
	dialer := net.Dialer{Resolver: &net.Resolver{}} // or it would read the one that is replaced
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		conn, err := dialer.DialContext(test, "udp", server)
		if err == nil {
			context.AfterFunc(test, func() { _ = conn.Close() })
		}
		return conn, err
	}}
}

// The timeout of the connection includes the lookup of the name. All tests share the resolver, so this one cannot be
// parallel.
func TestFaultsOfDNS(t *testing.T) { //nolint:paralleltest // it replaces net.DefaultResolver
	const serverFailure, noSuchName = 2, 3
	for name, c := range map[string]struct {
		server string
		reason string
	}{
		"slow": {nameServer(t, 0, true), "DNS: no answer about handler.example.internal. within 250ms"},
		"broken": {
			nameServer(t, serverFailure, false),
			"DNS: the address of handler.example.internal. could not be looked up",
		},
		"no such name": {nameServer(t, noSuchName, false), "DNS: no such host handler.example.internal."},
	} {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // it replaces net.DefaultResolver
			before := net.DefaultResolver
			t.Cleanup(func() { net.DefaultResolver = before })
			net.DefaultResolver = resolver(t, c.server)
			there := to("http://handler.example.internal./hook") // the dot keeps domains of this machine out
			there.Connect = impatience
			started := time.Now()
			a := setup(t).Send(t.Context(), there, request("x", nil))
			if a.Outcome != deadletter.Unreachable || a.Error != c.reason || time.Since(started) > 20*impatience {
				t.Errorf("after %s: %+v", time.Since(started), a)
			}
		})
	}
}
