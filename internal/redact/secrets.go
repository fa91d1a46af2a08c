package redact

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

// Secrets are the secret values of one request, without escapes. They must be masked where a text repeats them.
type Secrets [][]byte

// minSecret is the shortest value that is masked in other texts, and minPart the shortest part of one, in bytes.
// Shorter ones, such as a number of two digits, occur everywhere.
const (
	minSecret = 4
	minPart   = 6
)

// Secrets returns the secrets of a request: the values of its secret headers and parameters, whole and in their parts,
// the secret values of its body, and the secrets of the configuration.
func (r *Rules) Secrets(headers deadletter.Headers, query string, body []byte) Secrets {
	r = r.orDefault()
	s := slices.Clone(r.known)
	for name, values := range headers {
		if r.IsSecretHeader(name) {
			for _, value := range values {
				s.addParts(value)
			}
		}
	}
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		if r.IsSecretHeader(name) {
			s.addParts(value)
		} else {
			s.addHits(r.findLoose(plain([]byte(value))))
		}
	}
	hits, _ := r.find(payload.Content(headers, body, maxEchoed))
	s.addHits(hits)
	s.sort()
	return s
}

// sort puts the longest first, so that Hide looks at the beginning of the longest first, and drops repetitions.
func (s *Secrets) sort() {
	slices.SortFunc(*s, func(a, b []byte) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return bytes.Compare(a, b)
	})
	*s = slices.CompactFunc(*s, bytes.Equal)
}

func (s *Secrets) add(value string, least int) {
	text := bytes.TrimSpace(foldedText([]byte(value)))
	if len(text) < least || len(bytes.Trim(bytes.ReplaceAll(text, []byte(Mask), nil), ` "'`)) == 0 {
		return
	}
	*s = append(*s, text)
}

func (s *Secrets) addHits(hits []hit) {
	for _, h := range hits {
		s.addJSON(h.value)
		for _, value := range h.within {
			s.addJSON(value)
		}
	}
}

// addParts adds the value of a header or parameter and its parts: `Bearer TOKEN`, `a=ONE; b=TWO`, `sha256=HASH`, and
// user and password of `Basic …`.
func (s *Secrets) addParts(value string) {
	s.add(value, minSecret)
	parts := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" ;,", r) })
	for i, part := range parts {
		if _, after, ok := strings.Cut(part, "="); ok && strings.Trim(after, `="`) != "" {
			s.add(strings.Trim(after, `"`), minPart)
		} else if i > 0 { // the first may be a scheme
			s.add(part, minPart)
		}
		s.addBasic(part)
	}
}

// addBasic adds the user and password that RFC 7617 writes as base64, and the password alone.
func (s *Secrets) addBasic(credentials string) {
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(credentials, "="))
	if err != nil {
		return
	}
	if _, password, ok := strings.Cut(string(decoded), ":"); ok && isText(decoded) {
		s.add(string(decoded), minSecret)
		s.add(password, minSecret)
	}
}

// addJSON adds the texts and numbers of a value, or the value itself if it is not JSON.
func (s *Secrets) addJSON(value []byte) {
	dec := payload.NewDecoder(value)
	for {
		token, err := dec.ReadToken()
		if err != nil {
			break
		}
		if kind := token.Kind(); kind == '"' || kind == '0' {
			s.addParts(token.String())
		}
	}
	if !payload.Valid(value) {
		s.add(strings.Trim(string(value), `"'`), minSecret)
	}
}

// Hide returns the text with every secret replaced by Mask, however it is written: percent-encoded, escaped for JSON or
// HTML, as base64 or in hexadecimal. If the text was cut, the beginning of a secret at its end is replaced too.
func (s Secrets) Hide(text []byte, cut bool) []byte { return newHider(s).hide(text, cut) }

func (h *hider) hide(text []byte, cut bool) []byte {
	if len(h.secrets) == 0 || len(text) == 0 || h.ruleOut(text, cut) {
		return text
	}
	exact := spell(text)
	folded := exact.folded()
	var hidden []interval
	for _, secret := range h.secrets {
		hidden = folded.occurrences(hidden, secret)
	}
	hidden = h.encoded(hidden, exact, cut)
	if cut {
		hidden = h.secrets.atEnd(hidden, folded, len(text))
	}
	return replaceAll(text, hidden)
}

// interval is a part of the original text.
type interval struct{ start, end int }

func (s spelled) occurrences(list []interval, secret []byte) []interval {
	for from := 0; ; {
		i := bytes.Index(s.text[from:], secret)
		if i < 0 {
			return list
		}
		start := from + i
		list = append(list, interval{int(s.at[start]), int(s.at[start+len(secret)])})
		from = start + len(secret)
	}
}

