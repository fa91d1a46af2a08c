package platform

import (
	"cmp"
	"maps"

	"dlqdesk/internal/deadletter"
)

// Settings are what an operator sets of a preset. What is empty stays as the preset has it.
type Settings struct {
	Region     string
	Discovery  string
	TokenURL   string
	API        string
	Grant      Grant
	Auth       ClientAuth
	Calls      map[string]Call // a method, path or body replaces that of the preset's call
	ID         string          // Found.ID
	Items      string          // Found.Items
	URL        string          // Found.URL
	Verify     string
	Parameters map[string]string
}

// With answers the preset with an operator's settings, and the values that its text is filled in with. Its error is Invalid.
func (p Preset) With(s Settings) (Preset, Values, error) {
	p.Region = cmp.Or(s.Region, p.Region)
	p.Discovery, p.TokenURL, p.API = cmp.Or(s.Discovery, p.Discovery), cmp.Or(s.TokenURL, p.TokenURL), cmp.Or(s.API, p.API)
	p.Grant, p.Auth, p.Verify = cmp.Or(s.Grant, p.Grant), cmp.Or(s.Auth, p.Auth), cmp.Or(s.Verify, p.Verify)
	p.Found.ID, p.Found.Items, p.Found.URL = cmp.Or(s.ID, p.Found.ID), cmp.Or(s.Items, p.Found.Items), cmp.Or(s.URL, p.Found.URL)
	calls := maps.Clone(p.Calls)
	if calls == nil {
		calls = map[string]Call{}
	}
	for name, set := range s.Calls {
		call := calls[name]
		call.Method = cmp.Or(set.Method, call.Method, usualMethod(name))
		call.Path, call.Body = cmp.Or(set.Path, call.Path), cmp.Or(set.Body, call.Body)
		calls[name] = call
	}
	p.Calls = calls
	if err := p.unknown(s.Parameters); err != nil {
		return p, nil, err
	}
	hosts := Values{}
	if domain, ok := p.Domains[p.Region]; ok {
		hosts["domain"] = domain
	} else if p.Domains != nil && placeholder.MatchString(p.TokenURL+p.API) {
		return p, nil, deadletter.Errorf(deadletter.Invalid, "there is no region %q at %s: it is one of %s", p.Region, p.Title, list(p.Regions()))
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
