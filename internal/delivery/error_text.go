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

// textNames are the usual names of an error text as canonical writes them, the most helpful first. The problem document
// of RFC 9457 has detail and title. Some programs speak another language.
var textNames = []string{
	"exceptionmessage",
	"errormessage",
	"error",
	"message",
	"detail",
	"errordescription",
	"description",
	"exception",
	"title",
	"reason",
	"errormessages",
	"msg",
	"errmsg",
	"errormsg",
	"faultstring",
	"fault",
	"mensaje",
	"mensagem",
	"meldung",
	"nachricht",
	"fehler",
	"erreur",
	"messaggio",
	"errore",
	"descripcion", //nolint:misspell // Spanish
	"beschreibung",
	"value",
	"code",
}

// listNames are the usual names of a list, or an object by fields, of the errors in a document.
var listNames = []string{
	"errors", "errordetails", "details", "violations", "issues", "fielderrors", "invalidparams", "validationerrors",
}

// canonical returns a name in lower case, without the signs and the prefix that some write: odata.error,
// o:errorDetails.
func canonical(name string) string {
	name = strings.ToLower(name[strings.LastIndexAny(name, ".:")+1:])
	return withoutSigns.Replace(name)
}

var withoutSigns = strings.NewReplacer("_", "", "-", "", " ", "")

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

