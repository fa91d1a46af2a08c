package deadletter_test

import (
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

// What takes a time that grows with the square of such a body would take minutes, and what goes down with its nesting
// would fall.
func TestHostileBodiesAreReadAtOnce(t *testing.T) {
	t.Parallel()
	const size = 256 << 10
	secret := paths(t, "$.ssn", "$[*].ssn", "$.a.a.a.ssn", "$.*[0]")
	for _, piece := range []string{
		"[", "{", `{"a":`, `[{"ssn":`, `"ssn":`, `"ssn":{`, `"ssn":"`, `"ssn" `, `"`, `'`, `\`, `"\u0073sn":[`, `{"ssn":'`, `[],`, `"a":1,`, "\xff", " ", ",", "😀",
	} {
		body := []byte(strings.Repeat(piece, size/len(piece)))
		masked, _ := deadletter.MaskJSON(body, secret)
		_, _ = deadletter.RestoreMasked(masked, body, secret) // a Mask that cannot be told apart is refused
		deadletter.SearchText(body, secret)
		deadletter.EventType(body, deadletter.AnyEventType())
	}
	deep := strings.Repeat(`{"a":`, 9_000) + `{"ssn":1}` + strings.Repeat("}", 9_000)
	wide := "[" + strings.Repeat(`{"ssn":1,"a":{"a":{"a":{"ssn":2}}}},`, size/64) + "{}]"
	for _, body := range []string{deep, wide} {
		masked, _ := deadletter.MaskJSON([]byte(body), secret)
		if restored, err := deadletter.RestoreMasked(
			masked,
			[]byte(body),
			secret,
		); err != nil ||
			string(restored) != body {
			t.Errorf("of %d bytes came %d back, %v", len(body), len(restored), err)
		}
	}
}
