package verify

import (
	"net/http"
	"slices"
	"time"
)

// resignMargin is subtracted from the age that a signature may have: a delivery takes time to reach its handler.
const resignMargin = time.Minute

// SignatureAge returns how long after its signing a webhook can be delivered with the signature that it came with. It
// goes by the tolerance that handlers have if nothing else is said, or by the shorter one of the source. 0: for ever.
func (s Settings) SignatureAge() time.Duration {
	if !s.Signs() || s.Window() == 0 {
		return 0
	}
	return max(time.Second, min(s.Window(), DefaultTolerance)-resignMargin)
}

// Signs reports whether the scheme signs bodies. A credential in a header fits every body at every time, and a client
// certificate is not passed on.
func (s Settings) Signs() bool {
	named, _ := Named(s.Scheme)
	return named.Uses("resign")
}

// resigner is a scheme whose signatures go out of date.
type resigner interface {
	scheme

	// fresh reports whether a request has a signature that was made less than that long ago; 0: at any time.
	fresh(h http.Header, now time.Time, age time.Duration) bool
}

// Resign signs a delivery anew by the first secret, if the settings say so and a handler that verifies would refuse the
// signature that came with the webhook: because the webhook was edited, because its signed time is too long ago, or
// because it has none. The id that is signed stays as it is.
func (v *Verifier) Resign(r *http.Request, body []byte, edited bool, now time.Time) error {
	s, ok := v.scheme.(resigner)
	if !v.settings.Resign || !ok || !edited && s.fresh(r.Header, now, v.settings.SignatureAge()) {
		return nil
	}
	return s.sign(r, body, "", now)
}

func (s signature) fresh(h http.Header, now time.Time, age time.Duration) bool {
	if value := h.Get(s.header); value == "" || !s.timed() {
		return value != ""
	}
	items, err := s.items(h)
	if err != nil {
		return false
	}
	written, err := s.timestamp(h, items)
	at, ok := parseTime(written)
	return err == nil && ok && now.Sub(at) < age
}

func (t twilio) fresh(h http.Header, _ time.Time, _ time.Duration) bool { return h.Get(t.header) != "" }

// aliased is a scheme whose headers have two sets of names, or a header of old. Every signature that a webhook has must
// fit, because the handler may believe either. Those of legacy headers prove nothing.
type aliased struct {
	names  []signature
	legacy []signature
}

// newSigned returns a scheme with a rule of its own.
func newSigned(named Scheme, s Settings) (scheme, []Fault) {
	built, faults := newSignature(named.rule, s)
	first, ok := built.(signature)
	if !ok || len(faults) > 0 {
		return built, faults
	}
	all := aliased{names: []signature{first}}
	under := func(r rule) []signature {
		if r.header == "" {
			return nil
		}
		built, _ := newSignature(r, s)
		other, _ := built.(signature)
		return []signature{other}
	}
	all.names, all.legacy = append(all.names, under(named.alias)...), under(named.legacy)
	return all, nil
}

// present returns the signatures whose header a request has; the first if it has none.
func (a aliased) present(h http.Header) []signature {
	there := slices.DeleteFunc(slices.Clone(a.names), func(s signature) bool { return len(h.Values(s.header)) == 0 })
	if len(there) == 0 {
		return a.names[:1]
	}
	return there
}

func (a aliased) head(r *http.Request, now time.Time) (bodyCheck, error) {
	var checks []bodyCheck
	for _, s := range a.present(r.Header) {
		check, err := s.head(r, now)
		if err != nil {
			return nil, err
		}
		checks = append(checks, check)
	}
	return func(body []byte) error {
		for _, check := range checks {
			if err := check(body); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func (a aliased) fresh(h http.Header, now time.Time, age time.Duration) bool {
	return !slices.ContainsFunc(a.present(h), func(s signature) bool { return !s.fresh(h, now, age) })
}

// sign signs under the names that a request has already, and under the first otherwise.
func (a aliased) sign(r *http.Request, body []byte, id string, now time.Time) error {
	for _, s := range a.present(r.Header) {
		if err := s.sign(r, body, id, now); err != nil {
			return err
		}
	}
	for _, s := range a.legacy {
		if r.Header.Get(s.header) == "" {
			continue
		}
		if err := s.sign(r, body, id, now); err != nil {
			return err
		}
	}
	return nil
}
