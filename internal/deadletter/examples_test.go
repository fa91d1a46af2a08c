package deadletter_test

import (
	"fmt"
	"reflect"
	"testing"

	"dlqdesk/internal/deadletter"
)

func TestExamplesStandForTheMessagesOfACause(t *testing.T) {
	t.Parallel()
	message := func(id string, code, size int) deadletter.SampledMessage {
		return deadletter.SampledMessage{ID: deadletter.ID(id), StatusCode: code, Size: size}
	}
	one := message("a", 500, 10)
	for name, test := range map[string]struct {
		newest []deadletter.SampledMessage
		want   string
	}{
		"none":  {nil, ""},
		"one":   {[]deadletter.SampledMessage{one}, "a:first+latest"},
		"alike": {[]deadletter.SampledMessage{message("c", 500, 10), message("b", 500, 10), one}, "a:first c:latest+typical*3"},
		"many": {
			[]deadletter.SampledMessage{
				message("g", 500, 90), message("f", 502, 11), message("e", 500, 12), message("d", 500, 11),
				message("c", 500, 13), message("b", 503, 11), one,
			},
			"a:first g:latest+largest e:typical*5 f:oddest*1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := deadletter.Examples("a", test.newest)
			if got := describe(list); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if again := deadletter.Examples("a", test.newest); !reflect.DeepEqual(list, again) {
				t.Errorf("the second time they are %v", again)
			}
		})
	}
}

func describe(list []deadletter.Example) (text string) {
	for i, e := range list {
		if i > 0 {
			text += " "
		}
		text += string(e.ID) + ":"
		for j, kind := range e.Kinds {
			if j > 0 {
				text += "+"
			}
			text += string(kind)
		}
		if e.Alike > 0 {
			text += fmt.Sprintf("*%d", e.Alike)
		}
	}
	return text
}
