package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
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
