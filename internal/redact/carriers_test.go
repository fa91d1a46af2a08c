package redact_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
)

func TestNamesAreMaskedInEveryCarrier(t *testing.T) {
	t.Parallel()
	rules := redact.New(redact.Options{Names: []string{"tax_id"}})
	typed := func(contentType string) deadletter.Headers { return deadletter.Headers{"Content-Type": {contentType}} }
	inBase64 := base64.StdEncoding.EncodeToString([]byte(`{"taxId":"T-4711"}`))
	for name, c := range map[string]struct {
		headers    deadletter.Headers
		body, want string
	}{
		"a member":            {nil, `{"tax_id":"T-4711","n":1}`, `{"tax_id":"•••","n":1}`},
		"deep, in other case": {nil, `{"a":[{"Tax-ID":{"x":"T-4711"}}]}`, `{"a":[{"Tax-ID":"•••"}]}`},
		"JSON within a string": {
			nil, `{"Message":"{\"taxId\":\"T-4711\",\"n\":1}"}`,
			`{"Message":"{\"taxId\":\"•••\",\"n\":1}"}`,
		},
		"JSON twice within": {
			nil, `{"m":"{\"m\":\"{\\\"taxId\\\":\\\"T-4711\\\"}\"}"}`,
			`{"m":"{\"m\":\"{\\\"taxId\\\":\\\"•••\\\"}\"}"}`,
		},
		"base64 of JSON": {nil, `{"data":"` + inBase64 + `","n":1}`, `{"data":"•••","n":1}`},
		"name and value": {
			nil, `[{"name":"tax_id","value":"T-4711"},{"name":"n","value":"1"}]`,
			`[{"name":"tax_id","value":"•••"},{"name":"n","value":"1"}]`,
		},
		"value and name": {nil, `{"value":4711,"name":"tax_id"}`, `{"value":"•••","name":"tax_id"}`},
		"an address":     {nil, `{"u":"https://h/x?tax_id=T-4711&n=1"}`, `{"u":"https://h/x?tax_id=•••&n=1"}`},
		"a form within":  {nil, `{"body":"n=1&taxId=T-4711"}`, `{"body":"n=1&taxId=•••"}`},
		"a form": {
			typed("application/x-www-form-urlencoded"), `n=1&tax_id=T-4711`,
			`{"n":"1","tax_id":"•••"}`,
		},
		"a nested form field": {
			typed("application/x-www-form-urlencoded"), `p[tax_id]=T-4711`,
			`{"p[tax_id]":"•••"}`,
		},
		"XML":                 {nil, `<a><x:TaxId v="1">T-4711</x:TaxId></a>`, `<a><x:TaxId v="1">•••</x:TaxId></a>`},
		"an attribute of XML": {nil, `<a tax_id="T-4711" n="1"/>`, `<a tax_id="•••" n="1"/>`},
		"YAML":                {nil, "n: 1\ntax_id: T-4711\nm: 2", "n: 1\ntax_id: •••\nm: 2"},
		"a header in a body": {
			nil, `{"headers":{"X-Hub-Signature-256":"sha256=T-4711","Accept":"a"}}`,
			`{"headers":{"X-Hub-Signature-256":"•••","Accept":"a"}}`,
		},
		"Latin-1": {
			typed("application/json; charset=ISO-8859-1"),
			"{\"gr\xf6\xdfe\":1,\"taxId\":\"T-4711\"}", `{"größe":1,"taxId":"•••"}`,
		},
		"a longer name": {
			nil, `{"tax_id_of":"T-1","my_tax_id":"T-2"}`,
			`{"tax_id_of":"T-1","my_tax_id":"T-2"}`,
		},
		"an escaped name": {nil, `{"\u0074ax_id":"T-4711"}`, `{"\u0074ax_id":"•••"}`},
		"null and true of ours": {
			nil, `{"tax_id":null,"password":null,"otp":true}`,
			`{"tax_id":"•••","password":null,"otp":true}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, masked := rules.Body(c.headers, []byte(c.body))
			if string(got) != c.want || masked != (c.want != c.body) {
				t.Errorf("%s is shown as %s, want %s", c.body, got, c.want)
			}
			if masked && c.headers == nil {
				if restored, err := rules.Restore(got, []byte(c.body)); err != nil || string(restored) != c.body {
					t.Errorf("sent back it is %s, %v", restored, err)
				}
			}
		})
	}
}

func TestPathsAtAnyDepth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, body, want string }{
		{"$..nr", `{"a":{"NR":1},"nr":2}`, `{"a":{"NR":"•••"},"nr":"•••"}`},
		{"$..a.nr", `{"x":{"a":{"nr":1}},"nr":2}`, `{"x":{"a":{"nr":"•••"}},"nr":2}`},
		{"$.x..nr", `{"x":{"a":{"nr":1}},"nr":2}`, `{"x":{"a":{"nr":"•••"}},"nr":2}`},
		{"$.Customer.NR", `{"customer":{"nr":1}}`, `{"customer":{"nr":"•••"}}`},
	} {
		t.Run(c.path, func(t *testing.T) {
			t.Parallel()
			if got, _ := rules(t, c.path).Text([]byte(c.body)); string(got) != c.want {
				t.Errorf("%s is shown as %s, want %s", c.body, got, c.want)
			}
		})
	}
}

func TestDefaultNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"password", "userPassword", "DB_PASSWORD", "client-secret", "accessToken", "api_key", "stripeSecretKey",
		"pin", "otp",
		"ssn", "iban", "cardNumber", "cvc", "sig", "X-Amz-Security-Token", "session[token]", "hub.verify_token",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, masked := redact.New(redact.Options{}).Text([]byte(`{"` + name + `":"x-4711"}`)); !masked {
				t.Errorf("it is shown: %s", got)
			}
			if got, masked := redact.New(redact.Options{Except: []string{name}}).
				Text([]byte(`{"` + name + `":"x"}`)); masked &&
				!strings.ContainsAny(name, ".[") {
				t.Errorf("except does not help: %s", got)
			}
		})
	}
	for _, name := range []string{
		"nextPageToken", "token_count", "max_tokens", "tokenType", "author", "pinned", "spin", "signal", "secretary",
		"passenger", "keyword", "cookies_accepted", "design", "company", "span", "id", "code", "number", "status",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, masked := redact.New(redact.Options{}).Text([]byte(`{"` + name + `":"x-4711"}`)); masked {
				t.Errorf("it is masked: %s", got)
			}
		})
	}
}

// The examples are those of handlers that echo what they were sent.
func TestEchoesAreHiddenInEverySpelling(t *testing.T) {
	t.Parallel()
	rules := redact.New(redact.Options{Known: []string{"K9/destination+key"}})
	basic := base64.StdEncoding.EncodeToString([]byte("anna:pässword/1"))
	s := rules.Secrets(
		deadletter.Headers{"Authorization": {"Basic " + basic}},
		"token=aB3%2Fx+y%22z&page=2",
		[]byte(`{"otp":"90/1 \"7"}`),
	)
	for _, secret := range []string{`aB3/x y"z`, "pässword/1", "anna:pässword/1", `90/1 "7`, "K9/destination+key"} {
		for form, text := range map[string]string{
			"raw":              secret,
			"percent":          url.QueryEscape(secret),
			"lower percent":    lowerHex(url.QueryEscape(secret)),
			"path":             url.PathEscape(secret),
			"twice":            url.QueryEscape(url.QueryEscape(secret)),
			"JSON":             strings.NewReplacer(`"`, `\"`, `/`, `\/`, `ä`, `\u00E4`).Replace(secret),
			"HTML":             strings.NewReplacer(`"`, "&quot;", "/", "&sol;", "ä", "&auml;").Replace(secret),
			"HTML, decimal":    entities(secret, "&#%d;"),
			"HTML, hex":        entities(secret, "&#x%x;"),
			"HTML, hex, upper": entities(secret, "&#X%X;"),
			"base64":           base64.StdEncoding.EncodeToString([]byte("user:" + secret)),
			"base64 for URLs":  base64.RawURLEncoding.EncodeToString([]byte(secret + "?>")),
			"hex":              fmt.Sprintf("%x", secret),
		} {
			t.Run(secret+" as "+form, func(t *testing.T) {
				t.Parallel()
				got := string(s.Hide([]byte("Cannot POST ("+text+") here"), false))
				if got != "Cannot POST (•••) here" {
					t.Errorf("%s is shown as %q", text, got)
				}
			})
		}
	}
	for text, want := range map[string]string{
		"Cannot POST /open?token=aB3%2Fx+y%22z": "Cannot POST /open?token=•••",
		"cut at the end aB3%2Fx+y%2":            "cut at the end •••",
		"cut at the end K9/des%7":               "cut at the end •••",
		"cut at the end K9/dest":                "cut at the end •••",
		"page=2 stays, K9 too":                  "page=2 stays, K9 too",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if got := string(s.Hide([]byte(text), true)); got != want {
				t.Errorf("it is shown as %q, want %q", got, want)
			}
			if got := s.HideText(text + "…"); got != want+"…" {
				t.Errorf("with an ellipsis it is shown as %q", got)
			}
		})
	}
}

