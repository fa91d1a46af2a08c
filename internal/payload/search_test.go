package payload_test

import (
	"fmt"
	"testing"

	"dlqdesk/internal/payload"
)

func TestSearchTermsOfAQuery(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"c0ffee00-11 mis": "[{c0ffee00 false} {11 true} {mis true}]", "Größe": "[{Größe true}]", `"*"`: "[]",
		"a.b.cde": "[{a false} {b false} {cde true}]",
	} {
		t.Run(typed, func(t *testing.T) {
			if got := fmt.Sprint(payload.Terms(typed)); got != want {
				t.Errorf("%q are %s, want %s", typed, got, want)
			}
		})
	}
	if mis := (payload.Term{Word: "MIS", Begins: true}); !mis.Matches("missing") || mis.Matches("admission") ||
		(payload.Term{Word: "mis"}).Matches("missing") {
		t.Error("a term meets what it does not mean")
	}
}
