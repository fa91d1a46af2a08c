package payload_test

import (
	"strings"
	"testing"

	"dlqdesk/internal/payload"
)

func TestSearchTermsOfAQuery(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"c0ffee00-11 mis": "c0ffee00 11* mis*", "Größe": "Größe*", `"*"`: "", "a.b.cde": "a b cde*",
		"客户abc 注文ー": "[客户] abc* [注文ー]", "สวัสดี": "[สวัสดี]", "हिन्दी": "हिन्दी*",
	} {
		t.Run(typed, func(t *testing.T) {
			var got []string
			for _, term := range payload.Terms(typed) {
				switch {
				case term.Parts:
					got = append(got, "["+term.Word+"]")
				case term.Begins:
					got = append(got, term.Word+"*")
				default:
					got = append(got, term.Word)
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%q are %s, want %s", typed, got, want)
			}
		})
	}
}

func TestTermIsFoundInAWord(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]struct {
		term       payload.Term
		start, end int
		found      bool
	}{
		"missing":   {payload.Term{Word: "MIS", Begins: true}, 0, 7, true},
		"admission": {payload.Term{Word: "mis", Begins: true}, 0, 9, false},
		"misses":    {payload.Term{Word: "mis"}, 0, 6, false},
		"查询客户信息":    {payload.Term{Word: "客户", Parts: true}, 6, 12, true},
	} {
		t.Run(word, func(t *testing.T) {
			start, end, found := want.term.Find(word)
			if found != want.found || found && (start != want.start || end != want.end) {
				t.Errorf("%v is found in %q at %d to %d: %v", want.term, word, start, end, found)
			}
		})
	}
}
