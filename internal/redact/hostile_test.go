package redact_test

import (
	"fmt"
	"strings"
	"testing"

	"dlqdesk/internal/payload"
)

// An algorithm whose time grows with the square of the size would take minutes for these bodies, and one that
// recurses would overflow the stack.
func TestHostileBodiesAreMaskedQuickly(t *testing.T) {
	t.Parallel()
	const size = 256 << 10
	secret := rules(t, "$.ssn", "$[*].ssn", "$.a.a.a.ssn", "$.*[0]")
	for _, piece := range []string{
		"[", "{", `{"a":`, `[{"ssn":`, `"ssn":`, `"ssn":{`, `"ssn":"`, `"ssn" `, `"`, `'`, `\`, `"\u0073sn":[`,
		`{"ssn":'`, `[],`, `"a":1,`, "\xff", " ", ",", "😀",
	} {
		body := []byte(strings.Repeat(piece, size/len(piece)))
		masked, _ := secret.Text(body)
		_, _ = secret.Restore(masked, body) // a Mask that cannot be told apart is refused
		secret.SearchText(nil, body)
		payload.EventType(nil, body, payload.AnyEventType())
	}
	deep := strings.Repeat(`{"a":`, 9_000) + `{"ssn":1}` + strings.Repeat("}", 9_000)
	wide := "[" + strings.Repeat(`{"ssn":1,"a":{"a":{"a":{"ssn":2}}}},`, size/64) + "{}]"
	for _, body := range []string{deep, wide} {
		t.Run(fmt.Sprintf("%.10q", body), func(t *testing.T) {
			masked, _ := secret.Text([]byte(body))
			if restored, err := secret.Restore(masked, []byte(body)); err != nil || string(restored) != body {
				t.Errorf("of %d bytes came %d back, %v", len(body), len(restored), err)
			}
		})
	}
}
