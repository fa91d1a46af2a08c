package redact

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"dlqdesk/internal/payload"
)

// Options name the secrets in the messages of one source or queue, besides those that are secret by default.
type Options struct {
	Headers []string       // headers and query parameters
	Names   []string       // headers, query parameters and fields of bodies, wherever they are
	Except  []string       // default names that are no secrets here
	Paths   []payload.Path // places in JSON bodies
	Known   []string       // secrets of the configuration, which a text may repeat
}

// Rules decide which values are secret. They never change. A nil *Rules has the default names alone.
type Rules struct {
	headers, names, except nameSet
	shown                  nameSet // what a person was permitted to see
	showsAll               bool
	paths                  []payload.Path // each step in its normal form
	known                  Secrets
	digest                 [sha256.Size]byte
	name                   string
}

// New returns the rules of the options.
func New(o Options) *Rules {
	r := &Rules{
		headers: newNameSet(o.Headers...), names: newNameSet(o.Names...), except: newNameSet(o.Except...),
	}
	for _, path := range o.Paths {
		if r.addAnywhere(path) {
			continue
		}
		steps := make(payload.Path, len(path))
		for i, step := range path {
			steps[i] = normalName(step)
		}
		r.paths = append(r.paths, steps)
	}
	for _, secret := range o.Known {
		r.known.add(secret, minSecret)
	}
	r.seal()
	return r
}

// addAnywhere adds the path $..name, which is a name.
func (r *Rules) addAnywhere(path payload.Path) bool {
	if len(path) != 2 || path[0] != payload.AnyDepth || path[1] == "*" {
		return false
	}
	r.names[normalName(path[1])] = true
	return true
}

// defaultsVersion counts the changes of the default names, of how values are found by them, and of how they are hidden
// where other texts repeat them.
const defaultsVersion = 1

// nameSize is the part of the digest that names rules, in bytes.
const nameSize = 12

// seal computes the digest. The known secrets are no part of it: they belong to no message.
func (r *Rules) seal() {
	sorted := func(s nameSet) []string { return slices.Sorted(maps.Keys(s)) }
	text, _ := json.Marshal([]any{ //nolint:errchkjson // texts and a number
		defaultsVersion, sorted(r.headers), sorted(r.names), sorted(r.except), r.paths,
	})
	r.digest = sha256.Sum256(text)
	r.name = hex.EncodeToString(r.digest[:nameSize])
}

// Name names the rules: others have another name. The secrets of the configuration are no part of it.
func (r *Rules) Name() string { return r.orDefault().name }

// orDefault returns rules that are not nil.
func (r *Rules) orDefault() *Rules {
	if r == nil {
		return defaults
	}
	return r
}

var defaults = New(Options{})

// union returns rules by which every value is secret that is secret by one of the rules.
func union(all ...*Rules) *Rules {
	u := New(Options{})
	for i, r := range all {
		r = r.orDefault()
		maps.Copy(u.headers, r.headers)
		maps.Copy(u.names, r.names)
		if i == 0 {
			u.except = maps.Clone(r.except)
		}
		maps.DeleteFunc(u.except, func(name string, _ bool) bool { return !r.except[name] })
		u.paths = append(u.paths, r.paths...)
		u.known = append(u.known, r.known...)
	}
	u.known.sort()
	u.seal()
	return u
}

// Show returns rules by which the values of a name are no secrets: all values for "".
func (r *Rules) Show(name string) *Rules {
	next := *r.orDefault()
	next.shown = maps.Clone(next.shown)
	if next.shown == nil {
		next.shown = nameSet{}
	}
	next.shown[normalName(name)], next.showsAll = true, next.showsAll || name == ""
	return &next
}

func (r *Rules) shows(name string) bool {
	return r.showsAll || len(r.shown) > 0 && r.shown[normalName(name)]
}

// IsSecretHeader reports whether the value of a header or query parameter must be masked wherever it is shown:
// credentials, cookies, signatures, and what the rules name.
func (r *Rules) IsSecretHeader(name string) bool {
	r = r.orDefault()
	if r.shows(name) {
		return false
	}
	field := []byte(name)
	return r.headers.has(field) || r.names.has(field) || r.isDefaultField(field) || r.isDefaultHeader(name)
}

