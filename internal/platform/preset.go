package platform

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"dlqdesk/internal/deadletter"
)

// Status is the source of a preset, or of one of its calls.
type Status string

// The sources of presets.
const (
	Verified Status = "verified" // the vendor publishes it
	Inferred Status = "inferred" // follows from what the vendor publishes, but was not checked against it
	Tutorial Status = "tutorial" // from a tutorial; not in the vendor's published API
)

// Grant is the way to request a token.
type Grant string

// Two grants of OAuth 2.0 (RFC 6749, sections 4.4 and 4.3), and one of CXone: an access key in JSON, without a client.
const (
	ClientCredentials Grant = "client_credentials"
	Password          Grant = "password" // with an access key as user name and password
	AccessKey         Grant = "access_key"
)

// ClientAuth is the way to send a client's credentials: RFC 6749, section 2.3.1.
type ClientAuth string

// The ways to send the client id and secret.
const (
	Basic ClientAuth = "basic"
	Form  ClientAuth = "form"
)

// The calls of the commands. A preset may have more calls, as steps of registering.
const (
	Create = "create"
	List   = "list"
	Get    = "get"
	Delete = "delete"
)

// Preset describes the API of a platform. Text in {braces} is replaced: see Values. The configuration can set its
// region, URLs, grant, client authentication, parameters, calls and the fields of Found.
type Preset struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	About   string `json:"about"`
	Status  Status `json:"status"`
	Warning string `json:"warning,omitempty"` // shown before anything is sent

	Region string `json:"region,omitempty"`
	// by region; nil: the platform has no regions of this kind
	Domains map[string]string `json:"domains,omitempty"`
	// URL of a document with the token URL and, by tenant, the host of the API; empty: both are known
	Discovery string `json:"discovery_url,omitempty"`
	// empty: it is in the discovery document
	TokenURL string `json:"token_url,omitempty"`
	// token URL of the grant AccessKey, if TokenURL is empty
	KeyURL string     `json:"access_key_url,omitempty"`
	API    string     `json:"api_url,omitempty"` // base of every path
	Grant  Grant      `json:"grant"`
	Auth   ClientAuth `json:"client_auth"`
	// that the client needs; they are not requested
	Scopes []string `json:"scopes,omitempty"`

	Calls map[string]Call `json:"calls,omitempty"`
	// the calls of registering, in order
	Register   []string          `json:"register,omitempty"`
	Missing    map[string]string `json:"missing,omitempty"` // why a call is missing
	Parameters []Parameter       `json:"parameters,omitempty"`
	Await      Await             `json:"await,omitzero"`
	Found      Found             `json:"found"`
	Rules      Rules             `json:"rules"`
	// fields to fill in by hand at a platform without an API
	Paste []Paste `json:"paste,omitempty"`

	Verify      string      `json:"verify,omitempty"`     // the signature scheme of its webhooks
	Deliveries  string      `json:"deliveries,omitempty"` // how the platform delivers and retries
	Environment Environment `json:"environment"`
}

// Environment names the variables that are read if the configuration sets nothing.
type Environment struct {
	Region          string `json:"region,omitempty"`
	ClientID        string `json:"client_id"`
	ClientSecret    string `json:"client_secret"`
	AccessKeyID     string `json:"access_key_id,omitempty"`
	AccessKeySecret string `json:"access_key_secret,omitempty"`
}

// Call is one request. Its path may be a whole URL.
type Call struct {
	Method string `json:"method"` // empty: the usual method of the call
	Path   string `json:"path"`
	// JSON, with {name} within strings and {name:json} for whole values
	Body       string `json:"body,omitempty"`
	Permission string `json:"permission,omitempty"` // that the platform requires
	Status     Status `json:"status,omitempty"`     // empty: that of the preset
}

// Parameter is a value that the operator sets.
type Parameter struct {
	Name  string `json:"name"`
	About string `json:"about"`
	Value string `json:"value,omitempty"` // empty: it must be set
	JSON  bool   `json:"json,omitempty"`  // a JSON value instead of text
	Most  int    `json:"most,omitempty"`  // characters; 0: no known limit
}

// Await describes how a platform reports that an item it creates in the background is ready. The zero Await: at once.
type Await struct {
	Field string `json:"field"` // of the response to Get
	Done  string `json:"done"`  // its value when the item is ready
	Fault string `json:"fault"` // its value when creation failed
	Error string `json:"error"` // the field with the reason
}

