package redact

import (
	"slices"
	"strings"

	"dlqdesk/internal/deadletter"
)

// Headers returns a copy of the headers with the values of secret ones replaced by Mask. extra names further secret
// headers.
func Headers(h deadletter.Headers, extra ...string) deadletter.Headers {
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

// IsSecretHeader reports whether a header's value must be masked wherever it is shown: credentials, cookies and
// signatures, and the headers that extra names.
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

// HeaderLock returns why a person may not edit a header, or "" if they may.
func HeaderLock(name string, extra ...string) string {
	switch lower := strings.ToLower(name); {
	case deadletter.IsHopByHop(lower) || deadletter.IsRequestHeader(lower):
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

// EditHeaders returns the headers after an edit: the locked headers of h, and the other headers of edited. It returns
// Invalid for a name or a value that HTTP does not allow.
func EditHeaders(h, edited deadletter.Headers, extra ...string) (deadletter.Headers, error) {
	c := deadletter.Headers{}
	for name, values := range h {
		if HeaderLock(name, extra...) != "" {
			c[name] = slices.Clone(values)
		}
	}
	for name, values := range edited.Canonical() {
		if HeaderLock(name, extra...) != "" {
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
		return deadletter.Errorf(deadletter.Invalid, "%q is not a header name: use a-z, 0-9 and hyphens", name)
	}
	for _, v := range values {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return deadletter.Errorf(deadletter.Invalid,
				"the value of header %s has a control character: remove it", name)
		}
	}
	return nil
}

// notTokenRune follows the token rule of RFC 9110 section 5.6.2.
func notTokenRune(r rune) bool {
	isAlphanumeric := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !isAlphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
