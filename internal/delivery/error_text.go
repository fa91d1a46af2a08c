package delivery

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"dlqdesk/internal/payload"
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
	case text[0] == '<':
		return titleOf(text)
	case text[0] == '{' || text[0] == '[' || payload.Valid(text):
		found, _ := findText(payload.NewDecoder(text), status, 0) // a cut document may have its text before the cut
		return found
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return string(line)
}

// textNames are the usual names of an error text, the most helpful first. The problem document of RFC 9457 has detail
// and title.
var textNames = []string{
	"error", "message", "detail", "error_description", "description", "title", "reason", "errors", "error_message",
	"msg", "code",
}

const maxNesting = 4

// findText reads the next JSON value and returns the error text in it. With an error it returns the text before the
// place where the document is cut or wrong.
func findText(dec *jsontext.Decoder, status string, depth int) (string, error) {
	switch kind := dec.PeekKind(); {
	case depth > maxNesting:
	case kind == '"':
		token, err := dec.ReadToken()
		if err != nil || strings.EqualFold(strings.TrimSpace(token.String()), status) {
			return "", err
		}
		return token.String(), nil
	case kind == '[':
		return findInList(dec, status, depth)
	case kind == '{':
		return findInObject(dec, status, depth)
	}
	return "", dec.SkipValue()
}

// findInList returns the text of the first value.
func findInList(dec *jsontext.Decoder, status string, depth int) (text string, err error) {
	if _, err := dec.ReadToken(); err != nil {
		return "", err
	}
	if dec.PeekKind() != ']' {
		text, err = findText(dec, status, depth+1)
	}
	for err == nil && dec.PeekKind() != ']' {
		err = dec.SkipValue()
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	return text, err
}

// findInObject prefers a sentence to a code such as invalid_request.
func findInObject(dec *jsontext.Decoder, status string, depth int) (string, error) {
	texts := map[string]string{}
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != '}' {
		var name jsontext.Token
		if name, err = dec.ReadToken(); err == nil {
			key := name.String()
			texts[key], err = findText(dec, status, depth+1)
		}
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	word := ""
	for _, name := range textNames {
		text := texts[name]
		if strings.Contains(strings.TrimSpace(text), " ") {
			return text, err
		}
		word = cmp.Or(word, text)
	}
	return word, err
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
