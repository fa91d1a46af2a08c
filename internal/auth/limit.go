package auth

import (
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/httprate"

	"dlqdesk/internal/deadletter"
)

// How many passwords can be tried in a minute: from one address for one name, and from one address for all names.
const (
	triesPerName = 10
	triesPerAddr = 30
)

func newLimiter(tries int) *httprate.RateLimiter {
	return httprate.NewRateLimiter(
		tries,
		time.Minute,
		httprate.WithResponseHeaders(httprate.ResponseHeaders{RetryAfter: "Retry-After"}),
	)
}

// Throttle counts a try of a password for a name and answers RateLimited, with the header Retry-After set, when there
// were too many.
func (a *Auth) Throttle(w http.ResponseWriter, r *http.Request, name string) error {
	addr := httprate.CanonicalizeIP(Addr(r))
	if a.perAddr.OnLimit(w, r, addr) || a.perName.OnLimit(w, r, addr+" "+strings.ToLower(cut(name))) {
		return deadletter.Errorf(deadletter.RateLimited, "too many tries: wait a minute, then try again")
	}
	return nil
}

// Addr is the address that a request came from, without its port. What a proxy says of it is not believed.
func Addr(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
