// Package verify checks who sent a webhook: by a signature over its bytes, a credential, or the certificate of the
// connection. It responds to the handshakes by which platforms try an address. It signs by the same rules: test
// webhooks, and replays whose signature is out of date. It compares secrets in constant time and reads no clock. Its
// reasons are for the log and the desk: the sender of a forged webhook must not see them.
package verify

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"dlqdesk/internal/redact"
)

// Settings configure the verification of a source. Fields that a scheme does not use are empty: see Scheme.
type Settings struct {
	Scheme  string // the name of one of Schemes; "" is None
	Source  string // its name; an issued token is valid for this source only
	Secrets []redact.Secret

	Header          string // with the signature or the token
	Prefix          string // of the value, before the signature or the token
	Encoding        string // of the signature: Hex or Base64
	Algorithm       string // of the HMAC: SHA1, SHA256 or SHA512
	Signed          string // the signed text: literal text, {body}, {ts} and {id}
	TimestampHeader string // {ts}: Unix time in seconds or milliseconds
	IDHeader        string // {id}
	Tolerance       time.Duration
	SecretEncoding  string // Raw, or Base64: the key is the decoded secret
	Resign          bool   // sign edited and late deliveries anew: see Verifier.Resign

	User     string   // of Basic
	ClientID string   // of CXoneBYOC
	URL      string   // of Twilio: the URL that the platform calls, without query
	Subjects []string // of MTLS: distinguished names, as RFC 2253 writes them
	SANs     []string // of MTLS: alternative names

	Handshake        string // the name of one of Handshakes; "": none
	HandshakeSecrets []redact.Secret
}

// Fault is an invalid setting.
type Fault struct {
	Key  string // as the configuration names it: secrets[0], signed
	Text string // the valid values; it never repeats a secret
}

func (f Fault) Error() string { return f.Key + " " + f.Text }

// Refusal is the reason why a webhook failed verification.
type Refusal struct {
	Reason string // for the log: it names headers and times, never a secret or a sent value

	Kind RefusalKind

	// Expected is set if platforms begin like this: they send a request without credentials first.
	Expected bool
}

func (r *Refusal) Error() string { return r.Reason }

// RefusalKind is the kind of a Refusal; "" where a signature or credential is there and cannot be read.
type RefusalKind string

// The kinds of refusal.
const (
	Missing  RefusalKind = "missing"  // no signature, credential or certificate
	Mismatch RefusalKind = "mismatch" // no secret of the source fits
	Stale    RefusalKind = "stale"    // the signed time is too far from ours
)

func refused(format string, args ...any) error { return refusedAs("", format, args...) }

func refusedAs(kind RefusalKind, format string, args ...any) error {
	return &Refusal{Reason: fmt.Sprintf(format, args...), Kind: kind}
}

// Verifier verifies the webhooks of one source. Its methods are safe for concurrent use.
type Verifier struct {
	settings  Settings
	scheme    scheme
	handshake Handshake
}

// scheme is one way to verify the sender of a webhook.
type scheme interface {
	// head checks the request before its body is read. It returns the check of the body; nil if there is none.
	head(r *http.Request, now time.Time) (bodyCheck, error)

	// sign signs a request with that body. id is that of the webhook; "": the one that the request has.
	sign(r *http.Request, body []byte, id string, now time.Time) error
}

type bodyCheck func(body []byte) error

// New returns a verifier. Its error joins every Fault of the settings.
func New(s Settings) (*Verifier, error) {
	built, faults := build(s)
	if faults = append(faults, s.HandshakeFaults()...); len(faults) > 0 {
		errs := make([]error, len(faults))
		for i, f := range faults {
			errs[i] = f
		}
		return nil, fmt.Errorf("verify %s: %w", s.Source, errors.Join(errs...))
	}
	handshake, _ := HandshakeNamed(s.Handshake)
	return &Verifier{settings: s, scheme: built, handshake: handshake}, nil
}

// Faults returns every fault of the settings, but for those of the handshake.
func (s Settings) Faults() []Fault {
	_, faults := build(s)
	return faults
}

// Open reports whether webhooks are accepted without verification.
func (s Settings) Open() bool { return s.Scheme == "" || s.Scheme == None }

// Settings returns the settings of the verifier.
func (v *Verifier) Settings() Settings { return v.settings }

// CheckHead checks a request before its body is read: headers, the signed time, the credential. It returns the check
// of the body. Its error is a *Refusal.
func (v *Verifier) CheckHead(r *http.Request, now time.Time) (BodyCheck, error) {
	check, err := v.scheme.head(r, now)
	return BodyCheck{check}, err
}

// BodyCheck verifies the body of a webhook. The zero BodyCheck accepts every body.
type BodyCheck struct{ check bodyCheck }

// Check verifies the exact bytes that were received. Its error is a *Refusal.
func (c BodyCheck) Check(body []byte) error {
	if c.check == nil {
		return nil
	}
	return c.check(body)
}

// Sign signs a request with this body by the first secret: it sets headers, or a part of the query. id names the
// delivery for schemes that sign one. It returns an error for a scheme that signs no request, or has only a public key.
func (v *Verifier) Sign(r *http.Request, body []byte, id string, now time.Time) error {
	return v.scheme.sign(r, body, id, now)
}

// singleHeader returns the value of a header that must be there once. Of two values, the destination might believe the
// one that was not checked.
func singleHeader(h http.Header, name string) (string, error) {
	switch values := h.Values(name); len(values) {
	case 0:
		return "", refusedAs(Missing, "the header %s is missing", name)
	case 1:
		return values[0], nil
	default:
		return "", refused("the header %s is there %d times", name, len(values))
	}
}

// open accepts every webhook.
type open struct{}

func (open) head(*http.Request, time.Time) (bodyCheck, error)    { return nil, nil }
func (open) sign(*http.Request, []byte, string, time.Time) error { return nil }
