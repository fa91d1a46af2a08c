package payload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/itchyny/gojq"

	"dlqdesk/internal/deadletter"
)

// maxJQTime bounds a recipe for one message. Few take a hundredth of it, so that one does not fail on a busy machine.
const maxJQTime = time.Second

// compileJQ compiles a jq program, which reads $headers and $table and cannot read anything else but the body.
func compileJQ(
	text string, table map[string]any,
) (func(context.Context, []byte, deadletter.Headers) ([]byte, error), error) {
	if strings.TrimSpace(text) == "" {
		return nil, deadletter.Errorf(deadletter.Invalid, "enter a change, such as .customer.id = \"4711\"")
	}
	query, err := gojq.Parse(text)
	if fault, ok := errors.AsType[*gojq.ParseError](err); ok {
		line, column := position([]byte(text), fault.Offset-len(fault.Token))
		return nil, deadletter.Errorf(
			deadletter.Invalid,
			"this is not valid jq: line %d, column %d: %v",
			line,
			column,
			err,
		)
	}
	if err == nil {
		err = boundQuery(query, text)
	}
	if err != nil {
		return nil, err
	}
	if _, err := compileQuery(query); err != nil {
		return nil, deadletter.Errorf(deadletter.Invalid, "this is not valid jq: %s", jqFault(err))
	}
	return func(ctx context.Context, content []byte, h deadletter.Headers) ([]byte, error) {
		// Compiled code keeps each regular expression that it ever met, and those of a message can be its own.
		code, err := compileQuery(query)
		if err != nil {
			return nil, err
		}
		return runJQ(ctx, code, table, content, h)
	}, nil
}

func compileQuery(query *gojq.Query) (*gojq.Code, error) {
	return gojq.Compile(query,
		gojq.WithVariables([]string{"$headers", "$table", "$__meter"}),
		gojq.WithFunction("_weigh", 1, 1, func(v any, args []any) any { return args[0].(*meter).weigh(v) }),
		gojq.WithFunction("_item", 1, 1, func(v any, args []any) any { return args[0].(*meter).item(v) }),
		gojq.WithFunction("_join", 1, 1, func(v any, args []any) any { return joined(v, args[0]) }),
		gojq.WithFunction("_text", 0, 0, func(v any, _ []any) any { return checkText(v) }),
		gojq.WithFunction("_digits", 0, 0, func(v any, _ []any) any { return checkDigits(v) }),
		gojq.WithFunction("_divided", 0, 0, func(v any, _ []any) any { return checkDivided(v) }),
		gojq.WithFunction("_number", 0, 0, func(v any, _ []any) any { return checkNumber(v) }),
		gojq.WithFunction("_factor", 0, 0, func(v any, _ []any) any { return checkFactor(v) }),
		gojq.WithFunction("_small", 0, 0, func(v any, _ []any) any { return checkSmall(v) }),
		gojq.WithFunction("_index", 0, 0, func(v any, _ []any) any { return checkIndex(v) }),
	)
}

func runJQ(
	ctx context.Context, code *gojq.Code, table map[string]any, content []byte, h deadletter.Headers,
) ([]byte, error) {
	if err := checkContent(content); err != nil {
		return nil, err
	}
	input := jqReader{ranks: map[string]int{}, text: content}
	dec := NewDecoder(content)
	value, err := input.read(dec, 0)
	if err != nil {
		return nil, err
	}
	headers := map[string]any{}
	for name, values := range h {
		headers[name] = strings.Join(values, ", ")
	}
	ctx, cancel := context.WithTimeout(ctx, maxJQTime)
	defer cancel()
	results := code.RunWithContext(ctx, value, headers, table, &meter{left: maxJQWeight + 16*len(content), ctx: ctx})
	result, ok := results.Next()
	if !ok {
		return nil, deadletter.Errorf(deadletter.Invalid, "the recipe has no result for this body")
	}
	if err, failed := result.(error); failed {
		return nil, jqError(ctx, err)
	}
	if more, ok := results.Next(); ok {
		if err, failed := more.(error); failed {
			return nil, jqError(ctx, err)
		}
		return nil, deadletter.Errorf(
			deadletter.Invalid,
			"the recipe has several results for this body: end it with one",
		)
	}
	out := jqWriter{ranks: input.ranks}
	out.write(result, bytes.Trim(content, white), 0)
	if out.err != nil {
		return nil, out.err
	}
	return out.text, nil
}

// jqError returns why a program failed, without values of the message.
func jqError(ctx context.Context, err error) error {
	if fault, ok := errors.AsType[*deadletter.Error](err); ok {
		return fault
	}
	if ctx.Err() != nil {
		return deadletter.Errorf(deadletter.Invalid, "the recipe takes longer than %s for this body", maxJQTime)
	}
	if own, ok := errors.AsType[gojq.ValueError](err); ok {
		if text, ok := own.Value().(string); ok && strings.HasPrefix(err.Error(), "error: ") {
			return deadletter.Errorf(deadletter.Invalid, "the recipe stopped: %.200s", text)
		}
	}
	return deadletter.Errorf(deadletter.Invalid, "the recipe failed: %s", jqFault(err))
}

// jqFault returns the text of an error up to a value, which gojq writes between parentheses.
func jqFault(err error) string {
	text, _, _ := strings.Cut(err.Error(), " (")
	return text
}

// maxJQDepth is how deep objects may be nested in a body that jq reads or makes.
const maxJQDepth = 1000

