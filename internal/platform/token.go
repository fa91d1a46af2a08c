package platform

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
)

// Credentials are used to request a token. The access key is for the grants Password and AccessKey.
type Credentials struct {
	ClientID, ClientSecret, AccessKeyID, AccessKeySecret redact.Secret
}

// renewEarly is the time before its end when a token is replaced, so that none ends during a request.
const renewEarly = 60 * time.Second

// Granted describes a token. The token itself is never shown.
type Granted struct {
	TokenURL string    `json:"tokenUrl"`
	Type     string    `json:"tokenType"`
	Lifetime int64     `json:"expiresIn"` // seconds; 0: unknown
	Expires  time.Time `json:"expires,omitzero"`
	Tenant   string    `json:"tenantId,omitempty"`
	API      string    `json:"api"`

	secret string
}

// Span returns how long the token is valid; "" if that is unknown.
func (g Granted) Span() string {
	if g.Lifetime == 0 {
		return ""
	}
	return deadletter.ShortDuration(time.Duration(g.Lifetime) * time.Second)
}

// Token returns the description of a valid token. It requests one if there is none.
func (c *Client) Token(ctx context.Context) (Granted, error) {
	if err := c.missing(); err != nil {
		return Granted{}, err
	}
	g, err := c.token(ctx)
	if err != nil {
		return Granted{}, c.explain("get a token", Call{}, err)
	}
	return g, nil
}

// token returns the token in use, or a new one if that ends within a minute.
func (c *Client) token(ctx context.Context) (Granted, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.granted.secret != "" && (c.granted.Expires.IsZero() || c.now().Add(renewEarly).Before(c.granted.Expires)) {
		return c.granted, nil
	}
	g, err := c.grant(ctx)
	if err != nil {
		return Granted{}, err
	}
	c.granted = g
	return g, nil
}

// forget removes a token that was refused, unless there is a newer one.
func (c *Client) forget(used Granted) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.granted.secret == used.secret {
		c.granted = Granted{}
	}
}

func (c *Client) grant(ctx context.Context) (Granted, error) {
	ctx = context.WithValue(context.WithValue(ctx, oauth2.HTTPClient, c.http), idempotent{}, true)
	g := Granted{TokenURL: c.preset.tokenEndpoint(), API: c.preset.API}
	if g.TokenURL == "" {
		var told struct {
			TokenEndpoint string `json:"token_endpoint"`
		}
		if err := c.discover(ctx, "/.well-known/openid-configuration", &told); err != nil {
			return g, err
		}
		if g.TokenURL = told.TokenEndpoint; g.TokenURL == "" {
			return g, &Fault{
				Doing:   "find the token endpoint",
				Message: "the discovery document has none",
				Fix:     "check discovery_url, or set token_url",
			}
		}
	}
	asked := c.now()
	t, err := c.requestToken(ctx, g.TokenURL)
	if err != nil {
		return g, err
	}
	g.secret, g.Type, g.Lifetime = t.AccessToken, t.Type(), lifetime(t)
	if g.Lifetime > 0 {
		g.Expires = asked.Add(time.Duration(g.Lifetime) * time.Second)
	}
	return g, c.locate(ctx, &g)
}

// lifetime returns expires_in of a token. The library's own value depends on its clock.
func lifetime(t *oauth2.Token) int64 {
	seconds, err := strconv.ParseFloat(fmt.Sprint(t.Extra("expires_in")), 64)
	if err != nil {
		return 0
	}
	return int64(seconds)
}

func (c *Client) requestToken(ctx context.Context, tokenURL string) (*oauth2.Token, error) {
	style := oauth2.AuthStyleInHeader
	if c.preset.Auth == Form {
		style = oauth2.AuthStyleInParams
	}
	if c.preset.Grant == AccessKey {
		return c.requestByKey(ctx, tokenURL)
	}
	id, secret := c.credentials.ClientID.Reveal(), c.credentials.ClientSecret.Reveal()
	if c.preset.Grant == Password {
		config := oauth2.Config{
			ClientID:     id,
			ClientSecret: secret,
			Endpoint:     oauth2.Endpoint{TokenURL: tokenURL, AuthStyle: style},
		}
		return config.PasswordCredentialsToken(
			ctx, c.credentials.AccessKeyID.Reveal(), c.credentials.AccessKeySecret.Reveal(),
		)
	}
	config := clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: tokenURL, AuthStyle: style}
	return config.Token(ctx)
}