// findInList returns the texts of the values, each once.
func findInList(dec *jsontext.Decoder, status string, depth int) (string, error) {
	var found []string
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != ']' {
		var text string
		if text, err = findText(dec, status, depth+1); text != "" {
			found = append(found, text)
		}
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	return joined(found), err
}

// maxTexts is how many errors of one document are told.
const maxTexts = 3

// joined returns texts in one line, in an order that does not depend on that of the document. Texts that differ only in
// a number, as those of several items do, are one.
func joined(texts []string) string {
	var kept, seen []string
	for _, text := range texts {
		if key := digits.ReplaceAllString(text, "0"); !slices.Contains(seen, key) {
			kept, seen = append(kept, text), append(seen, key)
		}
	}
	slices.Sort(kept)
	return strings.Join(kept[:min(len(kept), maxTexts)], "; ")
}

var digits = regexp.MustCompile(`\d+`)

// object is what was found in a JSON object.
type object struct {
	texts map[string]string // by canonical name
	lists []string          // errors of lists
	other []string          // errors below names that are none of the usual ones
}

// findInObject prefers a sentence to a code such as invalid_request, and adds the errors of a list.
func findInObject(dec *jsontext.Decoder, status string, depth int) (string, error) {
	o := object{texts: map[string]string{}}
	err := o.readMembers(dec, status, depth)
	return o.text(), err
}

func (o *object) readMembers(dec *jsontext.Decoder, status string, depth int) error {
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != '}' {
		var name jsontext.Token
		if name, err = dec.ReadToken(); err == nil {
			err = o.read(dec, name.String(), status, depth)
		}
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	return err
}

// read reads the value of a name.
func (o *object) read(dec *jsontext.Decoder, name, status string, depth int) (err error) {
	key, kind := canonical(name), dec.PeekKind()
	switch {
	case slices.Contains(traceNames, key) && kind == '[':
		o.texts[key], err = linesOfList(dec)
	case slices.Contains(placeNames, key) && kind == '[':
		o.texts[key], err = joinedList(dec)
	case key == "path" && kind == '"': // of a request
		err = dec.SkipValue()
	case key == "source" && kind == '{': // of JSON:API
		inner := object{texts: o.texts}
		err = inner.readMembers(dec, status, depth)
	case slices.Contains(listNames, key) && kind == '{':
		err = o.readFields(dec, status, depth)
	case slices.Contains(listNames, key), key == "innerexception", key == "cause":
		var text string
		text, err = findText(dec, status, depth+1)
		if key == "innerexception" || key == "cause" {
			o.texts["inner"] = text
		} else if text != "" {
			o.lists = append(o.lists, text)
		}
	case slices.Contains(textNames, key), slices.Contains(placeNames, key), slices.Contains(traceNames, key),
		slices.Contains(typeNames, key):
		var text string
		if text, err = findText(dec, status, depth+1); o.texts[key] == "" {
			o.texts[key] = text
		}
	case kind == '{' || kind == '[':
		var text string
		if text, err = findText(dec, status, depth+1); text != "" {
			o.other = append(o.other, withPlaceName(name, text))
		}
	default:
		err = dec.SkipValue()
	}
	return err
}

// readFields reads an object that has the errors of each field: {"email": ["is invalid"]}.
func (o *object) readFields(dec *jsontext.Decoder, status string, depth int) error {
	inner := object{texts: map[string]string{}}
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != '}' {
		var name jsontext.Token
		if name, err = dec.ReadToken(); err != nil {
			break
		}
		field := name.String()
		if slices.Contains(textNames, canonical(field)) {
			err = inner.read(dec, field, status, depth)
			continue
		}
		var text string
		if text, err = findText(dec, status, depth+1); text != "" {
			o.lists = append(o.lists, withPlaceName(field, text))
		}
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	if text := inner.text(); text != "" {
		o.lists = append(o.lists, text)
	}
	return err
}

// withPlaceName adds the name of a field to its error.
func withPlaceName(name, text string) string {
	return withPlace(text, map[string]string{"field": name})
}

// text returns the error of the object.
func (o *object) text() string {
	text, list := bestText(o.texts), joined(o.lists)
	switch {
	case o.texts["inner"] != "":
		text = o.texts["inner"]
	case text == "":
		text = list
	case list != "" && !strings.Contains(text, list) && !strings.Contains(list, text):
		text = strings.TrimRight(text, ".: ") + ": " + list
	case strings.Contains(list, text):
		text = list
	}
	if text == "" && len(o.texts) == 0 || text == "" && len(o.other) > 0 {
		text = joined(o.other)
	}
	return withTrace(withPlace(withType(text, o.texts), o.texts), o.texts)
}

// typeNames are the usual names of the class of an error.
var typeNames = []string{"exceptiontype", "errortype", "type", "name", "class"}

var className = regexp.MustCompile(`(?:^|[.\\:#])(\w*(?:Exception|Error|Fault))$`)

// withType puts the class of an error before a text that does not tell it.
func withType(text string, texts map[string]string) string {
	for _, name := range append(typeNames, "exception") {
		found := className.FindStringSubmatch(texts[name])
		if found == nil || text == "" || strings.Contains(text, found[1]) || strings.Contains(texts[name], text) {
			continue
		}
		return found[1] + ": " + text
	}
	return text
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
var placeNames = []string{
	"field", "loc", "param", "parameter", "pointer", "attribute", "property", "propertypath", "instancepath", "target",
	"path",
}

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

// linesOfList reads a list of texts, one a line.
func linesOfList(dec *jsontext.Decoder) (string, error) {
	_, err := dec.ReadToken()
	var lines []string
	for err == nil && dec.PeekKind() != ']' {
		var line string
		if dec.PeekKind() != '"' {
			err = dec.SkipValue()
			continue
		}
		var token jsontext.Token
		if token, err = dec.ReadToken(); err == nil {
			line = token.String()
			lines = append(lines, line)
		}
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	return strings.Join(lines, "\n"), err
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
			return strings.TrimRight(text, ".: ") + ": " + place
		}
	}
	return text
}

// pageTexts match the elements of a page that may hold its error, the best first.
var pageTexts = []*regexp.Regexp{
	regexp.MustCompile(
		`(?is)<(?:[\w-]+:)?(?:faultstring|reason)\b[^>]*>(.*?)</(?:[\w-]+:)?(?:faultstring|reason)>`,
	), // of SOAP
	regexp.MustCompile(`(?is)<name>faultString</name>\s*<value>(.*?)</value>`), // of XML-RPC
	regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`),
	regexp.MustCompile(`(?is)<h1[^>]*>(.*?)</h1>`),
	regexp.MustCompile(`(?is)<pre[^>]*>(.*?)(?:<br|</pre>|$)`),                    // of Express, with a stack trace
	regexp.MustCompile(`(?is)<(?:\w+:)?(?:message|errormessage|error)>([^<]*)</`), // of other XML
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
			parts = append(parts, errorOfTrace(withoutTags(found[1])))
		}
		isPage = isPage || len(parts) > 0
		if text := strings.Join(parts, " "); !repeatsStatus(text, code) {
			return withDetail(text, page)
		}
	}
	if text := withoutTags(page); !isPage && !repeatsStatus(text, code) {
		return errorOfTrace(text)
	}
	return ""
}

// pageDetail is the text of the exception that the title of Django's page only names, and the code of an error of S3.
var pageDetail = regexp.MustCompile(`(?is)<pre class="exception_value">(.*?)</pre>|<Error>\s*<Code>([^<]*)</Code>`)

// withDetail adds to the title of a page what tells one error from another.
func withDetail(text string, page []byte) string {
	found := pageDetail.FindSubmatch(page)
	if found == nil {
		return text
	}
	class, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if detail := withoutTags(found[1]); detail != "" {
		return strings.TrimSpace(class) + ": " + detail
	}
	return string(found[2]) + ": " + text
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