func errDepth() error {
	return deadletter.Errorf(deadletter.Invalid, "the body has more than %d objects within one another", maxJQDepth)
}

// jqReader reads a body for jq: numbers as they are written, and in which order the names came first.
type jqReader struct {
	ranks map[string]int
	text  []byte
}

func (r *jqReader) read(dec *jsontext.Decoder, depth int) (any, error) {
	token, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	if depth > maxJQDepth {
		return nil, errDepth()
	}
	switch token.Kind() {
	case '{':
		object := map[string]any{}
		for dec.PeekKind() != '}' {
			name, err := dec.ReadToken()
			if err != nil {
				return nil, err
			}
			key := name.String()
			if _, ok := r.ranks[key]; !ok {
				r.ranks[key] = len(r.ranks)
			}
			if object[key], err = r.read(dec, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = dec.ReadToken()
		return object, err
	case '[':
		list := []any{}
		for dec.PeekKind() != ']' {
			item, err := r.read(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err = dec.ReadToken()
		return list, err
	case '"':
		return token.String(), nil
	case '0':
		number := json.Number(token.String())
		if len(number) > maxJQDigits {
			return nil, deadletter.Errorf(deadletter.Invalid,
				"the body of this message has a number of more than %d digits: use a merge patch", maxJQDigits)
		}
		return number, nil
	case 't', 'f':
		return token.Bool(), nil
	}
	return nil, nil
}

// jqWriter writes the result of jq. Values that are as they were in the body keep their bytes, and names keep their
// order.
type jqWriter struct {
	ranks map[string]int
	text  []byte
	err   error
}

// write appends a value. was is the value at its place in the body, nil for none; it reports whether they are equal.
func (w *jqWriter) write(value any, was []byte, depth int) (same bool) {
	start := len(w.text)
	switch value := value.(type) {
	case map[string]any:
		same = w.writeObject(value, was, depth)
	case []any:
		same = w.writeList(value, was, depth)
	default:
		same = w.writeScalar(value, was)
	}
	if w.err == nil && len(w.text) > MaxEdit {
		w.err = errOutput()
	}
	if w.err == nil && depth > maxJQDepth {
		w.err = errDepth()
	}
	if same {
		w.text = append(w.text[:start], was...)
	}
	return same && w.err == nil
}

func (w *jqWriter) writeScalar(value any, was []byte) bool {
	if text, ok := value.(string); ok {
		if len(was) > 0 && was[0] == '"' && string(Unquote(was)) == text {
			return true
		}
		w.text, _ = jsontext.AppendQuote(w.text, text)
		return false
	}
	if number, ok := value.(json.Number); ok {
		w.text = append(w.text, number...)
		return string(was) == string(number)
	}
	written, err := gojq.Marshal(value)
	if err != nil {
		w.err = err
	}
	w.text = append(w.text, written...)
	return bytes.Equal(written, was)
}

func (w *jqWriter) writeObject(object map[string]any, was []byte, depth int) bool {
	var members []Member
	if isObject(was) && depth < maxPatchDepth { // each level is read once more
		members, _ = Collect(was)
	}
	same, known := isObject(was) && len(members) == len(object), make(map[string]bool, len(members))
	w.text = append(w.text, '{')
	for _, m := range members {
		name := string(m.Name)
		known[name] = true
		value, kept := object[name]
		if !kept {
			same = false
			continue
		}
		w.beginMember(m.RawName)
		same = w.write(value, m.Value, depth+1) && same
		if w.err != nil {
			return false
		}
	}
	for _, name := range w.ordered(object) {
		if known[name] {
			continue
		}
		same = false
		quoted, _ := jsontext.AppendQuote(nil, name)
		w.beginMember(quoted)
		if w.write(object[name], nil, depth+1); w.err != nil {
			return false
		}
	}
	w.text = append(w.text, '}')
	return same
}

func (w *jqWriter) beginMember(name []byte) {
	if w.text[len(w.text)-1] != '{' {
		w.text = append(w.text, ',')
	}
	w.text = append(append(w.text, name...), ':')
}

// ordered returns the names of an object: those of the body as they came first in it, then others by the alphabet.
func (w *jqWriter) ordered(object map[string]any) []string {
	rank := func(name string) int {
		if at, ok := w.ranks[name]; ok {
			return at
		}
		return len(w.ranks)
	}
	return slices.SortedFunc(maps.Keys(object), func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
}

func (w *jqWriter) writeList(list []any, was []byte, depth int) bool {
	var items [][]byte
	isList := bytes.HasPrefix(was, []byte("["))
	if isList && depth < maxPatchDepth {
		items = elements(was)
	}
	same := isList && len(items) == len(list)
	w.text = append(w.text, '[')
	for i, value := range list {
		if i > 0 {
			w.text = append(w.text, ',')
		}
		var item []byte
		if i < len(items) {
			item = items[i]
		}
		same = w.write(value, item, depth+1) && same
		if w.err != nil {
			return false
		}
	}
	w.text = append(w.text, ']')
	return same
}

// elements returns the elements of a valid JSON list as they are written.
func elements(list []byte) (items [][]byte) {
	dec := NewDecoder(list)
	_, _ = dec.ReadToken()
	for dec.PeekKind() != ']' {
		item, err := readRaw(dec, list)
		if err != nil {
			return nil
		}
		items = append(items, item)
	}
	return items
}
