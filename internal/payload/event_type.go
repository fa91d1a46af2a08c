package payload

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
)

// EventTypePresets are where the platforms write the type of an event, by name. Of several paths the first that leads
// to a text counts. The shapes are those of the platforms' documentation: Genesys Cloud's webhook tutorial,
// EventBridge integration and Open Messaging, and CXone's Digital events and BYOC channels.
func EventTypePresets() map[string][]Path {
	return map[string][]Path{
		"genesys-tutorial":       {{"eventType"}},
		"genesys-eventbridge":    {{"detail-type"}},
		"genesys-open-messaging": {{"events", "0", "eventType"}, {"type"}},
		"cxone-dfo":              {{"eventType"}},
		"cxone-byoc":             {{"messageContent", "type"}},
	}
}

// AnyEventType is what is looked for where nothing is configured: every place of the presets, the more telling ones
// first.
func AnyEventType() []Path {
	return []Path{{"eventType"}, {"detail-type"}, {"events", "0", "eventType"}, {"type"}, {"messageContent", "type"}}
}

const (
	// maxTypeSearch is how far into a body its type is looked for, in bytes.
	maxTypeSearch = 64 << 10

	maxEventType = 100 // characters
)

// EventType answers what the body of a webhook says it is, by the first of the paths that leads to a text; "" where
// none does.
func EventType(body []byte, paths []Path) string {
	body = body[:min(len(body), maxTypeSearch)]
	for _, p := range paths {
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.UseNumber()
		if text, ok := p.find(dec).(string); ok && text != "" {
			return shortLine(text, maxEventType)
		}
	}
	return ""
}

// ValueAt answers the text or number that a path leads to in a JSON body; "" where there is none.
func ValueAt(body []byte, p Path) string {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	switch value := p.find(dec).(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	}
	return ""
}

// find reads as far as the path leads. A document that ends before, or is none, has nothing there.
func (p Path) find(dec *json.Decoder) json.Token {
	token, err := dec.Token()
	if err != nil {
		return nil
	}
	switch {
	case len(p) == 0:
		return token
	case token == json.Delim('{'):
		return p.inObject(dec)
	case token == json.Delim('['):
		return p.inList(dec)
	}
	return nil
}

func (p Path) inObject(dec *json.Decoder) json.Token {
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil
		}
		if name == p[0] {
			return p[1:].find(dec)
		}
		if !skip(dec) {
			return nil
		}
	}
	return nil
}

func (p Path) inList(dec *json.Decoder) json.Token {
	n, err := strconv.Atoi(p[0])
	if err != nil {
		return nil
	}
	for ; n > 0 && dec.More(); n-- {
		if !skip(dec) {
			return nil
		}
	}
	if !dec.More() {
		return nil
	}
	return p[1:].find(dec)
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
