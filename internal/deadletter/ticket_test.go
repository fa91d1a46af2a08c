package deadletter_test

import (
	"net/url"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

func TestTicketIsNamedByItsIDOrALinkOfTheTracker(t *testing.T) {
	t.Parallel()
	tracker := deadletter.Tickets{Link: "https://tracker.example/browse/{id}?v=1"}
	for _, test := range []struct{ text, want string }{
		{" OPS-4711 ", "OPS-4711"},
		{"#12", "12"},
		{"https://tracker.example/browse/OPS-4711?v=1", "OPS-4711"},
		{"https://tracker.example/browse/OPS-4711", ""},
		{"https://tracker.example/browse/../admin?v=1", ""},
		{"https://tracker.example.evil.example/browse/OPS-1?v=1", ""},
		{"https://evil.example/OPS-1", ""},
		{"javascript:alert(1)", ""},
		{"//evil.example", ""},
		{"..", ""},
		{"", ""},
		{strings.Repeat("a", 101), ""},
	} {
		id, err := tracker.Parse(test.text)
		if id != test.want || (err == nil) != (test.want != "") {
			t.Errorf("Parse(%q) = %q, %v, want %q", test.text, id, err, test.want)
		}
		if kind := deadletter.KindOf(err); err != nil && kind != deadletter.Invalid {
			t.Errorf("Parse(%q) fails as %v", test.text, kind)
		}
	}
	if _, err := (deadletter.Tickets{}).Parse("https://tracker.example/OPS-1"); err == nil {
		t.Error("a link was accepted without a tracker")
	}
	if got := tracker.URL("OPS-4711"); got != "https://tracker.example/browse/OPS-4711?v=1" {
		t.Errorf("the link is %s", got)
	}
	if got := (deadletter.Tickets{}).URL("OPS-4711"); got != "" {
		t.Errorf("the link without a tracker is %s", got)
	}
}

func TestNewTicketHasTheTextUpToALimit(t *testing.T) {
	t.Parallel()
	tracker := deadletter.Tickets{New: "https://tracker.example/new?title={title}&body={body}&p=1"}
	filled, err := url.Parse(tracker.NewURL("500 & {body}", "a b\n#c"))
	if err != nil {
		t.Fatal(err)
	}
	if q := filled.Query(); q.Get("title") != "500 & {body}" || q.Get("body") != "a b\n#c" || q.Get("p") != "1" {
		t.Errorf("the query is %v", q)
	}
	long := tracker.NewURL(strings.Repeat("é", 9000), strings.Repeat("字", 9000))
	cut, err := url.Parse(long)
	if err != nil || len(long) > 6000 {
		t.Fatalf("the address has %d bytes: %v", len(long), err)
	}
	for _, name := range []string{"title", "body"} {
		if text := cut.Query().Get(name); !strings.HasSuffix(text, "…") || strings.Contains(text, "\uFFFD") {
			t.Errorf("the %s ends with %q", name, text[max(0, len(text)-10):])
		}
	}
	if got := (deadletter.Tickets{}).NewURL("a", "b"); got != "" {
		t.Errorf("the address without a tracker is %s", got)
	}
}
