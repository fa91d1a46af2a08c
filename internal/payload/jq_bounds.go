package payload

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/itchyny/gojq"

	"dlqdesk/internal/deadletter"
)

// gojq looks at the time between its instructions, and one instruction can allocate without a limit. So a recipe has
// only functions that are known to be harmless, and what can make a large value is weighed. A value is weighed with all
// that is in it, however often: [.,.] sixty times is small until it is written. What makes much more than its input in
// one instruction has a bound for its input. With a body of 1 MiB a run takes less than 100 MiB of memory.
const (
	maxJQWeight = 32 << 20 // bytes that a run can make, and 16 more for each byte of the body
	maxJQIndex  = 100_000
	maxJQSmall  = 16 << 10
	maxJQSplit  = 1 << 20 // bytes of a text that is taken apart
	maxJQDigits = 1000
)

// meter counts what a run has made.
type meter struct {
	left int
	ctx  context.Context
}

func (m *meter) weigh(v any) any { return m.result(v, m.isOver(v)) }

// item weighs the place of a value in a list that is being made.
func (m *meter) item(v any) any {
	m.left -= 2 * weightOfValue // the list is copied as it grows
	return m.result(v, m.left < 0)
}

func (m *meter) result(v any, over bool) any {
	if over {
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

// The bytes that values take, about: a value in a list or on its own, and an object with up to eight members.
const (
	weightOfValue  = 16
	weightOfObject = 256
)

func (m *meter) add(v any) {
	if m.left -= weightOfValue; m.left < 0 {
		return
	}
	switch v := v.(type) {
	case string:
		if m.left -= len(v); len(v) > MaxEdit {
			m.left = -1
		}
	case json.Number:
		if m.left -= len(v); len(v) > maxJQDigits {
			m.left = -1
		}
	case *big.Int:
		if m.left -= v.BitLen() / 8; v.BitLen() > 4*maxJQDigits {
			m.left = -1
		}
	case []any:
		for _, item := range v {
			if m.add(item); m.left < 0 {
				return
			}
		}
	case map[string]any:
		if len(v) > 0 {
			m.left -= weightOfObject
		}
		for name, item := range v {
			m.left -= len(name) + weightOfValue
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

// checkText returns a value for what takes a text apart.
func checkText(v any) any {
	if text, ok := v.(string); ok && len(text) > maxJQSplit {
		return deadletter.Errorf(
			deadletter.Invalid,
			"the recipe takes a text of more than %d KiB apart",
			maxJQSplit>>10,
		)
	}
	return v
}

// checkDigits returns a text for what reads a number.
func checkDigits(v any) any {
	if text, ok := v.(string); ok && len(text) > maxJQDigits {
		return deadletter.Errorf(deadletter.Invalid, "the recipe reads a number of more than %d digits", maxJQDigits)
	}
	return v
}

// checkDivided returns an operand of a division, which splits texts.
func checkDivided(v any) any {
	return checkNumber(checkText(v)) // an error is no number
}

// joined returns texts with a text between them.
func joined(texts, by any) any {
	list, _ := texts.([]any)
	between, ok := by.(string)
	if !ok && len(list) > 1 {
		return deadletter.Errorf(deadletter.Invalid, "the recipe joins with something that is no text")
	}
	all, size := make([]string, len(list)), 0
	for i, item := range list {
		all[i], _ = item.(string)
		if size += len(all[i]) + len(between); size > MaxEdit+len(between) {
			return deadletter.Errorf(deadletter.Invalid, "the recipe makes too large values of this body")
		}
	}
	return strings.Join(all, between)
}

func checkIndex(v any) any {
	if f, ok := gojq.ToFloat64(v); ok && f > maxJQIndex {
		return deadletter.Errorf(deadletter.Invalid, "the recipe has an index over %d", maxJQIndex)
	}
	return v
}

// pathFunctions only select, so that they can be assigned to. Their results are parts of values that were weighed.
var pathFunctions = strings.Fields(`empty error select recurse first last not type length keys keys_unsorted has in
	range limit add until while repeat any all
	values nulls booleans numbers strings arrays objects iterables scalars`)

// valueFunctions make a value, which is weighed.
var valueFunctions = strings.Fields(
	`tostring tojson map map_values del delpaths to_entries from_entries with_entries
	join ascii_downcase ascii_upcase ltrimstr rtrimstr trimstr startswith endswith trim ltrim rtrim
	flatten reverse sort sort_by
	group_by unique unique_by min max min_by max_by paths floor ceil round fabs sqrt abs todate fromdate
	fromdateiso8601 todateiso8601 mktime gmtime walk nth utf8bytelength`,
)

// textFunctions take a text apart, or make a longer one of it. Their input and arguments are bounded.
var textFunctions = strings.Fields(`explode fromjson split strftime strptime`)

// listFunctions make a list of what their argument returns.
var listFunctions = strings.Fields(`map sort_by group_by unique_by min_by max_by with_entries`)

// squareFunctions take time with the square of their input and arguments, which have to be small.
var squareFunctions = strings.Fields(`test match capture scan splits sub gsub contains inside index rindex indices`)

// ownFunctions replace functions of gojq that make large values within one instruction.
const ownFunctions = `
def _captures: reduce (.captures[] | select(.name != null)) as $c ({}; .[$c.name] = $c.string);
def _one(f): [f] | if length == 1 then .[0] else error("sub and gsub need one text for each match") end;
def _replace($re; str; $flags): . as $in
	| [foreach (match($re; $flags), null) as $m ([0, ""];
		[$m.offset + $m.length, $in[.[0]:$m.offset] + if $m == null then "" else _one($m | _captures | str) end];
		.[1])]
	| _join("");
def sub($re; str): _replace($re; str; null);
def sub($re; str; $flags): _replace($re; str; $flags);
def gsub($re; str): _replace($re; str; "g");
def gsub($re; str; $flags): _replace($re; str; $flags + "g");
def add: reduce .[] as $x (null; . + $x);
def add(f): reduce f as $x (null; . + $x);
def join($by): [.[] | if . == null then "" elif type == "string" then . else tojson end] | _join($by);
def del(f): delpaths([path(f)]);
def to_entries: [keys[] as $k | {key: $k, value: .[$k]}];
def with_entries(f): to_entries | map(f) | from_entries;
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
	case gojq.OpDiv:
		q.Left, q.Right = through(q.Left, "_divided"), through(q.Right, "_divided")
	case gojq.OpAdd, gojq.OpMod:
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
	case gojq.TermTypeArray:
		t.Array.Query = through(t.Array.Query, "_item", call("$__meter"))
	case gojq.TermTypeObject, gojq.TermTypeString, gojq.TermTypeFormat:
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
	if t.Type == gojq.TermTypeFunc && inputCheck(t.Func) != "" {
		made = &gojq.Query{Left: call(inputCheck(t.Func)), Op: gojq.OpPipe, Right: made}
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
	case isSquare(f):
		if !strings.HasSuffix(f.Name, "sub") { // the text of a replacement is a filter of its match
			for i := range f.Args {
				f.Args[i] = through(f.Args[i], "_small")
			}
		}
		return true, nil
	case slices.Contains(textFunctions, f.Name):
		for i := range f.Args {
			f.Args[i] = through(f.Args[i], "_text")
		}
		return true, nil
	case slices.Contains(listFunctions, f.Name):
		f.Args[0] = through(f.Args[0], "_item", call("$__meter"))
		return true, nil
	case f.Name == "tonumber", slices.Contains(valueFunctions, f.Name):
		if f.Name == "nth" {
			f.Args[0] = through(f.Args[0], "_index")
		}
		return true, nil
	case b.own: // their own names and parameters
		return false, nil
	}
	return false, deadletter.Errorf(deadletter.Invalid, "a recipe cannot use %s", f.Name)
}

// inputCheck names what checks the input of a function; "" for none.
func inputCheck(f *gojq.Func) string {
	switch {
	case isSquare(f):
		return "_small"
	case slices.Contains(textFunctions, f.Name):
		return "_text"
	case f.Name == "tonumber":
		return "_digits"
	}
	return ""
}

// isSquare reports whether a function is of squareFunctions. With two arguments, split takes a regular expression.
func isSquare(f *gojq.Func) bool {
	return slices.Contains(squareFunctions, f.Name) || f.Name == "split" && len(f.Args) == 2
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
