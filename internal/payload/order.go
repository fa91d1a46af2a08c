package payload

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"dlqdesk/internal/deadletter"
)

// OrderKey describes where the webhooks of a source name what they are about, such as a conversation. The first place
// that has a text or a number is used; without any place, webhooks have no key.
type OrderKey []KeyPlace

// KeyPlace is a header, or a path in the body.
type KeyPlace struct {
	Header string // "": Path says it
	Path   Path
}

// OrderPresets returns the places at which each platform names the conversation of an event. The shapes are those of
// EventTypePresets.
func OrderPresets() map[string]OrderKey {
	at := func(steps ...string) OrderKey { return OrderKey{{Path: steps}} }
	return map[string]OrderKey{
		"genesys-tutorial":       at("conversation", "id"),
		"genesys-eventbridge":    at("detail", "eventBody", "conversationId"),
		"genesys-open-messaging": at("conversationId"),
		"cxone-dfo":              at("data", "case", "id"),
		"cxone-byoc":             at("thread", "idOnExternalPlatform"),
	}
}

// maxKeySearch is the size of the part of a body that is searched for its key, in bytes.
const maxKeySearch = 64 << 10

// Value returns the value of the key of a webhook; "" if it has none. It reads the first 64 KiB of the body.
func (k OrderKey) Value(h deadletter.Headers, body []byte) string {
	var content []byte
	for _, place := range k {
		if place.Header != "" {
			if value := h.Get(place.Header); value != "" {
				return value
			}
			continue
		}
		if content == nil {
			content = Content(h, body, maxKeySearch)
		}
		if text := place.Path.valueIn(content); text != "" {
			return text
		}
	}
	return ""
}

// decoders are used again, because every webhook that is delivered is searched: a new one costs as much as the search.
var decoders = sync.Pool{New: func() any { return NewDecoder(nil) }}

// valueIn returns the text or number that the path leads to; "" if there is none.
func (p Path) valueIn(content []byte) string {
	dec := decoders.Get().(*jsontext.Decoder)
	dec.Reset(bytes.NewBuffer(content), jsonOptions...)
	kind, text := p.find(dec)
	dec.Reset(noContent) // the pool must not retain a body
	decoders.Put(dec)
	if kind == '"' || kind == '0' {
		return text
	}
	return ""
}

var noContent = bytes.NewReader(nil)

// Of returns the key of a webhook of a source; 0 if it has none. Equal values of two sources are two keys.
func (k OrderKey) Of(source string, h deadletter.Headers, body []byte) deadletter.OrderKey {
	value := k.Value(h, body)
	if value == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(source + "\x00" + value))
	return deadletter.OrderKey(max(1, binary.BigEndian.Uint64(sum[:])>>deadletter.UnusedKeyBits))
}

// Name returns a noun for the thing that the key names. Examples:
//
//	$.conversationId                conversation
//	$.data.case.id                  case
//	$.thread.idOnExternalPlatform   thread
//	header:X-Tenant                 X-Tenant
func (k OrderKey) Name() string {
	switch {
	case len(k) == 0:
		return ""
	case k[0].Header != "":
		return k[0].Header
	}
	steps := k[0].Path
	for len(steps) > 1 && !isNoun(steps[len(steps)-1]) {
		steps = steps[:len(steps)-1]
	}
	last := steps[len(steps)-1]
	for _, ending := range []string{"Id", "ID", "_id", "-id"} {
		if noun, ok := strings.CutSuffix(last, ending); ok && noun != "" {
			return noun
		}
	}
	return last
}

// isNoun reports whether a step of a path names a thing: an index does not, nor does id or idOnExternalPlatform.
func isNoun(step string) bool {
	if _, err := strconv.Atoi(step); err == nil {
		return false
	}
	rest, ok := strings.CutPrefix(strings.ToLower(step), "id")
	return !ok || rest != "" && unicode.IsLower(rune(step[2]))
}

// Places returns the places of the key as a configuration has them.
func (k OrderKey) Places() []string {
	list := make([]string, len(k))
	for i, place := range k {
		if list[i] = "$." + strings.Join(place.Path, "."); place.Header != "" {
			list[i] = "header:" + place.Header
		}
	}
	return list
}
