package delivery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxReason bounds an error reason, in characters.
const maxReason = 500

// rejection says in one line what a destination answered, with its own words where it has some.
func rejection(code int, body []byte) string {
	status := http.StatusText(code)
	said := oneLine(message(body, status))
	if said == "" {
		said = status
	}
	if said == "" {
		return fmt.Sprintf("The handler answered %d", code)
	}
	return oneLine(fmt.Sprintf("The handler answered %d: %s", code, said))
}

// message finds what an error body says to a person: in JSON by the names that are common for it, in HTML by its
// title. What only repeats the status says nothing.
func message(body []byte, status string) string {
	text := bytes.TrimSpace(body)
	if len(text) == 0 {
		return ""
	}
	switch {
	case text[0] == '{' || text[0] == '[':
		var document any
		if json.Unmarshal(text, &document) != nil {
			document, _ = begun(json.NewDecoder(bytes.NewReader(text)))
		}
		return messageIn(document, status, 0)
	case text[0] == '<':
		return titleOf(text)
	case json.Valid(text):
		var said string
		_ = json.Unmarshal(text, &said) // what is no string says nothing
		return said
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return string(line)
}

// begun reads as much of a JSON value as is there: an answer may be longer than what is kept of it.
func begun(dec *json.Decoder) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return begunObject(dec)
	case json.Delim('['):
		return begunList(dec)
	}
	return token, nil
}

func begunObject(dec *json.Decoder) (map[string]any, error) {
	fields := map[string]any{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return fields, err
		}
		key, _ := name.(string)
		value, err := begun(dec)
		fields[key] = value
		if err != nil {
			return fields, err
		}
	}
	_, err := dec.Token()
	return fields, err
}

func begunList(dec *json.Decoder) ([]any, error) {
	var list []any
	for dec.More() {
		value, err := begun(dec)
		list = append(list, value)
		if err != nil {
			return list, err
		}
	}
	_, err := dec.Token()
	return list, err
}

// messageNames are in the order of what helps most; the problem document of RFC 9457 has detail and title.
var messageNames = []string{
	"error",
	"message",
	"detail",
	"error_description",
	"description",
	"title",
	"reason",
	"errors",
	"error_message",
	"msg",
	"code",
}

const maxNesting = 4

// messageIn prefers a sentence to a word such as invalid_request.
func messageIn(document any, status string, depth int) string {
	if depth > maxNesting {
		return ""
	}
	switch v := document.(type) {
	case string:
		if !strings.EqualFold(strings.TrimSpace(v), status) {
			return v
		}
	case []any:
		if len(v) > 0 {
			return messageIn(v[0], status, depth+1)
		}
	case map[string]any:
		word := ""
		for _, name := range messageNames {
			said := messageIn(v[name], status, depth+1)
			if strings.Contains(strings.TrimSpace(said), " ") {
				return said
			}
			if word == "" {
				word = said
			}
		}
		return word
	}
	return ""
}

var (
	title   = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	heading = regexp.MustCompile(`(?is)<h1[^>]*>(.*?)</h1>`)
	tag     = regexp.MustCompile(`<[^>]*>`)
)

func titleOf(page []byte) string {
	for _, pattern := range []*regexp.Regexp{title, heading} {
		if found := pattern.FindSubmatch(page); found != nil {
			return html.UnescapeString(tag.ReplaceAllString(string(found[1]), " "))
		}
	}
	return ""
}

// oneLine makes text from outside safe to show in one line: valid, without control characters, not too long.
func oneLine(text string) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	if utf8.RuneCountInString(text) <= maxReason {
		return text
	}
	return string([]rune(text)[:maxReason-1]) + "…"
}
