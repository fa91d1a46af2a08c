package payload_test

import (
	"fmt"
	"strings"
	"testing"

	"dlqdesk/internal/payload"
)

func TestEventTypeOfEveryPlatform(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"id":"c0ffee00","eventType":"conversation:updated","timestamp":"2026-03-02T10:15:05.427Z"}`: "conversa" +
			"tion:updated",
		`{"version":"0","detail-type":"v2.detail.events.conversation.{id}.acw","source":"aws.partner"}`: "v2.detai" +
			"l.events.conversation.{id}.acw",
		`{"id":"9b","channel":{"type":"Private"},"type":"Text","text":"Größe M"}`:             "Text",
		`{"id":"e1","type":"Event","events":[{"eventType":"Typing","typing":{"type":"On"}}]}`: "Typing",
		`{"eventId":"0f","eventObject":"Case","eventType":"CaseStatusChanged","data":{"type":"x"}}`: "CaseStat" +
			"usChanged",
		`{"thread":{"id":"t"},"messageContent":{"type":"TEXT","payload":{"text":"Hello"}}}`: "TEXT",
		`{"eventType":"a\nb ` + "\\u0000" + strings.Repeat("x", 200) + `"}`: "a b " +
			strings.Repeat("x", 95) + "…",
		`{"type":7}`: "", `{"type":{}}`: "", `{"type":""}`: "", `[]`: "", `"type"`: "", ``: "", `{"type`: "",
		"\xff\xfe": "", `null`: "", `{"events":[]}`: "", `{"events":{}}`: "",
		strings.Repeat("[", 100_000): "", `{"x":"` + strings.Repeat("x", 1<<20) + `","type":"late"}`: "",
		`{"type":"early","x":"` + strings.Repeat("x", 1<<20) + `"}`: "early",
	} {
		t.Run(fmt.Sprintf("%.40s", body), func(t *testing.T) {
			if got := payload.EventType(nil, []byte(body), payload.AnyEventType()); got != want {
				t.Errorf("%.80s is %q, want %q", body, got, want)
			}
		})
	}
}

func TestConfiguredPathsApplyInOrder(t *testing.T) {
	t.Parallel()
	body := []byte(`{"a":{"list":[0,{"kind":"second"}]},"b":"other","c":true}`)
	for path, want := range map[string]string{
		"$.a.list[1].kind": "second", "$['b']": "other", "$.c": "",
		"$.a": "", "$.a.list[5]": "", "$.a.list.x": "", "$.b.c": "",
	} {
		t.Run(path, func(t *testing.T) {
			p, err := payload.ParsePath(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := payload.EventType(nil, body, []payload.Path{p}); got != want {
				t.Errorf("%s leads to %q, want %q", path, got, want)
			}
		})
	}
	if got := payload.EventType(
		nil, body, []payload.Path{{"none"}, {"b"}, {"a", "list", "1", "kind"}},
	); got != "other" {
		t.Errorf("the first path that leads somewhere gives %q", got)
	}
}

func FuzzEventType(f *testing.F) {
	for _, body := range []string{
		`{"type":"x"}`, `[`, `{"events":[{"eventType":"x"}]}`, "\xff", strings.Repeat("[", 12_000),
		strings.Repeat(`{"messageContent":`, 12_000),
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if got := payload.EventType(nil, body, payload.AnyEventType()); len([]rune(got)) > 100 ||
			strings.ContainsAny(got, "\n\x00") {
			t.Errorf("%q", got)
		}
	})
}
