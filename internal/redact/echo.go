package redact

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

// Rules name the secrets in a source's messages, beyond those that IsSecretHeader knows.
type Rules struct {
	Headers []string
	Paths   []payload.Path
}

// Secrets are the secret values of one request. They must be masked where a destination's response repeats them.
type Secrets [][]byte

// minSecret is the shortest value that is masked in other texts, and minPart the shortest part of one, in bytes.
// Shorter ones, such as a number of two digits, occur everywhere.
const (
	minSecret = 4
	minPart   = 6
)

// SecretsOf returns the secrets of a request: the values of its secret headers and parameters, whole and in their
// parts, and those in its body at the paths of the masks.
func SecretsOf(headers deadletter.Headers, query string, body []byte, m Rules) Secrets {
	var s Secrets
	for name, values := range headers {
		if IsSecretHeader(name, m.Headers...) {
			for _, value := range values {
				s.addParts(value)
			}
		}
	}
	parameters, _ := url.ParseQuery(query) // those that can be read
	for name, values := range parameters {
		if IsSecretHeader(name, m.Headers...) {
			for _, value := range values {
				s.add(value, minSecret)
			}
		}
	}
	if len(m.Paths) > 0 {
		for _, at := range payload.Find(body, m.Paths) {
			s.addJSON(body[at.Start:at.End])
		}
	}
	// The longest come first: after a part of a secret was masked, the rest of it would not be found.
	slices.SortFunc(s, func(a, b []byte) int { return len(b) - len(a) })
	return s
}

func (s *Secrets) add(value string, least int) {
	value = strings.TrimSpace(value)
	if len(value) < least || strings.ReplaceAll(value, Mask, "") == "" {
		return
	}
	*s = append(*s, []byte(value))
	if !strings.ContainsFunc(value, isEscaped) {
		return
	}
	// As it is written within a JSON text.
	if quoted, err := json.Marshal(value); err == nil && string(quoted[1:len(quoted)-1]) != value {
		*s = append(*s, quoted[1:len(quoted)-1])
	}
}

// isEscaped reports whether encoding/json may write a character as an escape.
func isEscaped(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`"\<>&`, r) }

// addParts adds the value of a header and its parts: `Bearer TOKEN`, `a=ONE; b=TWO`, `sha256=HASH`.
func (s *Secrets) addParts(value string) {
	s.add(value, minSecret)
	parts := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" ;,", r) })
	for i, part := range parts {
		if _, after, ok := strings.Cut(part, "="); ok && strings.Trim(after, `="`) != "" {
			s.add(strings.Trim(after, `"`), minPart)
		} else if i > 0 { // the first may be a scheme
			s.add(part, minPart)
		}
	}
}

// addJSON adds the texts and numbers of a value.
func (s *Secrets) addJSON(value []byte) {
	dec := payload.NewDecoder(value)
	for {
		token, err := dec.ReadToken()
		if err != nil {
			break
		}
		if kind := token.Kind(); kind == '"' || kind == '0' {
			s.add(token.String(), minSecret)
		}
	}
	if !payload.Valid(value) {
		s.add(strings.Trim(string(value), `"'`), minSecret)
	}
}

// Hide returns the text with every secret replaced by Mask. If the text was cut, the beginning of a secret at its end
// is replaced too.
func (s Secrets) Hide(text []byte, cut bool) []byte {
	for _, secret := range s {
		if bytes.Contains(text, secret) {
			text = bytes.ReplaceAll(text, secret, []byte(Mask))
		}
	}
	if !cut {
		return text
	}
	for _, secret := range s {
		for n := min(len(secret)-1, len(text)); n >= minSecret; n-- {
			if bytes.HasSuffix(text, secret[:n]) {
				return append(bytes.Clone(text[:len(text)-n]), Mask...)
			}
		}
	}
	return text
}

// HideIn masks the secrets in the response and the error of an attempt.
func (s Secrets) HideIn(a *deadletter.Attempt) {
	if len(s) == 0 {
		return
	}
	a.Error = string(s.Hide([]byte(a.Error), false))
	a.ResponseBody = s.Hide(a.ResponseBody, a.ResponseCut)
	for name, values := range a.ResponseHeaders {
		for i, value := range values {
			if hidden := s.Hide([]byte(value), false); string(hidden) != value {
				values = slices.Clone(values)
				values[i] = string(hidden)
				a.ResponseHeaders[name] = values
			}
		}
	}
}
