package console

import (
	"cmp"
	"fmt"
	"html"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/api"
	"dlqdesk/internal/deadletter"
	"dlqdesk/web/docs"
	"dlqdesk/web/page"
)

const apiPage = "api"

// apiReference shows the operations of one tag, as the OpenAPI document of this program describes them.
func (c *Console) apiReference(w http.ResponseWriter, r *http.Request) error {
	manual, _ := docs.Find(apiPage)
	v := page.APIReferenceView{DeskURL: c.deskURL(r)}
	v.Page, v.Tags = manual, apiTags(c.API)
	slug := chi.URLParam(r, "tag")
	at := slices.IndexFunc(v.Tags, func(t page.APITag) bool { return t.Slug == slug })
	if at < 0 {
		return deadletter.Errorf(deadletter.NotFound, "the API has no operations of this kind: the page %s lists all",
			page.APIPath)
	}
	v.Tags[at].Current, v.Tag = true, v.Tags[at].Name
	v.Chrome = c.chrome(r, "API: "+v.Tag)
	for _, o := range api.Operations(c.API) {
		if o.Tags[0] == v.Tag {
			v.Operations = append(v.Operations, apiOperationView(c.API, o))
		}
	}
	return c.render(w, r, http.StatusOK, page.APIReference(v))
}

func apiTags(doc *huma.OpenAPI) (list []page.APITag) {
	names := map[string]bool{}
	for _, o := range api.Operations(doc) {
		names[o.Tags[0]] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		list = append(list, page.APITag{Name: name, Slug: apiSlug(name)})
	}
	return list
}

func apiSlug(tag string) string { return strings.ToLower(strings.ReplaceAll(tag, " ", "-")) }

var listedOperation = regexp.MustCompile(`<code>((?:GET|POST) /[^<]*)</code>`)

// linkOperations makes links of the operations that a page of the manual lists.
func linkOperations(doc *huma.OpenAPI, text string) string {
	urls := map[string]string{}
	for _, o := range api.Operations(doc) {
		urls[o.Method+" "+o.Path] = page.APITag{Slug: apiSlug(o.Tags[0])}.URL() + "#" + o.OperationID
	}
	return listedOperation.ReplaceAllStringFunc(text, func(found string) string {
		name := html.UnescapeString(strings.TrimSuffix(strings.TrimPrefix(found, "<code>"), "</code>"))
		if urls[name] == "" {
			return found
		}
		return `<a href="` + html.EscapeString(urls[name]) + `">` + found + `</a>`
	})
}

func apiOperationView(doc *huma.OpenAPI, o *huma.Operation) page.APIOperation {
	v := page.APIOperation{
		ID: o.OperationID, Method: o.Method, Path: o.Path, Summary: o.Summary, Description: o.Description,
	}
	if samples, _ := o.Extensions[api.Samples].([]api.Sample); len(samples) > 0 {
		v.Sample = samples[0].Source
	}
	for _, p := range o.Parameters {
		if p.Ref != "" {
			p = doc.Components.Parameters[p.Ref[strings.LastIndex(p.Ref, "/")+1:]]
		}
		f := apiField(doc, p.Name, p.Schema)
		f.Place, f.Required, f.Text = p.In, p.Required, cmp.Or(p.Description, f.Text)
		if p.Example != nil {
			f.Example = fmt.Sprint(p.Example)
		}
		v.Parameters = append(v.Parameters, f)
	}
	if o.RequestBody != nil {
		v.Body = apiFields(doc, "", o.RequestBody.Content["application/json"].Schema, 0)
	}
	for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
		r := o.Responses[status]
		if status < "400" {
			v.Answers = append(v.Answers, apiAnswer(doc, status, r))
			continue
		}
		var names []string
		for _, found := range problemType.FindAllStringSubmatch(r.Description, -1) {
			names = append(names, found[1])
		}
		v.Problems = append(v.Problems, page.APIProblem{Status: status, Names: names})
	}
	return v
}

var problemType = regexp.MustCompile("`[a-z:]+:([a-z-]+)`")

func apiAnswer(doc *huma.OpenAPI, status string, r *huma.Response) page.APIAnswer {
	a := page.APIAnswer{Status: status, Text: r.Description}
	for _, kind := range slices.Sorted(maps.Keys(r.Content)) {
		a.Type = kind
		if s := r.Content[kind].Schema; s != nil && kind != "application/octet-stream" {
			a.Fields = apiFields(doc, "", s, 0)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		if h := r.Headers[name]; h.Ref == "" {
			f := apiField(doc, name, h.Schema)
			f.Place, f.Text, f.Required = "header", cmp.Or(h.Description, f.Text), true
			a.Fields = append(a.Fields, f)
		}
	}
	return a
}

// maxAPIDepth bounds how deep the fields within fields are listed.
const maxAPIDepth = 4

// apiFields lists the fields of a schema, those that are required first, and after each the fields within it.
func apiFields(doc *huma.OpenAPI, prefix string, s *huma.Schema, depth int) (list []page.APIField) {
	s = apiSchema(doc, s)
	if s.Type == huma.TypeArray {
		return apiFields(doc, prefix+"[]", s.Items, depth)
	}
	names := slices.SortedFunc(maps.Keys(s.Properties), func(a, b string) int {
		rank := func(name string) int { return map[bool]int{true: 0, false: 1}[slices.Contains(s.Required, name)] }
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
	if prefix != "" {
		prefix += "."
	}
	for _, name := range names {
		f := apiField(doc, prefix+name, s.Properties[name])
		f.Required = slices.Contains(s.Required, name)
		list = append(list, f)
		if depth < maxAPIDepth {
			list = append(list, apiFields(doc, prefix+name, s.Properties[name], depth+1)...)
		}
	}
	return list
}

func apiField(doc *huma.OpenAPI, name string, given *huma.Schema) page.APIField {
	s := apiSchema(doc, given)
	f := page.APIField{Name: name, Type: apiType(doc, s), Text: cmp.Or(given.Description, s.Description)}
	inner := s
	if s.Type == huma.TypeArray {
		inner = apiSchema(doc, s.Items)
	}
	for _, value := range inner.Enum {
		f.Values = append(f.Values, fmt.Sprint(value))
	}
	if s.Default != nil {
		f.Default = fmt.Sprint(s.Default)
	}
	if len(s.Examples) > 0 {
		f.Example = fmt.Sprint(s.Examples[0])
	}
	return f
}

func apiSchema(doc *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	if s.Ref != "" {
		return doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// apiType says in words what values a schema allows.
func apiType(doc *huma.OpenAPI, s *huma.Schema) string {
	switch s.Type {
	case huma.TypeArray:
		return "list of " + apiType(doc, apiSchema(doc, s.Items))
	case huma.TypeString:
		switch s.Format {
		case "date-time":
			return "time, RFC 3339"
		case "":
			return "text"
		}
		return "text, " + s.Format
	case huma.TypeObject:
		if of, ok := s.AdditionalProperties.(*huma.Schema); ok {
			return "object of " + apiType(doc, apiSchema(doc, of)) + " by name"
		}
		return "object"
	case "":
		return "any JSON"
	}
	return s.Type
}
