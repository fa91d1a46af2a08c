package deadletter

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"
	"unicode/utf8"
)

// Headers are HTTP header fields by canonical name. The underlying type is that of net/http's Header, so that one
// converts to the other without a copy.
type Headers map[string][]string

// Get returns the first value of a header, or "".
func (h Headers) Get(name string) string { return textproto.MIMEHeader(h).Get(name) }

// ReadableValue returns the value of a header as text. Bytes that are not UTF-8 are Latin-1, as HTTP once had it:
// `caf\xe9` becomes `café`.
func ReadableValue(value string) string {
	if utf8.ValidString(value) {
		return value
	}
	runes := make([]rune, len(value))
	for i := range len(value) {
		runes[i] = rune(value[i])
	}
	return string(runes)
}

// MarshalJSON writes the headers as an object of lists. Values that are not UTF-8, which JSON cannot carry, are objects
// with the bytes in base64: {"X-Name":["a",{"base64":"Y2Fm6Q=="}]}.
func (h Headers) MarshalJSON() ([]byte, error) {
	if h.isUTF8() {
		return json.Marshal(map[string][]string(h))
	}
	lists := make(map[string][]any, len(h))
	for name, values := range h {
		lists[name] = []any{}
		for _, value := range values {
			if utf8.ValidString(value) {
				lists[name] = append(lists[name], value)
			} else {
				lists[name] = append(lists[name], rawValue{[]byte(value)})
			}
		}
	}
	return json.Marshal(lists)
}

type rawValue struct {
	Base64 []byte `json:"base64"`
}

func (h Headers) isUTF8() bool {
	for _, values := range h {
		if slices.ContainsFunc(values, func(v string) bool { return !utf8.ValidString(v) }) {
			return false
		}
	}
	return true
}

// UnmarshalJSON reads what MarshalJSON writes.
func (h *Headers) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, (*map[string][]string)(h)) == nil {
		return nil
	}
	var lists map[string][]json.RawMessage
	if err := json.Unmarshal(text, &lists); err != nil {
		return err
	}
	*h = make(Headers, len(lists))
	for name, list := range lists {
		(*h)[name] = make([]string, 0, len(list))
		for _, field := range list {
			value, err := unmarshalValue(field)
			if err != nil {
				return fmt.Errorf("header %s: %w", name, err)
			}
			(*h)[name] = append((*h)[name], value)
		}
	}
	return nil
}

func unmarshalValue(field json.RawMessage) (value string, err error) {
	if json.Unmarshal(field, &value) == nil {
		return value, nil
	}
	var raw rawValue
	err = json.Unmarshal(field, &raw)
	return string(raw.Base64), err
}

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
