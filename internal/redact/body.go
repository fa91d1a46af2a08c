package redact

import (
	"bytes"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

const maskedValue = `"` + Mask + `"`

// Body returns the body with the values at the paths replaced by Mask, and whether there were any. No other byte
// changes. In a body that is not valid JSON, the text after the last name of a path is masked.
func Body(body []byte, paths []payload.Path) ([]byte, bool) {
	if len(paths) == 0 {
		return body, false
	}
	spans := payload.Find(body, paths)
	return payload.Replace(body, spans, func(payload.Span) []byte { return []byte(maskedValue) }), len(spans) > 0
}

// Restore returns the edited body with each Mask replaced by the value that it hides in base. It returns Invalid if it
// cannot know which value that is.
func Restore(edited, base []byte, paths []payload.Path) ([]byte, error) {
	known := payload.Find(base, paths)
	if len(known) == 0 {
		return edited, nil
	}
	spans := payload.Find(edited, paths)
	if !payload.Valid(base) {
		spans = payload.FindByName(edited, paths) // as the base was masked
	}
	secrets, places := map[string][][]byte{}, map[string]int{}
	for _, s := range known {
		secrets[s.Key] = append(secrets[s.Key], base[s.Start:s.End])
	}
	for _, s := range spans {
		places[s.Key]++
	}
	seen := map[string]int{}
	restored := payload.Replace(edited, spans, func(s payload.Span) []byte {
		n := seen[s.Key]
		seen[s.Key]++
		// If entries of a list were added or removed, it is unknown to which the value belongs.
		if value := edited[s.Start:s.End]; string(value) != maskedValue || places[s.Key] != len(secrets[s.Key]) {
			return value
		}
		return secrets[s.Key][n]
	})
	if bytes.Count(restored, []byte(Mask)) > bytes.Count(base, []byte(Mask)) ||
		payload.Valid(edited) && !payload.Valid(restored) {
		return nil, deadletter.Errorf(deadletter.Invalid,
			"a masked value cannot be put back where its %s is now: leave it where it was, or write the value",
			Mask)
	}
	return restored, nil
}

// SearchText returns the text of a body to index for the search, without the values at the paths.
func SearchText(body []byte, paths []payload.Path) string {
	shown, _ := Body(payload.SearchHead(body), paths)
	return payload.SearchText(shown)
}
