package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/store"
)

// sampled is a desk whose source is sampled.
func sampled(t *testing.T) bundle {
	t.Helper()
	return setup(t, func(d *console.Deps) {
		withDesk(d, func(o *desk.Deps) { o.Sources = desktest.Always([]desk.Source{{Name: "genesys", Shapes: true}}) })
	})
}

// delivered saves the sample of n deliveries of an event type; the last one is kept whole.
func (b bundle) delivered(t *testing.T, eventType string, n int, body func(i int) string) {
	t.Helper()
	rules := masks().Of("", "genesys")
	key := store.ShapeKey{Source: "genesys", EventType: eventType, Masks: rules.Name()}
	samples := store.Samples{Shapes: map[store.ShapeKey]*payload.Shape{key: {}}, At: b.clock.Now()}
	for i := range n {
		text := payload.Decode(deadletter.Headers{}, []byte(body(i)), payload.MaxShaped)
		shape, content := rules.Shape(text)
		samples.Shapes[key].Add(shape)
		samples.Bodies = []store.DeliveredBody{{
			ShapeKey: key, At: b.clock.Now(), ContentType: "application/json", Content: content,
		}}
	}
	if err := b.store.SaveSamples(t.Context(), samples); err != nil {
		t.Fatal(err)
	}
}

func (b bundle) fail(t *testing.T, id, body string, changes ...func(*deadletter.Capture)) deadletter.Message {
	t.Helper()
	return b.receive(t, id, append(changes, func(c *deadletter.Capture) { c.Body = []byte(body) })...)
}

// anyone may look.
var anyone = deadletter.User("anna", deadletter.Viewer, "")

func TestMessageShowsHowItDiffersFromDeliveredOnes(t *testing.T) {
	t.Parallel()
	b := sampled(t)
	b.delivered(t, "", 1000, func(i int) string {
		return fmt.Sprintf(`{"customer":{"id":7,"ssn":"078-05-1120"},"amount":%d,"channel":"%s"}`, i,
			map[bool]string{true: "sms", false: "chat"}[i%100 == 0])
	})
	b.fail(t, "a-1", `{"customer":{"ssn":"078-05-1120"},"amount":"<b>12</b>","channel":"sms"}`)
	b.fail(t, "a-2", `{"customer":{"id":7,"ssn":"x"},"amount":12,"channel":"chat"}`)
	vera := b.member(t, "vera", deadletter.Viewer)
	page := vera.get("/messages/a-1")
	for kind, want := range map[string]string{
		"missing": "customer.id is missing here, present in 1,000 of 1,000 delivered",
		"type":    "amount is a text here, a number in 1,000 of 1,000 delivered",
		"value":   "channel is sms here, in 10 of 1,000 delivered",
	} {
		if got := page.says(`[data-difference="` + kind + `"] p`); got != want {
			t.Errorf("%s: %q", kind, got)
		}
	}
	if text := page.says("#differences"); page.count("[data-difference]") != 3 || strings.Contains(text, "ssn") ||
		!strings.Contains(text, "This message and 1,000 delivered") {
		t.Errorf("the page says %q", text)
	}
	for _, secret := range secrets() {
		if strings.Contains(page.text, secret) {
			t.Errorf("the page has the secret %s", secret)
		}
	}
	if text := vera.get("/messages/a-2").says("#differences"); !strings.Contains(text, "No difference in paths") {
		t.Errorf("a usual message says %q", text)
	}
}

