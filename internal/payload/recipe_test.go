package payload_test

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

// applied returns the body that a recipe makes, or why it does not.
func applied(t *testing.T, r deadletter.Recipe, h deadletter.Headers, body string) (string, error) {
	t.Helper()
	recipe, err := payload.Compile(r)
	if err != nil {
		return "", err
	}
	got, err := recipe.Apply(t.Context(), deadletter.Revision{Headers: h, Body: []byte(body)})
	return string(got), err
}

func TestRecipeExamples(t *testing.T) {
	t.Parallel()
	const table = "conversation,customerId\nc-1,4711\n\"c,2\",\"48\"\"12\"\n"
	headers := deadletter.Headers{"Content-Type": {"application/json"}, "X-Tenant": {"north"}}
	for _, c := range []struct {
		kind             deadletter.RecipeKind
		text, body, want string
	}{
		{"", `{"a":{"b":null}}`, `{"z":1,"a":{"b":2,"c":3}}`, `{"z":1,"a":{"c":3}}`},
		{
			deadletter.JSONPatch, `[{"op":"move","from":"/b","path":"/c"}]`, `{"b":1.50,"a":12345678901234567890}`,
			`{"a":12345678901234567890,"c":1.50}`,
		},
		{deadletter.JSONPatch, `[{"op":"add","path":"/l/-","value":"<é>"}]`, `{"z":"<>","l":[1]}`, `{"z":"<>","l":[1,"<é>"]}`},
		{deadletter.JQ, `.`, "{\"z\": 1,\n \"a\":[1.10, \"\\u00e9\"]}", "{\"z\": 1,\n \"a\":[1.10, \"\\u00e9\"]}"},
		{
			deadletter.JQ, `.b = .a`, `{"z":12345678901234567890, "a":{"y": 1.10,"x":2}}`,
			`{"z":12345678901234567890,"a":{"y": 1.10,"x":2},"b":{"y":1.10,"x":2}}`,
		},
		{deadletter.JQ, `del(.z) | .new = 1`, `{"z":1,"b":{"d": 1, "c":2},"a":3}`, `{"b":{"d": 1, "c":2},"a":3,"new":1}`},
		{deadletter.JQ, `.tenant = $headers["X-Tenant"]`, `{"b":1}`, `{"b":1,"tenant":"north"}`},
		{deadletter.JQ, `.customerId = $table[.id].customerId`, `{"id":"c,2"}`, `{"id":"c,2","customerId":"48\"12"}`},
		{
			deadletter.JQ, `.n += 1 | .n *= 2 | .s += "b" | .l[1] //= 5`, `{"n":9007199254740993,"s":"a","l":[1]}`,
			`{"n":18014398509481988,"s":"ab","l":[1,5]}`,
		},
		{deadletter.JQ, `.phone |= gsub("[^0-9]"; "")`, `{"phone":"+41 44-1"}`, `{"phone":"41441"}`},
		{
			deadletter.JQ, `.d |= sub("(?<y>[0-9]+)-(?<m>[0-9]+)"; "\(.m)/\(.y)")`, `{"d":"é 2026-11 2027-12"}`,
			`{"d":"é 11/2026 2027-12"}`,
		},
		{
			deadletter.JQ, `.items |= map(select(.id != "x") | .n = 1)`, `{"items":[{"z":1,"id":"y"},{"id":"x"}]}`,
			`{"items":[{"z":1,"id":"y","n":1}]}`,
		},
		{deadletter.JQ, `with_entries(.key |= ascii_downcase)`, `{"B":1,"A":2}`, `{"a":2,"b":1}`},
		{
			deadletter.JQ, `.l |= (to_entries | map(.value) | join("-")) | .s |= split("[;,]"; "g")`,
			`{"l":["a","b",true],"s":"1;2,3"}`, `{"l":"a-b-true","s":["1","2","3"]}`,
		},
		{
			deadletter.JQ, `.s |= (gsub("(?<x>b)"; "<\(.x)>") | gsub("^";">")) | del(.l[1:]) | .n |= tonumber`,
			`{"s":"abcb","l":[1,2,3],"n":"12.50"}`, `{"s":">a<b>c<b>","l":[1],"n":12.5}`,
		},
		{deadletter.JQ, `.l |= join(",")`, `{"l":["a",1,null]}`, `{"l":"a,1,"}`},
		{deadletter.JQ, `if .a then .b = -.a else error("no a") end`, `{"a":3}`, `{"a":3,"b":-3}`},
		{
			deadletter.JQ, `.a as [$x, {b: $y}] | {x: $x, $y, z: [.a[0], "\($x)"]}`, `{"a":[1,{"b":2}]}`,
			`{"x":1,"y":2,"z":[1,"1"]}`,
		},
		{deadletter.JQ, `.l |= add`, `{"l":["a","b"]}`, `{"l":"ab"}`},
		{deadletter.JQ, `reduce .l[] as $i (0; . + $i)`, `{"l":[1,2]}`, `3`},
		{deadletter.JQ, `(.. | select(type == "object" and has("id")) | .id) |= tostring`, `{"a":{"id":1}}`, `{"a":{"id":"1"}}`},
		{deadletter.JQ, `.a |= (@base64 | @uri)`, `{"a":"x"}`, `{"a":"eA%3D%3D"}`},
	} {
		t.Run(c.text, func(t *testing.T) {
			r := deadletter.Recipe{Kind: c.kind, Text: c.text}
			if c.kind == deadletter.JQ {
				r.Table = table
			}
			if got, err := applied(t, r, headers, c.body); err != nil || got != c.want {
				t.Errorf("%s: %v; want %s", got, err, c.want)
			}
		})
	}
}

