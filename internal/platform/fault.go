package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"dlqdesk/internal/deadletter"
)

// Fault is a failed call of a platform. Its text is one line that says what to fix.
type Fault struct {
	Doing       string // "create a webhook"
	Status      int    // 0: no response
	Code        string // of the platform
	Message     string
	Correlation string // id of the request for the platform's support
	Fix         string
	Err         error // if there was no response
}

func (f *Fault) Error() string {
	var b strings.Builder
	if f.Doing != "" {
		b.WriteString("cannot " + f.Doing + ": ")
	}
	if f.Status != 0 {
		fmt.Fprintf(&b, "%d ", f.Status)
	}
	if f.Code != "" && !strings.Contains(f.Message, f.Code) {
		b.WriteString(f.Code + ": ")
	}
	b.WriteString(strings.TrimSuffix(oneLine(f.Message), "."))
	if f.Fix != "" {
		b.WriteString(". " + strings.ToUpper(f.Fix[:1]) + f.Fix[1:])
	}
	if f.Correlation != "" {
		b.WriteString(" (correlation id " + oneLine(f.Correlation) + ")")
	}
	return b.String()
}

func (f *Fault) Unwrap() error { return f.Err }

// longestMessage limits the text that is repeated from a platform, in bytes.
const longestMessage = 400

func oneLine(text string) string {
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "?")
	if len(text) > longestMessage {
		text = strings.ToValidUTF8(text[:longestMessage], "") + "…"
	}
	return text
}

// refusal is the error format of Genesys Cloud, of the API and the token endpoint. Other platforms use parts of it.
type refusal struct {
	Message   string `json:"message"`
	Code      string `json:"code"`
	ContextID string `json:"contextId"`
	Details   []struct {
		FieldName string `json:"fieldName"`
		ErrorCode string `json:"errorCode"`
	} `json:"details"`
	Errors []struct {
		Message string `json:"message"`
	} `json:"errors"`

	Error            string `json:"error"`
	Description      string `json:"description"`
	ErrorDescription string `json:"error_description"`
}

// refused returns the fault of a response that is no 2xx.
func refused(status int, h http.Header, body []byte) *Fault {
	var r refusal
	_ = json.Unmarshal(body, &r) // an unreadable body has no details
	f := &Fault{Status: status, Code: r.Code, Correlation: h.Get("ININ-Correlation-Id")}
	if f.Code == "" {
		f.Code = r.Error
	}
	if f.Correlation == "" {
		f.Correlation = r.ContextID
	}
	var said []string
	for _, text := range []string{r.Message, r.ErrorDescription, r.Description} {
		if text != "" && len(said) == 0 {
			said = append(said, text)
		}
	}
	for _, e := range r.Errors {
		said = append(said, e.Message)
	}
	for _, d := range r.Details {
		said = append(said, strings.TrimSpace(d.FieldName+" "+d.ErrorCode))
	}
	f.Message = strings.Join(said, "; ")
	if f.Message == "" {
		f.Message = http.StatusText(status)
	}
	return f
}

// explain adds the action that failed and the remedy to an error.
func (c *Client) explain(doing string, call Call, err error) error {
	if _, known := errors.AsType[*deadletter.Error](err); known {
		return err
	}
	f, ok := errors.AsType[*Fault](err)
	if !ok {
		f = c.unanswered(err)
	}
	if f.Doing == "" {
		f.Doing = doing
	}
	if f.Fix == "" {
		f.Fix = c.fix(f, call)
	}
	return f
}

// unanswered returns the fault of a request without a response. It never repeats the request, which may have a secret.
func (c *Client) unanswered(err error) *Fault {
	if r, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return c.ungranted(r)
	}
	f := &Fault{Message: "no response", Err: err}
	if inner, ok := errors.AsType[*url.Error](err); ok {
		f.Message = inner.Err.Error()
	}
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		f.Message, f.Fix = "no response in time", "try again, or allow more time with --limit"
	case isDNS && dns.IsNotFound:
		f.Message = "there is no host " + dns.Name
		f.Fix = "check the region" + c.regionNow() + " and token_url, api_url and discovery_url"
	}
	return f
}

// ungranted returns the fault of a refused token.
func (c *Client) ungranted(r *oauth2.RetrieveError) *Fault {
	f := refused(r.Response.StatusCode, r.Response.Header, r.Body)
	f.Fix = c.fixToken(f)
	return f
}

// fixToken returns the remedy for a refused token.
func (c *Client) fixToken(f *Fault) string {
	switch f.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		switch c.preset.Grant {
		case AccessKey:
			return "the access key is wrong or not active"
		case Password:
			return "the client, or the access key, is wrong or not active"
		}
		return "the client id or secret is wrong, or belongs to another region" + c.regionNow()
	case http.StatusNotFound:
		return "there is no token endpoint at " + c.preset.tokenEndpoint() + ": check token_url"
	}
	return ""
}

func (c *Client) regionNow() string {
	if c.preset.Domains == nil {
		return ""
	}
	return " (it is " + c.preset.Region + " now: set region, or GENESYS_CLOUD_ENVIRONMENT)"
}

// fix returns the remedy for a response that is no 2xx.
func (c *Client) fix(f *Fault, call Call) string {
	said := strings.ToLower(f.Message + " " + f.Code)
	switch {
	case f.Status == http.StatusUnauthorized:
		return "the token was not accepted, and a new one neither: the API may be of another region than the " +
			"token" + c.regionNow()
	case f.Status == http.StatusForbidden && call.Permission != "":
		return "give the role of the OAuth client the permission " + call.Permission
	case f.Status == http.StatusForbidden:
		return "a permission is missing: check the role of the OAuth client" + scopes(c.preset.Scopes)
	case f.Status == http.StatusNotFound && c.preset.Status == Tutorial:
		return c.preset.Warning + " Use another preset for the vendor's own API"
	case f.Status == http.StatusNotFound && strings.Contains(call.Path, "{id}"):
		return "there is nothing with this id here: list shows all ids"
	case f.Status == http.StatusNotFound:
		return "there is no such address at " + c.preset.API + ": check api_url and the region" + c.regionNow()
	case f.Status == http.StatusTooManyRequests:
		return "the rate limit is used up: try again later"
	case f.Status == http.StatusBadRequest && strings.Contains(said, "secret"):
		return fmt.Sprintf("the signing secret has to be longer than %d characters", c.preset.Rules.SecretOver)
	case f.Status == http.StatusBadRequest && strings.Contains(said, "url"):
		return "the webhook's URL has to be https, on port 443, and reachable from the internet"
	case f.Status >= http.StatusInternalServerError:
		return "the platform has trouble: try again later"
	}
	return ""
}

func scopes(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return ", and its scopes: " + strings.Join(list, ", ")
}
