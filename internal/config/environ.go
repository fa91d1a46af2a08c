package config

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
)

const (
	prefix = "DLQDESK_" // of our variables
	levels = "__"       // between the levels of a path
)

// variable is an environment variable with our prefix.
type variable struct {
	written string // its name in the environment
	key     string // with every hyphen turned to an underscore
	value   string
	used    bool
}

// variableKey returns a key in the form of a variable's name.
func variableKey(key string) string { return strings.ToUpper(strings.ReplaceAll(key, "-", "_")) }

// commonVariables are variables that other programs use as well, by path.
func commonVariables() map[string]string {
	return map[string]string{"queue.dlq_url": "SQS_DLQ_URL", "queue.region": "AWS_REGION"}
}

func (r *reader) readEnviron(environ []string) {
	for _, setting := range environ {
		name, value, _ := strings.Cut(setting, "=")
		r.environ[name] = value
		if strings.HasPrefix(name, prefix) {
			key := strings.ReplaceAll(name, "-", "_")
			r.variables[key] = &variable{written: name, key: key, value: value}
		}
	}
}

// common returns a variable of commonVariables. An empty one is not set: hosts and compose files write none like that.
func (r *reader) common(name string) (string, bool) {
	value := r.environ[name]
	return value, value != ""
}

// use returns the variable of a key, and marks it as used.
func (r *reader) use(key string) (*variable, bool) {
	v, ok := r.variables[key]
	if ok {
		v.used = true
	}
	return v, ok
}

func (r *reader) variablesBelow(prefix string) []*variable {
	var below []*variable
	for _, key := range slices.Sorted(maps.Keys(r.variables)) {
		if strings.HasPrefix(key, prefix) {
			below = append(below, r.variables[key])
		}
	}
	return below
}

// reportUnknown reports keys and variables that no setting has read. It is called last.
func (r *reader) reportUnknown() {
	for _, s := range r.sections {
		for _, e := range s.entries {
			if !slices.Contains(s.keys, e.key) {
				r.fault(join(s.path, e.key), "is no key here: "+r.meant(s, e.key))
			}
		}
	}
	names := r.variableNames()
	for _, v := range r.variablesBelow(prefix) {
		if v.used || slices.Contains(commandVariables(), v.key) || v.ofKubernetes() {
			continue
		}
		text := "sets nothing: no key has this path; unset it"
		if near, ok := v.nearest(names); ok {
			text = "sets nothing: did you mean " + near + "?"
		}
		r.faults = append(r.faults, placed{origin: origin{variable: v.written}, text: text})
	}
}

// commandVariables are those that commands read by themselves: the configuration file, and the desk of commands that
// ask one, with its token.
func commandVariables() []string {
	return []string{prefix + "CONFIG", prefix + "URL", prefix + "TOKEN"}
}

// nearest returns the known variable that is spelt most like this one, begins with it, or sets a key of the same name.
func (v *variable) nearest(names []string) (string, bool) {
	if near, ok := nearest(v.key, names); ok {
		return near, true
	}
	key := v.key[max(strings.LastIndex(v.key, levels)+1, len(prefix)-1):]
	i := slices.IndexFunc(names, func(name string) bool {
		return strings.HasPrefix(name, v.key) || strings.HasSuffix(name, key)
	})
	if i < 0 {
		return "", false
	}
	return names[i], true
}

// Kubernetes sets these for each service of a pod's namespace, with our prefix if the service's name begins with
// dlqdesk.
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
var (
	kubernetesName = regexp.MustCompile(
		`_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$`,
	)
	kubernetesPort = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

// ofKubernetes reports whether a variable describes a service, and is no misspelt key.
func (v *variable) ofKubernetes() bool {
	return kubernetesName.MatchString(v.key) || strings.HasSuffix(v.key, "_PORT") && kubernetesPort.MatchString(v.value)
}

// meant suggests a key for an unknown one: one spelt alike, or the same one in another section.
func (r *reader) meant(s *section, key string) string {
	if near, ok := nearest(key, s.keys); ok {
		return "did you mean " + near + "?"
	}
	for _, other := range r.sections {
		if slices.Contains(other.keys, key) {
			return "did you mean " + join(other.path, key) + "?"
		}
	}
	return "the keys here are " + strings.Join(s.keys, ", ")
}

func (r *reader) variableNames() []string {
	var names []string
	for _, s := range r.sections {
		for _, key := range s.keys {
			names = append(names, s.below(key))
		}
	}
	return names
}

// nearest returns the candidate that is spelt most like a word, if one is near enough.
func nearest(word string, candidates []string) (string, bool) {
	word = fold(word)
	limit := min(2, len(strings.TrimPrefix(word, fold(prefix)))/3)
	best, least := "", limit+1
	for _, c := range candidates {
		if d := distance(word, fold(c), limit); d < least {
			best, least = c, d
		}
	}
	return best, least <= limit
}

// fold removes differences of spelling: maxBody, max-body and max_body become one word.
func fold(word string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(word))
}

// distance returns how many bytes must be added, removed, changed or swapped with their neighbour to make b of a. If
// that is over limit, it returns any number over limit.
func distance(a, b string, limit int) int {
	if max(len(a), len(b))-min(len(a), len(b)) > limit {
		return limit + 1
	}
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := range len(a) {
		before, last, row := rows[0], rows[1], rows[2]
		row[0] = i + 1
		for j := range len(b) {
			same := cmp.Compare(a[i], b[j])
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+same*same)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		rows = [3][]int{last, row, before}
	}
	return rows[1][len(b)]
}

func orNear(word string, candidates []string) string {
	if near, ok := nearest(word, candidates); ok {
		return ": did you mean " + near + "?"
	}
	if len(candidates) == 0 {
		return ""
	}
	return ": use one of " + strings.Join(candidates, ", ")
}