func entities(text, format string) string {
	var b strings.Builder
	for _, r := range text {
		fmt.Fprintf(&b, format, r)
	}
	return b.String()
}

// lowerHex writes percent-encoding in lower case.
func lowerHex(text string) string {
	return regexp.MustCompile("%..").ReplaceAllStringFunc(text, strings.ToLower)
}

func TestTextsOfPeopleAndPrograms(t *testing.T) {
	t.Parallel()
	rules := redact.New(redact.Options{Names: []string{"ssn"}})
	for _, c := range []struct{ text, note, message string }{
		{"set password: hunter2", "set password: •••", "set password: hunter2"},
		{"set password=hunter2 now", "set password=••• now", "set password=••• now"},
		{`sent {"token":"abc"}`, `sent {"token":"•••"}`, `sent {"token":"•••"}`},
		{"the ssn: 078-05-1120", "the ssn: •••", "the ssn: •••"},
		{"Invalid token: expired", "Invalid token: •••", "Invalid token: expired"},
		{"a note of 10:15", "a note of 10:15", "a note of 10:15"},
	} {
		t.Run(c.text, func(t *testing.T) {
			t.Parallel()
			if got := rules.Note(c.text); got != c.note {
				t.Errorf("a person's text is shown as %q, want %q", got, c.note)
			}
			if got := rules.Error(c.text); got != c.message {
				t.Errorf("an error is shown as %q, want %q", got, c.message)
			}
		})
	}
}