// contained reports whether a text has a secret or, at the end of a text that was cut, the beginning of one.
func (s Secrets) contained(text []byte, cut bool) bool {
	folded := foldedBytes(text)
	return slices.ContainsFunc(s, func(secret []byte) bool {
		return bytes.Contains(folded, secret) || cut && beginningAtEnd(folded, secret) > 0
	})
}

// beginningAtEnd returns the length of the beginning of a secret that a text ends with; 0 if it is too short to tell.
func beginningAtEnd(text, secret []byte) int {
	for n := min(len(secret)-1, len(text)); n >= minSecret; n-- {
		if bytes.HasSuffix(text, secret[:n]) {
			return n
		}
	}
	return 0
}

// encoded adds the runs of base64 and hexadecimal digits with a secret in them.
func (h *hider) encoded(list []interval, text spelled, cut bool) []interval {
	h.decodings(text.text, cut, func(decoded []byte, start, end int) (done bool) {
		if !h.mayBeIn(decoded) || !h.secrets.contained(decoded, cut && end == len(text.text)) {
			return false
		}
		for end < len(text.text) && text.text[end] == '=' { // the end of base64
			end++
		}
		list = append(list, interval{int(text.at[start]), int(text.at[end])})
		return true
	})
	return list
}

// atEnd adds the beginning of a secret at the end of a text that was cut, possibly within an escape.
func (s Secrets) atEnd(list []interval, text spelled, size int) []interval {
	ends := []int{len(text.text)}
	for i := len(text.text) - 1; i >= 0 && i > len(text.text)-maxEntity; i-- {
		if c := text.text[i]; c == '%' || c == '\\' || c == '&' {
			ends = append(ends, i)
		}
	}
	for _, end := range ends {
		for _, secret := range s {
			if n := beginningAtEnd(text.text[:end], secret); n > 0 {
				return append(list, interval{int(text.at[end-n]), size})
			}
		}
	}
	return list
}

// replaceAll replaces the intervals of a text by Mask, those that touch or overlap by one.
func replaceAll(text []byte, list []interval) []byte {
	if len(list) == 0 {
		return text
	}
	slices.SortFunc(list, func(a, b interval) int { return a.start - b.start })
	var out []byte
	last := 0
	for i := 0; i < len(list); {
		start, end := list[i].start, list[i].end
		for i++; i < len(list) && list[i].start <= end; i++ {
			end = max(end, list[i].end)
		}
		out = append(append(out, text[last:start]...), Mask...)
		last = end
	}
	return append(out, text[last:]...)
}

// HideText is Hide for a text in one line, which may end with an ellipsis where it was cut.
func (s Secrets) HideText(text string) string { return newHider(s).hideText(text) }

func (h *hider) hideText(text string) string {
	const ellipsis = "…"
	if whole, cut := strings.CutSuffix(text, ellipsis); cut {
		return string(h.hide([]byte(whole), true)) + ellipsis
	}
	return string(h.hide([]byte(text), false))
}

// HideIn masks the secrets in the response and the error of an attempt.
func (s Secrets) HideIn(a *deadletter.Attempt) {
	if len(s) == 0 {
		return
	}
	h := newHider(s)
	a.Error = h.hideText(a.Error)
	a.ResponseBody = h.hide(a.ResponseBody, a.ResponseCut)
	var headers deadletter.Headers
	for name, values := range a.ResponseHeaders {
		for i, value := range values {
			if hidden := h.hideText(value); hidden != value {
				if headers == nil {
					headers = a.ResponseHeaders.Clone()
				}
				headers[name][i] = hidden
			}
		}
	}
	if headers != nil {
		a.ResponseHeaders = headers
	}
}

// Join returns the secrets of several requests.
func Join(list ...Secrets) Secrets {
	all := slices.Concat(list...)
	all.sort()
	return all
}

// HideIn masks the secrets of a webhook in the reasons for which other programs say that it failed, and removes those
// that may be in its destination.
func (r *Rules) HideIn(c *deadletter.Capture) {
	c.Destination = Address(c.Destination)
	if c.Reason == "" && c.FirstAttempt == nil {
		return
	}
	if r.hidThem(c) {
		r.orDefault().known.hideAll(c)
		return
	}
	r.Secrets(c.Headers, c.Query, c.Body).hideAll(c)
	c.Reason = r.Error(c.Reason)
	if c.FirstAttempt != nil {
		c.FirstAttempt.Error = r.Error(c.FirstAttempt.Error)
	}
}

// hidThem reports whether the receiver masked the reasons of a capture by these rules. A program that sent the webhook
// on since then may have given it another reason. The secrets of the configuration may be others by now.
func (r *Rules) hidThem(c *deadletter.Capture) bool {
	return c.FirstAttempt != nil && c.Reason == c.FirstAttempt.Error && c.Masks == r.Name()
}

func (s Secrets) hideAll(c *deadletter.Capture) {
	c.Reason = s.HideText(c.Reason)
	if c.FirstAttempt != nil {
		s.HideIn(c.FirstAttempt)
	}
}
