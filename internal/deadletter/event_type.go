package deadletter

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
)

// EventTypePresets are where the platforms write the type of an event, by name. Of several paths the first that leads to a text counts.
// The shapes are those of the platforms' documentation: Genesys Cloud's webhook tutorial, EventBridge integration and Open Messaging,
// and CXone's Digital events and BYOC channels.
func EventTypePresets() map[string][]Path {
	return map[string][]Path{
		"genesys-tutorial":       {{"eventType"}},
		"genesys-eventbridge":    {{"detail-type"}},
		"genesys-open-messaging": {{"events", "0", "eventType"}, {"type"}},
		"cxone-dfo":              {{"eventType"}},
		"cxone-byoc":             {{"messageContent", "type"}},
	}
}

// AnyEventType is what is looked for where nothing is configured: every place of the presets, the more telling ones first.
func AnyEventType() []Path {
	return []Path{{"eventType"}, {"detail-type"}, {"events", "0", "eventType"}, {"type"}, {"messageContent", "type"}}
}

const (
	// maxTypeSearch is how far into a body its type is looked for, in bytes.
	maxTypeSearch = 64 << 10

	maxEventType = 100 // characters
)

// EventType answers what the body of a webhook says it is, by the first of the paths that leads to a text; "" where none does.
func EventType(body []byte, paths []Path) string {
	body = body[:min(len(body), maxTypeSearch)]
	for _, p := range paths {
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.UseNumber()
		if text, ok := p.text(dec); ok {
			return shortLine(text, maxEventType)
		}
	}
	return ""
}

// text reads as far as the path leads. A document that ends before, or is none, has nothing there.
func (p Path) text(dec *json.Decoder) (string, bool) {
	token, err := dec.Token()
	if err != nil {
		return "", false
	}
	switch {
	case len(p) == 0:
		text, ok := token.(string)
		return text, ok && text != ""
	case token == json.Delim('{'):
		return p.inObject(dec)
	case token == json.Delim('['):
		return p.inList(dec)
	}
	return "", false
}

func (p Path) inObject(dec *json.Decoder) (string, bool) {
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return "", false
		}
		if name == p[0] {
			return p[1:].text(dec)
		}
		if !skip(dec) {
			return "", false
		}
	}
	return "", false
}

func (p Path) inList(dec *json.Decoder) (string, bool) {
	n, err := strconv.Atoi(p[0])
	if err != nil {
		return "", false
	}
	for ; n > 0 && dec.More(); n-- {
		if !skip(dec) {
			return "", false
		}
	}
	if !dec.More() {
		return "", false
	}
	return p[1:].text(dec)
}

func skip(dec *json.Decoder) bool {
	var value json.RawMessage
	return dec.Decode(&value) == nil
}

// shortLine makes a text fit to be shown in a line: no control characters, and not too long.
func shortLine(text string, most int) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	clean = strings.Join(strings.Fields(clean), " ")
	if runes := []rune(clean); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return clean
}
