package desktest_test

import (
	"net"
	"net/url"
	"testing"
	"time"

	"dlqdesk/internal/desktest"
)

// The SQS server of the tests cannot be reached from other machines.
func TestSQSServerListensOnLoopbackAlone(t *testing.T) {
	t.Parallel()
	at, err := url.Parse(desktest.StartSQS(t))
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	reached := 0
	for _, a := range addresses {
		network, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(
			t.Context(), "tcp", net.JoinHostPort(network.IP.String(), at.Port()),
		)
		if err != nil {
			continue
		}
		_ = conn.Close()
		if reached++; !network.IP.IsLoopback() {
			t.Errorf("it can be reached at %s", network.IP)
		}
	}
	if reached == 0 {
		t.Error("it cannot be reached at all")
	}
}
