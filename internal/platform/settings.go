package platform

import (
	"cmp"
	"strings"

	"dlqdesk/internal/deadletter"
)

// Located returns the preset with the hosts of its region and the usual methods of its calls, and the values that its
// text is filled in with. Its error is Invalid.
func (p Preset) Located() (Preset, Values, error) {
	calls := map[string]Call{}
	for name, call := range p.Calls {
		call.Method = cmp.Or(call.Method, usualMethod(name))
		calls[name] = call
	}
	p.Calls = calls
	for _, name := range p.Register {
		if _, ok := calls[name]; !ok && p.Missing[name] == "" {
			return p, nil, deadletter.Errorf(
				deadletter.Invalid,
				"registering is made of %s, and there is no call %s",
				strings.Join(p.Register, ", "),
				name,
			)
		}
	}
	hosts := Values{}
	if domain, ok := p.Domains[p.Region]; ok {
		hosts["domain"] = domain
	} else if p.Domains != nil && placeholder.MatchString(p.TokenURL+p.API) {
		return p, nil, deadletter.Errorf(
			deadletter.Invalid,
			"there is no region %q at %s: it is one of %s",
			p.Region,
			p.Title,
			list(p.Regions()),
		)
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
