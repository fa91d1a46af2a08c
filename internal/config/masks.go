package config

import (
	"cmp"
	"net/url"
	"slices"

	"dlqdesk/internal/redact"
)

// Masks returns what is secret in messages by the configuration.
func (c Config) Masks() *redact.Masks {
	sources, queues := map[string]*redact.Rules{}, map[string]*redact.Rules{}
	for _, s := range c.Sources {
		sources[s.Name] = s.masks()
	}
	if byDefault, ok := sources[c.Queue.DefaultSource]; ok {
		sources[""] = byDefault // messages that name no source are those of the default source
	}
	for _, q := range c.Queues {
		queues[q.Name] = redact.New(q.Mask.options())
	}
	return redact.NewMasks(sources, queues)
}

func (m Mask) options() redact.Options {
	return redact.Options{Headers: m.Headers, Names: m.Names, Paths: m.JSON, Except: m.Except}
}

// masks returns the rules of a source. Besides its messages' secrets there are those that its destinations and its
// platform share with the program.
func (s Source) masks() *redact.Rules {
	o := s.Mask.options()
	o.Headers = slices.Concat(o.Headers, s.Verify.SecretHeaders())
	for _, secret := range slices.Concat(s.Verify.Secrets, s.Verify.HandshakeSecrets) {
		o.Known = append(o.Known, secret.Reveal())
	}
	o.Known = append(o.Known, credentialsOf(s.Destination)...)
	for _, other := range s.Copies {
		o.Known = append(o.Known, credentialsOf(other.URL)...)
	}
	return redact.New(o)
}

// credentialsOf returns what is secret in the URL of a destination.
func credentialsOf(address string) (secrets []string) {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	if u.User != nil {
		password, _ := u.User.Password()
		secrets = append(secrets, cmp.Or(password, u.User.Username()))
	}
	for name, values := range u.Query() {
		for _, value := range values {
			secrets = append(secrets, cmp.Or(value, name))
		}
	}
	return secrets
}
