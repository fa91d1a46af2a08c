package platform

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"strings"

	"dlqdesk/internal/deadletter"
)

// Values are the values of placeholders: name, url, secret and source of the webhook, id of an item, page and page_size
// of a list, domain and area of the platform's hosts, and the preset's parameters. A placeholder without a value stays
// as it is, so that a topic may contain {id}.
type Values map[string]string

var placeholder = regexp.MustCompile(`\{([a-z_]+)(:json)?\}`)

// fill replaces each placeholder by its quoted value. Placeholders within values are not replaced.
func (v Values) fill(template string, quote func(text string, raw bool) string) string {
	return placeholder.ReplaceAllStringFunc(template, func(found string) string {
		parts := placeholder.FindStringSubmatch(found)
		value, ok := v[parts[1]]
		if !ok {
			return found
		}
		return quote(value, parts[2] != "")
	})
}

// path returns a path or URL with its values.
func (v Values) path(template string) string {
	path, query, _ := strings.Cut(template, "?")
	path = v.fill(path, func(text string, _ bool) string { return url.PathEscape(text) })
	if query == "" {
		return path
	}
	return path + "?" + v.fill(query, func(text string, _ bool) string { return url.QueryEscape(text) })
}

// host returns a URL with the values of its host.
func (v Values) host(template string) string {
	return v.fill(template, func(text string, _ bool) string { return text })
}

// body returns a JSON object with its values, without members that are null.
func (v Values) body(template string) ([]byte, error) {
	if template == "" {
		return nil, nil
	}
	filled := v.fill(template, func(text string, raw bool) string {
		if raw {
			return text
		}
		quoted, _ := json.Marshal(text) // a string never fails
		return string(quoted[1 : len(quoted)-1])
	})
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(filled), &members); err != nil {
		return nil, deadletter.Errorf(deadletter.Invalid, "the body is no JSON object with its values: %v", err)
	}
	for name, value := range members {
		if string(value) == "null" {
			delete(members, name)
		}
	}
	body, err := json.Marshal(members)
	if err != nil {
		return nil, fmt.Errorf("write the body: %w", err)
	}
	return body, nil
}

// with returns a copy with more values.
func (v Values) with(pairs ...string) Values {
	more := maps.Clone(v)
	for i := 0; i+1 < len(pairs); i += 2 {
		more[pairs[i]] = pairs[i+1]
	}
	return more
}

// parameters returns the values of a preset's parameters. Its error names each that is missing or invalid.
func (p Preset) parameters() (Values, error) {
	values, wrong := Values{}, []string{}
	for _, known := range p.Parameters {
		if fault := known.check(known.Value); fault != "" {
			wrong = append(wrong, "parameters."+known.Name+" "+fault)
		}
		values[known.Name] = known.Value
	}
	if len(wrong) > 0 {
		return values, deadletter.Errorf(deadletter.Invalid, "%s", strings.Join(wrong, "; "))
	}
	return values, nil
}

func (k Parameter) check(value string) string {
	switch {
	case value == "":
		return "is missing: set it to " + k.About
	case k.JSON && !json.Valid([]byte(value)):
		return "must be JSON: it is " + k.About
	case k.Most > 0 && len([]rune(value)) > k.Most:
		return fmt.Sprintf("has %d characters: at most %d", len([]rune(value)), k.Most)
	}
	return ""
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
