package platform

import (
	"maps"
	"slices"
	"strings"

	"dlqdesk/internal/deadletter"
)

// Status says where a preset, or one of its calls, comes from.
type Status string

// Where presets come from.
const (
	Verified Status = "verified" // the vendor publishes it
	Inferred Status = "inferred" // follows from what the vendor publishes, but was not checked against it
	Tutorial Status = "tutorial" // a tutorial's; the vendor's published API does not have it
)

// Grant is how a token is asked for.
type Grant string

// The grants of OAuth 2.0 that platforms use: RFC 6749, sections 4.4 and 4.3; and CXone's own, an access key in JSON,
// which needs no client.
const (
	ClientCredentials Grant = "client_credentials"
	Password          Grant = "password" // user name and password are those of an access key
	AccessKey         Grant = "access_key"
)

// ClientAuth is how a client proves who it is when it asks for a token: RFC 6749, section 2.3.1.
type ClientAuth string

// The ways to send a client's id and secret.
const (
	Basic ClientAuth = "basic"
	Form  ClientAuth = "form"
)

// The calls that commands are made of. A preset may have more, as steps of registering.
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
	Warning string `json:"warning,omitempty"` // what to know before anything is sent

	Region string `json:"region,omitempty"`
	// by region; nil: the platform has no regions of this kind
	Domains map[string]string `json:"domains,omitempty"`
	// URL that tells the token URL and, by tenant, the API's host; empty: both are known
	Discovery string `json:"discovery_url,omitempty"`
	// empty: Discovery tells
	TokenURL string `json:"token_url,omitempty"`
	// where AccessKey asks instead, if nothing sets TokenURL
	KeyURL string `json:"access_key_url,omitempty"`
	API    string `json:"api_url,omitempty"` // base of every path
	// how a token is asked for
	Grant Grant `json:"grant"`
	// and how the client proves who it is
	Auth ClientAuth `json:"client_auth"`
	// that the client needs; they are not asked for
	Scopes []string `json:"scopes,omitempty"`

	Calls map[string]Call `json:"calls,omitempty"`
	// the calls that registering is made of, in order
	Register   []string          `json:"register,omitempty"`
	Missing    map[string]string `json:"missing,omitempty"` // why there is no such call
	Parameters []Parameter       `json:"parameters,omitempty"`
	Await      Await             `json:"await,omitzero"`
	Found      Found             `json:"found"`
	Rules      Rules             `json:"rules"`
	// what to fill in by hand where there is nothing to call
	Paste []Paste `json:"paste,omitempty"`

	Verify      string      `json:"verify,omitempty"`     // the signature scheme of its webhooks
	Deliveries  string      `json:"deliveries,omitempty"` // how it delivers and tries again
	Environment Environment `json:"environment"`
}

// Environment names the variables that are read where the configuration sets nothing.
type Environment struct {
	Region          string `json:"region,omitempty"`
	ClientID        string `json:"client_id"`
	ClientSecret    string `json:"client_secret"`
	AccessKeyID     string `json:"access_key_id,omitempty"`
	AccessKeySecret string `json:"access_key_secret,omitempty"`
}

// Call is one request. A path that begins with https: or http: stands for itself.
type Call struct {
	Method string `json:"method"` // empty: the usual one of such a call
	Path   string `json:"path"`
	// JSON, with {name} within strings and {name:json} for whole values
	Body       string `json:"body,omitempty"`
	Permission string `json:"permission,omitempty"` // that the platform asks for
	Status     Status `json:"status,omitempty"`     // where it differs from the preset's
}

// Parameter is a value that only the operator knows.
type Parameter struct {
	Name  string `json:"name"`
	About string `json:"about"`
	Value string `json:"value,omitempty"` // empty: it must be set
	JSON  bool   `json:"json,omitempty"`  // a JSON value instead of text
	Most  int    `json:"most,omitempty"`  // characters; 0: no limit is known
}

// Await is how a platform tells that what it is creating in the background exists. The zero Await: at once.
type Await struct {
	Field string `json:"field"` // of what Get answers
	Done  string `json:"done"`  // its value once it exists
	Fault string `json:"fault"` // its value when it never will
	Error string `json:"error"` // the field that then tells why
}

// Found says where answers have what.
type Found struct {
	ID    string `json:"id_path"`             // field of what was created
	Items string `json:"list_path,omitempty"` // field of a list; empty: the answer is the list
	// field with the webhook's URL; empty: the platform does not tell
	URL  string `json:"url_path,omitempty"`
	Name string `json:"name_path,omitempty"`
}

// Rules are what a platform refuses; they are held before anything is sent.
type Rules struct {
	// the webhook's URL has to be https, on port 443
	HTTPS bool `json:"https,omitempty"`
	// characters that the signing secret must be longer than
	SecretOver  int  `json:"secret_over,omitempty"`
	NeedsSecret bool `json:"needs_secret,omitempty"` // it is part of the registration
}

// Paste is one field of a form at the platform, and what to put in it.
type Paste struct {
	Field string `json:"field"`
	Value string `json:"value,omitempty"` // empty: it is not known, or a secret
	Hint  string `json:"hint,omitempty"`  // where it is, or what becomes of it
}

// Presets returns every preset, in the order that they are shown in.
func Presets() []Preset {
	return []Preset{tutorial(), openMessaging(), eventBridge(), trigger(), byoc(), expert()}
}

// Find returns the preset of a name. Its error is Invalid.
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

// CallNames returns the calls that have a use, by name.
func (p Preset) CallNames() []string {
	names := append([]string{Create, List, Get, Delete}, p.Register...)
	slices.Sort(names)
	return slices.Compact(names)
}

// Can returns nil when the preset has a call, and else why not.
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

// Abilities are the commands that the preset understands, in one line.
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

// CanRegister returns nil when the preset can register a webhook by itself, and else why not.
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
