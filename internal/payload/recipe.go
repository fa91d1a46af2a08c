package payload

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/itchyny/gojq"

	"dlqdesk/internal/deadletter"
)

const (
	maxRecipe    = 64 << 10 // bytes of a recipe's text
	maxTable     = 1 << 20  // bytes of its table
	maxTableRows = 10_000
)

// Recipe is a recipe that can be applied. It may be used by several goroutines.
type Recipe struct {
	edit func(ctx context.Context, content []byte, h deadletter.Headers) ([]byte, error)
}

// Compile checks a recipe. It returns Invalid, about FieldPatch or FieldTable, with the line and column of a fault.
func Compile(r deadletter.Recipe) (*Recipe, error) {
	table, err := readTable(r.Table)
	if err != nil {
		return nil, deadletter.About(deadletter.FieldTable, err)
	}
	compiled := &Recipe{}
	switch {
	case len(r.Text) > maxRecipe:
		err = deadletter.Errorf(
			deadletter.Invalid,
			"the change has %d bytes: at most %d are possible",
			len(r.Text),
			maxRecipe,
		)
	case r.Kind == deadletter.JQ:
		compiled.edit, err = compileJQ(r.Text, table)
	case r.Table != "":
		return nil, deadletter.About(deadletter.FieldTable,
			deadletter.Errorf(deadletter.Invalid, "only jq reads a table: choose jq, or remove the table"))
	case r.Kind == deadletter.JSONPatch:
		compiled.edit, err = compileJSONPatch([]byte(r.Text))
	case r.Kind == deadletter.MergePatch || r.Kind == "":
		compiled.edit, err = compileMergePatch([]byte(r.Text))
	default:
		err = deadletter.Errorf(deadletter.Invalid, "the change must be merge, json-patch or jq (got %q)", r.Kind)
	}
	return compiled, deadletter.About(deadletter.FieldPatch, err)
}

// readsTable finds the table of a jq program, which may also be in a text of it.
var readsTable = regexp.MustCompile(`\$table\b`)

// ReadsTable reports whether a recipe reads a table.
func ReadsTable(r deadletter.Recipe) bool {
	if r.Kind != deadletter.JQ {
		return false
	}
	query, err := gojq.Parse(r.Text)
	return err == nil && readsTable.MatchString(query.String())
}

// Apply returns the body of a revision after the recipe, in the encoding in which it came. It returns Invalid for what
// the recipe or Encode refuses; the text is the same for every message that fails in the same way.
func (r *Recipe) Apply(ctx context.Context, revision deadletter.Revision) ([]byte, error) {
	body, _, err := r.Try(ctx, revision)
	return body, err
}

// Try is Apply, and reports whether the recipe changes more than how the content is written.
func (r *Recipe) Try(ctx context.Context, revision deadletter.Revision) (body []byte, changes bool, err error) {
	text := Decode(revision.Headers, revision.Body, max(MaxEdit, len(revision.Body)))
	if text.IsUTF8() {
		body, err = r.edit(ctx, revision.Body, revision.Headers)
		return body, err == nil && !sameContent(revision.Body, body), err
	}
	if err := text.Editable(); err != nil {
		return nil, false, err
	}
	content, err := r.edit(ctx, text.Bytes, revision.Headers)
	if err != nil {
		return nil, false, err
	}
	body, err = text.Encode(content)
	return body, err == nil && !sameContent(text.Bytes, content), err
}

// sameContent reports whether two JSON texts differ in nothing but white space, the order of names, and how texts are
// escaped. Numbers are compared as they are written.
func sameContent(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	one, other := jsontext.Value(bytes.Clone(a)), jsontext.Value(bytes.Clone(b))
	ordered := jsontext.ReorderRawObjects(true)
	return one.Format(ordered) == nil && other.Format(ordered) == nil && bytes.Equal(one, other)
}

func compileMergePatch(patch []byte) (func(context.Context, []byte, deadletter.Headers) ([]byte, error), error) {
	_, err := MergePatch([]byte(`{}`), patch)
	return func(_ context.Context, content []byte, _ deadletter.Headers) ([]byte, error) {
		return MergePatch(content, patch)
	}, err
}

func compileJSONPatch(patch []byte) (func(context.Context, []byte, deadletter.Headers) ([]byte, error), error) {
	if err := CheckJSON(patch); err != nil {
		return nil, err
	}
	var operations jsonpatch.Patch
	if err := json.Unmarshal(patch, &operations); err != nil || len(operations) == 0 {
		return nil, deadletter.Errorf(deadletter.Invalid,
			`the change must be a list of operations, such as [{"op":"remove","path":"/legacyField"}]`)
	}
	for i, operation := range operations {
		if err := checkOperation(operation); err != nil {
			return nil, deadletter.Errorf(deadletter.Invalid, "operation %d: %v", i+1, err)
		}
	}
	return func(_ context.Context, content []byte, _ deadletter.Headers) ([]byte, error) {
		return applyOperations(operations, content)
	}, nil
}

