package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/api"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
)

// hostile are bodies that a careless or hostile client sends, whatever the operation.
func hostile() []string {
	return []string{
		"", "{}", "null", "[]", `"x"`, "{", `{"unknown":true}`, "\x00", `{"":{}}`, strings.Repeat("[", 10_000),
		`{"messages":["\u0000"]}`, `{"action":"replay","query":"\u0000 -"}`, `{"count":1e99,"steps":[-1]}`,
		`{"recipe":{"kind":"jq","text":"input"},"reason":"x"}`, `{"action":"edit","messages":["a-1"]}`,
	}
}

// bodies returns bodies for an operation, made of its schema: one with what it requires, one with all that it can have,
// and each of its values replaced by wrong and by extreme ones.
func bodies(t *testing.T, doc *huma.OpenAPI, op *huma.Operation) []string {
	t.Helper()
	if op.RequestBody == nil {
		return []string{""}
	}
	schema := resolved(doc, op.RequestBody.Content["application/json"].Schema)
	list, whole := hostile(), map[string]any{}
	least := map[string]any{}
	for name, property := range schema.Properties {
		whole[name] = valueOf(doc, name, property)
		if slices.Contains(schema.Required, name) {
			least[name] = whole[name]
		}
	}
	add := func(body map[string]any) {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(text))
	}
	add(least)
	add(whole)
	for name, property := range schema.Properties {
		others := append([]any{
			nil, -1, 1 << 62, 1.5, true, "", "x", strings.Repeat("ü", 3000), "\x00\u202e",
			[]any{},
			[]any{"x", "x"},
			map[string]any{},
		}, resolved(doc, property).Enum...)
		for _, other := range others {
			for _, body := range []map[string]any{maps.Clone(least), maps.Clone(whole)} {
				body[name] = other
				add(body)
			}
		}
	}
	return list
}

func resolved(doc *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	if s.Ref != "" {
		return doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// valueOf returns a value of a name that a schema allows.
func valueOf(doc *huma.OpenAPI, name string, s *huma.Schema) any {
	s = resolved(doc, s)
	likely := map[string]any{
		"text": "{}", "body": "{}", "code": "422", "name": "ines", "query": "code:422", "messages": []string{"b-2"},
		"pattern": "field .*", "ticket": "OPS-1",
	}
	switch {
	case likely[name] != nil && (s.Type == huma.TypeString) == (name != "messages"):
		return likely[name]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Format == "date-time":
		return "2026-03-02T08:00:00Z"
	}
	switch s.Type {
	case huma.TypeObject:
		object := map[string]any{}
		for name, property := range s.Properties {
			object[name] = valueOf(doc, name, property)
		}
		return object
	case huma.TypeArray:
		return []any{valueOf(doc, name, s.Items)}
	case huma.TypeInteger, huma.TypeNumber:
		if s.Minimum != nil {
			return *s.Minimum
		}
		return 1
	case huma.TypeBoolean:
		return true
	}
	return "genesys"
}

// marked is in everything of the source genesys, which the limited token does not reach.
const marked = "of-genesys-alone"

// everything puts one of each thing into the desk: of genesys with a mark, and a message of cxone. It returns ids of
// them for addresses.
func (b bundle) everything(t *testing.T) []string {
	t.Helper()
	adam := b.tokens["adam"]
	c := desktest.Failure("a-1", 422, b.clock.Now())
	c.Reason, c.FirstAttempt.Error, c.EventType = marked, marked, marked
	c.Body = []byte(`{"is":"` + marked + `"}`)
	c.Headers = deadletter.Headers{"Content-Type": {"application/json"}, "X-Note": {marked}}
	m := desktest.Receive(t, b.store, c)
	b.receive(t, "b-2", "cxone")
	order := func(path, body string) {
		t.Helper()
		if a := b.ask(t, adam, "POST", path, body); a.status >= 300 {
			t.Fatalf("%s %s is answered %d %s", path, body, a.status, a.text)
		}
	}
	order("/causes/"+m.Fingerprint+"/notes", `{"text":"`+marked+`"}`)
	order("/jobs", `{"action":"edit","messages":["a-1"]}`)
	order("/jobs/1/dry-run", `{"recipe":{"kind":"merge","text":"{\"is\":\"`+marked+`\"}"}}`)
	order(
		"/jobs/1/start",
		`{"reason":"`+marked+`","saveAs":"`+marked+`","recipe":{"kind":"merge","text":"{\"is\":\"`+marked+`\"}"}}`,
	)
	order("/jobs", `{"action":"replay","messages":["a-1"]}`)
	order(
		"/rules",
		`{"name":"`+marked+`","source":"genesys","code":"422","action":"archive","reason":"`+marked+`","perHour":1}`,
	)
	order("/group-rules", `{"kind":"join","source":"genesys","pattern":"`+marked+`.*","title":"`+marked+`"}`)
	order("/tokens", `{"name":"robot","role":"viewer","machine":true}`)
	return []string{"a-1", m.Fingerprint, "1", "2", "olga", "none", "999", "%00", "..%2f", "genesys", "dlq"}
}

var parameter = regexp.MustCompile(`\{\w+\}`)

// Every operation, with each role, with ids of things that are there, are not or are of others, and with input that is
// valid, wrong or hostile, answers what the document says and never fails on our side. The token that is limited to a
// source is never told of another one.
func TestEveryOperationAnswersAsDocumented(t *testing.T) {
	t.Parallel()
	doc := api.New(api.Deps{}).Document
	for path, item := range doc.Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post} {
			if op == nil || op.OperationID == "follow-events" { // a stream does not end; it has tests of its own
				continue
			}
			t.Run(op.OperationID, func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				ids := b.everything(t)
				if !strings.Contains(path, "{") {
					ids = ids[:1]
				}
				queries := []string{""}
				if method == http.MethodGet {
					queries = append(
						queries,
						"?limit=0",
						"?cursor=zz",
						"?cursor=-1",
						"?q=%22",
						"?nonsense=1",
						"?limit=200",
					)
				}
				for i, id := range ids {
					list := bodies(t, doc, op)
					switch {
					case i > 4: // these addresses are wrong for all, or for most operations
						list = list[:min(len(list), 4)]
					case i > 1: // what is wrong with a value is the same wherever it goes
						list = list[:min(len(list), len(hostile())+2)]
					}
					for _, query := range queries {
						at := parameter.ReplaceAllString(strings.Replace(path, "{number}", "0", 1), id) + query
						for who, secret := range b.tokens {
							for _, body := range list {
								b.check(
									t,
									op,
									who,
									b.ask(t, secret, method, at, body),
									fmt.Sprintf("%s %.200q of %s", at, body, who),
								)
							}
						}
					}
				}
			})
		}
	}
}

// check checks an answer against the document, and that a limited token is told of its source alone.
func (bundle) check(t *testing.T, op *huma.Operation, who string, a answer, request string) {
	t.Helper()
	if op.Responses[strconv.Itoa(a.status)] == nil || a.status >= 500 {
		t.Errorf("%s answers %d %.300s", request, a.status, a.text)
	}
	if a.status >= 400 && !strings.Contains(a.text, `"type":"urn:dlqdesk:problem:`) {
		t.Errorf("%s answers %d without a type: %.300s", request, a.status, a.text)
	}
	if who == "limited" && a.status < 300 && strings.Contains(a.text, marked) {
		t.Errorf("%s tells a token of cxone: %.300s", request, a.text)
	}
}
