package verify

import (
	"errors"
	"io"
	"strings"
)

// part is a piece of what is signed: literal text, or a variable.
type part struct{ literal, variable string }

// parseTemplate reads text with {body}, {ts} and {id} in it.
func parseTemplate(text string) ([]part, error) {
	var parts []part
	for text != "" {
		literal, rest, found := strings.Cut(text, "{")
		if literal != "" {
			parts = append(parts, part{literal: literal})
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || name != "body" && name != "ts" && name != "id" {
			return nil, errors.New("must be text with {body}, {ts} and {id} in it, such as {ts}.{body}")
		}
		parts = append(parts, part{variable: name})
		text = after
	}
	return parts, nil
}

// content is what stands for the variables.
type content struct {
	parts  []part
	ts, id string
	body   []byte
}

// writeTo writes what is signed; a hash takes everything.
func (c content) writeTo(w io.Writer) {
	for _, p := range c.parts {
		switch p.variable {
		case "body":
			_, _ = w.Write(c.body)
		case "ts":
			_, _ = io.WriteString(w, c.ts)
		case "id":
			_, _ = io.WriteString(w, c.id)
		default:
			_, _ = io.WriteString(w, p.literal)
		}
	}
}