func TestTablesOfSpreadsheets(t *testing.T) {
	t.Parallel()
	for name, table := range map[string]string{
		"with a byte order mark": "\ufeffid,customer\r\nc-1,\"a;b\"\r\nc-2,x\r\n",
		"with semicolons":        "\ufeffid;customer\r\nc-1;\"a;b\"\r\nc-2;x,y\r\n",
		"of copied cells":        "id\tcustomer\nc-1\ta;b\nc-2\t",
		"with blank lines":       "\nid,customer\n\nc-1,a;b\n\n",
		"with more columns":      "id;customer;note, long\nc-1;\"a;b\";n\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := applied(t, deadletter.Recipe{
				Kind: deadletter.JQ, Text: ".customer = $table[.id].customer", Table: table,
			}, nil, `{"id":"c-1"}`)
			if want := `{"id":"c-1","customer":"a;b"}`; err != nil || got != want {
				t.Errorf("%s, %v; want %s", got, err, want)
			}
		})
	}
}

func TestRecipeKeepsTheEncoding(t *testing.T) {
	t.Parallel()
	form := deadletter.Headers{"Content-Type": {"application/x-www-form-urlencoded"}}
	got, err := applied(
		t,
		deadletter.Recipe{Kind: deadletter.JQ, Text: `.to |= ltrimstr("+")`},
		form,
		"to=%2B1555&q=a+b",
	)
	if err != nil || got != "to=1555&q=a+b" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestRecipeFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		recipe deadletter.Recipe
		field  string
		want   string
	}{
		{deadletter.Recipe{Text: "{\n\"a\": }"}, "patch", "line 2, column 6"},
		{deadletter.Recipe{Kind: "perl", Text: "1"}, "patch", `got "perl"`},
		{deadletter.Recipe{Kind: deadletter.JSONPatch, Text: `{}`}, "patch", "a list of operations"},
		{deadletter.Recipe{Kind: deadletter.JSONPatch, Text: `[]`}, "patch", "a list of operations"},
		{
			deadletter.Recipe{Kind: deadletter.JSONPatch, Text: `[{"op":"remove","path":"/a"},{"op":"add","path":"/a"}]`},
			"patch", "operation 2: it needs a value",
		},
		{deadletter.Recipe{Kind: deadletter.JSONPatch, Text: `[{"op":"move","path":"/a","from":"b"}]`}, "patch", "needs a path"},
		{deadletter.Recipe{Kind: deadletter.JQ, Text: ".a = 1 |\n  .b = )"}, "patch", "line 2, column 8"},
		{deadletter.Recipe{Kind: deadletter.JQ, Text: ""}, "patch", "enter a change"},
		{deadletter.Recipe{Kind: deadletter.JQ, Text: ".a = $nothing"}, "patch", "$nothing"},
		{deadletter.Recipe{Kind: deadletter.JQ, Text: ".a |= nothing"}, "patch", "cannot use nothing"},
		{deadletter.Recipe{Kind: deadletter.JQ, Text: ".", Table: "a,b\n1,2\n3\n"}, "table", "line 3, column 1"},
		{deadletter.Recipe{Kind: deadletter.JQ, Text: ".", Table: "a,b\n1,2\n1,3\n"}, "table", "line 3, column 1: its key"},
		{deadletter.Recipe{Kind: deadletter.JQ, Text: ".", Table: "a,b\n"}, "table", "the first line names"},
		{deadletter.Recipe{Kind: deadletter.JQ, Text: ".", Table: "a,b,a\n1,2,3\n"}, "table", `column "a" is there twice`},
		{deadletter.Recipe{Kind: deadletter.JQ, Text: ".", Table: "a\n" + strings.Repeat("x", 1<<20)}, "table", "at most"},
		{deadletter.Recipe{Text: "{}", Table: "a\n1"}, "table", "only jq reads a table"},
		{deadletter.Recipe{Text: strings.Repeat(" ", 1<<17)}, "patch", "at most"},
	} {
		t.Run(fmt.Sprintf("%s %.20s", c.recipe.Kind, c.recipe.Text), func(t *testing.T) {
			_, err := payload.Compile(c.recipe)
			if deadletter.KindOf(err) != deadletter.Invalid || deadletter.FieldOf(err) != c.field ||
				!strings.Contains(err.Error(), c.want) {
				t.Errorf("about %s: %v; want %s: %s", deadletter.FieldOf(err), err, c.field, c.want)
			}
		})
	}
}

