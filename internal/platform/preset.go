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

// Preset is what a platform offers, and how it is asked for it. Text in {braces} is filled in: see Values. A field's
// tag names the key that overrides it and that it is shown by, and the form of its value where not any text will do:
// a field without one could not be overridden.
type Preset struct {
	Name    string `json:"name"`
	Title   string `json:"title" key:"title"`
	About   string `json:"about" key:"about"`
	Status  Status `json:"status" key:"status" form:"status"`
	Warning string `json:"warning,omitempty" key:"warning"` // what to know before anything is sent

	Region string `json:"region,omitempty" key:"region" form:"region"`
	// by region; nil: the platform has no regions of this kind
	Domains map[string]string `json:"domains,omitempty" key:"domains"`
	// URL that tells the token URL and, by tenant, the API's host; empty: both are known
	Discovery string `json:"discovery_url,omitempty" key:"discovery_url" form:"url"`
	// empty: Discovery tells
	TokenURL string `json:"token_url,omitempty" key:"token_url" form:"url"`
	// where AccessKey asks instead, if nothing sets TokenURL
	KeyURL string `json:"access_key_url,omitempty" key:"access_key_url" form:"url"`
	API    string `json:"api_url,omitempty" key:"api_url" form:"url"` // base of every path
	// how a token is asked for
	Grant Grant `json:"grant" key:"grant" form:"grant"`
	// and how the client proves who it is
	Auth ClientAuth `json:"client_auth" key:"client_auth" form:"auth"`
	// that the client needs; they are not asked for
	Scopes []string `json:"scopes,omitempty" key:"scopes"`

	Calls map[string]Call `json:"calls,omitempty" key:"calls"`
	// the calls that registering is made of, in order
	Register   []string          `json:"register,omitempty" key:"register"`
	Missing    map[string]string `json:"missing,omitempty" key:"missing"` // why there is no such call
	Parameters []Parameter       `json:"parameters,omitempty" key:"parameters"`
	Await      Await             `json:"await,omitzero" key:"await"`
	Found      Found             `json:"found" key:"inline"`
	Rules      Rules             `json:"rules" key:"rules"`
	// what to fill in by hand where there is nothing to call
	Paste []Paste `json:"paste,omitempty" key:"paste"`

	Verify      string      `json:"verify,omitempty" key:"verify"`         // the signature scheme of its webhooks
	Deliveries  string      `json:"deliveries,omitempty" key:"deliveries"` // how it delivers and tries again
	Environment Environment `json:"environment" key:"environment"`
}

// Environment names the variables that are read where the configuration sets nothing.
type Environment struct {
	Region          string `json:"region,omitempty" key:"region"`
	ClientID        string `json:"client_id" key:"client_id"`
	ClientSecret    string `json:"client_secret" key:"client_secret"`
	AccessKeyID     string `json:"access_key_id,omitempty" key:"access_key_id"`
	AccessKeySecret string `json:"access_key_secret,omitempty" key:"access_key_secret"`
}

// Call is one request. A path that begins with https: or http: stands for itself.
type Call struct {
	Method string `json:"method" key:"method" form:"method"` // empty: the usual one of such a call
	Path   string `json:"path" key:"path" form:"path"`
	// JSON, with {name} within strings and {name:json} for whole values
	Body       string `json:"body,omitempty" key:"body"`
	Permission string `json:"permission,omitempty" key:"permission"`       // that the platform asks for
	Status     Status `json:"status,omitempty" key:"status" form:"status"` // where it differs from the preset's
}

// Parameter is a value that only the operator knows.
type Parameter struct {
	Name    string `json:"name"`
	About   string `json:"about" key:"about"`
	Default string `json:"value,omitempty" key:"value"` // empty: it must be set
	JSON    bool   `json:"json,omitempty" key:"json"`   // a JSON value instead of text
	Most    int    `json:"most,omitempty" key:"most"`   // characters; 0: no limit is known
}

// Await is how a platform tells that what it is creating in the background exists. The zero Await: at once.
type Await struct {
	Field string `json:"field" key:"field"` // of what Get answers
	Done  string `json:"done" key:"done"`   // its value once it exists
	Fault string `json:"fault" key:"fault"` // its value when it never will
	Error string `json:"error" key:"error"` // the field that then tells why
}

// Found says where answers have what.
type Found struct {
	ID    string `json:"id_path" key:"id_path"`               // field of what was created
	Items string `json:"list_path,omitempty" key:"list_path"` // field of a list; empty: the answer is the list
	// field with the webhook's URL; empty: the platform does not tell
	URL  string `json:"url_path,omitempty" key:"url_path"`
	Name string `json:"name_path,omitempty" key:"name_path"`
}

// Rules are what a platform refuses; they are held before anything is sent.
type Rules struct {
	// the webhook's URL has to be https, on port 443
	HTTPS bool `json:"https,omitempty" key:"https"`
	// characters that the signing secret must be longer than
	SecretOver  int  `json:"secret_over,omitempty" key:"secret_over"`
	NeedsSecret bool `json:"needs_secret,omitempty" key:"needs_secret"` // it is part of the registration
}

// Paste is one field of a form at the platform, and what to put in it.
type Paste struct {
	Field string `json:"field"`
	Value string `json:"value,omitempty" key:"value"` // empty: it is not known, or a secret
	Hint  string `json:"hint,omitempty" key:"hint"`   // where it is, or what becomes of it
}

// Presets answers every preset, in the order that they are shown in.
func Presets() []Preset {
	return []Preset{tutorial(), openMessaging(), eventBridge(), trigger(), byoc(), expert()}
}

// Find answers the preset of a name. Its error is Invalid.
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

// Regions answers the regions of a preset, by name.
func (p Preset) Regions() []string { return slices.Sorted(maps.Keys(p.Domains)) }

// CallNames answers the calls that have a use, by name.
func (p Preset) CallNames() []string {
	names := append([]string{Create, List, Get, Delete}, p.Register...)
	slices.Sort(names)
	return slices.Compact(names)
}

// Can answers nil when the preset has a call, and else why not.
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

// CanRegister answers nil when the preset can register a webhook by itself, and else why not.
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
