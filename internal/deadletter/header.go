package deadletter

import (
	"maps"
	"net/textproto"
	"slices"
	"strings"
)

// Headers are HTTP header fields by canonical name. The underlying type is that of net/http's Header, so that one
// converts to the other without a copy.
type Headers map[string][]string

// Mask is what is shown in place of a secret.
const Mask = "•••"

// Get answers the first value of a header, or "".
func (h Headers) Get(name string) string { return textproto.MIMEHeader(h).Get(name) }

// Names answers the header names in order.
func (h Headers) Names() []string {
	names := slices.AppendSeq(make([]string, 0, len(h)), maps.Keys(h))
	slices.Sort(names)
	return names
}

// Clone copies the headers.
func (h Headers) Clone() Headers {
	c := make(Headers, len(h))
	for name, values := range h {
		c[name] = slices.Clone(values)
	}
	return c
}

// Canonical answers the headers with every name in the canonical form; values of names that differ only in case are
// joined.
func (h Headers) Canonical() Headers {
	c := make(Headers, len(h))
	for _, name := range h.Names() {
		key := textproto.CanonicalMIMEHeaderKey(name)
		c[key] = append(c[key], h[name]...)
	}
	return c
}

// Masked answers the headers with the values of secret ones replaced by Mask; extra names further secret headers.
func (h Headers) Masked(extra ...string) Headers {
	c := h.Clone()
	for name, values := range c {
		if !IsSecretHeader(name, extra...) {
			continue
		}
		for i := range values {
			values[i] = Mask
		}
	}
	return c
}

var secretHeaders = []string{"cookie", "set-cookie", "x-auth"}

var secretParts = []string{
	"signature",
	"hmac",
	"secret",
	"token",
	"jwt",
	"password",
	"passwd",
	"passphrase",
	"api-key",
	"apikey",
	"access-key",
	"accesskey",
	"private-key",
	"subscription-key",
	"functions-key",
	"authorization",
	"credential",
}

// IsSecretHeader tells whether a header's value must be masked wherever it is shown: credentials, cookies,
// signatures, and what the configuration adds.
func IsSecretHeader(name string, extra ...string) bool {
	if slices.ContainsFunc(extra, func(e string) bool { return strings.EqualFold(e, name) }) {
		return true
	}
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	return slices.Contains(secretHeaders, name) || containsAny(name, secretParts)
}

func containsAny(name string, parts []string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(name, part) })
}

// hopByHop are the headers of RFC 9110 section 7.6.1 and its predecessors that speak of one connection only.
var hopByHop = []string{
	"connection",
	"proxy-connection",
	"keep-alive",
	"proxy-authenticate",
	"proxy-authorization",
	"te",
	"trailer",
	"transfer-encoding",
	"upgrade",
}

// IsHopByHop tells whether a header belongs to one connection and is never passed on.
func IsHopByHop(name string) bool {
	return slices.ContainsFunc(hopByHop, func(h string) bool { return strings.EqualFold(h, name) })
}

// EndToEnd answers the headers without hop-by-hop ones, those that Connection names, and Host and Content-Length, which
// every request makes anew.
func (h Headers) EndToEnd() Headers {
	c := make(Headers, len(h))
	for name, values := range h {
		if !IsHopByHop(name) && !ownHeader(name) {
			c[name] = values
		}
	}
	for _, value := range h["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			delete(c, textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)))
		}
	}
	return c
}

func ownHeader(name string) bool {
	return strings.EqualFold(name, "Host") || strings.EqualFold(name, "Content-Length")
}

// Lock answers why a person may not edit a header, or "" when they may.
func Lock(name string, extra ...string) string {
	switch lower := strings.ToLower(name); {
	case IsHopByHop(lower) || ownHeader(lower):
		return "belongs to one connection"
	case lower == "webhook-id" || lower == "traceparent" || lower == "x-dlqdesk-attempt":
		return "identifies the delivery"
	case strings.Contains(lower, "signature") || strings.Contains(lower, "hmac") || lower == "webhook-timestamp":
		return "signature of the platform"
	case IsSecretHeader(lower, extra...):
		return "credential"
	}
	return ""
}

// WithEdited answers the headers after an edit: editable ones are exactly those of edited, locked ones stay as they
// are.
func (h Headers) WithEdited(edited Headers, extra ...string) (Headers, error) {
	c := Headers{}
	for name, values := range h {
		if Lock(name, extra...) != "" {
			c[name] = slices.Clone(values)
		}
	}
	for name, values := range edited.Canonical() {
		if Lock(name, extra...) != "" {
			continue
		}
		if err := checkHeader(name, values); err != nil {
			return nil, err
		}
		c[name] = values
	}
	return c, nil
}

func checkHeader(name string, values []string) error {
	if name == "" || strings.ContainsFunc(name, notTokenRune) {
		return Errorf(Invalid, "%q is not a header name: use messages, digits and hyphens", name)
	}
	for _, v := range values {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return Errorf(Invalid, "the value of header %s has a control character: remove it", name)
		}
	}
	return nil
}

// notTokenRune follows the token rule of RFC 9110 section 5.6.2.
func notTokenRune(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
}
