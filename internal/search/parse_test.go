package search_test

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/search"
)

func TestQueryIsParsed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]search.Term{
		"":                {},
		"  timeout order": {{Value: "timeout", Op: search.Is, At: 2, End: 9}, {Value: "order", Op: search.Is, At: 10, End: 15}},
		"-timeout":        {{Not: true, Op: search.Is, Value: "timeout", End: 8}},
		`"order is \"null\""`: {
			{Kind: search.Phrase, Op: search.Is, Value: `order is "null"`, End: 19},
		},
		"source:genesys": {{Kind: search.Operator, Name: "source", Op: search.Is, Value: "genesys", End: 14}},
		"Code:>=500":     {{Kind: search.Operator, Name: "code", Op: search.AtLeast, Value: "500", End: 10}},
		"received:1h..2h": {
			{Kind: search.Operator, Name: "received", Op: search.Between, Value: "1h", To: "2h", End: 15},
		},
		"type:conversation.*": {
			{Kind: search.Operator, Name: "type", Op: search.Is, Value: "conversation.", Begins: true, End: 19},
		},
		"$.customer.email=anna@example.com": {
			{Kind: search.Field, Name: "$.customer.email", Op: search.Is, Value: "anna@example.com", End: 33},
		},
		"$['a b'].c:x": {{Kind: search.Field, Name: "$['a b'].c", Op: search.Is, Value: "x", End: 12}},
		"amount:>100":  {{Kind: search.Field, Name: "amount", Op: search.Above, Value: "100", End: 11}},
		"amount>100":   {{Kind: search.Field, Name: "amount", Op: search.Above, Value: "100", End: 10}},
		"amount:5..":   {{Kind: search.Field, Name: "amount", Op: search.AtLeast, Value: "5", End: 10}},
		`name="a b"*`:  {{Kind: search.Field, Name: "name", Op: search.Is, Value: "a b", Begins: true, End: 11}},
		"header.X-Tenant=acme": {
			{Kind: search.Header, Name: "x-tenant", Op: search.Is, Value: "acme", End: 20},
		},
		"TypeError: x":     {{Op: search.Is, Value: "TypeError:", End: 10}, {Op: search.Is, Value: "x", At: 11, End: 12}},
		"https://a.test/b": {{Op: search.Is, Value: "https://a.test/b", End: 16}},
		"a → b":            {{Op: search.Is, Value: "a", End: 1}, {Op: search.Is, Value: "b", At: 4, End: 5}},
	} {
		t.Run(text, func(t *testing.T) {
			got, err := search.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Terms)+len(want) > 0 && !reflect.DeepEqual(got.Terms, want) {
				t.Errorf("%q is %+v, want %+v", text, got.Terms, want)
			}
		})
	}
}

// An error says where it is, in characters from 1, and what to do.
func TestFaultOfAQueryHasItsPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		at, end int
		says    string
	}{
		`a "b`:                   {2, 4, `at character 3: the quote is not closed: add " at the end`},
		`"a"b`:                   {3, 4, "put a space after the quote"},
		"größe code:6x":          {6, 13, `at character 7: "6x" is not a status code: use 422, 5xx`},
		"status:broken":          {0, 13, `there is no status "broken": use failed, retrying`},
		"received:>soon":         {0, 14, `"soon" is not a time: write an age like <2h`},
		"received:1h..x":         {0, 14, `"x" is not a time`},
		"source:":                {0, 7, `source needs a value: write one after "source:"`},
		"source:>a":              {0, 9, "source has no order: write source:a"},
		"$.a:>b":                 {0, 6, `"b" is neither a number nor a time`},
		"$.a:1..1h":              {0, 9, "write two of one kind"},
		"$:x":                    {0, 3, "a path starts with $ and a name"},
		"$.a..:x":                {0, 7, "write every step by its name"},
		"* ( )":                  {0, 5, "the search needs a word or a number"},
		`""`:                     {0, 2, "the quotes have no word"},
		"header.a=":              {0, 9, "header a needs a value"},
		strings.Repeat("x", 501): {500, 501, "the search is too long: use at most 500 characters"},
	} {
		t.Run(text, func(t *testing.T) {
			_, err := search.Parse(text)
			var fault *search.Fault
			if !errors.As(err, &fault) {
				t.Fatalf("%q gives %v", text, err)
			}
			if deadletter.KindOf(err) != deadletter.Invalid || fault.At != want.at || fault.End != want.end ||
				!strings.Contains(deadletter.TextOf(err), want.says) {
				t.Errorf("%q: %q at %d to %d", text, deadletter.TextOf(err), fault.At, fault.End)
			}
		})
	}
}

