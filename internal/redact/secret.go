package redact

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a value that is compared or signs, and is never shown: fmt, slog and encoding/json write Mask in its place.
type Secret struct {
	From string // where it was read: env:NAME or file:PATH; "" when it was made here
	// value is a pointer because reflection prints only its address, where fmt cannot call the methods of Secret.
	value *string
}

// NewSecret makes a secret of a value.
func NewSecret(from, value string) Secret { return Secret{From: from, value: &value} }

// Reveal returns the value itself, to compare or sign with it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// String is Mask.
func (Secret) String() string { return Mask }

// Format writes Mask whatever the verb and its flags are.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Mask) }

// LogValue is Mask.
func (Secret) LogValue() slog.Value { return slog.StringValue(Mask) }

// MarshalText writes Mask, in JSON and XML as well.
func (Secret) MarshalText() ([]byte, error) { return []byte(Mask), nil }

// MarshalJSON writes Mask.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + Mask + `"`), nil }
