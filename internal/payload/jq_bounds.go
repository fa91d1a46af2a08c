package payload

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/itchyny/gojq"

	"dlqdesk/internal/deadletter"
)

// gojq looks at the time between its instructions, and one instruction can allocate without a limit. So a recipe has
// only functions that are known to be harmless, and what can make a large value is weighed. A value is weighed with all
// that is in it, however often: [.,.] sixty times is small until it is written.
const (
	maxJQWeight = 64 << 20
	maxJQIndex  = 100_000
	maxJQSmall  = 16 << 10
)

// meter counts what a run has made.
type meter struct {
	left int
	ctx  context.Context
}

func (m *meter) weigh(v any) any {
	if m.isOver(v) {
		return deadletter.Errorf(deadletter.Invalid, "the recipe makes too large values of this body")
	}
	if m.ctx.Err() != nil {
		return m.ctx.Err()
	}
	return v
}

func (m *meter) isOver(v any) bool {
	m.add(v)
	return m.left < 0
}

func (m *meter) add(v any) {
	const perValue = 16
	if m.left -= perValue; m.left < 0 {
		return
	}
	switch v := v.(type) {
	case string:
		m.left -= len(v)
	case json.Number:
		m.left -= len(v)
	case []any:
		for _, item := range v {
			if m.add(item); m.left < 0 {
				return
			}
		}
	case map[string]any:
		for name, item := range v {
			m.left -= len(name)
			if m.add(item); m.left < 0 {
				return
			}
		}
	}
}

// checkNumber returns an operand, or an error if a calculation would change its digits before it begins.
func checkNumber(v any) any {
	const exact = 15 // decimal digits that every float64 keeps
	number, ok := v.(json.Number)
	if !ok || !strings.ContainsAny(string(number), ".eE") {
		if len(number) > 1000 {
			return deadletter.Errorf(deadletter.Invalid, "the recipe calculates with a number of more than 1000 digits")
		}
		return v
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(string(number)), "e")
	digits := strings.Trim(strings.NewReplacer("-", "", ".", "").Replace(mantissa), "0")
	f, err := number.Float64()
	if len(digits) > exact || err != nil || f == 0 && digits != "" {
		return deadletter.Errorf(deadletter.Invalid,
			"the recipe calculates with a number that has more digits than jq keeps: take it as it is")
	}
	return v
}

func checkFactor(v any) any {
	if _, ok := v.(string); ok {
		return deadletter.Errorf(deadletter.Invalid, "the recipe multiplies a text")
	}
	return checkNumber(v)
}

// checkSmall returns a value for what takes time with the square of its size.
func checkSmall(v any) any {
	if m := (meter{left: maxJQSmall}); m.isOver(v) {
		return deadletter.Errorf(deadletter.Invalid,
			"the recipe searches or subtracts more than %d KiB at once", maxJQSmall>>10)
	}
	return checkNumber(v)
}

func checkIndex(v any) any {
	if f, ok := gojq.ToFloat64(v); ok && f > maxJQIndex {
		return deadletter.Errorf(deadletter.Invalid, "the recipe has an index over %d", maxJQIndex)
	}
	return v
}

// pathFunctions only select, so that they can be assigned to. Their results are parts of values that were weighed.
var pathFunctions = strings.Fields(`empty error select recurse first last not type length keys keys_unsorted has in
	range limit add until while repeat any all tonumber
	values nulls booleans numbers strings arrays objects iterables scalars`)

// valueFunctions make a value, which is weighed.
var valueFunctions = strings.Fields(
	`tostring tojson fromjson map map_values del delpaths to_entries from_entries with_entries
	join split ascii_downcase ascii_upcase ltrimstr rtrimstr trimstr startswith endswith trim ltrim rtrim explode
	flatten reverse sort sort_by
	group_by unique unique_by min max min_by max_by paths floor ceil round fabs sqrt abs todate fromdate
	fromdateiso8601 todateiso8601 strftime strptime mktime gmtime walk nth utf8bytelength`,
)

// squareFunctions take time with the square of their input and arguments, which have to be small.
var squareFunctions = strings.Fields(`test match capture scan splits sub gsub contains inside index rindex indices`)

// ownFunctions replace functions of gojq that make large values within one instruction.
const ownFunctions = `
def _captures: reduce (.captures[] | select(.name != null)) as $c ({}; .[$c.name] = $c.string);
def _replace($re; str; $flags): . as $in
	| reduce match($re; $flags) as $m ([0, ""];
		[$m.offset + $m.length, .[1] + $in[.[0]:$m.offset] + ($m | _captures | str)])
	| .[1] + $in[.[0]:];
def sub($re; str): _replace($re; str; null);
def sub($re; str; $flags): _replace($re; str; $flags);
def gsub($re; str): _replace($re; str; "g");
def gsub($re; str; $flags): _replace($re; str; $flags + "g");
def add: reduce .[] as $x (null; . + $x);
def add(f): reduce f as $x (null; . + $x);
def join($by): . as $in | reduce range(length) as $i (""; (if $i > 0 then . + $by else . end)
	+ ($in[$i] | if . == null then "" elif type == "string" then . else tojson end));
`

// boundQuery returns Invalid for a program that does more than to change a body, and bounds what it can make.
func boundQuery(query *gojq.Query, text string) error {
	if strings.Contains(text, "$__") {
		return deadletter.Errorf(deadletter.Invalid, "names that begin with $__ are reserved: choose another")
	}
	if query.Meta != nil || len(query.Imports) > 0 {
		return deadletter.Errorf(deadletter.Invalid, "a recipe cannot load modules")
	}
	if err := (&bounder{}).value(reflect.ValueOf(query)); err != nil {
		return err
	}
	own, err := gojq.Parse(ownFunctions + ".")
	if err != nil {
		return fmt.Errorf("parse the functions of recipes: %w", err)
	}
	if err := (&bounder{own: true}).value(reflect.ValueOf(own)); err != nil {
		return err
	}
	query.FuncDefs = append(own.FuncDefs, query.FuncDefs...)
	return nil
}

