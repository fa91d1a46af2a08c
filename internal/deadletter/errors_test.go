package deadletter_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

func TestTextNeverShowsTheCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("dial tcp 10.0.0.7:5432: password s3cret refused")
	for name, err := range map[string]error{
		"bare":            cause,
		"wrapped":         fmt.Errorf("open the store: %w", cause),
		"behind an Error": &deadletter.Error{Kind: deadletter.Unavailable, Text: "try again in a moment", Err: cause},
		"wrapped Error": fmt.Errorf("write: %w",
			&deadletter.Error{Kind: deadletter.Conflict, Text: "somebody was quicker", Err: cause}),
		"joined":         errors.Join(cause, deadletter.Errorf(deadletter.Invalid, "no")),
		"Error in Error": &deadletter.Error{Text: "outer", Err: &deadletter.Error{Text: "inner", Err: cause}},
		"Internal by name": &deadletter.Error{
			Kind: deadletter.Internal, Text: "the event could not be written", Err: cause,
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := deadletter.TextOf(err)
			if text == "" || strings.Contains(text, "s3cret") || strings.Contains(text, "10.0.0.7") ||
				strings.Contains(text, "store") {
				t.Errorf("%s: the text is %q", name, text)
			}
			if !errors.Is(err, cause) {
				t.Errorf("%s: the cause is lost for the log", name)
			}
			if !strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: the log would not say why: %q", name, err.Error())
			}
		})
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	if got := deadletter.KindOf(errors.New("anything")); got != deadletter.Internal {
		t.Errorf("an error that nobody classified has kind %d", got)
	}
	seen := map[deadletter.Kind]bool{}
	for _, kind := range deadletter.Kinds() {
		if got := deadletter.KindOf(fmt.Errorf("wrapped: %w", deadletter.Errorf(kind, "x"))); got != kind ||
			seen[kind] {
			t.Errorf("kind %d: got %d, seen before %t", kind, got, seen[kind])
		}
		seen[kind] = true
	}
	if !seen[deadletter.Kind(0)] || seen[deadletter.Kind(len(seen))] {
		t.Error("Kinds does not list every kind once")
	}
}