// A text is the same for all messages that fail in the same way, and has no value of them.
func TestRecipeSaysWhyItFailed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind             deadletter.RecipeKind
		text, body, want string
	}{
		{deadletter.JQ, `.a`, `<xml/>`, "is no JSON"},
		{deadletter.JQ, `.a`, `{"a":1,"a":2}`, "a name twice"},
		{deadletter.JSONPatch, `[{"op":"remove","path":"/b"}]`, `{"a":1}`, "operation 1: it cannot remove at /b"},
		{deadletter.JSONPatch, `[{"op":"test","path":"/a","value":2}]`, `{"a":1}`, "operation 1: the test failed"},
		{deadletter.JQ, `.a | .b`, `{"a":"secret"}`, "expected an object but got: string"},
		{deadletter.JQ, `.a + 1`, `{"a":"secret"}`, "cannot add: string"},
		{deadletter.JQ, `error("no customer")`, `{}`, "the recipe stopped: no customer"},
		{deadletter.JQ, `empty`, `{}`, "no result"},
		{deadletter.JQ, `.,.`, `{}`, "several results"},
		{deadletter.JQ, `.a + 1`, `{"a":1.2345678901234567}`, "more digits"},
		{deadletter.JQ, `.a * 2`, `{"a":1e400}`, "more digits"},
		{deadletter.JQ, `[.a] | add`, `{"a":1.2345678901234567}`, "more digits"},
		{deadletter.JQ, `-.a`, `{"a":1.2345678901234567}`, "more digits"},
	} {
		t.Run(c.text+" "+c.body, func(t *testing.T) {
			_, err := applied(t, deadletter.Recipe{Kind: c.kind, Text: c.text}, nil, c.body)
			if deadletter.KindOf(err) != deadletter.Invalid || !strings.Contains(err.Error(), c.want) ||
				strings.Contains(err.Error(), "secret") {
				t.Errorf("%v; want %s", err, c.want)
			}
		})
	}
}

