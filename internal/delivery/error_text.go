package delivery

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"slices"
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
	text := ""
	if body.Kind != payload.Binary {
		text = oneLine(textForPeople(body.Bytes, code))
	}
	if text == "" {
		text = cmp.Or(http.StatusText(code), fmt.Sprintf("HTTP status %d", code))
	}
	if body.Fault != "" {
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
		found, err := findText(payload.NewDecoder(text), http.StatusText(code), 0)
		if err != nil {
			return withTrace(found, map[string]string{"trace": cutTrace(text)})
		}
		return found
	}
	return errorOfTrace(string(text))
}

// textNames are the usual names of an error text, the most helpful first. The problem document of RFC 9457 has detail
// and title.
var textNames = []string{
	"error", "message", "detail", "error_description", "description", "title", "reason", "errors", "error_message",
	"msg", "value", "code",
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
			if slices.Contains(placeNames, key) && dec.PeekKind() == '[' {
				texts[key], err = joinedList(dec)
				continue
			}
			texts[key], err = findText(dec, status, depth+1)
		}
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	return withTrace(withPlace(bestText(texts), texts), texts), err
}

// bestText returns the first sentence of an object, or else its first word.
func bestText(texts map[string]string) (word string) {
	for _, name := range textNames {
		text := withoutFrames(texts[name])
		if strings.Contains(strings.TrimSpace(text), " ") {
			return text
		}
		word = cmp.Or(word, text)
	}
	return word
}

// placeNames are the usual names of the field that an error is about.
var placeNames = []string{"field", "loc", "param", "parameter", "pointer", "attribute", "property", "propertyPath"}

// joinedList reads a list such as ["body", "ticket", 0, "channel"] as body.ticket.0.channel.
func joinedList(dec *jsontext.Decoder) (string, error) {
	_, err := dec.ReadToken()
	var parts []string
	for err == nil && dec.PeekKind() != ']' {
		var value jsontext.Value
		if value, err = dec.ReadValue(); err == nil {
			parts = append(parts, strings.Trim(string(value), `"`))
		}
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	return strings.Join(parts, "."), err
}

// predicate is the beginning of a text that needs its subject: "is invalid", "can't be blank".
var predicate = regexp.MustCompile(`^(?i:is|are|was|must|has|have|can|cannot|can't|should|does|doesn't|may|needs)\b`)

// withPlace adds the field that an error is about, unless the error names it.
func withPlace(text string, texts map[string]string) string {
	for _, name := range placeNames {
		place := texts[name]
		switch {
		case place == "" || text == "" || strings.Contains(text, place[strings.LastIndexByte(place, '.')+1:]):
		case predicate.MatchString(text):
			return place + " " + text
		default:
			return text + ": " + place
		}
	}
	return text
}

// pageTexts match the elements of a page that may hold its error, the best first.
var pageTexts = []*regexp.Regexp{
	regexp.MustCompile(
		`(?is)<(?:[\w-]+:)?(?:faultstring|reason)\b[^>]*>(.*?)</(?:[\w-]+:)?(?:faultstring|reason)>`,
	), // of SOAP
	regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`),
	regexp.MustCompile(`(?is)<h1[^>]*>(.*?)</h1>`),
	regexp.MustCompile(`(?is)<pre[^>]*>(.*?)(?:<br|</pre>|$)`), // of Express, with a stack trace
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
			parts = append(parts, withoutFrames(withoutTags(found[1])))
		}
		isPage = isPage || len(parts) > 0
		if text := strings.Join(parts, " "); !repeatsStatus(text, code) {
			return text
		}
	}
	if text := withoutTags(page); !isPage && !repeatsStatus(text, code) {
		return errorOfTrace(text)
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
