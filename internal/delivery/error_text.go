package delivery

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strconv"
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
func errorText(code int, body payload.Text) string {
	status := cmp.Or(http.StatusText(code), fmt.Sprintf("HTTP status %d", code))
	text := ""
	if body.Kind != payload.Binary {
		text = oneLine(textForPeople(body.Bytes, code))
	}
	if text = cmp.Or(text, status); body.Fault != "" {
		return oneLine(text + ". " + body.Fault)
	}
	return text
}

// textForPeople finds the error text in a body: in JSON under the usual names, in HTML in the title or the first
// paragraphs. It ignores a text that only repeats the status.
func textForPeople(body []byte, code int) string {
	text := bytes.TrimSpace(body)
	if len(text) == 0 {
		return ""
	}
	switch {
	case text[0] == '<':
		return textOfPage(text, code)
	case text[0] == '{' || text[0] == '[' || payload.Valid(text):
		// A cut document may have its text before the cut.
		found, _ := findText(payload.NewDecoder(text), http.StatusText(code), 0)
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

// pageTexts match the elements of a page that may hold its error, the best first.
var pageTexts = []*regexp.Regexp{
	regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`),
	regexp.MustCompile(`(?is)<h1[^>]*>(.*?)</h1>`),
	regexp.MustCompile(`(?is)<pre[^>]*>(.*?)</pre>`), // of Express
	regexp.MustCompile(`(?is)<p(?:\s[^>]*)?>(.*?)(?:</p>|$)`),
}

var (
	noText    = regexp.MustCompile(`(?is)<script.*?</script>|<style.*?</style>|<!--.*?-->|<\?.*?\?>|<!doctype[^>]*>`)
	tag       = regexp.MustCompile(`<[^>]*>`)
	usualWord = regexp.MustCompile(`(?i)\b(error|http|status|code)\b|[\pP\pS\s]+`)
)

// textOfPage returns the error text in HTML or XML.
func textOfPage(page []byte, code int) string {
	page = noText.ReplaceAll(page, []byte(" "))
	isPage := false
	for _, pattern := range pageTexts {
		var parts []string
		for _, found := range pattern.FindAllSubmatch(page, -1) {
			parts = append(parts, withoutTags(found[1]))
		}
		isPage = isPage || len(parts) > 0
		if text := strings.Join(parts, " "); !repeatsStatus(text, code) {
			return text
		}
	}
	if text := withoutTags(page); !isPage && !repeatsStatus(text, code) {
		return text
	}
	return ""
}

func withoutTags(text []byte) string {
	return html.UnescapeString(string(tag.ReplaceAll(text, []byte(" "))))
}

// repeatsStatus reports whether a text says no more than its status: "Error 502: Bad Gateway".
func repeatsStatus(text string, code int) bool {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	for _, known := range []string{strings.ToLower(http.StatusText(code)), strconv.Itoa(code)} {
		if known != "" {
			text = strings.ReplaceAll(text, known, " ")
		}
	}
	return usualWord.ReplaceAllString(text, "") == ""
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