// Found names fields in responses.
type Found struct {
	ID    string `json:"id_path"`             // of a created item
	Items string `json:"list_path,omitempty"` // with the list; empty: the response is the list
	// with the webhook's URL; empty: the platform does not report it
	URL  string `json:"url_path,omitempty"`
	Name string `json:"name_path,omitempty"`
}

// Rules are requirements of a platform. They are checked before anything is sent.
type Rules struct {
	// the webhook's URL must be https, on port 443
	HTTPS bool `json:"https,omitempty"`
	// the signing secret must have more characters than this
	SecretOver  int  `json:"secret_over,omitempty"`
	NeedsSecret bool `json:"needs_secret,omitempty"` // the signing secret is part of the registration
}

// Paste is one field of a form at the platform, and its value.
type Paste struct {
	Field string `json:"field"`
	Value string `json:"value,omitempty"` // empty: unknown, or a secret
	Hint  string `json:"hint,omitempty"`  // where to find it, or how it is used
}

// Presets returns every preset, in the order of display.
func Presets() []Preset {
	return []Preset{tutorial(), openMessaging(), eventBridge(), trigger(), byoc(), expert()}
}

// Find returns the preset with the given name. Its error is Invalid.
func Find(name string) (Preset, error) {
	var names []string
	for _, p := range Presets() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Preset{}, deadletter.Errorf(deadletter.Invalid, "there is no preset %q: use one of %s", name, list(names))
}

// Regions returns the regions of a preset, by name.
func (p Preset) Regions() []string { return slices.Sorted(maps.Keys(p.Domains)) }

// CallNames returns the names of the calls that commands use, sorted.
func (p Preset) CallNames() []string {
	names := append([]string{Create, List, Get, Delete}, p.Register...)
	slices.Sort(names)
	return slices.Compact(names)
}

// Can returns nil if the preset has a call, and the reason if not.
func (p Preset) Can(call string) error {
	if c, ok := p.Calls[call]; ok && c.Path != "" {
		return nil
	}
	why := p.Missing[call]
	if why == "" {
		why = "no such call is known"
	}
	if call == Create {
		call = "register"
	}
	return deadletter.Errorf(deadletter.Invalid, "%s cannot %s: %s", p.Name, call, why)
}

// Abilities returns the commands that the preset supports, in one line.
func (p Preset) Abilities() string {
	names := []string{"token"}
	if len(p.Paste) > 0 || p.CanRegister() == nil {
		names = append(names, "register")
	}
	for _, call := range []string{List, Get, Delete} {
		if p.Can(call) == nil {
			names = append(names, call)
		}
	}
	return strings.Join(names, " ")
}

// CanRegister returns nil if the preset can register a webhook, and the reason if not.
func (p Preset) CanRegister() error {
	for _, call := range p.Register {
		if err := p.Can(call); err != nil {
			return err
		}
	}
	if len(p.Register) == 0 {
		return p.Can(Create)
	}
	return nil
}

// Located returns the preset with the hosts of its region and the methods of its calls, and the values of its
// placeholders. Its error is Invalid.
func (p Preset) Located() (Preset, Values, error) {
	calls := map[string]Call{}
	for name, call := range p.Calls {
		call.Method = cmp.Or(call.Method, usualMethod(name))
		calls[name] = call
	}
	p.Calls = calls
	for _, name := range p.Register {
		if _, ok := calls[name]; !ok && p.Missing[name] == "" {
			return p, nil, deadletter.Errorf(deadletter.Invalid,
				"registering is made of %s, and there is no call %s", strings.Join(p.Register, ", "), name)
		}
	}
	hosts := Values{}
	if domain, ok := p.Domains[p.Region]; ok {
		hosts["domain"] = domain
	} else if p.Domains != nil && placeholder.MatchString(p.TokenURL+p.API) {
		return p, nil, deadletter.Errorf(deadletter.Invalid, "there is no region %q at %s: it is one of %s",
			p.Region, p.Title, list(p.Regions()))
	}
	p.TokenURL, p.API = hosts.host(p.TokenURL), hosts.host(p.API)
	return p, hosts, nil
}

func usualMethod(call string) string {
	switch call {
	case List, Get:
		return "GET"
	case Delete:
		return "DELETE"
	}
	return "POST"
}
