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

// Fault is what went wrong at a platform, in one line that says what to fix.
type Fault struct {
	Doing       string // "create a webhook"
	Status      int    // 0: there was no answer
	Code        string // the platform's own
	Message     string
	Correlation string // by which the platform's support finds the request
	Fix         string
	Err         error // what there was instead of an answer
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

// longestMessage is how much of a platform's own words is repeated, in bytes.
const longestMessage = 400

func oneLine(text string) string {
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "?")
	if len(text) > longestMessage {
		text = strings.ToValidUTF8(text[:longestMessage], "") + "…"
	}
	return text
}

// refusal is an error as Genesys Cloud writes it, from the API and from the token endpoint. Others write parts of it.
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

// refused makes a fault of an answer that is no 2xx.
func refused(status int, h http.Header, body []byte) *Fault {
	var r refusal
	_ = json.Unmarshal(body, &r) // what cannot be read says nothing
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

// explain adds what was being done, and what helps, to whatever went wrong.
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

// unanswered returns why there was no answer. It never repeats the request, which may hold a secret.
func (c *Client) unanswered(err error) *Fault {
	if r, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return c.ungranted(r)
	}
	f := &Fault{Message: "no answer came", Err: err}
	if inner, ok := errors.AsType[*url.Error](err); ok {
		f.Message = inner.Err.Error()
	}
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		f.Message, f.Fix = "no answer came in time", "try again, or allow more time with --limit"
	case isDNS && dns.IsNotFound:
		f.Message = "there is no host " + dns.Name
		f.Fix = "look at the region" + c.regionNow() + " and at token_url, api_url and discovery_url"
	}
	return f
}

// ungranted returns why there is no token.
func (c *Client) ungranted(r *oauth2.RetrieveError) *Fault {
	f := refused(r.Response.StatusCode, r.Response.Header, r.Body)
	f.Fix = c.fixToken(f)
	return f
}

// fixToken says what helps where no token was granted.
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
		return "there is no token endpoint at " + c.preset.asked() + ": look at token_url"
	}
	return ""
}

func (c *Client) regionNow() string {
	if c.preset.Domains == nil {
		return ""
	}
	return " (it is " + c.preset.Region + " now: set region, or GENESYS_CLOUD_ENVIRONMENT)"
}

// fix says what helps after an answer that is no 2xx.
func (c *Client) fix(f *Fault, call Call) string {
	said := strings.ToLower(f.Message + " " + f.Code)
	switch {
	case f.Status == http.StatusUnauthorized:
		return "the token was not accepted, and a new one neither: the API may be of another region than the token" + c.regionNow()
	case f.Status == http.StatusForbidden && call.Permission != "":
		return "give the role of the OAuth client the permission " + call.Permission
	case f.Status == http.StatusForbidden:
		return "a permission is missing: look at the role of the OAuth client" + scopes(c.preset.Scopes)
	case f.Status == http.StatusNotFound && c.preset.Status == Tutorial:
		return c.preset.Warning + " Use another preset for the vendor's own API"
	case f.Status == http.StatusNotFound && strings.Contains(call.Path, "{id}"):
		return "there is nothing with this id here: list shows what there is"
	case f.Status == http.StatusNotFound:
		return "there is no such address at " + c.preset.API + ": look at api_url and the region" + c.regionNow()
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
