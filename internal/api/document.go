package api

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

func description() huma.Config {
	c := huma.DefaultConfig("dlqdesk", "1")
	c.Info.Description = "What the desk does, for programs. Every request has a token as its bearer: people make " +
		"theirs on the page of their account, administrators those of machines. A token may do what its role may, " +
		"never more than its user, and what is masked on pages is masked here."
	c.Servers = []*huma.Server{{URL: Path}}
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", "", nil
	c.RejectUnknownQueryParameters = true
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "A token of the desk, which begins with dqd_."},
	}
	c.Security = []map[string][]string{{"token": {}}}
	c.Components.Parameters = map[string]*huma.Param{idempotencyKey: {
		Name:   idempotencyKey,
		In:     "header",
		Schema: text(maxIdempotencyKey),
		Description: "Of your choice. Within a day, the same request with the same key is answered as the first was, " +
			"and happens once.",
		Example: "0b1c7a52-7f5e-4b0a-9d37-2c5d6a1f9e10",
	}}
	c.Components.Headers = map[string]*huma.Header{}
	for name, says := range map[string]string{
		rateLimit: "How many requests the token has left now (r), and in how many seconds there is another (t).",
		rateLimitPolicy: "How many requests a token has at once (q), " +
			"and in how many seconds that number comes back (w).",
		retryAfter:      "Seconds to wait.",
		wwwAuthenticate: "That a token is needed.",
		replayed:        "`true`: this is the answer of an earlier request with the same Idempotency-Key.",
	} {
		c.Components.Headers[name] = &huma.Header{Description: says, Schema: text(0)}
	}
	return c
}

func text(maxLength int) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	if maxLength > 0 {
		s.MaxLength = &maxLength
	}
	return s
}

// The headers that many operations have.
const (
	idempotencyKey  = "Idempotency-Key"
	replayed        = "Idempotent-Replayed"
	rateLimit       = "RateLimit"
	rateLimitPolicy = "RateLimit-Policy"
	retryAfter      = "Retry-After"
	wwwAuthenticate = "WWW-Authenticate"
)

// operation describes one operation, with the problems that it can answer besides those of every operation.
func operation(id, method, path, tag, summary string, problems ...int) huma.Operation {
	problems = append(
		problems, http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity,
		http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable,
	)
	if method != http.MethodGet { // a key that was used or is in use, and a body
		problems = append(problems, http.StatusConflict, http.StatusRequestEntityTooLarge)
	}
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{tag}, MaxBodyBytes: maxBody,
		Errors: slices.Compact(slices.Sorted(slices.Values(problems))),
	}
}

// completed adds to the document what is outside of the operations themselves: the headers and problems that requests
// meet on their way to them, and a sample of a request.
func completed(doc *huma.OpenAPI) *huma.OpenAPI {
	for _, op := range Operations(doc) {
		byToken := op.Security == nil
		if byToken && op.Method != http.MethodGet {
			op.Parameters = append(op.Parameters, &huma.Param{Ref: "#/components/parameters/" + idempotencyKey})
		}
		for code, response := range op.Responses {
			status, err := strconv.Atoi(code)
			if err != nil {
				continue
			}
			if response.Headers == nil {
				response.Headers = map[string]*huma.Param{}
			}
			for _, name := range headersOf(op.Method, status, byToken) {
				response.Headers[name] = &huma.Param{Ref: "#/components/headers/" + name}
			}
			response.Description = cmp.Or(typesOf(status), response.Description)
		}
		op.Extensions = map[string]any{Samples: []Sample{{"Shell", "curl", curl(doc, op)}}}
	}
	return doc
}

// Operations returns the operations of a document in the order of their addresses.
func Operations(doc *huma.OpenAPI) (list []*huma.Operation) {
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		item := doc.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				list = append(list, op)
			}
		}
	}
	return list
}

// headersOf are those of an answer besides its own.
func headersOf(method string, status int, byToken bool) (names []string) {
	if byToken && status != http.StatusUnauthorized {
		names = append(names, rateLimit, rateLimitPolicy)
	}
	switch {
	case status == http.StatusUnauthorized:
		names = append(names, wwwAuthenticate)
	case status == http.StatusTooManyRequests, byToken && status == http.StatusConflict && method != http.MethodGet:
		names = append(names, retryAfter)
	}
	if byToken && method != http.MethodGet && status < http.StatusInternalServerError &&
		status != http.StatusUnauthorized && status != http.StatusTooManyRequests {
		names = append(names, replayed)
	}
	return names
}

// typesOf says which types of problems a status stands for.
func typesOf(status int) string {
	var all []string
	for _, k := range kinds {
		if k.status == status {
			all = append(all, "`"+ProblemPrefix+k.name+"`")
		}
	}
	slices.Sort(all)
	return strings.Join(all, " or ")
}

// document serves the OpenAPI document. It says nothing that is not in the manual, so it needs no token.
func (a *API) document(w http.ResponseWriter, _ *http.Request) {
	text, err := a.Document.MarshalJSON()
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/openapi+json;version=3.1")
	_, _ = w.Write(text) // the client is gone
}