// bounder rewrites a program.
type bounder struct {
	own   bool // these are ownFunctions
	depth int
}

func (b *bounder) value(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return b.node(v)
	case reflect.Slice:
		for i := range v.Len() {
			if err := b.value(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if err := b.value(v.Field(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bounder) node(v reflect.Value) error {
	if b.depth++; b.depth > maxJQDepth {
		return deadletter.Errorf(
			deadletter.Invalid,
			"the change is nested too deep: write less of it within one another",
		)
	}
	defer func() { b.depth-- }()
	if query, ok := v.Interface().(*gojq.Query); ok {
		if err := spellOut(query); err != nil {
			return err
		}
	}
	if err := b.value(v.Elem()); err != nil {
		return err
	}
	switch node := v.Interface().(type) {
	case *gojq.Query:
		boundOperator(node)
	case *gojq.Term:
		return b.term(node)
	case *gojq.Index:
		node.Start, node.End = through(node.Start, "_index"), through(node.End, "_index")
	case *gojq.FuncDef:
		if !b.own {
			return deadletter.Errorf(deadletter.Invalid, "a recipe cannot define functions")
		}
	}
	return nil
}

// spellOut replaces a += b by b as $__right | a |= (. + $__right), so that the sum can be weighed.
func spellOut(q *gojq.Query) error {
	switch q.Op {
	case gojq.OpUpdateAdd, gojq.OpUpdateSub, gojq.OpUpdateMul, gojq.OpUpdateDiv, gojq.OpUpdateMod, gojq.OpUpdateAlt:
	default:
		return nil
	}
	spelled, err := gojq.Parse(fmt.Sprintf("(%s) as $__right | (%s) |= (. %s $__right)",
		q.Right, q.Left, strings.TrimSuffix(q.Op.String(), "=")))
	if err != nil {
		return fmt.Errorf("spell out %s: %w", q.Op, err)
	}
	spelled.FuncDefs = q.FuncDefs
	*q = *spelled
	return nil
}

func boundOperator(q *gojq.Query) {
	switch q.Op {
	case gojq.OpMul:
		q.Left, q.Right = through(q.Left, "_factor"), through(q.Right, "_factor")
	case gojq.OpSub:
		q.Left, q.Right = through(q.Left, "_small"), through(q.Right, "_small")
	case gojq.OpAdd, gojq.OpDiv, gojq.OpMod:
		q.Left, q.Right = through(q.Left, "_number"), through(q.Right, "_number")
	case gojq.OpAssign, gojq.OpModify:
	default:
		return
	}
	inner := *q
	inner.FuncDefs = nil
	*q = gojq.Query{FuncDefs: q.FuncDefs, Term: &gojq.Term{Type: gojq.TermTypeQuery, Query: weighed(&inner)}}
}

func (b *bounder) term(t *gojq.Term) error {
	switch t.Type {
	case gojq.TermTypeArray, gojq.TermTypeObject, gojq.TermTypeString, gojq.TermTypeFormat:
	case gojq.TermTypeUnary:
		operand := &gojq.Query{Term: t.Unary.Term}
		t.Unary.Term = &gojq.Term{Type: gojq.TermTypeQuery, Query: through(operand, "_number")}
		return nil
	case gojq.TermTypeFunc:
		weighs, err := b.function(t.Func)
		if err != nil || !weighs {
			return err
		}
	default:
		return nil
	}
	core := *t
	core.SuffixList = nil
	made := &gojq.Query{Term: &core}
	if t.Type == gojq.TermTypeFunc && slices.Contains(squareFunctions, t.Func.Name) {
		made = &gojq.Query{Left: call("_small"), Op: gojq.OpPipe, Right: made}
	}
	*t = gojq.Term{Type: gojq.TermTypeQuery, Query: weighed(made), SuffixList: t.SuffixList}
	return nil
}

// function reports whether what a function returns is to be weighed, or returns why it cannot be used.
func (b *bounder) function(f *gojq.Func) (bool, error) {
	switch {
	case f.Name == "$ENV":
	case f.Name[0] == '$', slices.Contains(pathFunctions, f.Name):
		return false, nil
	case slices.Contains(squareFunctions, f.Name):
		if !strings.HasSuffix(f.Name, "sub") { // the text of a replacement is a filter of its match
			for i := range f.Args {
				f.Args[i] = through(f.Args[i], "_small")
			}
		}
		return true, nil
	case slices.Contains(valueFunctions, f.Name):
		if f.Name == "nth" {
			f.Args[0] = through(f.Args[0], "_index")
		}
		return true, nil
	case b.own: // their own names and parameters
		return false, nil
	}
	return false, deadletter.Errorf(deadletter.Invalid, "a recipe cannot use %s", f.Name)
}

func weighed(q *gojq.Query) *gojq.Query { return through(q, "_weigh", call("$__meter")) }

// through pipes a query through a function of ours.
func through(q *gojq.Query, name string, args ...*gojq.Query) *gojq.Query {
	if q == nil {
		return nil
	}
	inner := &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeQuery, Query: q}}
	return &gojq.Query{Left: inner, Op: gojq.OpPipe, Right: call(name, args...)}
}

func call(name string, args ...*gojq.Query) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name, Args: args}}}
}
