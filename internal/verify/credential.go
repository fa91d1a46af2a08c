package verify

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"dlqdesk/internal/redact"
)

// credential is every scheme that shows a secret itself: Token, Bearer and Basic.
type credential struct {
	header string
	prefix string // of the value; that of an Authorization is the same in capitals
	secret func(s redact.Secret) string
	list   []redact.Secret
}

func newCredential(s Settings) (scheme, []Fault) {
	c := credential{header: s.Header, prefix: s.Prefix, secret: redact.Secret.Reveal, list: s.Secrets}
	var faults []Fault
	switch s.Scheme {
	case Bearer:
		c.header, c.prefix = "Authorization", "Bearer "
	case Basic:
		c.header, c.prefix = "Authorization", "Basic "
		c.secret = func(password redact.Secret) string {
			return base64.StdEncoding.EncodeToString([]byte(s.User + ":" + password.Reveal()))
		}
		if s.User == "" || strings.Contains(s.User, ":") {
			faults = append(faults, Fault{"user", "must be a name without a colon"})
		}
	default:
		if s.Header == "" {
			faults = append(faults, Fault{"header", "must name the header that holds the token"})
		}
	}
	for i, secret := range s.Secrets {
		if text := secret.Reveal(); text == "" || strings.Trim(text, " \t") != text ||
			strings.ContainsFunc(text, isControl) {
			faults = append(
				faults,
				Fault{
					fmt.Sprintf("secrets[%d]", i),
					"must be what a header can carry: not empty, in one line, without spaces around it",
				},
			)
		}
	}
	return c, faults
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// head is all of the check: what is sent says nothing of the body.
func (c credential) head(r *http.Request, _ time.Time) (proof, error) {
	value, err := one(r.Header, c.header)
	if err != nil {
		return nil, err
	}
	if len(value) < len(c.prefix) || !c.begins(value[:len(c.prefix)]) {
		return nil, refused("the header %s holds no credential of this scheme", c.header)
	}
	// Hashes are compared, so that not even the length of a secret can be told by the time it takes.
	sent, genuine := sha256.Sum256([]byte(value[len(c.prefix):])), 0
	for _, s := range c.list {
		want := sha256.Sum256([]byte(c.secret(s)))
		genuine |= subtle.ConstantTimeCompare(sent[:], want[:])
	}
	if genuine != 1 {
		return nil, refused("the credential in %s is not one of this source", c.header)
	}
	return nil, nil
}

func (c credential) begins(prefix string) bool {
	if c.header == "Authorization" {
		return strings.EqualFold(prefix, c.prefix)
	}
	return prefix == c.prefix
}

func (c credential) sign(r *http.Request, _ []byte, _ string, _ time.Time) error {
	r.Header.Set(c.header, c.prefix+c.secret(c.list[0]))
	return nil
}

// certificate is mutual TLS: the listener has verified the certificate against its authorities.
type certificate struct{ subjects, sans []string }

func (c certificate) head(r *http.Request, _ time.Time) (proof, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil, refused("the connection shows no certificate that tls.client_ca_file vouches for")
	}
	leaf := r.TLS.VerifiedChains[0][0]
	if len(c.subjects)+len(c.sans) == 0 || slices.Contains(c.subjects, leaf.Subject.String()) ||
		slices.ContainsFunc(namesOf(leaf), c.named) {
		return nil, nil
	}
	return nil, refused("the certificate of the connection is another's: %q", leaf.Subject.String())
}

// named compares without regard to case, as DNS does.
func (c certificate) named(name string) bool {
	return slices.ContainsFunc(c.sans, func(want string) bool { return strings.EqualFold(want, name) })
}

func namesOf(leaf *x509.Certificate) []string {
	names := slices.Concat(leaf.DNSNames, leaf.EmailAddresses)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	for _, u := range leaf.URIs {
		names = append(names, u.String())
	}
	return names
}

func (certificate) sign(*http.Request, []byte, string, time.Time) error {
	return errors.New("the certificate of the connection is the proof: there is nothing to sign in the request")
}