func TestAddressesOfDestinations(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][2]string{
		"https://h/in?code=K&sig=S":   {"https://h/in?code=•••&sig=•••", "https://h/in"},
		"https://u:p@h:8443/in?flag":  {"https://•••@h:8443/in?•••", "https://h:8443/in"},
		"http://127.0.0.1:9090/hooks": {"http://127.0.0.1:9090/hooks", "http://127.0.0.1:9090/hooks"},
		"http://u:p@%zz":              {"•••", ""},
	} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			if got := redact.URL(address); got != want[0] {
				t.Errorf("it is shown as %q, want %q", got, want[0])
			}
			if got := redact.Address(address); got != want[1] {
				t.Errorf("it is stored as %q, want %q", got, want[1])
			}
		})
	}
}

func TestMasksOfQueuesAndSources(t *testing.T) {
	t.Parallel()
	named := func(name string) *redact.Rules { return redact.New(redact.Options{Names: []string{name}}) }
	m := redact.NewMasks(
		map[string]*redact.Rules{"a": named("one"), "b": named("two")},
		map[string]*redact.Rules{"orders": named("three")},
	)
	for _, c := range []struct{ queue, source, masked string }{
		{"", "a", "one"},
		{"", "b", "two"},
		{"", "removed", "one two three"},
		{"orders", "", "three"},
		{"orders", "a", "one three"},
		{"removed", "a", "one two three"},
	} {
		t.Run(c.queue+" "+c.source, func(t *testing.T) {
			t.Parallel()
			for _, name := range []string{"one", "two", "three"} {
				_, masked := m.Of(c.queue, c.source).Text([]byte(`{"` + name + `":1}`))
				if want := strings.Contains(c.masked, name); masked != want {
					t.Errorf("%s is masked: %t, want %t", name, masked, want)
				}
			}
		})
	}
}
