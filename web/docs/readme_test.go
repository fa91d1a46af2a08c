package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dlqdesk/web/docs"
)

const root = "../.."

func TestReadmeIsShortAndLinksToEveryPage(t *testing.T) {
	t.Parallel()
	text := read(t, "README.md")
	if n := strings.Count(text, "\n"); n > 130 {
		t.Errorf("README.md has %d lines, want at most 130", n)
	}
	for _, page := range docs.Pages()[1:] {
		if !strings.Contains(text, "](web/docs/"+page.Name+".md)") {
			t.Errorf("README.md has no link to %s.md", page.Name)
		}
	}
	for _, m := range regexp.MustCompile(`\[[^\]]*\]\(([^)#]+)(?:#([^)]*))?\)`).FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(m[1], "https://") {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
			t.Errorf("README.md links to %s, which does not exist", m[1])
		}
		if m[2] == "" {
			continue
		}
		p, _ := docs.Find(strings.TrimSuffix(filepath.Base(m[1]), ".md"))
		if !slices.ContainsFunc(p.Sections, func(s docs.Section) bool { return s.Anchor == m[2] }) {
			t.Errorf("README.md links to %s#%s, and there is no such heading", m[1], m[2])
		}
	}
}

// floorPlan has its paths and names in backticks: a path, and behind it (`Name`, …) what is in that file.
const floorPlan = "internal/README.md"

var (
	quoted = regexp.MustCompile("`([^`]+)`")
	named  = regexp.MustCompile("`([a-z.][A-Za-z0-9_./]*/[A-Za-z0-9_.]+)` \\(((?:`[A-Za-z]+`(?:, )?)+)\\)")
	isPath = regexp.MustCompile(`^(\.golangci\.yml|migrations|(cmd|internal|web|migrations)/[A-Za-z0-9_./]+)$`)
)

func TestFloorPlanNamesExistingPaths(t *testing.T) {
	t.Parallel()
	text := read(t, floorPlan)
	paths := 0
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		if !isPath.MatchString(m[1]) {
			continue
		}
		paths++
		if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
			t.Errorf("the floor plan names %s, which does not exist", m[1])
		}
	}
	if paths < 70 {
		t.Errorf("the floor plan has %d paths: the test does not see them all", paths)
	}
	for _, m := range named.FindAllStringSubmatch(text, -1) {
		file, err := os.ReadFile(filepath.Join(root, m[1]))
		if err != nil {
			continue // said above
		}
		for _, name := range quoted.FindAllStringSubmatch(m[2], -1) {
			declared := regexp.MustCompile(`(?m)^(func (\([^)]*\) )?|(async )?function |templ |type |var |\t)` +
				name[1] + `\b`)
			if !declared.Match(file) {
				t.Errorf("the floor plan looks for %s in %s, which does not declare it", name[1], m[1])
			}
		}
	}
}

func TestFloorPlanListsEveryPackage(t *testing.T) {
	t.Parallel()
	text := read(t, floorPlan)
	packages, err := os.ReadDir(filepath.Join(root, "internal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		if p.IsDir() && !strings.Contains(text, "| `internal/"+p.Name()+"` |") {
			t.Errorf("the floor plan lacks the package internal/%s", p.Name())
		}
	}
	_, changes, _ := strings.Cut(text, "## Where do I change")
	if n := strings.Count(changes, "\n| ") - 2; n < 15 {
		t.Errorf("the floor plan answers %d questions, want at least 15", n)
	}
}

// TestManualHasEveryMetric holds the table of metrics in production.md.
func TestManualHasEveryMetric(t *testing.T) {
	t.Parallel()
	manual := map[string]bool{}
	rows := regexp.MustCompile("(?m)^\\| `(dlqdesk_[a-z_]+)` ")
	for _, m := range rows.FindAllStringSubmatch(read(t, "web/docs/production.md"), -1) {
		manual[m[1]] = true
	}
	code := read(t, "internal/telemetry/gauges.go") + read(t, "internal/telemetry/counters.go")
	made := regexp.MustCompile(`desc\("([a-z_]+)"|"dlqdesk_([a-z_]+)"`).FindAllStringSubmatch(code, -1)
	for _, m := range made {
		name := "dlqdesk_" + m[1] + m[2]
		if !manual[name] && name != "dlqdesk_" {
			t.Errorf("production.md lacks the metric %s", name)
		}
		delete(manual, name)
	}
	for name := range manual {
		t.Errorf("production.md has the metric %s, which does not exist", name)
	}
	if len(made) < 10 {
		t.Errorf("the test sees %d metrics", len(made))
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
