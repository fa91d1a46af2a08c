package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v3"

	"dlqdesk/internal/redact"
)

// reader reads the file and the environment side by side. It records the origin of each setting, the keys that exist,
// and every fault, so that one run reports all of them.
type reader struct {
	file      string
	root      *yaml.Node           // nil: no file, or an empty one
	environ   map[string]string    // by name
	variables map[string]*variable // with our prefix, by key
	flags     map[string]Flag      // by path
	sections  []*section           // that were read
	origins   map[string]origin    // by path
	faults    []placed
	warnings  []string
	values    []Value // of the keys that were read, in that order
	dataOnly  bool    // see LoadDataOnly
}

// section is a group of keys.
type section struct {
	reader  *reader
	path    string // sources.genesys
	prefix  string // DLQDESK_SOURCES__GENESYS__
	entries []entry
	keys    []string // that were read, so that they are valid here
}

// entry is one key of a section in the file.
type entry struct {
	key   string
	line  int
	value *yaml.Node
}

func newReader(file string, environ []string, flags ...Flag) *reader {
	r := &reader{
		file:      file,
		origins:   map[string]origin{},
		environ:   map[string]string{},
		variables: map[string]*variable{},
		flags:     map[string]Flag{},
	}
	r.readEnviron(environ)
	for _, f := range flags {
		r.flags[f.Key] = f
	}
	return r
}

func (r *reader) top() *section {
	s := &section{reader: r, prefix: prefix}
	s.fill(r.root)
	return s
}

// section returns the group of keys below a key.
func (s *section) section(key string) *section {
	sub := &section{reader: s.reader, path: join(s.path, key), prefix: s.below(key) + levels}
	sub.fill(s.node(key))
	if v, ok := s.reader.use(s.below(key)); ok {
		text := "is a group of keys: set each by a variable of its own, " + sub.prefix + "…"
		s.reader.faults = append(s.reader.faults, placed{origin: origin{variable: v.written}, text: text})
	}
	return sub
}

// below returns the variable of a key.
func (s *section) below(key string) string { return s.prefix + variableKey(key) }

// node returns the value of a key in the file, or nil, and marks the key as valid here.
func (s *section) node(key string) *yaml.Node {
	s.keys = append(s.keys, key)
	for _, e := range s.entries {
		if e.key == key && !isNull(e.value) {
			return e.value
		}
	}
	return nil
}

// setting reads one value. It returns otherwise if nothing sets it.
func setting[T any](s *section, key string, otherwise T, parse func(string) (T, error)) T {
	path := join(s.path, key)
	if text, ok := s.text(key); ok {
		s.reader.show(path, text)
		value, ok := parsed(s.reader, path, text, parse)
		if !ok {
			return otherwise
		}
		if secret, ok := any(value).(redact.Secret); ok {
			s.reader.show(path, text, secret)
		}
		return value
	}
	s.reader.showDefault(path, otherwise)
	return otherwise
}

// required reads one value that has no default.
func required[T any](s *section, key string, parse func(string) (T, error), hint string) T {
	path := join(s.path, key)
	text, ok := s.text(key)
	if ok {
		s.reader.show(path, text)
		value, _ := parsed(s.reader, path, text, parse)
		return value
	}
	if !s.reader.faulty(path) {
		s.missing(key, "is missing: "+hint)
	}
	var none T
	return none
}

// missing reports a missing key. It names the variable if the section came from variables alone.
func (s *section) missing(key, text string) {
	path := join(s.path, key)
	at := s.reader.originOf(path)
	if at.variable != "" {
		at.variable = s.below(key)
	}
	s.reader.faults = append(s.reader.faults, placed{origin: at, key: path, text: text})
}

// list reads several values.
func list[T any](s *section, key string, parse func(string) (T, error)) []T {
	var values []T
	var texts []string
	var secrets []redact.Secret
	for _, item := range s.items(key) {
		if value, ok := parsed(s.reader, item.path, item.text, parse); ok {
			values = append(values, value)
			texts = append(texts, shownText(item.path, item.text))
			if secret, ok := any(value).(redact.Secret); ok {
				secrets = append(secrets, secret)
			}
		}
	}
	path := join(s.path, key)
	if len(texts) == 0 {
		s.reader.showDefault(path, "")
		return nil
	}
	s.reader.show(path, "["+strings.Join(texts, ", ")+"]", secrets...)
	return values
}

