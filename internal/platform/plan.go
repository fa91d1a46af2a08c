package platform

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"

	"dlqdesk/internal/redact"
)

// MaskedRequest is a request whose secrets are masked, so that it can be shown.
type MaskedRequest struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
}

// HeaderNames returns the names of the headers, in order.
func (s MaskedRequest) HeaderNames() []string { return slices.Sorted(maps.Keys(s.Headers)) }

// Command is a call with its arguments.
type Command struct {
	Call    string // "": only the token; Create: register
	ID      string
	Webhook Webhook
}

// Plan returns the requests of a command, those for the token first, without sending any. Values that only a response
// has, such as the id of a new item, stay in {braces}.
func (c *Client) Plan(o Command) ([]MaskedRequest, error) {
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

func (c *Client) planned(name string, o Command) (MaskedRequest, error) {
	values := c.webhookValues(o.Webhook, redact.Mask).with("page", "1", "page_size", "25")
	delete(values, "id")
	if o.ID != "" {
		values["id"] = o.ID
	}
	r, err := c.request(c.preset.Calls[name], c.preset.API, values)
	if err != nil {
		return MaskedRequest{}, err
	}
	shown := MaskedRequest{
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

func (c *Client) tokenRequests() []MaskedRequest {
	var requests []MaskedRequest
	at := c.preset.tokenEndpoint()
	if at == "" {
		at = "{token_endpoint}"
		requests = append(requests, MaskedRequest{Method: "GET", URL: c.preset.Discovery +
			"/.well-known/openid-configuration"})
	}
	requests = append(requests, c.tokenRequest(at))
	if c.preset.Discovery != "" && placeholder.MatchString(c.preset.API) {
		requests = append(
			requests,
			MaskedRequest{Method: "GET", URL: c.preset.Discovery +
				"/.well-known/cxone-configuration?tenantId={tenantId}"},
		)
	}
	return requests
}

func (c *Client) tokenRequest(at string) MaskedRequest {
	if c.preset.Grant == AccessKey {
		return MaskedRequest{
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
	return MaskedRequest{
		Method:  "POST",
		URL:     at,
		Headers: headers,
		Body:    strings.ReplaceAll(form.Encode(), url.QueryEscape(redact.Mask), redact.Mask),
	}
}

// Pasted returns the fields to fill in by hand at a platform without an API.
func (c *Client) Pasted(w Webhook) []Paste {
	values := Values{"url": w.URL, "client_id": w.ClientID}
	list := slices.Clone(c.preset.Paste)
	for i := range list {
		list[i].Value = values.host(list[i].Value)
	}
	return list
}

// MarshalJSON writes a JSON body as JSON, not as text.
func (s MaskedRequest) MarshalJSON() ([]byte, error) {
	type plain MaskedRequest
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