// Each of these would read what is not of the message, not end, or take the memory of the machine.
func TestHostileRecipesEnd(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`input`, `inputs`, `$ENV`, `env`, `debug`, `stderr`, `halt`, `halt_error`, `input_filename`, `get_search_list`,
		`builtins`, `$__meter`, `_weigh(1)`, `. as $__meter | .a += 1`, `import "a" as a; .`, `include "a"; .`, `modulemeta`,
		`setpath([1000000000]; 1)`, `getpath([1000000000]) = 1`, `fromstream(1|[[1000000000],1])`, `implode`,
		`def f: f; f`, `def f: 1 + f; f`, `[recurse(.)]`, `recurse(.)`, `repeat(.)`, `[range(1e12)]`, `last(range(1e12))`,
		`[limit(1e9; repeat("x"))]`, `"x" * 1e9`, `"x" * 1000000000`, `1e9 * "x"`, `. as $x | "x" | . *= 1e9`,
		`.[1e8] = 1`, `.a[100000000] |= 1`, `(.a | nth(100000000)) = 1`, `null | .[100000000:] = [1] | .[99999999] = 1`,
		`reduce range(60) as $i ("x"; . + .)`, `reduce range(60) as $i ("x"; . += .)`,
		`reduce range(60) as $i (1; [.,.])`, `reduce range(60) as $i (1; [.,.]) | tojson`,
		`reduce range(60) as $i (1; {a: ., b: .}) | . == .`, `reduce range(60) as $i ({}; .a = . | .b = .)`,
		`reduce range(60) as $i ("x"; "\(.)\(.)")`, `reduce range(60) as $i ("x"; @html "\(.)\(.)")`,
		`reduce range(60) as $i ("x"; [., .] | join(""))`, `reduce range(60) as $i ([1]; . + .)`,
		`reduce range(60) as $i ([1]; map(1, 2))`, `reduce range(60) as $i ("x"; tojson)`,
		`reduce range(60) as $i ("x"; gsub(""; "xy"))`, `[limit(100000; repeat("x"))] | join([limit(100000; repeat("x"))]|tojson)`,
		`reduce range(22) as $i ("x"; . + .) as $big | [range(100000)] | map($big + "y")`,
		`reduce range(22) as $i ("x"; . + .) as $big | [range(100000) | "y"] | .[] += $big`,
		`reduce range(22) as $i ("x"; . + .) as $big | $big | gsub("x"; $big)`,
		`reduce range(60) as $i ([1]; [., .] | flatten)`, `foreach range(1e12) as $i (1; [.,.]; empty)`,
		`try (reduce range(60) as $i ("x"; . + .)) catch (reduce range(60) as $i ("x"; . + .))`,
		`label $out | foreach repeat(1) as $i (0; . + 1; if . > 1e12 then ., break $out else empty end)`,
		`reduce range(100000) as $i (1; [.])`, `until(false; .)`, `[while(true; .)]`, `[paths] | until(false; . + .)`,
		strings.Repeat("(", 30000), strings.Repeat("[", 30000) + strings.Repeat("]", 30000),
		strings.Repeat(".a|", 20000) + ".", `"(" | test("((((((a{1,1000}){1,1000}){1,1000})))")`, `infinite | range(.)`,
		`[range(100000)] | . - .`, `[range(100000)] | contains([range(100000)])`, `[range(100000)] as $x | $x | indices($x)`,
		`[.a, .a] | combinations`, `.a | limit(-1; repeat(1))`, `range(0; 1; 0)`, `[splits("a"; "b"; "c"; "d")]`, `@sh`,
	} {
		t.Run(fmt.Sprintf("%.40s", text), func(t *testing.T) {
			t.Parallel()
			_, err := applied(t, deadletter.Recipe{Kind: deadletter.JQ, Text: text}, nil, `{"a":[1]}`)
			if deadletter.KindOf(err) != deadletter.Invalid {
				t.Errorf("error %v", err)
			}
		})
	}
}

