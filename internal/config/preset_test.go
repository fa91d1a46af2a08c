package config_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/config"
	"dlqdesk/internal/platform"
)

// leaves are the values of a preset that have no others below them, by their path.
func leaves(v reflect.Value, path string, into map[string]string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			leaves(v.Field(i), path+"."+v.Type().Field(i).Name, into)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			leaves(v.MapIndex(key), path+"["+key.String()+"]", into)
		}
	case reflect.Slice:
		for i := range v.Len() {
			leaves(v.Index(i), fmt.Sprintf("%s[%d]", path, i), into)
		}
	default:
		into[path] = fmt.Sprint(v.Interface())
	}
}

// changes tells what of a preset is otherwise, in order.
func changes(from, to platform.Preset) []string {
	before, after := map[string]string{}, map[string]string{}
	leaves(reflect.ValueOf(from), "", before)
	leaves(reflect.ValueOf(to), "", after)
	var list []string
	for _, path := range slices.Sorted(maps.Keys(after)) {
		if before[path] != after[path] {
			list = append(list, path+" = "+after[path])
		}
	}
	return list
}

// otherwise writes the configuration that changes every value of a preset. A value whose form it does not know fails
// the test, and so does a field without a key.
type otherwise struct {
	t    *testing.T
	text strings.Builder
}

func (o *otherwise) fields(v reflect.Value, indent, except string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		switch key := f.Tag.Get("key"); {
		case key == "inline":
			o.fields(v.Field(i), indent, "")
		case key == "" && f.Name != except:
			o.t.Errorf("%s.%s cannot be overridden: it has no key", v.Type(), f.Name)
		case key != "":
			o.value(v.Field(i), indent, key, f.Tag.Get("form"))
		}
	}
}

func (o *otherwise) value(v reflect.Value, indent, key, form string) {
	line := func(value string) { fmt.Fprintf(&o.text, "%s%q: %s\n", indent, key, value) }
	switch v.Kind() {
	case reflect.Bool:
		line(fmt.Sprint(!v.Bool()))
	case reflect.Int:
		line(fmt.Sprint(v.Int() + 1))
	case reflect.String:
		line(o.other(v.String(), form))
	case reflect.Struct:
		line("")
		o.fields(v, indent+"  ", "")
	case reflect.Map:
		line("")
		for _, name := range append(v.MapKeys(), reflect.ValueOf("enable2")) {
			member := v.MapIndex(name)
			if !member.IsValid() && v.Type().Elem().Kind() == reflect.Struct {
				continue // one more call needs a place in register
			} else if !member.IsValid() {
				member = reflect.ValueOf("")
			}
			o.value(member, indent+"  ", name.String(), "")
		}
	case reflect.Slice:
		o.slice(v, indent, key, line)
	default:
		o.t.Errorf("%s is of a kind that nothing reads: %s", key, v.Kind())
	}
}

func (o *otherwise) slice(v reflect.Value, indent, key string, line func(string)) {
	if v.Type().Elem().Kind() != reflect.Struct {
		// Only calls that there are can be named: the same ones in another order, where there are several.
		words := []string{platform.List, platform.Get}
		if n := v.Len(); key == "register" && n > 1 {
			words = append([]string{v.Index(n - 1).String()}, v.Slice(0, n-1).Interface().([]string)...)
		}
		line("[" + strings.Join(words, ", ") + "]")
		return
	}
	line("")
	elements := reflect.Append(v, reflect.New(v.Type().Elem()).Elem())
	for i := range elements.Len() {
		name := elements.Index(i).Field(0).String()
		if name == "" {
			name = "added"
		}
		fmt.Fprintf(&o.text, "%s  %q:\n", indent, name)
		o.fields(elements.Index(i), indent+"    ", elements.Type().Elem().Field(0).Name)
	}
}

// other is another text of a form.
func (o *otherwise) other(now, form string) string {
	another, known := map[string][2]string{
		"": {"'another {id}'", "'and another'"}, "region": {"eu-west-1", "eu-west-2"}, "url": {"https://a.example", "https://b.example"}, "path": {"/other", "/another"},
		"method": {"PUT", "PATCH"}, "grant": {"access_key", "password"}, "auth": {"form", "basic"}, "status": {"inferred", "tutorial"},
	}[form]
	if !known {
		o.t.Errorf("nothing has the form %q", form)
	}
	if another[0] == now {
		return another[1]
	}
	return another[0]
}

func TestEveryFieldOfAPresetCanBeOverridden(t *testing.T) {
	t.Parallel()
	for _, usual := range platform.Presets() {
		o := &otherwise{t: t}
		fmt.Fprintf(&o.text, "platforms:\n  other:\n    preset: %s\n", usual.Name)
		o.fields(reflect.ValueOf(usual), "    ", "Name")
		text := o.text.String()
		file := filepath.Join(t.TempDir(), "desk.yaml")
		if err := os.WriteFile(
			file,
			[]byte(text+"sources: { a: { destination: 'http://127.0.0.1:1' } }\n"),
			0o600,
		); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(file, nil)
		if err != nil {
			t.Fatalf("%s: %v\n%s", usual.Name, err, text)
		}
		p, _, err := c.Platforms[0].Resolve(nil)
		if err != nil {
			t.Fatal(err)
		}
		was, is := map[string]string{}, map[string]string{}
		leaves(reflect.ValueOf(usual), "", was)
		leaves(reflect.ValueOf(p), "", is)
		for path, value := range is {
			if value == was[path] && path != ".Name" && !strings.HasSuffix(path, "].Name") &&
				!strings.HasSuffix(path, "].Field") {
				t.Errorf("%s: %s is still %q", usual.Name, path, value)
			}
		}
		for path := range was {
			if _, ok := is[path]; !ok && !strings.HasPrefix(path, ".Scopes") {
				t.Errorf("%s: %s is gone", usual.Name, path)
			}
		}
		if _, ok := is[".Missing[enable2]"]; !ok || p.Parameters[len(p.Parameters)-1].Name != "added" ||
			p.Paste[len(p.Paste)-1].Field != "added" {
			t.Errorf("%s: nothing can be added: %+v", usual.Name, p)
		}
	}
}
