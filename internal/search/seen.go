package search

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"dlqdesk/internal/payload"
	"dlqdesk/internal/sqlite"
)

const (
	// maxFields and maxSeen bound which fields are remembered, and how many values of each: the names of a search that
	// are not among them are looked for at any place of a body.
	maxFields = 2000
	maxSeen   = 50

	// maxSeenValue bounds a value that is remembered, in bytes.
	maxSeenValue = 40
)

// seen are the fields that messages had, by path. Its methods may be called from many goroutines.
type seen struct {
	mu     sync.RWMutex
	fields map[string]*seenField
	full   bool // there were more fields
}

type seenField struct {
	path   payload.Leaf // of the path alone
	values map[string]bool
	many   bool // there were more values
	dirty  bool // it has changed since it was saved
}

const (
	readFields = `SELECT path, many, seen FROM fields`
	saveField  = `INSERT INTO fields (path, many, seen) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET many = excluded.many, seen = excluded.seen`
	removeFields = `DELETE FROM fields`
)

// load replaces the fields by those of the file.
func (s *seen) load(ctx context.Context, db sqlite.Querier) error {
	fields := map[string]*seenField{}
	err := sqlite.Each(ctx, db, func(r sqlite.Row) error {
		var path, text string
		f := &seenField{values: map[string]bool{}}
		if err := r.Scan(&path, &f.many, &text); err != nil {
			return err
		}
		var values []string
		if err := json.Unmarshal([]byte(text), &values); err != nil {
			return fmt.Errorf("read the values of field %s: %w", path, err)
		}
		for _, v := range values {
			f.values[v] = true
		}
		f.path, fields[path] = payload.LeafAt(path), f
		return nil
	}, readFields)
	if err != nil {
		return fmt.Errorf("read the fields of the search index: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fields, s.full = fields, len(fields) >= maxFields
	return nil
}

// forget removes all fields. Later they are loaded again.
func (s *seen) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fields, s.full = map[string]*seenField{}, false
}

// add notes a field with a value. few says that the field may have few values, so that a search can offer them.
func (s *seen) add(path []byte, value string, few bool) {
	s.mu.RLock()
	f := s.fields[string(path)]
	known := f == nil && s.full || f != nil && (f.many || few && f.values[value])
	s.mu.RUnlock()
	if known {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f == nil {
		if len(s.fields) >= maxFields {
			s.full = true
			return
		}
		f = &seenField{path: payload.LeafAt(string(path)), values: map[string]bool{}, dirty: true}
		s.fields[string(path)] = f
	}
	f.dirty = true
	if !few || len(value) > maxSeenValue || len(f.values) >= maxSeen {
		f.many, f.values = true, nil
		return
	}
	f.values[value] = true
}

// save writes the fields that have changed.
func (s *seen) save(ctx context.Context, tx *sqlite.Tx) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for path, f := range s.fields {
		if !f.dirty {
			continue
		}
		text, err := json.Marshal(slices.Sorted(maps.Keys(f.values)))
		if err != nil {
			return fmt.Errorf("write the values of field %s: %w", path, err)
		}
		if _, err := tx.ExecContext(ctx, saveField, path, f.many, string(text)); err != nil {
			return err
		}
	}
	return nil
}

// saved says that the fields are on disk.
func (s *seen) saved() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.fields {
		f.dirty = false
	}
}

// paths returns the fields of bodies that a path leads to, and whether there may be more.
func (s *seen) paths(path payload.Path) (list []string, more bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for p, f := range s.fields {
		if p[0] == '$' && f.path.Matches(path) {
			list = append(list, p)
		}
	}
	slices.Sort(list)
	return list, s.full
}

// valuesBeginning returns the values of fields that begin with a text, or false if there are values that are not known.
func (s *seen) valuesBeginning(paths []string, begin string) (values []pathValue, all bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, path := range paths {
		f := s.fields[path]
		if f == nil || f.many {
			return nil, false
		}
		for v := range f.values {
			if strings.HasPrefix(strings.ToLower(v), strings.ToLower(begin)) {
				values = append(values, pathValue{path, v})
			}
		}
	}
	slices.SortFunc(values, func(a, b pathValue) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.value, b.value))
	})
	return values, true
}

type pathValue struct{ path, value string }

// names returns the fields whose path contains a text, those that begin with it first.
func (s *seen) names(part string, limit int) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	part = strings.ToLower(part)
	var list []string
	for path := range s.fields {
		if strings.Contains(strings.ToLower(path), part) {
			list = append(list, path)
		}
	}
	rank := func(path string) int {
		lower := strings.ToLower(path)
		switch {
		case strings.HasPrefix(lower, part):
			return 0
		case strings.HasPrefix(strings.ToLower(lastName(path)), part):
			return 1
		}
		return 2
	}
	slices.SortFunc(list, func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
	return list[:min(limit, len(list))]
}

// lastName returns the last name of a path.
func lastName(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