func checkOperation(operation jsonpatch.Operation) error {
	paths := []func() (string, error){operation.Path}
	switch operation.Kind() {
	case "add", "replace", "test":
		if _, ok := operation["value"]; !ok { // null is one
			return errors.New("it needs a value")
		}
	case "remove":
	case "move", "copy":
		paths = append(paths, operation.From)
	default:
		return errors.New("op must be add, remove, replace, move, copy or test")
	}
	for _, read := range paths {
		if path, err := read(); err != nil || path != "" && path[0] != '/' {
			return errors.New("it needs a path, such as /customer/id")
		}
	}
	return nil
}

func applyOperations(operations jsonpatch.Patch, content []byte) ([]byte, error) {
	if err := checkContent(content); err != nil {
		return nil, err
	}
	options := jsonpatch.NewApplyOptions()
	options.EscapeHTML, options.AccumulatedCopySizeLimit = false, MaxEdit
	for i := range operations {
		// One at a time, so that the fault names its operation.
		var err error
		content, err = operations[i:i+1].ApplyWithOptions(content, options)
		switch {
		case errors.Is(err, jsonpatch.ErrTestFailed):
			return nil, deadletter.Errorf(deadletter.Invalid, "operation %d: the test failed", i+1)
		case err != nil:
			path, _ := operations[i].Path()
			return nil, deadletter.Errorf(deadletter.Invalid, "operation %d: it cannot %s at %s of this body",
				i+1, operations[i].Kind(), path)
		case len(content) > MaxEdit:
			return nil, errOutput()
		}
	}
	return content, nil
}

// checkContent returns Invalid for JSON that is not read and written again without a loss.
func checkContent(content []byte) error {
	if CheckJSON(content) != nil {
		return deadletter.Errorf(deadletter.Invalid, "the body of this message is no JSON: edit it by itself")
	}
	if len(content) > MaxEdit {
		return deadletter.Errorf(deadletter.Invalid, "the body of this message has more than %d bytes", MaxEdit)
	}
	if !isStrict(content) {
		return deadletter.Errorf(deadletter.Invalid,
			"the body of this message has a name twice in one object, or text that is no Unicode: use a merge patch")
	}
	return nil
}

func errOutput() error {
	return deadletter.Errorf(deadletter.Invalid, "the recipe makes a body of more than %d bytes", MaxEdit)
}

// readTable returns the rows of a CSV by their first column, each as its values by column.
func readTable(text string) (map[string]any, error) {
	rows := map[string]any{}
	if text == "" {
		return rows, nil
	}
	if len(text) > maxTable {
		return nil, deadletter.Errorf(
			deadletter.Invalid,
			"the table has %d bytes: at most %d are possible",
			len(text),
			maxTable,
		)
	}
	text = strings.TrimPrefix(text, "\ufeff")
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma = separator(text)
	columns, err := reader.Read()
	if err == nil {
		err = checkColumns(columns)
	}
	for err == nil {
		var row []string
		if row, err = reader.Read(); err == nil {
			err = addRow(rows, columns, row, reader)
		}
	}
	if errors.Is(err, io.EOF) && len(rows) == 0 {
		err = errors.New("the first line names the columns, each further one has a key and its values")
	}
	if !errors.Is(err, io.EOF) {
		return nil, deadletter.Errorf(deadletter.Invalid, "the table cannot be read: %s", tableFault(err))
	}
	return rows, nil
}

// separator returns what separates the columns of a table: of comma, semicolon and tab the one that its first line has
// most often. Spreadsheets write a semicolon where the comma is the decimal sign, and copy cells with tabs.
func separator(text string) rune {
	names, _, _ := strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
	best := ','
	for _, c := range ";\t" {
		if strings.Count(names, string(c)) > strings.Count(names, string(best)) {
			best = c
		}
	}
	return best
}

func checkColumns(columns []string) error {
	for i, name := range columns {
		if slices.Contains(columns[:i], name) {
			return fmt.Errorf("line 1: the column %q is there twice", name)
		}
	}
	return nil
}

func tableFault(err error) string {
	if fault, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Sprintf("line %d, column %d: %v", fault.Line, fault.Column, fault.Err)
	}
	return err.Error()
}

func addRow(rows map[string]any, columns, row []string, reader *csv.Reader) error {
	line, _ := reader.FieldPos(0)
	if _, twice := rows[row[0]]; twice {
		return fmt.Errorf("line %d, column 1: its key is in an earlier line", line)
	}
	if len(rows) == maxTableRows {
		return fmt.Errorf("line %d, column 1: at most %d rows are possible", line, maxTableRows)
	}
	values := make(map[string]any, len(row))
	for i, value := range row {
		values[columns[i]] = value
	}
	rows[row[0]] = values
	return nil
}

// isStrict reports whether JSON has no name twice in an object, and is UTF-8.
func isStrict(content []byte) bool { return jsontext.Value(content).IsValid() }
