package delivery

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxErrorText bounds an error text, in characters.
const maxErrorText = 500

// errorText returns the error of an error response in one line: the text that its body has for people, or else the
// text of the status, such as "Unprocessable Entity". It does not repeat the status code.
func errorText(code int, body []byte) string {
	status := http.StatusText(code)
	if text := oneLine(textForPeople(body, status)); text != "" {
		return text
	}
	return cmp.Or(status, fmt.Sprintf("HTTP status %d", code))
}

// textForPeople finds the error text in a body: in JSON under the usual names, in HTML in the title. It ignores a text
// that only repeats the status.
func textForPeople(body []byte, status string) string {
	text := bytes.TrimSpace(body)
	if len(text) == 0 {
		return ""
	}
	switch {
	case text[0] == '{' || text[0] == '[':
		var document any
		if json.Unmarshal(text, &document) != nil {
			document, _ = decodeCut(json.NewDecoder(bytes.NewReader(text)))
		}
		return textIn(document, status, 0)
	case text[0] == '<':
		return titleOf(text)
	case json.Valid(text):
		var sentence string
		_ = json.Unmarshal(text, &sentence) // a number or a boolean is no text
		return sentence
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return string(line)
}

// decodeCut decodes as much of a JSON value as is there: the stored part of a response may end within it.
func decodeCut(dec *json.Decoder) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return decodeCutObject(dec)
	case json.Delim('['):
		return decodeCutList(dec)
	}
	return token, nil
}

func decodeCutObject(dec *json.Decoder) (map[string]any, error) {
	fields := map[string]any{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return fields, err
		}
		key, _ := name.(string)
		value, err := decodeCut(dec)
		fields[key] = value
		if err != nil {
			return fields, err
		}
	}
	_, err := dec.Token()
	return fields, err
}

func decodeCutList(dec *json.Decoder) ([]any, error) {
	var list []any
	for dec.More() {
		value, err := decodeCut(dec)
		list = append(list, value)
		if err != nil {
			return list, err
		}
	}
	_, err := dec.Token()
	return list, err
}

// textNames are the usual names of an error text, the most helpful first. The problem document of RFC 9457 has detail
// and title.
var textNames = []string{
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

// textIn finds the error text in a JSON value. It prefers a sentence to a code such as invalid_request.
func textIn(document any, status string, depth int) string {
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
			return textIn(v[0], status, depth+1)
		}
	case map[string]any:
		word := ""
		for _, name := range textNames {
			text := textIn(v[name], status, depth+1)
			if strings.Contains(strings.TrimSpace(text), " ") {
				return text
			}
			word = cmp.Or(word, text)
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

// oneLine makes foreign text safe to show in one line: valid UTF-8, no control characters, not too long.
func oneLine(text string) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	if utf8.RuneCountInString(text) <= maxErrorText {
		return text
	}
	return string([]rune(text)[:maxErrorText-1]) + "…"
}
