package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/api"
	"dlqdesk/web/docs"
)

// document is what a test reads of the OpenAPI document.
type document struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string
		Responses   map[string]any
		RequestBody *struct {
			Content map[string]struct{ Schema any }
		}
	}
}

func (b bundle) document(t *testing.T) document {
	t.Helper()
	d := read[document](t, b.ask(t, "", "GET", "/openapi.json", ""), http.StatusOK)
	if !strings.HasPrefix(d.OpenAPI, "3.1") || len(d.Paths) < 15 {
		t.Fatalf("the document has %d paths of OpenAPI %q", len(d.Paths), d.OpenAPI)
	}
	return d
}

// Wrong queries are faults of the request, with the place.
func TestWrongQueriesAreInvalid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{
		"/messages?limit=0", "/messages?limit=x", "/messages?status=broken", "/messages?cursor=zz",
		"/messages?q=state:nonsense", "/messages?nonsense=1", "/causes?sort=name", "/causes?q=%22", "/causes?cursor=x",
		"/audit?from=now", "/audit?cursor=x", "/jobs?cursor=x",
	} {
		a := b.ask(t, b.tokens["vera"], "GET", path, "")
		var p struct{ Type, Detail string }
		if err := json.Unmarshal([]byte(a.text), &p); err != nil || a.status != http.StatusUnprocessableEntity ||
			p.Type != "urn:dlqdesk:problem:invalid" || p.Detail == "" {
			t.Errorf("%s answers %d %s", path, a.status, a.text)
		}
	}
}

// The manual lists every operation, with what it does, and no other.
func TestManualListsEveryOperation(t *testing.T) {
	t.Parallel()
	page, ok := docs.Find("api")
	if !ok {
		t.Fatal("the manual has no page of the API")
	}
	listed := map[string]bool{}
	for _, found := range regexp.MustCompile(`<code>((?:GET|POST) /[^<]*)</code>`).FindAllStringSubmatch(page.HTML, -1) {
		listed[found[1]] = true
	}
	for path, methods := range setup(t).document(t).Paths {
		for method := range methods {
			name := strings.ToUpper(method) + " " + path
			if !listed[name] {
				t.Errorf("%s is not listed", name)
			}
			delete(listed, name)
		}
	}
	for name := range listed {
		t.Errorf("%s is listed, and there is none", name)
	}
}

// Headers, problems and keys are described where they apply, and every name is one that generators accept.
func TestDocumentDescribesHeadersAndProblems(t *testing.T) {
	t.Parallel()
	doc := api.New(api.Deps{}).Document
	for name := range doc.Components.Schemas.Map() {
		if !regexp.MustCompile(`^[a-zA-Z0-9._-]+$`).MatchString(name) {
			t.Errorf("%q is no name of a schema", name)
		}
	}
	for _, op := range api.Operations(doc) {
		var params []string
		for _, p := range op.Parameters {
			params = append(params, p.Name+strings.TrimPrefix(p.Ref, "#/components/parameters/"))
		}
		for _, found := range regexp.MustCompile(`{(\w+)}`).FindAllStringSubmatch(op.Path, -1) {
			if !slices.Contains(params, found[1]) {
				t.Errorf("%s has no parameter %s", op.OperationID, found[1])
			}
		}
		byToken := op.Security == nil
		if slices.Contains(params, "Idempotency-Key") != (byToken && op.Method != "GET") {
			t.Errorf("%s has the parameters %v", op.OperationID, params)
		}
		hasETag := func(r *huma.Response) bool { return r != nil && r.Headers["ETag"] != nil }
		if slices.Contains(params, "If-Match") && !hasETag(op.Responses["200"]) {
			t.Errorf("%s takes an ETag and gives none", op.OperationID)
		}
		for status, r := range op.Responses {
			limited := byToken && status != "401"
			if (r.Headers["RateLimit"] != nil) != limited || (r.Headers["RateLimit-Policy"] != nil) != limited ||
				status == "429" && r.Headers["Retry-After"] == nil ||
				(r.Headers["WWW-Authenticate"] != nil) != (status == "401") {
				t.Errorf("%s %s has the headers %v", op.OperationID, status, slices.Collect(maps.Keys(r.Headers)))
			}
			if status >= "400" && !strings.Contains(r.Description, "`urn:dlqdesk:problem:") {
				t.Errorf("%s %s is described as %q", op.OperationID, status, r.Description)
			}
		}
	}
}
