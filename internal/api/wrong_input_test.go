package api_test

import (
	"net/http"
	"strings"
	"testing"

	"dlqdesk/internal/api"
)

// Requests that the library refuses are refused in words that say which input is wrong, and how it has to be.
func TestWrongInputIsSaidInWords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range []struct{ method, path, body, want, field string }{
		{"GET", "/messages?limit=0", "", "limit must be 1 or more", "query.limit"},
		{"GET", "/messages?limit=201", "", "limit must be 200 or less", "query.limit"},
		{"GET", "/messages?limit=x", "", "limit must be a whole number", "query.limit"},
		{"GET", "/messages?status=broken", "", "status must be one of failed, retrying, ", "query.status"},
		{"GET", "/messages?nonsense=1", "", "nonsense is not a parameter of this operation", "query.nonsense"},
		{"GET", "/audit?from=now", "", "from must be a time such as 2026-03-02T10:00:00Z", "query.from"},
		{"GET", "/recipes?archived=x", "", "archived must be true or false", "query.archived"},
		{"GET", "/jobs/x", "", "id must be a whole number", "path.id"},
		{"GET", "/causes/" + strings.Repeat("x", 65), "", "id must have 64 characters or fewer", "path.id"},
		{"POST", "/jobs", `{}`, "the body needs the field action", "body"},
		{"POST", "/jobs", `{"action":"fly"}`, "action must be one of ", "body.action"},
		{"POST", "/jobs", `{"action":"replay","x":1}`, "x is not a field of this operation", "body.x"},
		{"POST", "/messages/a/archive", `{"reason":1}`, "reason must be a text", "body.reason"},
		{"POST", "/jobs", `[]`, "the body must be an object", "body"},
		{"POST", "/jobs", `{`, "the body is not JSON: ", "body"},
		{"POST", "/jobs", "", "this operation needs a body of JSON: see /api/v1/openapi.json", ""},
	} {
		p := read[api.Problem](t, b.ask(t, b.tokens["adam"], c.method, c.path, c.body), http.StatusUnprocessableEntity)
		if !strings.HasPrefix(p.Detail, c.want) || p.Field != c.field || p.Type != "urn:dlqdesk:problem:invalid" {
			t.Errorf("%s %s %s: %+v", c.method, c.path, c.body, p)
		}
	}
	form := b.ask(t, b.tokens["adam"], "POST", "/jobs", "a=b", "Content-Type", "application/x-www-form-urlencoded")
	if p := read[api.Problem](t, form, http.StatusUnprocessableEntity); !strings.Contains(
		p.Detail,
		"application/json",
	) {
		t.Errorf("a form: %+v", p)
	}
}

// A method that a path does not have is refused with those that it has; HEAD is answered as GET is.
func TestMethodsOfAPath(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := string(b.receive(t, "a", "genesys").ID)
	for _, c := range []struct {
		method, path, allow string
		status              int
	}{
		{"DELETE", "/messages/" + id, "GET, HEAD", 405},
		{"PUT", "/tokens", "GET, POST, HEAD", 405},
		{"GET", "/messages/" + id + "/replay", "POST", 405},
		{"HEAD", "/messages/" + id + "/replay", "POST", 405},
		{"HEAD", "/events", "GET", 405},
		{"HEAD", "/messages/" + id, "", 200},
		{"HEAD", "/messages/nope", "", 404},
		{"HEAD", "/openapi.json", "", 200},
		{"HEAD", "/nothing", "", 404},
	} {
		a := b.ask(t, b.tokens["vera"], c.method, c.path, "")
		if a.status != c.status || a.header.Get("Allow") != c.allow {
			t.Errorf(
				"%s %s: %d, Allow %q, want %d, %q",
				c.method,
				c.path,
				a.status,
				a.header.Get("Allow"),
				c.status,
				c.allow,
			)
		}
	}
}
