package redact

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"dlqdesk/internal/deadletter"
)

// Headers returns a copy of the headers with the values of secret ones replaced by Mask.
func (r *Rules) Headers(h deadletter.Headers) deadletter.Headers {
	c := h.Clone()
	for name, values := range c {
		if !r.IsSecretHeader(name) {
			continue
		}
		for i := range values {
			values[i] = Mask
		}
	}
	return c
}

// OpenHeaders returns a copy of the headers without the secret ones.
func (r *Rules) OpenHeaders(h deadletter.Headers) deadletter.Headers {
	c := h.Clone()
	maps.DeleteFunc(c, func(name string, _ []string) bool { return r.IsSecretHeader(name) })
	return c
}

// Query returns a raw query string with the values of secret parameters replaced by Mask.
func (r *Rules) Query(query string) string {
	if query == "" {
		return ""
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		raw, value, has := strings.Cut(part, "=")
		name, err := url.QueryUnescape(raw)
		switch {
		case !has:
		case err != nil || r.IsSecretHeader(name):
			parts[i] = raw + "=" + Mask
		default:
			parts[i] = raw + "=" + r.field(value)
		}
	}
	return strings.Join(parts, "&")
}

// URL returns an address with its user information and the values of its query replaced by Mask: all of these may be
// the credentials of a destination.
func URL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return Mask
	}
	if u.User != nil {
		u.User = url.User("MASK")
	}
	var parts []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		if name, _, has := strings.Cut(part, "="); has {
			part = name + "=" + Mask
		} else if part != "" {
			part = Mask
		}
		parts = append(parts, part)
	}
	u.RawQuery = strings.Join(parts, "&")
	return strings.Replace(u.String(), "//MASK@", "//"+Mask+"@", 1)
}

// Address returns an address without user information and query, which may be the credentials of a destination.
func Address(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String()
}

// Host returns the host of an address, with its port if it has one; "" if there is none.
func Host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// IsSignature reports whether a header has the signature of a platform, or its time.
func IsSignature(name string) bool {
	lower := strings.ToLower(name)
	return strings.Contains(lower, "signature") || strings.Contains(lower, "hmac") || lower == "webhook-timestamp"
}

// HeaderLock returns why a person may not edit a header, or "" if they may.
func (r *Rules) HeaderLock(name string) string {
	switch lower := strings.ToLower(name); {
	case deadletter.IsHopByHop(lower) || deadletter.IsRequestHeader(lower):
		return "belongs to one connection"
	case lower == "accept-encoding":
		return "says what dlqdesk can read"
	case lower == "webhook-id" || lower == "traceparent" || lower == "x-dlqdesk-attempt":
		return "identifies the delivery"
	case IsSignature(name):
		return "signature of the platform"
	case r.IsSecretHeader(lower):
		return "credential"
	}
	return ""
}

// EditHeaders returns the headers after an edit: the locked headers of h, and the other headers of edited. It returns
// Invalid for a name or a value that HTTP does not allow.
func (r *Rules) EditHeaders(h, edited deadletter.Headers) (deadletter.Headers, error) {
	c := deadletter.Headers{}
	for name, values := range h {
		if r.HeaderLock(name) != "" {
			c[name] = slices.Clone(values)
		}
	}
	for name, values := range edited.Canonical() {
		if r.HeaderLock(name) != "" {
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
	if !httpguts.ValidHeaderFieldName(name) {
		return deadletter.Errorf(deadletter.Invalid, "%q is not a header name: use a-z, 0-9 and hyphens", name)
	}
	for _, v := range values {
		if !httpguts.ValidHeaderFieldValue(v) {
			return deadletter.Errorf(deadletter.Invalid,
				"the value of header %s has a control character: remove it", name)
		}
	}
	return nil
}