// Each of these makes much more than its input within one instruction of jq, which no deadline interrupts.
//
//nolint:paralleltest // it measures what the process allocates
func TestHostileRecipesTakeLittleMemory(t *testing.T) {
	const limit = 192 << 20
	list := `{"a":[` + strings.Repeat("1,", 500_000) + `1]}`
	text := `{"a":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, c := range []struct{ recipe, body string }{
		{`reduce range(24) as $i ("x"; . + .) | split("")`, `{}`},
		{`reduce range(24) as $i ("x"; . + .) | . / ""`, `{}`},
		{`reduce range(24) as $i ("x"; . + .) | explode`, `{}`},
		{`reduce range(21) as $i ("x"; . + .) | explode`, `{}`},
		{`reduce range(22) as $i ("{},"; . + .) | "[" + . + "1]" | fromjson`, `{}`},
		{`reduce range(20) as $i ("{\"a\":{}},"; . + .) | "[" + . + "1]" | fromjson`, `{}`},
		{`reduce range(22) as $i ("%c"; . + .) as $f | 0 | strftime($f)`, `{}`},
		{`reduce range(60) as $i ("x"; . + . | @base64)`, `{}`},
		{`reduce range(60) as $i ("\u0000"; tojson)`, `{}`},
		{`reduce range(60) as $i (["a"]; [@tsv, @tsv])`, `{}`},
		{`reduce range(20) as $i ("9"; . + .) | tonumber | [., .] | sort`, `{}`},
		{`.a | . == 1`, `{"a":1` + strings.Repeat("0", 1<<20) + `}`},
		{`.a | split("x"; "g")`, text},
		{`.a | [splits("x")]`, text},
		{`.a | to_entries`, list},
		{`.a | map({a: .})`, list},
	} {
		t.Run(fmt.Sprintf("%.60s", c.recipe), func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := applied(t, deadletter.Recipe{Kind: deadletter.JQ, Text: c.recipe}, nil, c.body)
			runtime.ReadMemStats(&after)
			if deadletter.KindOf(err) != deadletter.Invalid {
				t.Errorf("error %v", err)
			}
			if made := after.TotalAlloc - before.TotalAlloc; made > limit {
				t.Errorf("made %d MiB", made>>20)
			}
		})
	}
}

//nolint:paralleltest // it measures what the process keeps
func TestRecipeKeepsNoRegularExpressionOfAMessage(t *testing.T) {
	recipe, err := payload.Compile(deadletter.Recipe{
		Kind: deadletter.JQ, Text: `.found = (.text | test(.[:4] + "(abc){300}"))`,
	})
	if err != nil {
		t.Fatal(err)
	}
	kept := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := kept()
	for i := range 300 {
		body := fmt.Appendf(nil, `{"text":"%04d"}`, i)
		if _, err := recipe.Apply(t.Context(), deadletter.Revision{Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	if more := int64(kept()) - int64(before); more > 2<<20 {
		t.Errorf("a recipe keeps %d KiB after 300 messages", more>>10)
	}
	runtime.KeepAlive(recipe)
}

// documented finds the change, the body before and the body after in a row of the manual.
var documented = regexp.MustCompile("(?m)^\\| (merge patch|JSON Patch|jq) \\| `(.+)` \\| `(.+)` \\| `(.+)` \\|$")

func TestDocumentedRecipes(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../web/docs/desk.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]deadletter.RecipeKind{"merge patch": deadletter.MergePatch, "JSON Patch": deadletter.JSONPatch}
	rows := documented.FindAllStringSubmatch(string(manual), -1)
	if len(rows) != 6 {
		t.Errorf("%d examples", len(rows))
	}
	for _, row := range rows {
		r := deadletter.Recipe{Kind: kinds[row[1]], Text: strings.ReplaceAll(row[2], `\|`, "|")}
		if r.Kind == "" {
			r.Kind, r.Table = deadletter.JQ, "conversation,customer\nc-1,4711"
		}
		got, err := applied(t, r, deadletter.Headers{"X-Tenant": {"north"}}, row[3])
		if err != nil || got != row[4] {
			t.Errorf("%s makes %s, %v; the manual says %s", row[2], got, err, row[4])
		}
	}
}

func TestJSONPatchSetsNull(t *testing.T) {
	t.Parallel()
	recipe, err := payload.Compile(deadletter.Recipe{
		Kind: deadletter.JSONPatch,
		Text: `[{"op":"add","path":"/customer","value":null},{"op":"replace","path":"/n","value":null}]`,
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := recipe.Apply(t.Context(), deadletter.Revision{Body: []byte(`{"n":1}`)})
	if err != nil || string(got) != `{"n":null,"customer":null}` {
		t.Errorf("%s, %v", got, err)
	}
}