// A cause compares its newest messages with delivered ones of the event type that most of them have.
func TestDifferencesOfACauseAreOfOneEventType(t *testing.T) {
	t.Parallel()
	b := sampled(t)
	b.delivered(t, "end", 50, func(int) string { return `{"a":1,"b":2}` })
	b.delivered(t, "start", 50, func(int) string { return `{"c":1}` })
	typed := func(eventType string) func(*deadletter.Capture) {
		return func(c *deadletter.Capture) { c.EventType = eventType }
	}
	var fingerprint string
	for i := range 8 {
		fingerprint = b.fail(t, fmt.Sprint("end-", i), `{"a":1}`, typed("end")).Fingerprint
	}
	b.fail(t, "start-1", `{"c":1}`, typed("start"))
	b.fail(t, "large", `{"a":"`+strings.Repeat("x", payload.MaxShaped)+`"}`, typed("end"))
	find := func() desk.Differences {
		d, err := b.desk.CauseDifferences(t.Context(), anyone, fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := find()
	if d.EventType != "end" || d.Failed != 8 || d.Delivered != 50 || d.Others != 1 || d.Unread != 1 || d.AllTypes ||
		len(d.Rows) != 1 || d.Rows[0].Path != "b" || d.Rows[0].Here != (payload.Share{Count: 8, Of: 8}) {
		t.Errorf("got %+v", d)
	}
	b.fail(t, "end-8", `{"a":1}`, typed("end"))
	if again := find(); again.Failed != 8 {
		t.Errorf("they are found again at once: %+v", again)
	}
	b.clock.Add(time.Minute)
	if later := find(); later.Failed != 9 {
		t.Errorf("a minute later: %+v", later)
	}
	other := b.fail(t, "new-1", `{"d":1}`, typed("new"), func(c *deadletter.Capture) { c.Reason = "unknown type" })
	if d, err := b.desk.CauseDifferences(t.Context(), anyone, other.Fingerprint); err != nil || !d.AllTypes ||
		d.Delivered != 100 {
		t.Errorf("a type that was never delivered: %+v, %v", d, err)
	}
}

// Names and values of a hostile body are text on the page.
func TestDifferencesOfHostileBodiesAreEscaped(t *testing.T) {
	t.Parallel()
	b := sampled(t)
	b.delivered(t, "", 100, func(int) string { return `{"kind":"a","ok":1}` })
	b.fail(t, "a-1", `{"kind":"<script>alert(1)</script>","ok":1,"<img src=x onerror=y>":1,"a\u202eb":1,"`+
		strings.Repeat("[", 60)+`":{}}`)
	page := b.member(t, "vera", deadletter.Viewer).get("/messages/a-1")
	section, err := page.doc().Find("#differences").Html()
	if err != nil || !strings.Contains(section, "&lt;script&gt;") || !strings.Contains(section, "&lt;img") ||
		strings.Contains(
			section,
			"<script",
		) || strings.Contains(section, "<img") || strings.Contains(section, "\u202e") {
		t.Errorf("the section is %s (%v)", section, err)
	}
}

func TestMessageIsComparedWithOtherBodies(t *testing.T) {
	t.Parallel()
	b := sampled(t)
	b.delivered(t, "", 2, func(int) string { return `{"unlike":1}` })
	b.delivered(t, "", 20, func(int) string { return `{"customer":{"id":7,"ssn":"078-05-1120"}}` })
	b.fail(t, "a-1", `{"customer":{"ssn":"078-05-1120"}}`)
	b.fail(t, "a-2", `{"customer":{"name":"Eve","ssn":"078-05-1120"}}`)
	vera := b.member(t, "vera", deadletter.Viewer)
	shown := vera.get("/messages/a-1")
	choices := vera.get(shown.doc().Find(`#differences a[href*="paste=yes"]`).AttrOr("href", ""))
	other := choices.doc().Find(`#compare-with a[href*="with=a-2"]`).AttrOr("href", "")
	for name, test := range map[string]struct {
		got  answer
		want []string
	}{
		"delivered": {
			vera.get(shown.doc().Find(`#differences a[href*="delivered="]`).AttrOr("href", "")),
			[]string{`"id": 7`, "webhook delivered 2026"},
		},
		"another message": {vera.get(other), []string{`"name": "Eve"`, "message a-2", "Headers are identical."}},
		"pasted": {
			vera.post("/messages/a-1/compare", form("text", `{"customer":{"id":"<b>","ssn":"078-05-1120"}}`)),
			[]string{`"id": "<b>"`, "pasted text"},
		},
	} {
		text := test.got.says("main")
		if test.got.status != http.StatusOK || strings.Contains(test.got.text, "078-05") ||
			strings.Contains(test.got.text, "<b>") {
			t.Errorf("%s: %d %s", name, test.got.status, text)
		}
		for _, want := range test.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in %s", name, want, text)
			}
		}
	}
	b.receive(t, "apart", func(c *deadletter.Capture) { c.Reason = "another cause" })
	for query, want := range map[string]int{
		"with=apart": http.StatusUnprocessableEntity, "delivered=999": http.StatusNotFound,
		"delivered=x": http.StatusUnprocessableEntity, "with=none": http.StatusNotFound,
	} {
		if got := vera.get("/messages/a-1/compare?" + query); got.status != want {
			t.Errorf("%s: %d", query, got.status)
		}
	}
	if got := b.stranger(t).post("/messages/a-1/compare", url.Values{"text": {"{}"}}); got.status == http.StatusOK {
		t.Error("someone without a session may compare")
	}
}

// Bodies that turn out to be broken count towards what is read of a cause as well.
func TestDifferencesReadABoundedPartOfACause(t *testing.T) {
	t.Parallel()
	b := sampled(t)
	var fingerprint string
	for i := range 20 {
		fingerprint = b.fail(t, fmt.Sprint("broken-", i), "\x1f\x8b"+strings.Repeat("x", payload.MaxShaped-2),
			func(c *deadletter.Capture) { c.Headers["Content-Encoding"] = []string{"gzip"} }).Fingerprint
	}
	if d, err := b.desk.CauseDifferences(t.Context(), anyone, fingerprint); err != nil || d.Unread != 16 {
		t.Errorf("%+v, %v, want 16 broken ones of 256 KiB", d, err)
	}
}

// Without a sample, the page says why there is none.
func TestDifferencesSayWhyThereAreNone(t *testing.T) {
	t.Parallel()
	b := sampled(t)
	b.fail(t, "a-1", `{"a":1}`)
	compressed := func(c *deadletter.Capture) { c.Headers["Content-Encoding"] = []string{"gzip"} }
	b.fail(t, "broken", "\x1f\x8b broken", compressed)
	vera := b.member(t, "vera", deadletter.Viewer)
	for id, want := range map[string]string{
		"a-1": "No delivered webhook of this source", "broken": "cannot be compared",
	} {
		if text := vera.get("/messages/" + id).says("#differences"); !strings.Contains(text, want) {
			t.Errorf("%s says %q", id, text)
		}
	}
	off := setup(t)
	off.fail(t, "a-1", `{"a":1}`)
	text := off.member(t, "vera", deadletter.Viewer).get("/messages/a-1").says("#differences")
	if !strings.Contains(text, "not sampled") {
		t.Errorf("a source that is turned off says %q", text)
	}
}
