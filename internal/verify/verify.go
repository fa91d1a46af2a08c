// Package verify tells whether a webhook comes from whom it says: by a signature over its bytes, a credential, or the
// certificate of the connection. It signs by the same rules, so that a source can be tried out. It compares secrets
// in constant time, reads no clock, and tells a reason for the log alone: whoever sends a forged webhook learns
// nothing.
package verify

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"dlqdesk/internal/redact"
)

// Settings say how a source knows that a webhook is genuine. What a scheme does not use is empty: see Scheme.
type Settings struct {
	Scheme  string // the name of one of Schemes; "" is None
	Source  string // whose webhooks they are; tokens that the scheme issues are of use for it alone
	Secrets []redact.Secret

	Header          string // that holds the signature or the token
	Prefix          string // of the value, before the signature or the token
	Encoding        string // of the signature: Hex or Base64
	Algorithm       string // of the HMAC: SHA1, SHA256 or SHA512
	Signed          string // what is signed: literal text, {body}, {ts} and {id}
	TimestampHeader string // {ts}: Unix time in seconds or milliseconds
	IDHeader        string // {id}
	Tolerance       time.Duration
	SecretEncoding  string // Raw, or Base64: the key is what the secret decodes to

	User     string   // of Basic
	ClientID string   // of CXoneBYOC
	URL      string   // of Twilio: the address that the platform calls, without query
	Subjects []string // of MTLS: distinguished names, as RFC 2253 writes them
	SANs     []string // of MTLS: alternative names
}

// Fault is what is wrong with one of the settings.
type Fault struct {
	Key  string // as the configuration names it: secrets[0], signed
	Text string // what would be right; it never repeats a secret
}

func (f Fault) Error() string { return f.Key + " " + f.Text }

// Refusal says why a webhook is not taken for genuine.
type Refusal struct {
	Reason string // for the log: it names headers and times, never a secret or what was sent

	// Expected tells that the platform begins like this: it asks without credentials first, and comes back with them.
	Expected bool
}

func (r *Refusal) Error() string { return r.Reason }

func refused(format string, args ...any) error { return &Refusal{Reason: fmt.Sprintf(format, args...)} }

// Verifier knows the webhooks of one source. Its methods may be called from many goroutines.
type Verifier struct {
	settings Settings
	scheme   scheme
}

// scheme is one way to prove who sent a webhook.
type scheme interface {
	// head checks what can be told before the body is there. The proof that it answers checks the body; nil when
	// nothing is left.
	head(r *http.Request, now time.Time) (proof, error)

	// sign makes a request with that body genuine.
	sign(r *http.Request, body []byte, id string, now time.Time) error
}

type proof func(body []byte) error

// New makes a verifier. Its error joins every Fault of the settings.
func New(s Settings) (*Verifier, error) {
	built, faults := build(s)
	if len(faults) > 0 {
		errs := make([]error, len(faults))
		for i, f := range faults {
			errs[i] = f
		}
		return nil, fmt.Errorf("verify %s: %w", s.Source, errors.Join(errs...))
	}
	return &Verifier{settings: s, scheme: built}, nil
}

// Faults answers everything that is wrong with the settings.
func (s Settings) Faults() []Fault {
	_, faults := build(s)
	return faults
}

// Open tells that every webhook is taken, whoever sent it.
func (s Settings) Open() bool { return s.Scheme == "" || s.Scheme == None }

// Settings answers what the verifier was made of.
func (v *Verifier) Settings() Settings { return v.settings }

// Head checks what can be told before the body is read: whether the headers are there, the time is near, the
// credential is right. What is left to check it answers as a Proof; its error is a *Refusal.
func (v *Verifier) Head(r *http.Request, now time.Time) (Proof, error) {
	p, err := v.scheme.head(r, now)
	return Proof{p}, err
}

// Proof is what a body must stand up to. The zero Proof takes every body.
type Proof struct{ check proof }

// Body checks the exact bytes that came. Its error is a *Refusal.
func (p Proof) Body(body []byte) error {
	if p.check == nil {
		return nil
	}
	return p.check(body)
}

// Sign puts into a request what makes it genuine with this body: headers, or a part of the query. id names the
// delivery for schemes that sign one. The first secret signs. A scheme whose proof is no part of a request, or that
// knows a public key alone, answers an error.
func (v *Verifier) Sign(r *http.Request, body []byte, id string, now time.Time) error {
	return v.scheme.sign(r, body, id, now)
}

// one answers the value of a header that must be there once: of two the one that was checked need not be the one that
// is believed.
func one(h http.Header, name string) (string, error) {
	switch values := h.Values(name); len(values) {
	case 0:
		return "", refused("the header %s is missing", name)
	case 1:
		return values[0], nil
	default:
		return "", refused("the header %s is there %d times", name, len(values))
	}
}

// open takes everything.
type open struct{}

func (open) head(*http.Request, time.Time) (proof, error)        { return nil, nil }
func (open) sign(*http.Request, []byte, string, time.Time) error { return nil }
