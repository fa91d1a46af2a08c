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

// credential is a scheme that sends the secret itself: Token, Bearer or Basic.
type credential struct {
	header string
	prefix string // of the value; in Authorization its case does not matter
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
			faults = append(faults, Fault{"header", "must name the header with the token"})
		}
	}
	for i, secret := range s.Secrets {
		text := secret.Reveal()
		if text == "" || strings.Trim(text, " \t") != text || strings.ContainsFunc(text, isControl) {
			key := fmt.Sprintf("secrets[%d]", i)
			faults = append(faults, Fault{key, "must fit a header: not empty, one line, no spaces around it"})
		}
	}
	return c, faults
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// head is the whole check: a credential does not depend on the body.
func (c credential) head(r *http.Request, _ time.Time) (bodyCheck, error) {
	value, err := singleHeader(r.Header, c.header)
	if err != nil {
		return nil, err
	}
	if len(value) < len(c.prefix) || !c.begins(value[:len(c.prefix)]) {
		return nil, refused("the header %s contains no credential of this scheme", c.header)
	}
	if indexOfSecret(value[len(c.prefix):], c.list, c.secret) < 0 {
		return nil, refusedAs(Mismatch, "the credential in %s is not one of this source", c.header)
	}
	return nil, nil
}

// indexOfSecret returns the index of the secret that written turns into the sent text; -1 if there is none. It compares
// hashes, so that the time does not depend on the length of a secret.
func indexOfSecret(sent string, secrets []redact.Secret, written func(redact.Secret) string) int {
	hash, index := sha256.Sum256([]byte(sent)), -1
	for i, s := range secrets {
		want := sha256.Sum256([]byte(written(s)))
		index = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(hash[:], want[:]), i, index)
	}
	return index
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

func (c certificate) head(r *http.Request, _ time.Time) (bodyCheck, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil, refusedAs(Missing, "the connection has no client certificate of an authority in tls.client_ca_file")
	}
	leaf := r.TLS.VerifiedChains[0][0]
	if len(c.subjects)+len(c.sans) == 0 || slices.Contains(c.subjects, leaf.Subject.String()) ||
		slices.ContainsFunc(namesOf(leaf), c.accepts) {
		return nil, nil
	}
	return nil, refusedAs(Mismatch, "the certificate of the connection has another subject: %q", leaf.Subject.String())
}

// accepts reports whether a name is configured. Case does not matter, as in DNS.
func (c certificate) accepts(name string) bool {
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
	return errors.New("the client certificate verifies the sender: there is nothing to sign in the request")
}
