package config

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

const (
	prefix = "DLQDESK_" // of every variable of ours
	levels = "__"       // between the levels of a path
)

// variable is an environment variable that may be meant for us.
type variable struct {
	written string // as it stands in the environment
	key     string // with every hyphen turned to an underscore
	value   string
	used    bool
}

// variableKey is how a key is written in a variable's name.
func variableKey(key string) string { return strings.ToUpper(strings.ReplaceAll(key, "-", "_")) }

// classicNames are the variables that other programs know too, by path.
func classicNames() map[string]string {
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

// classic returns a variable that is not ours. Hosts and compose files set such a variable to nothing when they mean
// none.
func (r *reader) classic(name string) (string, bool) {
	value := r.environ[name]
	return value, value != ""
}

// use returns the variable of a key, and notes that it has a meaning.
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

// reportUnknown is for the end of the walk, when every key that has a meaning has been asked for.
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
		near, ok := nearest(v.key, names)
		if v.used || !ok && !strings.Contains(v.key, levels) {
			continue
		}
		text := "sets nothing: no key has this path"
		if ok {
			text = "sets nothing: did you mean " + near + "?"
		}
		r.faults = append(r.faults, placed{origin: origin{variable: v.written}, text: text})
	}
}

// meant guesses which key of the file was meant: one that is spelt alike, or the same one in another section.
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

// nearest returns the candidate that is spelt most like a word, if any is so near that it can only be meant.
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

// fold leaves out what people spell differently: maxBody, max-body and max_body are one word.
func fold(word string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(word))
}

// distance is how many bytes must be put in, taken out, changed or swapped with their neighbour to make b of a; over
// limit it may answer anything over limit.
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
