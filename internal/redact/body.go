package redact

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

// Text returns the text of a body with its secret values replaced by Mask, and whether there were any. No other byte
// changes. text is what payload.Decode returns: fields of forms are members of a JSON object.
func (r *Rules) Text(text []byte) (shown []byte, masked bool) {
	hits, _ := r.find(text)
	return masks(text, hits), len(hits) > 0
}

// masks returns a text with the hits replaced by Mask.
func masks(text []byte, hits []hit) []byte {
	if len(hits) == 0 {
		return text
	}
	return replaceHits(text, hits, func(h hit) string { return h.mask() })
}

func (h hit) mask() string { return h.quote + Mask + h.quote }

func replaceHits(text []byte, hits []hit, with func(hit) string) []byte {
	var out bytes.Buffer
	last := 0
	for _, h := range hits {
		out.Write(text[last:h.start])
		out.WriteString(with(h))
		last = h.end
	}
	out.Write(text[last:])
	return out.Bytes()
}

// Body is Text for a body as it was received, with the headers that say how it is written. It returns a body without
// secret values as it is.
func (r *Rules) Body(headers deadletter.Headers, body []byte) (shown []byte, masked bool) {
	content := contentOf(headers, body)
	if shown, masked = r.Text(content); masked {
		return shown, true
	}
	return r.raw(content, body)
}

// raw returns a body whose content has no secret value. Where its headers lied about its encoding, its bytes may.
func (r *Rules) raw(content, body []byte) (shown []byte, masked bool) {
	if bytes.Equal(content, body) {
		return body, false
	}
	hits := r.findLoose(body)
	return masks(body, hits), len(hits) > 0
}

// Masked returns the names of the values that Body masks, each once.
func (r *Rules) Masked(headers deadletter.Headers, body []byte) (names []string) {
	hits, _ := r.find(contentOf(headers, body))
	for _, h := range hits {
		if !slices.Contains(names, h.name) {
			names = append(names, h.name)
		}
	}
	return names
}

