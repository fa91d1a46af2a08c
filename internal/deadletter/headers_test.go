package deadletter_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
)

func TestEndToEndHeaders(t *testing.T) {
	t.Parallel()
	h := deadletter.Headers{
		"Connection": {
			"close, X-Private",
			" x-other ",
		},
		"X-Private":  {"1"},
		"X-Other":    {"1"},
		"Keep-Alive": {"5"},
		"Te":         {"trailers"},
		"Trailer":    {"X"},
		"Transfer-Encoding": {
			"chunked",
		},
		"Upgrade":             {"h2c"},
		"Proxy-Connection":    {"close"},
		"Proxy-Authenticate":  {"Basic"},
		"Proxy-Authorization": {"x"},
		"Host": {
			"example.com",
		},
		"Content-Length": {"5"},
		"Content-Type":   {"text/plain"},
		"Authorization":  {"Bearer x"},
		"Accept":         {"a", "b"},
	}
	want := deadletter.Headers{"Content-Type": {"text/plain"}, "Authorization": {"Bearer x"}, "Accept": {"a", "b"}}
	if got := h.EndToEnd(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(h) != 16 {
		t.Error("the headers themselves were changed")
	}
}

func TestCanonicalJoinsNames(t *testing.T) {
	t.Parallel()
	got := deadletter.Headers{"x-a": {"2"}, "X-A": {"1"}, "X-a": {"3"}, "not a name": {"4"}}.Canonical()
	want := deadletter.Headers{"X-A": {"1", "3", "2"}, "not a name": {"4"}}
	if !reflect.DeepEqual(got, want) || strings.Join(got.Names(), "|") != "X-A|not a name" {
		t.Errorf("got %v", got)
	}
}

func TestHeadersKeepTheirBytesInJSON(t *testing.T) {
	t.Parallel()
	for _, h := range []deadletter.Headers{
		nil,
		{},
		{"A": {"b", "é"}, "Empty": {}},
		{"A": {"b", "caf\xe9", ""}, "Empty": {}, "B": {"é"}},
	} {
		text, err := json.Marshal(h)
		if err != nil || !utf8.Valid(text) {
			t.Fatalf("%s, %v", text, err)
		}
		var got deadletter.Headers
		if err := json.Unmarshal(text, &got); err != nil || !maps.EqualFunc(h, got, slices.Equal) {
			t.Errorf("%q became %s and then %q, %v", h, text, got, err)
		}
	}
	if got := deadletter.ReadableValue("caf\xe9"); got != "café" {
		t.Errorf("it is shown as %q", got)
	}
	var h deadletter.Headers
	if err := json.Unmarshal([]byte(`{"A":[1]}`), &h); err == nil {
		t.Errorf("a number became %q", h)
	}
}