func TestTimesOfATerm(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"received:2h":                          "2026-03-02T10:00 -",
		"received:<2h":                         "2026-03-02T10:00 -",
		"received:>2h":                         "- 2026-03-02T10:00",
		"received:1h..2h":                      "2026-03-02T10:00 2026-03-02T11:00",
		"received:2h..1h":                      "2026-03-02T10:00 2026-03-02T11:00",
		"received:2026-03-01":                  "2026-03-01T00:00 2026-03-02T00:00",
		"received:>2026-03-01":                 "2026-03-02T00:00 -",
		"received:>=2026-03-01":                "2026-03-01T00:00 -",
		"received:<2026-03-01T10:15":           "- 2026-03-01T10:15",
		"received:<=2026-03-01T10:15":          "- 2026-03-01T10:16",
		"received:2026-02-27..2026-03-01":      "2026-02-27T00:00 2026-03-02T00:00",
		"received:2026-03-01T23:30:00-01:00..": "2026-03-02T00:30 -",
	} {
		t.Run(text, func(t *testing.T) {
			q, err := search.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			from, to := q.Terms[0].Times(now)
			var got []string
			for _, at := range []time.Time{from, to} {
				if at.IsZero() {
					got = append(got, "-")
				} else {
					got = append(got, at.Format("2006-01-02T15:04"))
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s is from %s", text, strings.Join(got, " to "))
			}
		})
	}
}

// Parse never panics, and String writes what Parse reads back.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`source:genesys status:failed code:5xx type:conversation.* $.customer.email=anna@example.com amount:>100`,
		`header.x-tenant=acme received:>2h -timeout "exact words" assignee:me`,
		`-"a\"b\\"* $['a b'].c:1..2 a:: --b x:=y x:"" $..a=* TypeError: a['b c']: "`, "\xff\x00:=>", "客户 a=ก",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := search.Parse(text)
		if err != nil {
			return
		}
		written := q.String()
		again, err := search.Parse(written)
		if len([]rune(written)) > search.MaxQuery {
			return // its quotes and spaces made it longer
		}
		if err != nil {
			t.Fatalf("%q is written %q: %v", text, written, err)
		}
		for _, list := range [][]search.Term{q.Terms, again.Terms} {
			for i := range list {
				list[i].At, list[i].End = 0, 0
			}
		}
		if !reflect.DeepEqual(q, again) {
			t.Fatalf("%q is %+v, written %q and then %+v", text, q, written, again)
		}
	})
}

func TestManualHasEveryOperator(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../web/docs/search.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range search.Operators() {
		if !strings.Contains(string(manual), "\n| `"+name+":") {
			t.Errorf("web/docs/search.md has no line for %s", name)
		}
	}
}

func TestQueryIsWrittenAsPeopleTypeIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"$.note:*":         "$.note=*",
		"type:conv*":       "type:conv*",
		`name:"a b"*`:      `name="a b"*`,
		"-header.x-a=b":    "-header.x-a=b",
		"amount:>100 5..9": "amount:>100 5..9",
	} {
		q, err := search.Parse(text)
		if err != nil || q.String() != want {
			t.Errorf("%s is written as %s, want %s, %v", text, q, want, err)
		}
	}
}
