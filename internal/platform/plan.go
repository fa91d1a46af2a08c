package platform

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"

	"dlqdesk/internal/redact"
)

// Shown is a request as it may be shown: what is secret in it is masked.
type Shown struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
}

// HeaderNames returns the names of the headers, in order.
func (s Shown) HeaderNames() []string { return slices.Sorted(maps.Keys(s.Headers)) }

// Order is what a command would do.
type Order struct {
	Call    string // "" for the token alone, Create for registering
	ID      string
	Webhook Webhook
}

// Plan returns the requests that an order comes to, without sending any, the token's first. What only an answer
// tells, such as the id of what is created, stays in {braces}.
func (c *Client) Plan(o Order) ([]Shown, error) {
	if o.Call == Create {
		if err := c.Check(o.Webhook); err != nil {
			return nil, err
		}
	}
	requests := c.tokenRequests()
	for _, name := range c.steps(o.Call) {
		if err := c.preset.Can(name); err != nil {
			return nil, err
		}
		r, err := c.planned(name, o)
		if err != nil {
			return nil, err
		}
		requests = append(requests, r)
	}
	return requests, nil
}

func (c *Client) steps(call string) []string {
	switch call {
	case "":
		return nil
	case Create:
		if len(c.preset.Register) > 0 {
			return c.preset.Register
		}
	}
	return []string{call}
}

func (c *Client) planned(name string, o Order) (Shown, error) {
	values := c.webhookValues(o.Webhook, redact.Mask).with("page", "1", "page_size", "25")
	delete(values, "id")
	if o.ID != "" {
		values["id"] = o.ID
	}
	r, err := c.request(c.preset.Calls[name], c.preset.API, values)
	if err != nil {
		return Shown{}, err
	}
	shown := Shown{
		Method:  r.Method,
		URL:     r.URL,
		Headers: map[string]string{"Authorization": "Bearer " + redact.Mask},
	}
	if len(r.Body) > 0 {
		shown.Headers["Content-Type"] = "application/json"
		shown.Body = string(masked(r.Body))
	}
	return shown, nil
}

func (c *Client) tokenRequests() []Shown {
	var requests []Shown
	at := c.preset.asked()
	if at == "" {
		at = "{token_endpoint}"
		requests = append(requests, Shown{Method: "GET", URL: c.preset.Discovery + "/.well-known/openid-configuration"})
	}
	requests = append(requests, c.tokenRequest(at))
	if c.preset.Discovery != "" && placeholder.MatchString(c.preset.API) {
		requests = append(
			requests,
			Shown{Method: "GET", URL: c.preset.Discovery + "/.well-known/cxone-configuration?tenantId={tenantId}"},
		)
	}
	return requests
}

func (c *Client) tokenRequest(at string) Shown {
	if c.preset.Grant == AccessKey {
		return Shown{
			Method: "POST", URL: at, Headers: map[string]string{"Content-Type": "application/json"},
			Body: `{"accessKeyId":"` + redact.Mask + `","accessKeySecret":"` + redact.Mask + `"}`,
		}
	}
	form := url.Values{"grant_type": {string(c.preset.Grant)}}
	headers := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	if c.preset.Auth == Basic {
		headers["Authorization"] = "Basic " + redact.Mask
	} else {
		form.Set("client_id", redact.Mask)
		form.Set("client_secret", redact.Mask)
	}
	if c.preset.Grant == Password {
		form.Set("username", redact.Mask)
		form.Set("password", redact.Mask)
	}
	return Shown{
		Method:  "POST",
		URL:     at,
		Headers: headers,
		Body:    strings.ReplaceAll(form.Encode(), url.QueryEscape(redact.Mask), redact.Mask),
	}
}

// Pasted returns what to fill in by hand at a platform that has nothing to call.
func (c *Client) Pasted(w Webhook) []Paste {
	values := Values{"url": w.URL, "client_id": w.ClientID}
	list := slices.Clone(c.preset.Paste)
	for i := range list {
		list[i].Value = values.host(list[i].Value)
	}
	return list
}

// MarshalJSON lets a body that is JSON be read as such.
func (s Shown) MarshalJSON() ([]byte, error) {
	type plain Shown
	out := struct {
		plain
		Body any `json:"body,omitempty"`
	}{plain: plain(s)}
	switch {
	case json.Valid([]byte(s.Body)):
		out.Body = json.RawMessage(s.Body)
	case s.Body != "":
		out.Body = s.Body
	}
	return json.Marshal(out)
}
