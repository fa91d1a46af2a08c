package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v3"
)

const (
	root   = "../.."
	module = "dlqdesk/"
)

// arrow is one rule of the linter on who may import whom. The linter itself needs minutes to be built; this test
// holds the same rules in every run, and besides that finds packages that no rule is for.
type arrow struct {
	Mode  string   `yaml:"list-mode"`
	Files []string `yaml:"files"`
	Allow []string `yaml:"allow"`
	Deny  []struct {
		Pkg  string `yaml:"pkg"`
		Desc string `yaml:"desc"`
	} `yaml:"deny"`
}

func TestArrows(t *testing.T) {
	t.Parallel()
	arrows := readArrows(t)
	for _, file := range sources(t) {
		covered := false
		imports := importsOf(t, file)
		for name, a := range arrows {
			if !a.covers(file) {
				continue
			}
			covered = true
			for _, imported := range imports {
				if why, ok := a.permits(imported); !ok {
					t.Errorf("%s imports %s, against the rule %s: %s", file, imported, name, why)
				}
			}
		}
		if !covered {
			t.Errorf("%s: no rule in .golangci.yml says what its package may import", file)
		}
	}
}

func TestArrowsPermitAndRefuseImports(t *testing.T) {
	t.Parallel()
	arrows := readArrows(t)
	for _, c := range []struct {
		file, imports string
		ok            bool
	}{
		{"internal/deadletter/message.go", "dlqdesk/internal/store", false},
		{"internal/deadletter/message.go", "dlqdesk/internal/payload", false},
		{"internal/payload/find.go", "dlqdesk/internal/deadletter", true},
		{"internal/payload/find.go", "dlqdesk/internal/redact", false},
		{"internal/redact/body.go", "dlqdesk/internal/payload", true},
		{"internal/redact/body.go", "dlqdesk/internal/store", false},
		{"internal/queue/sqs.go", "dlqdesk/internal/store", false},
		{"internal/queue/sqs.go", "dlqdesk/internal/telemetry", false},
		{"internal/telemetry/spans.go", "dlqdesk/internal/delivery", false},
		{"internal/worker/source_loop.go", "dlqdesk/internal/telemetry", true},
		{"internal/sqlite/db.go", "dlqdesk/internal/store", false},
		{"internal/sqlite/db.go", "dlqdesk/migrations", false},
		{"internal/search/index.go", "dlqdesk/internal/store", false},
		{"internal/search/index.go", "dlqdesk/internal/sqlite", true},
		{"internal/store/store.go", "dlqdesk/internal/search", true},
		{"internal/queue/embedded_file.go", "dlqdesk/internal/sqlite", true},
		{"internal/queue/embedded.go", "dlqdesk/internal/store", false},
		{"internal/queue/embedded.go", "dlqdesk/internal/envelope", false},
		{"internal/receiver/receiver.go", "dlqdesk/internal/store", false},
		{"internal/receiver/receiver.go", "dlqdesk/internal/queue", true},
		{"internal/receiver/receiver_test.go", "dlqdesk/internal/store", true},
		{"internal/receiver/receiver.go", "dlqdesk/internal/verify", true},
		{"internal/verify/verify.go", "dlqdesk/internal/config", false},
		{"internal/config/read.go", "dlqdesk/internal/verify", true},
		{"internal/console/messages.go", "dlqdesk/internal/worker", false},
		{"internal/console/messages.go", "dlqdesk/internal/desktest", false},
		{"internal/console/messages.go", "dlqdesk/web/page", true},
		{"internal/platform/client.go", "dlqdesk/internal/store", false},
		{"internal/platform/client.go", "dlqdesk/internal/config", false},
		{"internal/platform/retry.go", "dlqdesk/internal/delivery", true},
		{"web/page/messages.go", "dlqdesk/internal/deadletter", false},
		{"web/page/messages.go", "dlqdesk/web/gallery", false},
		{"web/ui/ui.go", "dlqdesk/web/page", false},
		{"web/assets.go", "dlqdesk/web/ui", false},
		{"internal/app/app.go", "dlqdesk/internal/desktest", false},
		{"cmd/dlqdesk/main.go", "dlqdesk/internal/store", false},
	} {
		t.Run(c.file+" imports "+c.imports, func(t *testing.T) {
			ok := true
			for _, a := range arrows {
				if a.covers(c.file) {
					_, permitted := a.permits(c.imports)
					ok = ok && permitted
				}
			}
			if ok != c.ok {
				t.Errorf("%s imports %s: permitted %t, want %t", c.file, c.imports, ok, c.ok)
			}
		})
	}
}

func readArrows(t *testing.T) map[string]arrow {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, ".golangci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var lint struct {
		Linters struct {
			Settings struct {
				Depguard struct {
					Rules map[string]arrow `yaml:"rules"`
				} `yaml:"depguard"`
			} `yaml:"settings"`
		} `yaml:"linters"`
	}
	if err := yaml.Unmarshal(text, &lint); err != nil {
		t.Fatal(err)
	}
	if len(lint.Linters.Settings.Depguard.Rules) == 0 {
		t.Fatal(".golangci.yml has no depguard rules")
	}
	return lint.Linters.Settings.Depguard.Rules
}

// sources returns every Go file of the program, relative to the root.
func sources(t *testing.T) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" ||
			d.Name() == "data" || d.Name() == "testdata"):
			return fs.SkipDir
		case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			files = append(files, path)
		}
		return nil
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d files: %v", len(files), err)
	}
	return files
}

// importsOf returns which packages of ours a file imports.
func importsOf(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var imports []string
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(path, module) {
			imports = append(imports, path)
		}
	}
	return imports
}

func (a arrow) covers(file string) bool {
	covered := false
	for _, pattern := range a.Files {
		pattern, not := strings.CutPrefix(pattern, "!")
		if !glob(pattern).MatchString("/" + file) {
			continue
		}
		if not {
			return false
		}
		covered = true
	}
	return covered
}

func glob(pattern string) *regexp.Regexp {
	if pattern == "$test" {
		pattern = "**_test.go"
	}
	expr := strings.NewReplacer(`\*\*`, `.*`, `\*`, `[^/]*`).Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile("^" + expr + "$")
}

// permits reads a rule as depguard does, as far as ours go: what is allowed by its full name goes before what is
// denied by a part of it.
func (a arrow) permits(imported string) (string, bool) {
	names := func(pattern string) bool {
		whole, exact := strings.CutSuffix(pattern, "$")
		return imported == whole || !exact && strings.HasPrefix(imported, whole)
	}
	if slices.ContainsFunc(a.Allow, names) {
		return "", true
	}
	for _, d := range a.Deny {
		if names(d.Pkg) {
			return d.Desc, false
		}
	}
	return "the standard library alone", a.Mode != "strict"
}
