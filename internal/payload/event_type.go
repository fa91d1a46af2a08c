package payload

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"dlqdesk/internal/deadletter"
)

// EventTypePresets returns the paths at which each platform writes the type of an event. The first path that leads to a
// text is used. The shapes are those of the platforms' documentation: Genesys Cloud's webhook tutorial,
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

// AnyEventType returns the paths for a source without a configured event type: all paths of the presets, the most
// specific first.
func AnyEventType() []Path {
	return []Path{{"eventType"}, {"detail-type"}, {"events", "0", "eventType"}, {"type"}, {"messageContent", "type"}}
}

const (
	// maxTypeSearch is the size of the part of a body that is searched for its type, in bytes.
	maxTypeSearch = 64 << 10

	maxEventType = 100 // characters

	// maxValueSearch is the size of the part of a body in another encoding that is searched for a value, in bytes.
	maxValueSearch = 1 << 20
)

// EventType returns the event type of a body: the text at the first of the paths that leads to one; "" if none does.
func EventType(h deadletter.Headers, body []byte, paths []Path) string {
	return Decode(h, body, maxTypeSearch).EventType(paths)
}

// EventType is the function EventType for a decoded body.
func (t Text) EventType(paths []Path) string {
	if t.Kind == Binary {
		return ""
	}
	for _, p := range paths {
		if kind, text := p.find(NewDecoder(t.Bytes)); kind == '"' && text != "" {
			return shortLine(text, maxEventType)
		}
	}
	return ""
}

// ValueAt returns the text or number that a path leads to in a body; "" if there is none.
func ValueAt(h deadletter.Headers, body []byte, p Path) string {
	text := Decode(h, body, maxValueSearch)
	if text.Cut && text.IsUTF8() {
		text.Bytes = body
	}
	if kind, text := p.find(NewDecoder(text.Bytes)); kind == '"' || kind == '0' {
		return text
	}
	return ""
}

// find reads the document up to the end of the path, and returns the value there. It returns kind 0 if there is none.
func (p Path) find(dec *jsontext.Decoder) (kind jsontext.Kind, text string) {
	token, err := dec.ReadToken()
	switch {
	case err != nil:
		return 0, ""
	case len(p) == 0:
		return token.Kind(), token.String()
	case token.Kind() == '{':
		return p.inObject(dec)
	case token.Kind() == '[':
		return p.inList(dec)
	}
	return 0, ""
}

func (p Path) inObject(dec *jsontext.Decoder) (kind jsontext.Kind, text string) {
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			break
		}
		if name.String() == p[0] {
			return p[1:].find(dec)
		}
		if dec.SkipValue() != nil {
			break
		}
	}
	return 0, ""
}

func (p Path) inList(dec *jsontext.Decoder) (kind jsontext.Kind, text string) {
	n, err := strconv.Atoi(p[0])
	if err != nil {
		return 0, ""
	}
	for ; n > 0 && dec.PeekKind() != ']'; n-- {
		if dec.SkipValue() != nil {
			return 0, ""
		}
	}
	return p[1:].find(dec) // nothing, at the end of the list
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