// isConfigured reports whether the rules themselves name a field.
func (r *Rules) isConfigured(name []byte) bool { return r.names.has(name) }

// isDefault reports whether a field is secret without having been named by the rules.
func (r *Rules) isDefault(name []byte) bool {
	// Names with a hyphen are those of headers, as API Gateway puts them into a body.
	isHeader := len(name) <= maxName && bytes.IndexByte(name, '-') > 0
	return r.isDefaultField(name) || isHeader && r.isDefaultHeader(string(name))
}

func (r *Rules) isDefaultField(name []byte) bool {
	if len(name) > maxName {
		return false
	}
	var buffer [maxName]byte
	if n := appendNormal(buffer[:0], name); isSecretField(n) {
		return !r.except[string(n)]
	}
	for part := range parts(name) {
		if n := appendNormal(buffer[:0], part); isSecretField(n) && !r.except[string(n)] {
			return true
		}
	}
	return false
}

func (r *Rules) isDefaultHeader(name string) bool {
	return isSecretHeader(name) && !r.except[normalName(name)]
}

// IsDefault reports whether the name of a field or header is secret without any rule.
func IsDefault(name string) bool { return defaults.IsSecretHeader(name) }

// Masks are the rules of every source and queue. They never change. Its methods may be called from many goroutines.
type Masks struct {
	sources map[string]*Rules
	queues  map[string]*Rules // by the name below queues in the configuration
	all     *Rules
	since   time.Time

	mu     sync.RWMutex
	merged map[[2]string]*Rules // by queue and source
}

// NewMasks returns the rules of sources and of queues, by their names.
func NewMasks(sources, queues map[string]*Rules) *Masks {
	m := &Masks{sources: sources, queues: queues, merged: map[[2]string]*Rules{}}
	list := make([]*Rules, 0, len(sources)+len(queues))
	for _, from := range []map[string]*Rules{sources, queues} {
		for _, name := range slices.Sorted(maps.Keys(from)) {
			list = append(list, from[name])
		}
	}
	m.all = union(list...)
	return m
}

// InForceSince returns the same rules, which have been in force since a time: texts that were stored before may have
// values that are masked now.
func (m *Masks) InForceSince(since time.Time) *Masks {
	next := NewMasks(m.sources, m.queues)
	next.since = since
	return next
}

// Stale reports whether a text that was stored at a time may have values in it that are masked now.
func (m *Masks) Stale(at time.Time) bool { return m != nil && at.Before(m.since) }

// Of returns the rules for a message of a source that came from a queue; "" for one of the two where there is none.
// The messages of a source or queue that is no longer configured have the rules of all.
func (m *Masks) Of(queue, source string) *Rules {
	if m == nil {
		return nil
	}
	m.mu.RLock()
	r, ok := m.merged[[2]string{queue, source}]
	m.mu.RUnlock()
	if ok {
		return r
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r = m.merge(queue, source)
	if len(m.merged) > maxMerged {
		clear(m.merged) // the names come from messages, which can have any
	}
	m.merged[[2]string{queue, source}] = r
	return r
}

// maxMerged bounds the rules that are remembered for pairs of queue and source.
const maxMerged = 1000

func (m *Masks) merge(queue, source string) *Rules {
	ofSource, ok := m.sources[source]
	if queue == "" {
		if ok {
			return ofSource
		}
		return m.all
	}
	ofQueue, known := m.queues[queue]
	switch {
	case !known || !ok && source != "":
		return m.all
	case source == "":
		return ofQueue
	}
	return union(ofSource, ofQueue)
}

// All returns rules by which every value is secret that is secret by the rules of some source or queue.
func (m *Masks) All() *Rules {
	if m == nil {
		return nil
	}
	return m.all
}

// Digest returns a digest of all rules. It does not depend on the secrets of the configuration.
func (m *Masks) Digest() []byte {
	if m == nil {
		return defaults.digest[:]
	}
	sum := sha256.New()
	for _, from := range []map[string]*Rules{m.sources, m.queues} {
		for _, name := range slices.Sorted(maps.Keys(from)) {
			fmt.Fprintf(sum, "%q %x\n", name, from[name].orDefault().digest)
		}
		sum.Write([]byte{0})
	}
	return sum.Sum(nil)
}
