package payload_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

func TestParsePath(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]payload.Path{
		"$.customer.ssn":     {"customer", "ssn"},
		"$.items[*].token":   {"items", "*", "token"},
		"$.items[0]":         {"items", "0"},
		"$.items[12][*].x":   {"items", "12", "*", "x"},
		"$[*].ssn":           {"*", "ssn"},
		"$.*.ssn":            {"*", "ssn"},
		"$['na.me'].x":       {"na.me", "x"},
		"$.größe.first name": {"größe", "first name"},
	} {
		t.Run(text, func(t *testing.T) {
			if got, err := payload.ParsePath(text); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %q, %v; want %q", text, got, err, want)
			}
		})
	}
	for _, text := range []string{
		"", "$", "customer.ssn", "$customer", ".customer", "$.", "$..ssn", "$.a..b", "$.a.", "$.items[",
		"$.items[]", "$.items[x]", "$.items[-1]", "$.items[+1]",
		"$.items[01]", "$.items[1", "$.items[0]x", "$.items]", "$.items[?(@.a)]", "$['']", "$['a]",
	} {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			p, err := payload.ParsePath(text)
			if deadletter.KindOf(err) != deadletter.Invalid ||
				!strings.Contains(deadletter.TextOf(err), strconv.Quote(text)) {
				t.Errorf("%s: %q, %v; want an Invalid error that quotes it", text, p, err)
			}
		})
	}
}

func TestParseMask(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]payload.Path{
		"$.customer.ssn":   {"customer", "ssn"},
		"$..ssn":           {payload.AnyDepth, "ssn"},
		"$..['s s n']":     {payload.AnyDepth, "s s n"},
		"$.a..b.ssn":       {"a", payload.AnyDepth, "b", "ssn"},
		"$..items[*].code": {payload.AnyDepth, "items", "*", "code"},
	} {
		t.Run(text, func(t *testing.T) {
			if got, err := payload.ParseMask(text); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %q, %v; want %q", text, got, err, want)
			}
		})
	}
	for _, text := range []string{"", "$", "..ssn", "$..", "$...ssn", "ssn", "$.a.."} {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			if p, err := payload.ParseMask(text); deadletter.KindOf(err) != deadletter.Invalid {
				t.Errorf("%s: %q, %v; want Invalid", text, p, err)
			}
		})
	}
}
