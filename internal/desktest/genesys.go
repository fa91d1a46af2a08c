package desktest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Genesys is a server that behaves as Genesys Cloud is known to: login and API on one host, with its error bodies,
// rate limits, pages and creation in the background. What a test sets, it sets before it calls.
type Genesys struct {
	URL                    string
	ClientID, ClientSecret string
	Lifetime               int      // of a token, in seconds
	Permissions            []string // of the client
	Tutorial               bool     // it has the tutorial's endpoint, which the vendor's API has not
	SlowBy                 int      // how often an integration is looked at before it is complete
	CreateError            string   // why none ever is; empty: it is

	mu       sync.Mutex
	next     []http.HandlerFunc
	tokens   map[string]bool
	requests []Asked
	open     []map[string]any
	looked   map[string]int
	made     int
}

// Asked is a request that a platform was sent.
type Asked struct {
	Method, Path string
	Header       http.Header
	Form         url.Values
	Body         map[string]any
}

// NewGenesys starts a Genesys Cloud with one client that may do everything.
func NewGenesys(t testing.TB) *Genesys {
	t.Helper()
	g := &Genesys{
		ClientID:     "client-1",
		ClientSecret: "client-s3cret",
		Lifetime:     86400,
		tokens:       map[string]bool{},
		looked:       map[string]int{},
		Permissions: []string{
			"messaging:integration:add", "messaging:integration:view", "messaging:integration:edit",
			"messaging:integration:delete",
		},
	}
	server := httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(server.Close)
	g.URL = server.URL
	return g
}

// Next has the next API requests answered otherwise, each by one of these.
func (g *Genesys) Next(answers ...http.HandlerFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next = append(g.next, answers...)
}

// Limited is an answer over the rate limit. Without a Retry-After, the vendor's own headers tell.
func Limited(retryAfter string, reset int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		limit(w, 300, 300, reset)
		refuse(
			w, http.StatusTooManyRequests, "too.many.requests",
			"Rate limit exceeded the maximum. Retry the request in a few seconds",
		)
	}
}

// Broken is an answer of a platform that has trouble.
func Broken(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, status, "internal.server.error", "The server failed")
	}
}

// Asked returns the requests so far.
func (g *Genesys) Asked() []Asked {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.requests)
}

// Revoke makes every token invalid.
func (g *Genesys) Revoke() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.tokens)
}

// Add adds integrations that another client registered.
func (g *Genesys) Add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range n {
		g.open = append(g.open, map[string]any{
			"id":                             fmt.Sprintf("other-%03d", i),
			"name":                           "other " + strconv.Itoa(i),
			"createStatus":                   "Completed",
			"outboundNotificationWebhookUrl": fmt.Sprintf("https://other.example.com/%d", i),
			"outboundNotificationWebhookSignatureSecretToken": "other-s3cret",
		})
	}
}

func limit(w http.ResponseWriter, count, allowed, reset int) {
	w.Header().Set("inin-ratelimit-count", strconv.Itoa(count))
	w.Header().Set("inin-ratelimit-allowed", strconv.Itoa(allowed))
	w.Header().Set("inin-ratelimit-reset", strconv.Itoa(reset))
}

// refuse writes an error of the API.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("ININ-Correlation-Id", "corr-42")
	reply(
		w,
		status,
		map[string]any{
			"message":   message,
			"code":      code,
			"status":    status,
			"contextId": "corr-42",
			"details":   []any{},
			"errors":    []any{},
		},
	)
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (g *Genesys) serve(w http.ResponseWriter, r *http.Request) {
	asked := ask(r)
	if answer := g.take(asked); answer != nil {
		answer(w, r)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.URL.Path == "/oauth/token" {
		g.token(w, asked)
		return
	}
	if !g.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
		refuse(w, http.StatusUnauthorized, "bad.credentials", "Invalid login credentials.")
		return
	}
	limit(w, len(g.requests), 300, 60)
	g.api(w, r, asked)
}

// take records a request and returns the response that a test prepared for it, or nil.
func (g *Genesys) take(a Asked) http.HandlerFunc {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests = append(g.requests, a)
	if len(g.next) == 0 || a.Path == "/oauth/token" {
		return nil
	}
	answer := g.next[0]
	g.next = g.next[1:]
	return answer
}

// ask takes a request in. A body that is neither a form nor a JSON object is none that a platform reads.
func ask(r *http.Request) Asked {
	a := Asked{Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header.Clone()}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return a
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		a.Form, _ = url.ParseQuery(string(text))
		return a
	}
	_ = json.Unmarshal(text, &a.Body)
	return a
}

// clientOf returns the client's id and secret, from Basic credentials or the form.
func clientOf(a Asked) (id, secret string) {
	r := http.Request{Header: a.Header}
	if user, password, ok := r.BasicAuth(); ok {
		id, _ = url.QueryUnescape(user)
		secret, _ = url.QueryUnescape(password)
		return id, secret
	}
	return a.Form.Get("client_id"), a.Form.Get("client_secret")
}

