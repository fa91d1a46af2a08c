package payload_test

import (
	"os"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

// The values of the platforms' events as shared/fixtures has them.
func TestOrderPresetsNameTheConversation(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ body, want, thing string }{
		"genesys-tutorial": {
			`{"id":"e1","eventType":"conversation:updated","conversation":{"id":"c0ffee00","participants":[{"id":"p"}]}}`,
			"c0ffee00", "conversation",
		},
		"genesys-eventbridge": {
			`{"id":"5f","detail":{"topicName":"v2","eventBody":{"eventTime":1,"conversationId":"c0ffee00"}}}`,
			"c0ffee00", "conversation",
		},
		"genesys-open-messaging": {
			`{"id":"9b","channel":{"id":"2c"},"direction":"Outbound","conversationId":"5d0d1c7e"}`,
			"5d0d1c7e", "conversation",
		},
		"cxone-dfo":  {`{"eventId":"0f","data":{"brand":{"id":1001},"case":{"id":"131988342510"}}}`, "131988342510", "case"},
		"cxone-byoc": {`{"thread":{"idOnExternalPlatform":"t-1"},"recipients":[]}`, "t-1", "thread"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := payload.OrderPresets()[name]
			if got := key.Value(nil, []byte(test.body)); got != test.want {
				t.Errorf("the value is %q, want %q", got, test.want)
			}
			if got := key.Name(); got != test.thing {
				t.Errorf("it is called %q, want %q", got, test.thing)
			}
		})
	}
	if len(payload.OrderPresets()) != len(payload.EventTypePresets()) {
		t.Error("a preset of event types has no order key, or the other way round")
	}
}

func TestOrderKeyIsTheFirstValueThatThereIs(t *testing.T) {
	t.Parallel()
	key := payload.OrderKey{{Path: payload.Path{"a", "id"}}, {Header: "X-Thread"}, {Path: payload.Path{"n"}}}
	header := deadletter.Headers{"X-Thread": {"from-header"}}
	form := deadletter.Headers{"Content-Type": {"application/x-www-form-urlencoded"}}
	for name, test := range map[string]struct {
		headers    deadletter.Headers
		body, want string
	}{
		"body":           {header, `{"a":{"id":"from-body"},"n":7}`, "from-body"},
		"header":         {header, `{"a":{"id":""},"n":7}`, "from-header"},
		"number":         {nil, `{"n":7}`, "7"},
		"form":           {form, `n=7&a=b`, "7"},
		"other kind":     {nil, `{"a":{"id":true},"n":null}`, ""},
		"no JSON":        {nil, `hello`, ""},
		"nothing":        {nil, ``, ""},
		"beyond 64 KiB":  {nil, `{"x":"` + strings.Repeat("x", 64<<10) + `","n":7}`, ""},
		"long body":      {nil, `{"n":7,"x":"` + strings.Repeat("x", 1<<20) + `"}`, "7"},
		"cut in a value": {nil, `{"n":"` + strings.Repeat("x", 64<<10) + `"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := key.Value(test.headers, []byte(test.body)); got != test.want {
				t.Errorf("the value is %.80q, want %q", got, test.want)
			}
			if got := key.Of("s", test.headers, []byte(test.body)); (got == 0) != (test.want == "") {
				t.Errorf("the key is %d", got)
			}
		})
	}
}

func TestOrderKeysOfSourcesDiffer(t *testing.T) {
	t.Parallel()
	key, body := payload.OrderPresets()["genesys-open-messaging"], []byte(`{"conversationId":"5d0d1c7e"}`)
	one, again, other := key.Of("genesys", nil, body), key.Of("genesys", nil, body), key.Of("cxone", nil, body)
	if one != again || one == other || one <= 0 || one >= 1<<(64-deadletter.UnusedKeyBits) {
		t.Errorf("the keys are %s, %s and %s", one, again, other)
	}
	if parsed, err := deadletter.ParseOrderKey(one.String()); parsed != one || err != nil {
		t.Errorf("%s is read as %s, %v", one, parsed, err)
	}
	for _, text := range []string{"", "0", "x", "1000000000000", "-1"} {
		if _, err := deadletter.ParseOrderKey(text); deadletter.KindOf(err) != deadletter.Invalid {
			t.Errorf("%q is read, %v", text, err)
		}
	}
	if key := payload.OrderKey(nil); key.Of("genesys", nil, body) != 0 || key.Name() != "" {
		t.Error("a source without a place has keys")
	}
}

func TestThingOfAnOrderKeyIsANoun(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"$.conversationId": "conversation", "$.order_id": "order", "$.id": "id", "$.tenant": "tenant",
		"$.idle": "idle", "$.calls[0].id": "calls", "$.identity": "identity",
	} {
		parsed, err := payload.ParsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := (payload.OrderKey{{Path: parsed}}).Name(); got != want {
			t.Errorf("%s is called %q, want %q", path, got, want)
		}
	}
	if got := (payload.OrderKey{{Header: "X-Tenant"}}).Name(); got != "X-Tenant" {
		t.Errorf("a header is called %q", got)
	}
}

// It is what the success path pays for each webhook of a source with an order key.
func BenchmarkOrderKey(b *testing.B) {
	body, err := os.ReadFile("testdata/open-messaging.json")
	if err != nil {
		b.Fatal(err)
	}
	key, h := payload.OrderPresets()["genesys-open-messaging"], deadletter.Headers{"Content-Type": {"application/json"}}
	b.ReportAllocs()
	for b.Loop() {
		key.Of("genesys", h, body)
	}
}
