package verify

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// signature is a scheme that signs by a rule.
type signature struct {
	rule
	parts     []part
	keys      []key
	tolerance time.Duration
}

// maxSignatures is the limit of signatures in one webhook. Platforms send two while a secret is rotated.
const maxSignatures = 16

func newSignature(r rule, s Settings) (scheme, []Fault) {
	faults := r.faults()
	if len(faults) > 0 {
		return nil, faults
	}
	parts, err := parseTemplate(r.signed)
	if err != nil {
		return nil, []Fault{{"signed", err.Error()}}
	}
	keys, faults := newKeys(r, s.Secrets)
	if s.Resign && len(faults) == 0 && len(keys) > 0 {
		if _, err := keys[0].sign(content{}); err != nil {
			faults = append(faults, Fault{"secrets[0]", "must be a private key (whsk_), because resign is set"})
		}
	}
	return signature{rule: r, parts: parts, keys: keys, tolerance: cmp.Or(s.Tolerance, DefaultTolerance)}, faults
}

func (s signature) head(r *http.Request, now time.Time) (bodyCheck, error) {
	items, err := s.items(r.Header)
	if err != nil {
		return nil, err
	}
	if len(items) > maxSignatures {
		return nil, refused("the header %s has more than %d items", s.header, maxSignatures)
	}
	c := content{parts: s.parts}
	if c.ts, err = s.timestamp(r.Header, items); err != nil {
		return nil, err
	}
	if err := s.checkTime(c.ts, now); err != nil {
		return nil, err
	}
	if s.idHeader != "" {
		if c.id, err = singleHeader(r.Header, s.idHeader); err != nil {
			return nil, err
		}
	}
	candidates := s.candidates(items)
	if len(candidates) == 0 {
		return nil, refused("the header %s contains no signature of this scheme", s.header)
	}
	return func(body []byte) error {
		c.body = body
		return s.check(c, candidates)
	}, nil
}

// items returns the items of the header with the signature. If it may have several, they may be on several lines, which
// are one list (RFC 9110 section 5.3). Each is of the same text, so the destination may believe any that fits.
func (s signature) items(h http.Header) ([]string, error) {
	lines := h.Values(s.header)
	if s.separators == "" || len(lines) == 0 {
		value, err := singleHeader(h, s.header)
		return []string{value}, err
	}
	isSeparator := func(r rune) bool { return strings.ContainsRune(s.separators, r) }
	var items []string
	for _, line := range lines {
		for item := range strings.FieldsFuncSeq(line, isSeparator) {
			if item = strings.Trim(item, " \t"); item != "" {
				items = append(items, item)
			}
		}
	}
	return items, nil
}

// timestamp returns the text of the signed time; "" if the scheme signs none.
func (s signature) timestamp(h http.Header, items []string) (string, error) {
	if s.timestampHeader != "" {
		return singleHeader(h, s.timestampHeader)
	}
	if s.timestampPrefix == "" {
		return "", nil
	}
	var times []string
	for _, item := range items {
		if at, ok := strings.CutPrefix(item, s.timestampPrefix); ok {
			times = append(times, at)
		}
	}
	if len(times) != 1 {
		return "", refused("the header %s contains %d times instead of one", s.header, len(times))
	}
	return times[0], nil
}

// checkTime refuses a signed time that differs from ours by more than the tolerance.
func (s signature) checkTime(written string, now time.Time) error {
	if !s.timed() {
		return nil
	}
	at, ok := parseTime(written)
	if !ok {
		return refused("the signed time is no Unix time")
	}
	if off := now.Sub(at); off > s.tolerance || off < -s.tolerance {
		return refusedAs(Stale, "the signed time is %s from ours, which is over %s", off.Truncate(time.Second),
			s.tolerance)
	}
	return nil
}

// fromMillis is the lowest number that is read as milliseconds: in seconds it would be the year 5138.
const fromMillis = 100_000_000_000

func parseTime(text string) (time.Time, bool) {
	const digits = len("9999999999999")
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || len(text) > digits {
		return time.Time{}, false
	}
	if n >= fromMillis {
		return time.UnixMilli(int64(n)), true //nolint:gosec // it has 13 digits at most
	}
	return time.Unix(int64(n), 0), true //nolint:gosec // as above
}

// candidate is a received signature with its prefix.
type candidate struct {
	prefix string
	bytes  []byte
}

func (s signature) candidates(items []string) []candidate {
	var list []candidate
	seen := map[string]bool{}
	for _, k := range s.keys {
		if seen[k.prefix()] {
			continue
		}
		seen[k.prefix()] = true
		for _, item := range items {
			text, ok := strings.CutPrefix(item, k.prefix())
			if decoded := s.decode(text); ok && len(decoded) > 0 {
				list = append(list, candidate{k.prefix(), decoded})
			}
		}
	}
	return list
}

func (s signature) check(c content, candidates []candidate) error {
	genuine := false
	for _, k := range s.keys {
		check := k.checker(c)
		for _, sent := range candidates {
			if sent.prefix == k.prefix() && check(sent.bytes) {
				genuine = true
			}
		}
	}
	if !genuine {
		return refusedAs(Mismatch, "no secret of this source fits the signature in %s", s.header)
	}
	return nil
}

func (s signature) sign(r *http.Request, body []byte, id string, now time.Time) error {
	c := content{parts: s.parts, id: cmp.Or(id, r.Header.Get(s.idHeader), r.Header.Get("Webhook-Id")), body: body}
	if s.timed() {
		c.ts = strconv.FormatInt(now.Unix(), 10)
	}
	made, err := s.keys[0].sign(c)
	if err != nil {
		return err
	}
	value := s.keys[0].prefix() + s.encode(made)
	if s.timestampPrefix != "" {
		value = s.timestampPrefix + c.ts + s.separators[:1] + value
	}
	r.Header.Set(s.header, value)
	if s.timestampHeader != "" {
		r.Header.Set(s.timestampHeader, c.ts)
	}
	if s.idHeader != "" {
		r.Header.Set(s.idHeader, c.id)
	}
	return nil
}
