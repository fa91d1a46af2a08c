package server_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"dlqdesk/internal/server"
)

func TestClientAddress(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32"),
		netip.MustParsePrefix("2001:db8:1::/48"),
	}
	type headers = http.Header
	for name, c := range map[string]struct {
		peer    string
		headers headers
		want    string
	}{
		"no headers":             {"10.0.0.1:5000", nil, "10.0.0.1"},
		"one client":             {"10.0.0.1:5000", headers{"X-Forwarded-For": {"203.0.113.7"}}, "203.0.113.7"},
		"peer not trusted":       {"192.0.2.1:5000", headers{"X-Forwarded-For": {"203.0.113.7"}}, "192.0.2.1"},
		"Forwarded, not trusted": {"192.0.2.1:5000", headers{"Forwarded": {"for=203.0.113.7"}}, "192.0.2.1"},
		"claimed by the client": {
			"10.0.0.1:5000", headers{"X-Forwarded-For": {"10.9.9.9, 198.51.100.1, 203.0.113.7"}}, "203.0.113.7",
		},
		"garbage claimed by the client": {
			"10.0.0.1:5000", headers{"X-Forwarded-For": {"' or 1=1, 203.0.113.7"}}, "203.0.113.7",
		},
		"proxies in between": {
			"10.0.0.1:5000", headers{"X-Forwarded-For": {"1.1.1.1, 203.0.113.7, 10.0.0.3,127.0.0.1"}}, "203.0.113.7",
		},
		"several headers": {
			"10.0.0.1:5000",
			headers{"X-Forwarded-For": {"1.1.1.1", "203.0.113.7, 10.0.0.3", "10.0.0.2"}},
			"203.0.113.7",
		},
		"trusted ones alone": {"10.0.0.1:5000", headers{"X-Forwarded-For": {"10.0.0.9, 10.0.0.3"}}, "10.0.0.9"},
		"with a port":        {"10.0.0.1:5000", headers{"X-Forwarded-For": {"203.0.113.7:4711"}}, "203.0.113.7"},
		"IPv6":               {"10.0.0.1:5000", headers{"X-Forwarded-For": {"2001:db8::7"}}, "2001:db8::7"},
		"IPv6 in brackets":   {"10.0.0.1:5000", headers{"X-Forwarded-For": {"[2001:db8::7]"}}, "2001:db8::7"},
		"IPv6 with a port":   {"10.0.0.1:5000", headers{"X-Forwarded-For": {"[2001:db8::7]:443"}}, "2001:db8::7"},
		"IPv6 with a zone":   {"10.0.0.1:5000", headers{"X-Forwarded-For": {"fe80::1%eth0"}}, "fe80::1"},
		"IPv6 proxies":       {"[2001:db8:1::1]:80", headers{"X-Forwarded-For": {"::ffff:203.0.113.7"}}, "203.0.113.7"},
		"IPv4 written as IPv6": {
			"[::ffff:10.0.0.1]:80", headers{"X-Forwarded-For": {"203.0.113.7"}}, "203.0.113.7",
		},
		"malformed":        {"10.0.0.1:5000", headers{"X-Forwarded-For": {"203.0.113.7, unknown"}}, "10.0.0.1"},
		"malformed behind": {"10.0.0.1:5000", headers{"X-Forwarded-For": {"203.0.113.7, x, 10.0.0.2"}}, "10.0.0.1"},
		"empty":            {"10.0.0.1:5000", headers{"X-Forwarded-For": {""}}, "10.0.0.1"},
		"empty element":    {"10.0.0.1:5000", headers{"X-Forwarded-For": {"203.0.113.7,"}}, "10.0.0.1"},
		"a name":           {"10.0.0.1:5000", headers{"X-Forwarded-For": {"client.example"}}, "10.0.0.1"},
		"Forwarded": {
			"10.0.0.1:5000",
			headers{"Forwarded": {"for=203.0.113.7;proto=https;by=10.0.0.1"}},
			"203.0.113.7",
		},
		"Forwarded, quoted": {
			"10.0.0.1:5000", headers{"Forwarded": {`proto=https; For="[2001:db8::7]:4711"`}}, "2001:db8::7",
		},
		"Forwarded, several": {
			"10.0.0.1:5000",
			headers{"Forwarded": {`for="a,b;for=9.9.9.9"`, "for=203.0.113.7, for=10.0.0.2"}},
			"203.0.113.7",
		},
		"Forwarded, escaped quote": {
			"10.0.0.1:5000", headers{"Forwarded": {`for="x\", for=9.9.9.9", for=203.0.113.7`}}, "203.0.113.7",
		},
		"Forwarded, hidden":  {"10.0.0.1:5000", headers{"Forwarded": {"for=_hidden"}}, "10.0.0.1"},
		"Forwarded, unknown": {"10.0.0.1:5000", headers{"Forwarded": {"for=unknown"}}, "10.0.0.1"},
		"Forwarded, no for":  {"10.0.0.1:5000", headers{"Forwarded": {"proto=https"}}, "10.0.0.1"},
		"both agree": {
			"10.0.0.1:5000",
			headers{"Forwarded": {"for=203.0.113.7"}, "X-Forwarded-For": {"203.0.113.7"}},
			"203.0.113.7",
		},
		"the client adds the other header": {
			"10.0.0.1:5000", headers{"Forwarded": {"for=9.9.9.9"}, "X-Forwarded-For": {"203.0.113.7"}}, "10.0.0.1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			h := server.ClientAddr(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				host, _, err := net.SplitHostPort(r.RemoteAddr)
				if err != nil {
					t.Errorf("%q: %v", r.RemoteAddr, err)
				}
				got = host
			}), trusted)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
			r.RemoteAddr, r.Header = c.peer, c.headers
			h.ServeHTTP(httptest.NewRecorder(), r)
			if got != c.want {
				t.Errorf("the client is %s, want %s", got, c.want)
			}
		})
	}
}
