package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// word returns a word without digits, because a number makes no cause of its own.
func word(n int) string { return fmt.Sprintf("w%c%c%c", 'a'+n/676%26, 'a'+n/26%26, 'a'+n%26) }

// reasonsOf returns the second words of the texts of causes, in alphabetical order.
func reasonsOf(list []deadletter.Cause) string {
	var words []string
	for _, c := range list {
		words = append(words, strings.Fields(c.Title)[1])
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// Terms about messages find the causes that have one message which matches all of them.
func TestCausesAreFoundByTheirMessages(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	desktest.Search(t, s, nil)
	for i, m := range []struct {
		cause string
		code  int
		body  string
	}{
		{"waa", 422, `{"tier":"gold","amount":5}`},
		{"waa", 503, `{"tier":"silver","amount":500}`},
		{"wab", 503, `{"tier":"gold","amount":7,"note":"order is null"}`},
		{"wac", 422, `{"tier":"bronze","amount":99}`},
	} {
		c := failure(fmt.Sprintf("a-%d", i), m.code, start.Add(time.Duration(i)*time.Hour))
		c.Reason, c.Body, c.EventType = "no "+m.cause+" here", []byte(m.body), "order."+m.cause
		if m.cause == "wac" {
			c.Destination = "https://crm.test:8443/hook"
		}
		receive(t, s, c)
	}
	searched(t, s)
	for text, want := range map[string]string{
		"code:5xx":                           "waa wab",
		"$.tier=gold":                        "waa wab",
		"code:5xx $.tier=gold":               "wab",
		"code:5xx $.tier=gold no":            "wab",
		"code:5xx -wab":                      "waa",
		"amount:>90":                         "waa wac",
		"$.amount=99":                        "wac",
		"status:failed":                      "waa wac",
		"-status:failed":                     "waa wab",
		"status:archived":                    "",
		"type:order.wab":                     "wab",
		"received:<90m":                      "wac",
		"received:<150m code:503":            "wab",
		"outcome:error_response state:new":   "waa wab wac",
		"destination:crm.test":               "wac",
		"destination:crm.test code:422":      "wac",
		"destination:crm.test:8443 code:5xx": "",
		"null":                               "",
		`$.note="order is null"`:             "wab",
		"-$.tier=gold":                       "waa wac",
	} {
		t.Run(text, func(t *testing.T) {
			f, err := s.LookupCauses(t.Context(), store.CauseFilter{Text: text, At: start.Add(4 * time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			page, err := s.Causes(t.Context(), store.CauseQuery{CauseFilter: f, Limit: 10})
			if got := reasonsOf(page.Items); err != nil || got != want {
				t.Errorf("there are %q, want %q, %v", got, want, err)
			}
			counts, err := s.CauseCounts(t.Context(), f)
			if err != nil || counts.Total() != len(page.Items) || counts.AtLeast {
				t.Errorf("counts %v, %v", counts, err)
			}
		})
	}
	for text, want := range map[string]int{
		"destination:crm.test": 1, "destination:CRM.test:8443": 1, "destination:crm.test/hook": 0,
		"destination:https://crm.test:8443/hook/": 1, "destination:crm.test:8443/ho": 0, "destination:crm*": 1,
		"-destination:crm.test": 3, "destination:none": 0, "destination:crm": 0,
	} {
		t.Run("messages of "+text, func(t *testing.T) {
			if got := found(t, s, text); len(got) != want {
				t.Errorf("it finds %v", got)
			}
		})
	}
}

// Where very many messages match, causes are judged by their own messages: all are on the pages, once and in order.
func TestCausesOfACommonTermHavePages(t *testing.T) {
	t.Parallel()
	s := desktest.NewStore(t)
	const causes, newest = 130, 10_001
	var list []deadletter.Capture
	add := func(cause string, code int) {
		c := desktest.Failure(fmt.Sprintf("m-%d", len(list)), code, start.Add(time.Duration(len(list))*time.Second))
		c.Reason, c.Body = "no "+cause+" here", []byte("{}")
		list = append(list, c)
	}
	for n := range causes {
		for i := range 6 {
			add(word(n), []int{422, 422, 422, 422, 422, []int{422, 503}[n%2]}[i])
		}
	}
	for range newest { // these alone would be the newest that match
		add("zzz", 503)
	}
	for batch := range slices.Chunk(list, 1000) {
		desktest.ReceiveAll(t, s, batch)
	}
	f, err := s.LookupCauses(t.Context(), store.CauseFilter{Text: "code:503"})
	if err != nil {
		t.Fatal(err)
	}
	counts, err := s.CauseCounts(t.Context(), f)
	if want := causes/2 + 1; err != nil || counts.Total() != want || counts.AtLeast {
		t.Errorf("counts %v, want %d, %v", counts, want, err)
	}
	q := store.CauseQuery{CauseFilter: store.CauseFilter{Text: "code:503"}, Sort: store.ByOldest, Limit: 20}
	var forwards, backwards []string
	for {
		p, err := s.Causes(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range p.Items {
			forwards = append(forwards, c.Fingerprint)
		}
		if p.Older == "" {
			break
		}
		q.Cursor = p.Older
	}
	for {
		p, err := s.Causes(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range slices.Backward(p.Items) {
			backwards = append(backwards, c.Fingerprint)
		}
		if p.Newer == "" {
			break
		}
		q.Cursor = p.Newer
	}
	slices.Reverse(backwards)
	if len(forwards) != causes/2+1 || !slices.Equal(forwards, backwards) {
		t.Errorf("there are %d causes forwards and %d backwards", len(forwards), len(backwards))
	}
	some, err := s.CausesMatching(context.WithoutCancel(t.Context()), forwards[:3], store.CauseFilter{Text: "code:422"})
	if err != nil || len(some) != 3 {
		t.Errorf("%d causes match, %v", len(some), err)
	}
}

// Words that few causes have, and words that many have, give pages and counts alike, before and after another cause
// has them.
func TestCausesOfFewAndManyWords(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	const many = 230
	for i := range many {
		c := failure(fmt.Sprintf("a-%d", i), 422, start)
		c.Reason = "no " + word(i) + " here"
		receive(t, s, c)
	}
	for text, want := range map[string]int{
		"here": many, "no here": many, word(7): 1, "-" + word(7): many - 1, `"no ` + word(7) + ` here"`: 1, "elsewhere": 0,
		"state:new here": many, "state:new " + word(9): 1,
	} {
		f, err := s.LookupCauses(t.Context(), store.CauseFilter{Text: text})
		if err != nil {
			t.Fatal(err)
		}
		counts, err := s.CauseCounts(t.Context(), f)
		if err != nil || counts.Total() != want || counts.AtLeast {
			t.Errorf("%s: counts are %+v, %v, want %d", text, counts, err, want)
		}
		found := 0
		for cursor, more := "", true; more; {
			page, err := s.Causes(t.Context(), store.CauseQuery{CauseFilter: f, Cursor: cursor, Limit: 50})
			if err != nil {
				t.Fatal(err)
			}
			found, cursor, more = found+len(page.Items), page.Older, page.Older != ""
		}
		if found != want {
			t.Errorf("%s: its pages have %d causes, want %d", text, found, want)
		}
	}
	c := failure("b-1", 422, start)
	c.Reason = "no " + word(7) + " elsewhere"
	receive(t, s, c)
	counts, err := s.CauseCounts(t.Context(), store.CauseFilter{Text: word(7)})
	if err != nil || counts.Total() != 2 {
		t.Errorf("afterwards there are %+v, %v", counts, err)
	}
}
