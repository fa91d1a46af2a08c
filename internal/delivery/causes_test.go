package delivery_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

// labelled is a failure as a handler answers it, with its cause.
type labelled struct {
	Cause, Source, ContentType, Body, Error string
	Status                                  int // 0: there was no answer, and Error is what the sender said
}

func readLabelled(t *testing.T, name string) []labelled {
	t.Helper()
	file, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var all []labelled
	for line := range bytes.Lines(file) {
		var one labelled
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

// The failures of real handlers are grouped by their causes. Precision and recall are of pairs: how many of those put
// together are of one cause, and how many of one cause are put together.
func TestFailuresAreGroupedByCause(t *testing.T) {
	t.Parallel()
	for name, least := range map[string]struct{ precision, recall float64 }{
		"failures.jsonl":           {0.999, 0.99},
		"failures_elsewhere.jsonl": {0.999, 0.99}, // of other companies, languages and frameworks
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testGrouping(t, readLabelled(t, name), least.precision, least.recall)
		})
	}
}

func testGrouping(t *testing.T, failures []labelled, leastPrecision, leastRecall float64) {
	c := setup(t)
	current := make(chan labelled, 1)
	url, _ := destination(t, func(w http.ResponseWriter, _ *http.Request) {
		f := <-current
		w.Header().Set("Content-Type", f.ContentType)
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(strings.ReplaceAll(f.Body, "ISO-8859-1", "UTF-8"))) // as the fixture has it
	})
	groups := make([]string, len(failures))
	texts := map[string]map[string]string{} // by cause and group: one of its errors
	for i, f := range failures {
		text := f.Error
		if f.Status > 0 {
			current <- f
			text = c.Send(t.Context(), to(url), request("{}", nil)).Error
		}
		groups[i] = deadletter.Fingerprint(f.Source, url, deadletter.WithStatus(f.Status, text))
		if texts[f.Cause] == nil {
			texts[f.Cause] = map[string]string{}
		}
		texts[f.Cause][groups[i]] = text
	}
	together, right, same := 0, 0, 0
	mixed := map[string]bool{}
	for i := range failures {
		for j := range i {
			grouped, one := groups[i] == groups[j], failures[i].Cause == failures[j].Cause
			switch {
			case grouped && one:
				together, right, same = together+1, right+1, same+1
			case grouped:
				together++
				mixed[failures[i].Cause+" with "+failures[j].Cause] = true
			case one:
				same++
			}
		}
	}
	precision, recall := float64(right)/float64(together), float64(right)/float64(same)
	report := fmt.Sprintf("precision %.3f, recall %.3f of %d failures of %d causes", precision, recall, len(failures),
		len(texts))
	t.Log(report)
	if precision < leastPrecision || recall < leastRecall {
		t.Errorf("%s, want at least %.3f and %.3f", report, leastPrecision, leastRecall)
	}
	for pair := range mixed {
		t.Logf("mixed: %s", pair)
	}
	for cause, of := range texts {
		if len(of) > 1 {
			var parts []string
			for _, text := range of {
				parts = append(parts, text)
			}
			slices.Sort(parts)
			t.Logf("split: %s in %d\n\t%s", cause, len(of), strings.Join(parts, "\n\t"))
		}
	}
}
