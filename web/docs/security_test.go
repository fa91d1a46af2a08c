package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	requirement = regexp.MustCompile(`(?m)^\| (\d+)\.(\d+)\.(\d+) \| ([12]) \| (.+?) \| (met|n/a|open) \| (.*) \|$`)
	citedTest   = regexp.MustCompile("`(Test[A-Z]\\w+)`")
)

// Requirements of ASVS 5.0.0, level 1 and 2, in each chapter.
var chapters = [...]int{27, 11, 19, 10, 9, 35, 18, 7, 7, 29, 14, 9, 13, 9, 13, 16, 7}

// The list has every requirement of levels 1 and 2 once, in order. A met requirement names a test that exists, or
// a page. A requirement that does not apply has a reason.
func TestSecurityPageListsEveryRequirement(t *testing.T) {
	t.Parallel()
	tests := testNames(t)
	var found [len(chapters)]int
	levels := map[string]int{}
	latest := 0
	for _, m := range requirement.FindAllStringSubmatch(read(t, "web/docs/security.md"), -1) {
		chapter, section, number := numberOf(m[1]), numberOf(m[2]), numberOf(m[3])
		place := (chapter*100+section)*100 + number
		if place <= latest || chapter > len(chapters) {
			t.Fatalf("%d.%d.%d is listed twice, or out of order", chapter, section, number)
		}
		latest = place
		found[chapter-1]++
		levels[m[4]]++
		status, how := m[6], m[7]
		cited := citedTest.FindAllStringSubmatch(how, -1)
		if status == "met" && len(cited) == 0 && !strings.Contains(how, "](") || status == "n/a" && how == "" {
			t.Errorf("%d.%d.%d is %s, and does not say how", chapter, section, number, status)
		}
		for _, test := range cited {
			if !tests[test[1]] {
				t.Errorf("%d.%d.%d names %s, and there is no such test", chapter, section, number, test[1])
			}
		}
	}
	if found != chapters || levels["1"] != 70 || levels["2"] != 183 {
		t.Errorf("the chapters have %v requirements, of levels %v; want %v", found, levels, chapters)
	}
}

func numberOf(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

// testNames returns the tests of the repository.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	names := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != root) {
			return filepath.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil || len(names) < 100 {
		t.Fatalf("%d tests, %v", len(names), err)
	}
	return names
}
