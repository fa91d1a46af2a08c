package desktest

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// CXone is a server that behaves as NICE CXone is known to: discovery, the token endpoint, and the documents of a
// tenant, on one host.
type CXone struct {
	URL                    string
	ClientID, ClientSecret string
	AccessKey, AccessToken string // id and secret of the access key

	mu       sync.Mutex
	requests []Asked
}

// NewCXone starts a CXone with one client and one access key.
func NewCXone(t testing.TB) *CXone {
	t.Helper()
	c := &CXone{ClientID: "cx-client", ClientSecret: "cx-s3cret", AccessKey: "key-1", AccessToken: "key-s3cret"}
	server := httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// Asked returns the requests so far.
func (c *CXone) Asked() []Asked {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests)
}

func (c *CXone) serve(w http.ResponseWriter, r *http.Request) {
	asked := ask(r)
	c.mu.Lock()
	c.requests = append(c.requests, asked)
	c.mu.Unlock()
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		reply(w, http.StatusOK, map[string]any{"token_endpoint": c.URL + "/auth/token"})
	case "/.well-known/cxone-configuration":
		if r.URL.Query().Get("tenantId") != "tenant-7" {
			http.NotFound(w, r)
			return
		}
		reply(w, http.StatusOK, map[string]any{"area": "na1", "domain": "cxone.test"})
	case "/auth/token":
		c.token(w, asked)
	case "/authentication/v1/token/access-key":
		c.keyToken(w, asked)
	default:
		http.NotFound(w, r)
	}
}

// keyToken grants a token by an access key alone, in JSON.
func (c *CXone) keyToken(w http.ResponseWriter, a Asked) {
	if a.Method != http.MethodPost || a.Header.Get("Content-Type") != "application/json" || len(a.Body) != 2 ||
		a.Body["accessKeyId"] != c.AccessKey || a.Body["accessKeySecret"] != c.AccessToken {
		reply(
			w, http.StatusUnauthorized,
			map[string]any{"error": "invalid_grant", "error_description": "access key not active"},
		)
		return
	}
	grant(w)
}

func (c *CXone) token(w http.ResponseWriter, a Asked) {
	id, secret := clientOf(a)
	if id != c.ClientID || secret != c.ClientSecret || a.Form.Get("grant_type") != "password" ||
		a.Form.Get("username") != c.AccessKey ||
		a.Form.Get("password") != c.AccessToken {
		reply(
			w, http.StatusUnauthorized,
			map[string]any{"error": "invalid_grant", "error_description": "access key not active"},
		)
		return
	}
	grant(w)
}

func grant(w http.ResponseWriter) {
	claims := base64.RawURLEncoding.EncodeToString([]byte(`{"tenantId":"tenant-7"}`))
	reply(
		w, http.StatusOK,
		map[string]any{"access_token": "head." + claims + ".sign", "token_type": "Bearer", "expires_in": 3600},
	)
}