// tokenEndpoint returns the URL that grants tokens; "": it is in the discovery document.
func (p Preset) tokenEndpoint() string {
	if p.TokenURL == "" && p.Grant == AccessKey {
		return p.KeyURL
	}
	return p.TokenURL
}

// requestByKey requests a token of CXone with an access key alone. The response has the form of RFC 6749, section 5.1.
func (c *Client) requestByKey(ctx context.Context, tokenURL string) (*oauth2.Token, error) {
	body, err := json.Marshal(map[string]string{
		"accessKeyId": c.credentials.AccessKeyID.Reveal(), "accessKeySecret": c.credentials.AccessKeySecret.Reveal(),
	})
	if err != nil {
		return nil, err
	}
	answer, err := c.send(ctx, Request{Method: "POST", URL: tokenURL, Body: body}, "")
	if f, ok := errors.AsType[*Fault](err); ok {
		f.Fix = c.fixToken(f)
	}
	if err != nil {
		return nil, err
	}
	var members map[string]any
	var t oauth2.Token
	if err := errors.Join(json.Unmarshal(answer, &members), json.Unmarshal(answer, &t)); err != nil ||
		t.AccessToken == "" {
		return nil, &Fault{Doing: "get a token", Message: "the response has no access_token", Fix: "check token_url"}
	}
	return t.WithExtra(members), nil
}

// locate finds the host of the API by the tenant of a token, if the preset does not have it.
func (c *Client) locate(ctx context.Context, g *Granted) error {
	if c.preset.Discovery == "" {
		return nil
	}
	g.Tenant = tenantOf(g.secret)
	if !placeholder.MatchString(g.API) {
		return nil
	}
	if g.Tenant == "" {
		return &Fault{Doing: "find the API's host", Message: "the token has no claim tenantId", Fix: "set api_url"}
	}
	var told struct {
		Area   string `json:"area"`
		Domain string `json:"domain"`
	}
	if err := c.discover(
		ctx, "/.well-known/cxone-configuration?"+url.Values{"tenantId": {g.Tenant}}.Encode(), &told,
	); err != nil {
		return err
	}
	if told.Area == "" || told.Domain == "" {
		return &Fault{
			Doing:   "find the API's host",
			Message: "the discovery document has no area or domain",
			Fix:     "check discovery_url, or set api_url",
		}
	}
	g.API = Values{"area": told.Area, "domain": told.Domain}.host(g.API)
	return nil
}

func (c *Client) discover(ctx context.Context, path string, into any) error {
	answer, err := c.send(ctx, Request{Method: "GET", URL: strings.TrimSuffix(c.preset.Discovery, "/") + path}, "")
	if err != nil {
		if f, ok := errors.AsType[*Fault](err); ok {
			f.Doing = "read " + c.preset.Discovery + path[:strings.IndexAny(path+"?", "?")]
		}
		return err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return &Fault{
			Doing:   "read " + c.preset.Discovery,
			Message: "the discovery document is no JSON",
			Fix:     "check discovery_url",
			Err:     err,
		}
	}
	return nil
}

// tenantOf returns the tenant in a token that the platform has just granted. It is only used to ask the platform for a
// host, so it needs no verification.
func tenantOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return ""
	}
	var claims struct {
		TenantID string `json:"tenantId"`
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		return ""
	}
	return claims.TenantID
}

// missing returns an error that names the missing credentials, or nil.
func (c *Client) missing() error {
	var keys, variables []string
	need := func(key, variable string, s redact.Secret) {
		if s.Reveal() != "" {
			return
		}
		keys = append(keys, key)
		if variable != "" {
			variables = append(variables, variable)
		}
	}
	names := c.preset.Environment
	if c.preset.Grant != AccessKey {
		need("client_id", names.ClientID, c.credentials.ClientID)
		need("client_secret", names.ClientSecret, c.credentials.ClientSecret)
	}
	if c.preset.Grant != ClientCredentials {
		need("access_key_id", names.AccessKeyID, c.credentials.AccessKeyID)
		need("access_key_secret", names.AccessKeySecret, c.credentials.AccessKeySecret)
	}
	if len(keys) == 0 {
		return nil
	}
	it, or := "it", ""
	if len(keys) > 1 {
		it = "each"
	}
	if len(variables) > 0 {
		or = ", or by the environment, " + list(variables)
	}
	return deadletter.Errorf(deadletter.Invalid, "no %s: set %s below platforms to env:NAME or file:PATH%s",
		list(keys), it, or)
}
