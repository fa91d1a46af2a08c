package payload

import (
	"regexp"
	"strings"

	"dlqdesk/internal/deadletter"
)

// Path is a place in a JSON document, as configured: `$.customer.ssn`, `$.items[*].token`.
type Path []string

// AnyDepth is the step of a path that stands for any number of steps: $..ssn is any ssn.
const AnyDepth = "**"

// step is one step of a path: a name after a dot, a quoted name in brackets, a number in brackets, or a star for each.
var step = regexp.MustCompile(`^(?:\.([^.\[\]]+)|\['([^']+)'\]|\[(\*|0|[1-9][0-9]*)\])`)

// ParsePath parses a path of dotted names, `['na.me']`, `[n]` and `[*]` or `.*`. It returns Invalid if the path is not
// valid.
func ParsePath(text string) (Path, error) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok || rest == "" || rest[0] != '.' && rest[0] != '[' {
		return nil, deadletter.Errorf(deadletter.Invalid,
			"a path starts with $ and a name, like $.customer.ssn (got %q)", text)
	}
	var path Path
	for rest != "" {
		found := step.FindStringSubmatch(rest)
		switch {
		case found != nil:
			path = append(path, found[1]+found[2]+found[3])
			rest = rest[len(found[0]):]
		case rest[0] == '[':
			inside, _, _ := strings.Cut(rest, "]")
			return nil, deadletter.Errorf(deadletter.Invalid, "%q in path %q must be [*] or a number in brackets",
				inside+"]", text)
		default:
			return nil, deadletter.Errorf(deadletter.Invalid,
				"path %q goes wrong at %q: write every step by its name, like $.customer.ssn", text, rest)
		}
	}
	return path, nil
}

// ParseMask is ParsePath for the places that are masked, where two dots stand for any depth: $..ssn, $.customer..ssn.
func ParseMask(text string) (path Path, err error) {
	for i, part := range strings.Split(text, "..") {
		switch {
		case i == 0 && part == "$" && part != text:
			continue
		case i > 0 && strings.HasPrefix(part, "["):
			part = "$" + part
		case i > 0:
			part = "$." + part
		}
		steps, err := ParsePath(part)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			path = append(path, AnyDepth)
		}
		path = append(path, steps...)
	}
	return path, nil
}
