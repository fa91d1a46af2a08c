package payload_test

import (
	"fmt"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

func TestDeparturesAreMissingPathsAndOtherTypes(t *testing.T) {
	t.Parallel()
	delivered := shapeOf(t, 200, func(i int) string {
		if i%3 == 0 {
			return fmt.Sprintf(`{"id":"a","customer":{"id":"x","tier":"gold"},"note":"n","size":%d}`, i%7)
		}
		return fmt.Sprintf(`{"id":"b","customer":{"id":"y","tier":"gold"},"size":%d}`, i%7)
	})
	for name, c := range map[string]struct{ body, want string }{
		"alike":                  {`{"id":"a","customer":{"id":"x","tier":"gold"},"note":"n","size":3}`, ""},
		"often missing":          {`{"id":"a","customer":{"id":"x","tier":"gold"},"size":3}`, ""},
		"other values and sizes": {`{"id":"zzzzzz","customer":{"id":"x","tier":"iron"},"size":9000000,"more":1}`, ""},
		"missing":                {`{"id":"a","customer":{"id":"x"},"size":3}`, "missing customer.tier 1/1 0/200"},
		"missing object":         {`{"id":"a","size":3}`, "missing customer 1/1 0/200"},
		"type": {
			`{"id":"a","customer":{"id":7,"tier":"gold"},"size":3}`, "type customer.id 1/1 0/200 2 usual 3 in 200",
		},
		"another kind of body": {`[1]`, "type  1/1 0/200 5 usual 4 in 200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := said(payload.Departures(shapeOf(t, 1, always(c.body)), delivered)); got != c.want {
				t.Errorf("%s differs in\n%s\nwant\n%s", c.body, got, c.want)
			}
		})
	}
	if got := payload.Departures(shapeOf(t, 1, always(`{}`)), shapeOf(t, 5, always(`{"id":1}`))); len(got) > 0 {
		t.Errorf("five delivered webhooks say that all others differ: %v", got)
	}
	if got := payload.Departures(shapeOf(t, 1, always(`{}`)), &payload.Shape{}); got != nil {
		t.Errorf("nothing was delivered, and it differs in %v", got)
	}
}

func TestRecipeSaysWhetherItChangesTheContent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind            deadletter.RecipeKind
		text, body      string
		headers         deadletter.Headers
		changes, failed bool
	}{
		"another value":     {deadletter.MergePatch, `{"a":2}`, `{"a":1}`, nil, true, false},
		"the same value":    {deadletter.MergePatch, `{"a":1}`, `{ "a" : 1 }`, nil, false, false},
		"more digits":       {deadletter.MergePatch, `{"a":12345678901234567891}`, `{"a":12345678901234567890}`, nil, true, false},
		"nothing to remove": {deadletter.MergePatch, `{"b":null}`, `{"a":1}`, nil, false, false},
		"a test":            {deadletter.JSONPatch, `[{"op":"test","path":"/b","value":1}]`, `{ "b": 1, "a": 2 }`, nil, false, false},
		"a failed test":     {deadletter.JSONPatch, `[{"op":"test","path":"/b","value":2}]`, `{"b":1}`, nil, false, true},
		"jq as it is":       {deadletter.JQ, `.`, `{"b":1.10,"a":"\u00e9"}`, nil, false, false},
		"jq that changes":   {deadletter.JQ, `.b = 2`, `{"b":1,"a":2}`, nil, true, false},
		"a form": {
			deadletter.MergePatch, `{"a":"1"}`, `a=1&b=2`,
			deadletter.Headers{"Content-Type": {"application/x-www-form-urlencoded"}},
			false, false,
		},
		"another form": {
			deadletter.MergePatch, `{"a":"2"}`, `a=1&b=2`,
			deadletter.Headers{"Content-Type": {"application/x-www-form-urlencoded"}},
			true, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recipe, err := payload.Compile(deadletter.Recipe{Kind: c.kind, Text: c.text})
			if err != nil {
				t.Fatal(err)
			}
			body, changes, err := recipe.Try(t.Context(), deadletter.Revision{Headers: c.headers, Body: []byte(c.body)})
			if (err != nil) != c.failed || changes != c.changes {
				t.Errorf("%s becomes %s, changed %t: %v", c.body, body, changes, err)
			}
		})
	}
}
