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

// Get returns the first value of a header, or "".
func (h Headers) Get(name string) string { return textproto.MIMEHeader(h).Get(name) }

// Names returns the header names in order.
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

// Canonical returns the headers with every name in the canonical form; values of names that differ only in case are
// joined.
func (h Headers) Canonical() Headers {
	c := make(Headers, len(h))
	for _, name := range h.Names() {
		key := textproto.CanonicalMIMEHeaderKey(name)
		c[key] = append(c[key], h[name]...)
	}
	return c
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

// IsHopByHop reports whether a header belongs to one connection and is never passed on.
func IsHopByHop(name string) bool {
	return slices.ContainsFunc(hopByHop, func(h string) bool { return strings.EqualFold(h, name) })
}

// EndToEnd returns the headers without hop-by-hop ones, those that Connection names, and Host and Content-Length, which
// every request makes anew.
func (h Headers) EndToEnd() Headers {
	c := make(Headers, len(h))
	for name, values := range h {
		if !IsHopByHop(name) && !IsRequestHeader(name) {
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

// IsRequestHeader reports whether every request makes the header anew: Host and Content-Length.
func IsRequestHeader(name string) bool {
	return strings.EqualFold(name, "Host") || strings.EqualFold(name, "Content-Length")
}
