package payload

import (
	"bytes"
	"encoding/xml"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"dlqdesk/internal/deadletter"
)

// Ack is the response to an accepted webhook, for a platform that requires a certain body. For example
// `{"idOnExternalPlatform":"{message_id}"}` becomes `{"idOnExternalPlatform":"0198-c0ff"}`.
type Ack struct {
	Status      int // from 200 to 299
	ContentType string
	template    string
	places      [][]int // of the variables in the template, with their names
	paths       map[string]Path
}

// variable matches a variable of a template: {message_id}, {webhook_id}, or a path into the webhook's body.
var variable = regexp.MustCompile(`\{(\$[^{}]*|[a-z_]+)\}`)

// NewAck returns the Ack for a template. It returns Invalid if the template is not valid.
func NewAck(status int, contentType, template string) (*Ack, error) {
	a := &Ack{
		Status:      status,
		ContentType: contentType,
		template:    template,
		places:      variable.FindAllStringSubmatchIndex(template, -1),
		paths:       map[string]Path{},
	}
	for _, place := range a.places {
		name := template[place[2]:place[3]]
		switch {
		case name == "message_id" || name == "webhook_id":
		case name[0] == '$':
			path, err := ParsePath(name)
			if err != nil {
				return nil, err
			}
			a.paths[name] = path
		default:
			return nil, deadletter.Errorf(
				deadletter.Invalid,
				"{%s} stands for nothing: there are {message_id}, {webhook_id} and paths into the body, such as {$.id}",
				name,
			)
		}
	}
	if status == 204 && template != "" {
		return nil, deadletter.Errorf(deadletter.Invalid, "an answer of status 204 has no body")
	}
	return a, nil
}

// Template returns the body as it was set, with its variables.
func (a *Ack) Template() string { return a.template }

// Body returns the response body for one webhook.
func (a *Ack) Body(c deadletter.Capture) []byte {
	var out bytes.Buffer
	last := 0
	for _, place := range a.places {
		out.WriteString(a.template[last:place[0]])
		a.write(&out, a.value(a.template[place[2]:place[3]], c))
		last = place[1]
	}
	out.WriteString(a.template[last:])
	return out.Bytes()
}

func (a *Ack) value(name string, c deadletter.Capture) string {
	switch name {
	case "message_id":
		return string(c.ID)
	case "webhook_id":
		return c.WebhookID
	}
	return ValueAt(c.Headers, c.Body, a.paths[name])
}

// write escapes a value for the form of the answer. Writing to a buffer cannot fail.
func (a *Ack) write(out *bytes.Buffer, value string) {
	kind := strings.ToLower(a.ContentType)
	switch {
	case strings.Contains(kind, "json"):
		quoted, _ := jsontext.AppendFormat(nil, appendQuoted(nil, value), jsontext.EscapeForHTML(true))
		out.Write(bytes.Trim(quoted, `"`))
	case strings.Contains(kind, "xml") || strings.Contains(kind, "html"):
		_ = xml.EscapeText(out, []byte(value))
	default:
		out.WriteString(value)
	}
}
