package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v3"

	"dlqdesk/internal/redact"
)

// secrets reads the secrets at a list of places. Faults never repeat an invalid place: it may be the secret itself.
func (s *section) secrets(key string) []redact.Secret {
	path := join(s.path, key)
	for _, e := range s.entries {
		if e.key == key && !isNull(e.value) && e.value.Kind != yaml.SequenceNode {
			s.node(key)
			s.reader.fault(path, "must be a list, such as [env:GENESYS_SECRET, file:/run/secrets/genesys]")
			return nil
		}
	}
	return list(s, key, s.reader.parseSecret)
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// errNoPlace refuses a secret in the configuration itself, without repeating it.
var errNoPlace = errors.New("must be env:NAME or file:PATH: a secret must not be in the configuration itself")

// parseSecret reads the secret at a place.
func (r *reader) parseSecret(place string) (redact.Secret, error) {
	if r.dataOnly {
		return redact.NewSecret(place, ""), nil
	}
	kind, name, _ := strings.Cut(place, ":")
	var value string
	var err error
	switch {
	case kind == "env" && variableName.MatchString(name):
		value, err = r.variableSecret(name)
	case kind == "file" && name != "" && !strings.ContainsRune(name, 0):
		value, err = readSecret(name)
	default:
		return redact.Secret{}, errNoPlace
	}
	return redact.NewSecret(place, value), err
}

func (r *reader) variableSecret(name string) (string, error) {
	value, ok := r.environ[name]
	switch {
	case !ok:
		return "", fmt.Errorf("the variable %s is not set", name)
	case value == "":
		return "", fmt.Errorf("the variable %s is empty", name)
	}
	return value, nil
}

// maxSecret is the limit of a secret in bytes.
const maxSecret = 64 << 10

// readSecret reads a file without the newline that editors and echo add to a secret.
func readSecret(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return "", fmt.Errorf("%s %w", path, cannotRead(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("%s %w", path, cannotRead(err))
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	switch {
	case len(text) > maxSecret:
		return "", fmt.Errorf("%s is over 64KiB: this cannot be a secret", path)
	case value == "":
		return "", fmt.Errorf("%s is empty", path)
	}
	return value, nil
}

// SecretFiles returns a text that changes when a file with a secret of a source or of an alert's sink does.
func (c Config) SecretFiles() string {
	var stamp strings.Builder
	add := func(secret redact.Secret) {
		path, isFile := strings.CutPrefix(secret.From, "file:")
		if !isFile {
			return
		}
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintf(&stamp, "%s %d %d\n", path, info.ModTime().UnixNano(), info.Size())
		} else {
			fmt.Fprintf(&stamp, "%s is missing\n", path)
		}
	}
	for _, s := range c.Sources {
		for _, secret := range slices.Concat(s.Verify.Secrets, s.Verify.HandshakeSecrets) {
			add(secret)
		}
	}
	for _, s := range c.Alerts.secrets() {
		add(*s.secret)
	}
	return stamp.String()
}

// RereadSecrets returns the configuration with the present content of the files of its sources' and alerts'
// secrets, and whether any differs. Its error is Faults.
func (c Config) RereadSecrets() (next Config, changed bool, err error) {
	next = c
	next.Sources, next.Values = slices.Clone(c.Sources), slices.Clone(c.Values)
	next.Alerts.Sinks = slices.Clone(c.Alerts.Sinks)
	var faults Faults
	one := func(key string, secret redact.Secret) redact.Secret {
		path, isFile := strings.CutPrefix(secret.From, "file:")
		if !isFile {
			return secret
		}
		value, err := readSecret(path)
		if err != nil {
			faults = append(faults, Fault{Where: c.File, Key: key, Text: err.Error()})
		}
		changed = changed || value != secret.Reveal()
		return redact.NewSecret(secret.From, value)
	}
	show := func(key string, fresh ...redact.Secret) {
		i := slices.IndexFunc(next.Values, func(v Value) bool { return v.Key == key && len(v.secrets) >= len(fresh) })
		if i >= 0 {
			next.Values[i].secrets = slices.Concat(fresh, next.Values[i].secrets[len(fresh):])
		}
	}
	reread := func(key string, secrets []redact.Secret) []redact.Secret {
		fresh := slices.Clone(secrets)
		for i, secret := range secrets {
			fresh[i] = one(indexed(key, i), secret)
		}
		show(key, fresh...)
		return fresh
	}
	for i := range next.Sources {
		s := &next.Sources[i]
		at := join("sources", s.Name)
		s.Verify.Secrets = reread(at+".verify.secrets", s.Verify.Secrets)
		s.Verify.HandshakeSecrets = reread(at+".handshake_secrets", s.Verify.HandshakeSecrets)
		if len(faults) > 0 {
			continue
		}
		for _, f := range s.Verify.Faults() {
			faults = append(faults, Fault{Where: c.File, Key: at + ".verify." + f.Key, Text: f.Text})
		}
	}
	for _, s := range next.Alerts.secrets() {
		*s.secret = one(s.key, *s.secret)
		show(s.key, *s.secret)
	}
	if len(faults) > 0 {
		return c, changed, faults
	}
	return next, changed, nil
}