func (g *Genesys) token(w http.ResponseWriter, a Asked) {
	id, secret := clientOf(a)
	if id != g.ClientID || secret != g.ClientSecret || a.Form.Get("grant_type") != "client_credentials" {
		w.Header().Set("ININ-Correlation-Id", "corr-login")
		reply(w, http.StatusBadRequest, map[string]any{
			"error":             "invalid_client",
			"description":       "client not found or secret wrong",
			"error_description": "client not found or secret wrong",
		})
		return
	}
	token := "token-" + strconv.Itoa(len(g.requests))
	g.tokens[token] = true
	reply(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "bearer", "expires_in": g.Lifetime})
}

func (g *Genesys) api(w http.ResponseWriter, r *http.Request, a Asked) {
	const open = "/api/v2/conversations/messaging/integrations/open"
	id, one := strings.CutPrefix(r.URL.Path, open+"/")
	switch {
	case r.URL.Path == open && r.Method == http.MethodPost:
		g.permit(w, "messaging:integration:add", func() { g.create(w, a) })
	case r.URL.Path == open && r.Method == http.MethodGet:
		g.permit(w, "messaging:integration:view", func() { g.list(w, r) })
	case one && r.Method == http.MethodGet:
		g.permit(w, "messaging:integration:view", func() { g.look(w, id) })
	case one && r.Method == http.MethodDelete:
		g.permit(w, "messaging:integration:delete", func() { g.drop(w, id) })
	case r.URL.Path == "/api/v2/integration/webhooks" && r.Method == http.MethodPost && g.Tutorial:
		reply(w, http.StatusOK, map[string]any{"id": "tutorial-1"})
	case r.URL.Path == "/api/v2/integrations" && r.Method == http.MethodPost:
		reply(w, http.StatusOK, map[string]any{"id": "integration-1", "intendedState": "DISABLED"})
	case r.URL.Path == "/api/v2/integrations/integration-1/config/current" && r.Method == http.MethodPut:
		reply(w, http.StatusOK, map[string]any{"id": "config-1", "version": 2})
	case r.URL.Path == "/api/v2/integrations/integration-1" && r.Method == http.MethodPatch:
		reply(w, http.StatusOK, map[string]any{"id": "integration-1", "intendedState": a.Body["intendedState"]})
	case r.URL.Path == "/api/v2/processautomation/triggers" && r.Method == http.MethodPost:
		reply(w, http.StatusCreated, map[string]any{"id": "trigger-1", "name": a.Body["name"]})
	default:
		refuse(w, http.StatusNotFound, "not.found", "The requested resource could not be found.")
	}
}

func (g *Genesys) permit(w http.ResponseWriter, permission string, do func()) {
	if !slices.Contains(g.Permissions, permission) {
		refuse(
			w, http.StatusForbidden, "missing.permissions",
			"Unable to perform the requested action. You are missing the following permission(s): "+permission,
		)
		return
	}
	do()
}

func (g *Genesys) create(w http.ResponseWriter, a Asked) {
	secret, _ := a.Body["outboundNotificationWebhookSignatureSecretToken"].(string)
	to, _ := a.Body["outboundNotificationWebhookUrl"].(string)
	u, err := url.Parse(to)
	switch {
	case len(secret) <= 15:
		refuse(w, http.StatusBadRequest, "bad.request", "outboundNotificationWebhookSignatureSecretToken is too short")
		return
	case err != nil || u.Scheme != "https" || u.Port() != "" && u.Port() != "443":
		refuse(w, http.StatusBadRequest, "bad.request", "outboundNotificationWebhookUrl is not valid")
		return
	}
	g.made++
	a.Body["id"], a.Body["createStatus"] = "open-"+strconv.Itoa(g.made), "Initiated"
	g.open = append(g.open, a.Body)
	reply(w, http.StatusAccepted, a.Body)
}

func (g *Genesys) list(w http.ResponseWriter, r *http.Request) {
	size, _ := strconv.Atoi(r.URL.Query().Get("pageSize"))
	page, _ := strconv.Atoi(r.URL.Query().Get("pageNumber"))
	if size < 1 || page < 1 {
		size, page = 25, 1
	}
	from := min((page-1)*size, len(g.open))
	entities := append([]map[string]any{}, g.open[from:min(from+size, len(g.open))]...)
	reply(
		w, http.StatusOK,
		map[string]any{"entities": entities, "pageSize": size, "pageNumber": page, "total": len(g.open)},
	)
}

func (g *Genesys) at(id string) int {
	return slices.IndexFunc(g.open, func(o map[string]any) bool { return o["id"] == id })
}

func (g *Genesys) look(w http.ResponseWriter, id string) {
	i := g.at(id)
	if i < 0 {
		refuse(w, http.StatusNotFound, "not.found", "The requested resource could not be found.")
		return
	}
	if g.looked[id]++; g.looked[id] > g.SlowBy && g.open[i]["createStatus"] == "Initiated" {
		g.open[i]["createStatus"] = "Completed"
		if g.CreateError != "" {
			g.open[i]["createStatus"] = "Error"
			g.open[i]["createError"] = map[string]any{
				"message":   g.CreateError,
				"code":      "integration.failed",
				"status":    400,
				"contextId": "corr-create",
			}
		}
	}
	reply(w, http.StatusOK, g.open[i])
}

func (g *Genesys) drop(w http.ResponseWriter, id string) {
	i := g.at(id)
	if i < 0 {
		refuse(w, http.StatusNotFound, "not.found", "The requested resource could not be found.")
		return
	}
	g.open = slices.Delete(g.open, i, i+1)
	w.WriteHeader(http.StatusNoContent)
}
