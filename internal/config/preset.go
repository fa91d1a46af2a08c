package config

import (
	"cmp"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v3"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/platform"
)

// override answers a preset with what a section says of it, by the tags of its fields. The region is that of the
// section alone.
func (s *section) override(preset platform.Preset) platform.Preset {
	usual := preset.Region
	preset.Region = ""
	s.overlay(reflect.ValueOf(&preset).Elem())
	for name := range preset.Calls {
		if preset.Name != "" && !slices.Contains(preset.CallNames(), name) {
			s.reader.fault(
				join(join(s.path, "calls"), name),
				"is no call: there are "+strings.Join(preset.CallNames(), ", ")+", and those that register names",
			)
		}
	}
	whole := preset
	whole.Region = cmp.Or(preset.Region, usual)
	if _, _, err := whole.Located(); err != nil && !s.reader.faultyWithin(s.path) {
		s.reader.fault(s.path, deadletter.TextOf(err))
	}
	return preset
}

// overlay reads what a section says of the fields of a struct. What it does not say stays.
func (s *section) overlay(v reflect.Value) {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		switch key := tag.Get("key"); key {
		case "":
		case "inline":
			s.overlay(v.Field(i))
		default:
			s.overlayField(key, tag.Get("form"), v.Field(i))
		}
	}
}

func (s *section) overlayField(key, form string, v reflect.Value) {
	switch v.Kind() { //nolint:exhaustive // a preset has no fields of other kinds; a test ranges over them
	case reflect.String:
		// Hosts and compose files set a variable to nothing when they mean none: only what may be any text is emptied
		// by that.
		if text := setting(s, key, v.String(), parserOf(form)); text != "" || form == "" {
			v.SetString(text)
		}
	case reflect.Bool:
		v.SetBool(setting(s, key, v.Bool(), parseBool))
	case reflect.Int:
		v.SetInt(int64(setting(s, key, int(v.Int()), wholeNumber(0, maxPresetNumber))))
	case reflect.Struct:
		s.section(key).overlay(v)
	case reflect.Map:
		s.section(key).overlayMap(v)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct {
			s.section(key).overlayNamed(v)
		} else if words := list(s, key, parseSomething); s.has(key) {
			v.Set(reflect.ValueOf(words))
		}
	}
}

// overlayMap reads the members that there are, and those that a section has beside them.
func (s *section) overlayMap(v reflect.Value) {
	members := reflect.MakeMap(v.Type())
	var names []string
	for _, key := range v.MapKeys() {
		members.SetMapIndex(key, v.MapIndex(key))
		names = append(names, key.String())
	}
	slices.Sort(names)
	for _, name := range s.names(names, v.Type().Elem().Kind() == reflect.String) {
		key := reflect.ValueOf(name)
		member := reflect.New(v.Type().Elem()).Elem()
		if known := members.MapIndex(key); known.IsValid() {
			member.Set(known)
		}
		if s.overlayField(name, "", member); !member.IsZero() {
			members.SetMapIndex(key, member)
		}
	}
	if members.Len() > 0 {
		v.Set(members)
	}
}

// overlayNamed reads the elements that there are, by the name that is the first field of each, and those that a
// section has beside them. An element that is one value, and no group, is known already, and that is its value.
func (s *section) overlayNamed(v reflect.Value) {
	var names []string
	for i := range v.Len() {
		names = append(names, v.Index(i).Field(0).String())
	}
	elements := reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v)
	for i, name := range s.names(names, false) {
		if i == len(names) {
			added := reflect.New(v.Type().Elem()).Elem()
			added.Field(0).SetString(name)
			elements, names = reflect.Append(elements, added), append(names, name)
		}
		element := elements.Index(i)
		if s.isValue(name) {
			value := element.FieldByNameFunc(func(field string) bool {
				f, _ := element.Type().FieldByName(field)
				return f.Tag.Get("key") == "value"
			})
			s.overlayField(name, "", value)
		} else {
			s.section(name).overlay(element)
		}
	}
	v.Set(elements)
}

// names answers names that have a meaning anyhow, in order, and after them what else the section has: values, or
// groups.
func (s *section) names(known []string, values bool) []string {
	names := slices.Clone(known)
	for _, name := range slices.Concat(s.reader.namesInFile(s), s.reader.namesInVariables(s)) {
		if !slices.Contains(names, name) && s.isValue(name) == values {
			names = append(names, name)
		}
	}
	return names
}

// isValue tells whether a key has one value, and is no group.
func (s *section) isValue(key string) bool {
	if _, ok := s.reader.variables[s.below(key)]; ok {
		return true
	}
	return slices.ContainsFunc(
		s.entries,
		func(e entry) bool { return e.key == key && e.value.Kind == yaml.ScalarNode && !isNull(e.value) },
	)
}

// maxPresetNumber is more characters than any platform takes.
const maxPresetNumber = 1 << 16

// parserOf answers what takes a value of a form.
func parserOf(form string) func(string) (string, error) {
	switch form {
	case "region":
		return emptyOr(parseRegion)
	case "url":
		return emptyOr(parsePlatformBase)
	case "path":
		return parsePlatformPath
	case "method":
		return oneOf(http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete)
	case "grant":
		return oneOf(string(platform.ClientCredentials), string(platform.Password), string(platform.AccessKey))
	case "auth":
		return oneOf(string(platform.Basic), string(platform.Form))
	case "status":
		return oneOf(string(platform.Verified), string(platform.Inferred), string(platform.Tutorial))
	}
	return parseText
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true", "false":
		return strconv.ParseBool(text)
	}
	return false, wrong(text, "must be true or false")
}