// MaskedNames returns the names of all values of a request that are masked: fields, headers and query parameters.
func (r *Rules) MaskedNames(headers deadletter.Headers, query string, body []byte) (names []string) {
	names = r.Masked(headers, body)
	for _, name := range headers.Names() {
		if r.IsSecretHeader(name) {
			names = append(names, name)
		}
	}
	for part := range strings.SplitSeq(query, "&") {
		raw, _, _ := strings.Cut(part, "=")
		if name, err := url.QueryUnescape(raw); err == nil && r.IsSecretHeader(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Error returns an error text in which secret values are replaced by Mask: those after a name of the rules and, in the
// forms that programs write, those after a default name. Secrets that the text repeats without a name are hidden by
// Secrets.
func (r *Rules) Error(text string) string { return r.line(text, true) }

// Note returns a text that a person wrote, in which the values after secret names are replaced by Mask.
func (r *Rules) Note(text string) string { return r.line(text, false) }

func (r *Rules) line(text string, isError bool) string {
	if !strings.ContainsAny(text, "=:<") {
		return text
	}
	f := r.orDefault().newFinder()
	f.all = false
	f.loose(layer{text: []byte(text), quote: `"`}, 0, isError)
	return string(masks([]byte(text), f.sorted()))
}

// field returns the value of a query parameter with secret values in it replaced by Mask: those of a form or of JSON.
func (r *Rules) field(value string) string {
	if !strings.ContainsAny(value, "%=:") {
		return value
	}
	if hits := r.findLoose(plain([]byte(value))); len(hits) > 0 {
		return Mask
	}
	return value
}

// Restore returns the edited text of a body with each Mask replaced by the value that it hides in base. It returns
// Invalid if it cannot know which value that is.
func (r *Rules) Restore(edited, base []byte) ([]byte, error) {
	known, isJSON := r.find(base)
	if len(known) == 0 {
		return edited, nil
	}
	hits := r.findEdited(edited, known)
	if !isJSON {
		hits = r.findLoose(edited) // as the base was masked
	}
	secrets, places := map[uint64][]string{}, map[uint64]int{}
	for _, h := range known {
		secrets[h.key] = append(secrets[h.key], string(base[h.start:h.end]))
	}
	for _, h := range hits {
		places[h.key]++
	}
	seen := map[uint64]int{}
	restored := replaceHits(edited, hits, func(h hit) string {
		n := seen[h.key]
		seen[h.key]++
		// If entries of a list were added or removed, it is unknown to which the value belongs.
		value := string(edited[h.start:h.end])
		if value != h.mask() || places[h.key] != len(secrets[h.key]) {
			return value
		}
		return secrets[h.key][n]
	})
	if bytes.Count(restored, []byte(Mask)) > bytes.Count(base, []byte(Mask)) ||
		payload.Valid(edited) && !payload.Valid(restored) {
		return nil, deadletter.Errorf(deadletter.Invalid,
			"a masked value cannot be put back where its %s is now: leave it where it was, or write the value",
			Mask)
	}
	return restored, nil
}

// SearchText returns the text to index for a body, without the secret values. head is its beginning.
func (r *Rules) SearchText(headers deadletter.Headers, head []byte) string {
	text, _ := r.Searched(headers, head)
	return payload.SearchText(text)
}

// Searched returns the part of a body that is searched, without the secret values, and whether it is the whole body.
// head is its beginning.
func (r *Rules) Searched(headers deadletter.Headers, head []byte) (text []byte, whole bool) {
	t := payload.DecodeHead(headers, head, payload.MaxSearched)
	if t.Kind == payload.Binary {
		return nil, true
	}
	text, _ = r.Text(t.Bytes)
	return text, len(t.Bytes) < payload.MaxSearched && len(head) < payload.SearchedHead
}

// Shape returns the shape of a decoded body without its secret values, and the content in which they are masked. The
// shape is nil if the content is not whole.
func (r *Rules) Shape(t payload.Text) (*payload.Shape, []byte) {
	t.Bytes, _ = r.Text(t.Bytes)
	return payload.ShapeOf(t, Mask), t.Bytes
}

// Wire returns a body in the encoding in which it came, with its secret values replaced by Mask, and whether there were
// any. A body that cannot be written in its encoding again is returned as text. whole is false if the body expands to
// more than limit bytes, which are searched for secrets; shown is its first part then.
func (r *Rules) Wire(headers deadletter.Headers, body []byte, limit int) (shown []byte, masked, whole bool) {
	t := payload.Decode(headers, body, limit)
	text, masked := r.Text(t.Bytes)
	switch {
	case t.Cut:
		return text, masked, false
	case !masked:
		shown, masked = r.raw(t.Bytes, body)
		return shown, masked, true
	}
	if encoded, err := t.Encode(text); err == nil {
		return encoded, true, true
	}
	return text, true, true
}

// Open returns a revision as a recipe may see it whose result is shown: without secret headers, and with a body that is
// masked as Wire does it. masked reports whether the body had secret values, or is too large to know. Of such a body
// nothing is left.
func (r *Rules) Open(revision deadletter.Revision) (open deadletter.Revision, masked bool) {
	body, masked, whole := r.Wire(revision.Headers, revision.Body, contentLimit(revision.Body))
	if !whole {
		body, masked = nil, true
	}
	revision.Headers, revision.Body = r.OpenHeaders(revision.Headers), body
	return revision, masked
}

const (
	// maxExpanded bounds the text of a body that expands, in bytes. A body that does not is read whole.
	maxExpanded = 4 << 20

	// maxEchoed is the part of a body whose secrets are known in other texts, in bytes.
	maxEchoed = 256 << 10
)

func contentLimit(body []byte) int { return max(len(body), maxExpanded) }

// contentOf returns the text of a body, whatever its encoding.
func contentOf(headers deadletter.Headers, body []byte) []byte {
	return payload.Decode(headers, body, contentLimit(body)).Bytes
}