func parsed[T any](r *reader, path, text string, parse func(string) (T, error)) (T, bool) {
	value, err := parse(text)
	if err != nil {
		r.fault(path, err.Error())
	}
	return value, err == nil
}

// text returns the value of a key, and whether it is set.
func (s *section) text(key string) (string, bool) {
	path, node := join(s.path, key), s.node(key)
	if text, ok := s.environ(path, key); ok {
		return text, true
	}
	if node == nil {
		return "", false
	}
	if node.Kind != yaml.ScalarNode {
		s.reader.fault(path, "must be one value (got "+kindOf(node)+")")
		return "", false
	}
	return node.Value, true
}

// environ returns the value of a key on the command line or in the environment.
func (s *section) environ(path, key string) (string, bool) {
	v, ok := s.reader.use(s.below(key))
	if flag, byFlag := s.reader.flags[path]; byFlag {
		s.reader.origins[path] = origin{variable: flag.Name}
		return flag.Value, true
	}
	if ok {
		s.reader.origins[path] = origin{variable: v.written}
		return v.value, true
	}
	name, ok := commonVariables()[path]
	if !ok {
		return "", false
	}
	value, ok := s.reader.common(name)
	if ok {
		s.reader.origins[path] = origin{variable: name}
	}
	return value, ok
}

// item is one value of a list.
type item struct{ path, text string }

func (s *section) items(key string) []item {
	path, node := join(s.path, key), s.node(key)
	if text, ok := s.environ(path, key); ok {
		return splitItems(path, text)
	}
	if node == nil {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		s.reader.fault(path, "must be a list, in [brackets] or one to a line with a - before it (got "+kindOf(node)+")")
		return nil
	}
	var items []item
	for i, n := range node.Content {
		n = resolve(n)
		at := indexed(path, i)
		s.reader.origins[at] = origin{line: node.Content[i].Line}
		if n.Kind != yaml.ScalarNode {
			s.reader.fault(at, "must be one value (got "+kindOf(n)+")")
			continue
		}
		items = append(items, item{path: at, text: n.Value})
	}
	return items
}

func splitItems(path, text string) []item {
	var items []item
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			items = append(items, item{path: path, text: part})
		}
	}
	return items
}

// fault records a fault of the setting at a path.
func (r *reader) fault(path, text string) {
	r.faults = append(r.faults, placed{origin: r.originOf(path), key: path, text: text})
}

func (r *reader) warn(path, text string) {
	r.warnings = append(r.warnings, placed{origin: r.originOf(path), key: path, text: text}.in(r.file).String())
}

// originOf returns the origin of a setting, or of the nearest section above it.
func (r *reader) originOf(path string) origin {
	for path != "" {
		if o, ok := r.origins[path]; ok {
			return o
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return origin{}
}

func (r *reader) faulty(path string) bool {
	return slices.ContainsFunc(r.faults, func(p placed) bool { return p.key == path })
}

// faultyWithin reports whether there is a fault at a path or below it.
func (r *reader) faultyWithin(path string) bool {
	return slices.ContainsFunc(r.faults, func(p placed) bool {
		rest, ok := strings.CutPrefix(p.key, path)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

func (r *reader) sortedFaults() Faults {
	slices.SortStableFunc(r.faults, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.variable, b.variable), cmp.Compare(a.line, b.line))
	})
	var faults Faults
	for _, p := range r.faults {
		if !r.dataOnly || !p.besideData() {
			faults = append(faults, p.in(r.file))
		}
	}
	return faults
}

// besideData reports whether a fault is in a section that commands on the data folder do not use.
func (p placed) besideData() bool {
	for _, section := range []string{"sources", "platforms", "tls", "alerts"} {
		variable, ok := strings.CutPrefix(strings.ReplaceAll(p.variable, "-", "_"), prefix+variableKey(section))
		if ok && (variable == "" || strings.HasPrefix(variable, levels)) {
			return true
		}
		key, ok := strings.CutPrefix(p.key, section)
		if ok && (key == "" || strings.ContainsAny(key[:1], ".[")) {
			return true
		}
	}
	return false
}

func indexed(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
