package verify_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/verify"
)

// signing returns the settings of every scheme that signs bodies, by name.
func signing() map[string]verify.Settings {
	all := settings()
	maps.DeleteFunc(all, func(_ string, s verify.Settings) bool { return !s.Signs() })
	all["svix"] = verify.Settings{Scheme: verify.StandardWebhooks, Secrets: secrets(whole)}
	all["twilio form"] = all["twilio"]
	return all
}

// webhook is a webhook as its platform sent it at noon.
func webhook(t *testing.T, name string, s verify.Settings) delivery.Request {
	t.Helper()
	h := http.Header{"Content-Type": {"application/json"}, "Webhook-Id": {"msg_1"}}
	body := []byte(`{"amount":1}`)
	switch name {
	case "svix":
		h["Svix-Signature"] = []string{"v1,old"}
	case "twilio form":
		h.Set("Content-Type", "application/x-www-form-urlencoded")
		body = []byte("Body=where+is+it%3F")
	case verify.GitHub:
		h.Set("X-Hub-Signature", "sha1=old")
	}
	r := request(t, address+"?a=%20b", h)
	if err := newVerifier(t, s).Sign(r, body, "msg_1", noon); err != nil {
		t.Fatal(err)
	}
	return delivery.Request{
		Headers: deadletter.Headers(r.Header), Query: r.URL.RawQuery, Body: body, WebhookID: "msg_1", Attempt: 2,
	}
}

// TestReplaysPassAHandlerThatVerifies delivers webhooks to a handler that verifies them as platforms tell it to, with
// the usual tolerance of five minutes.
func TestReplaysPassAHandlerThatVerifies(t *testing.T) {
	t.Parallel()
	for name, s := range signing() {
		for _, c := range []struct {
			name         string
			edited       bool
			after        time.Duration
			passesAsItIs bool
		}{
			{"at once", false, time.Second, true},
			{"late", false, 10 * time.Minute, s.Window() == 0},
			{"close to the end of the tolerance", false, 5*time.Minute - time.Second, true},
			{"edited", true, time.Second, false},
			{"edited and late", true, 10 * time.Minute, false},
		} {
			t.Run(name+" "+c.name, func(t *testing.T) {
				t.Parallel()
				now := func() time.Time { return noon.Add(c.after) }
				received := make(chan *http.Request, 1)
				handler := newVerifier(t, s)
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					if err := check(handler, r, body, now()); err != nil {
						http.Error(w, err.Error(), http.StatusUnauthorized)
					}
					received <- r
				}))
				t.Cleanup(server.Close)
				client := delivery.NewClient(t.Context(), now)
				t.Cleanup(client.Close)
				send := func(resign bool) (deadletter.Attempt, *http.Request) {
					settings := s
					settings.Resign = resign
					to := delivery.Destination{
						URL: server.URL, Timeout: 10 * time.Second, Signer: newVerifier(t, settings),
					}
					r := webhook(t, name, s)
					if r.Edited = c.edited; c.edited {
						r.Body = []byte(strings.Replace(string(r.Body), "1", "22", 1) + " ")
						if name == "twilio form" {
							r.Body = []byte("Body=here")
						}
					}
					return client.Send(t.Context(), to, r), <-received
				}
				if a, _ := send(false); (a.StatusCode == http.StatusOK) != c.passesAsItIs {
					t.Errorf("as it came: %d %s", a.StatusCode, a.Error)
				}
				a, got := send(true)
				if a.StatusCode != http.StatusOK {
					t.Errorf("signed anew: %d %s", a.StatusCode, a.Error)
				}
				if got.Header.Get("Webhook-Id") != "msg_1" || len(got.URL.Query()["bodySHA256"]) > 1 {
					t.Errorf("signed anew it is another webhook: %v, %s", got.Header, got.URL)
				}
				if name == "svix" && got.Header.Get("Webhook-Signature") != "" {
					t.Error("it has the headers of Standard Webhooks besides those of Svix")
				}
			})
		}
	}
}

func TestFreshUneditedReplayKeepsItsSignature(t *testing.T) {
	t.Parallel()
	for name, s := range signing() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.Resign = true
			v, r := newVerifier(t, s), webhook(t, name, s)
			sent := request(t, address+"?"+r.Query, http.Header(r.Headers.Clone()))
			if err := v.Resign(sent, r.Body, false, noon.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			if !maps.EqualFunc(http.Header(r.Headers), sent.Header, slices.Equal) || sent.URL.RawQuery != r.Query {
				t.Errorf("%v became %v", r.Headers, sent.Header)
			}
		})
	}
}

func TestMessageWithoutASignatureIsSigned(t *testing.T) {
	t.Parallel()
	for name, s := range signing() {
		s.Resign = true
		v, r := newVerifier(t, s), request(t, address, http.Header{"Webhook-Id": {"msg_1"}})
		if err := v.Resign(r, []byte("{}"), false, noon); err != nil {
			t.Fatal(err)
		}
		if err := check(v, r, []byte("{}"), noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLegacySignatureOfGitHubIsMadeAnewAndProvesNothing(t *testing.T) {
	t.Parallel()
	s := verify.Settings{Scheme: verify.GitHub, Secrets: secrets("It's a Secret to Everybody"), Resign: true}
	v := newVerifier(t, s)
	r := request(t, address, http.Header{"X-Hub-Signature": {"sha1=old"}})
	if err := v.Resign(r, []byte("Hello, World!"), true, noon); err != nil {
		t.Fatal(err)
	}
	// By openssl dgst -sha1 -hmac.
	if got := r.Header.Get("X-Hub-Signature"); got != "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59" {
		t.Errorf("it is %s", got)
	}
	r.Header.Del("X-Hub-Signature-256")
	mustRefuse(t, "the legacy signature alone", check(v, r, []byte("Hello, World!"), noon))
}

func TestPublicKeyCannotResign(t *testing.T) {
	t.Parallel()
	const public = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
	s := verify.Settings{Scheme: verify.StandardWebhooks, Secrets: secrets(public), Resign: true}
	if faults := s.Faults(); len(faults) != 1 || faults[0].Key != "secrets[0]" {
		t.Errorf("its faults are %v", faults)
	}
}

// TestSvixHeaders has the vector of the Svix documentation (docs.svix.com/receiving/verifying-payloads/how-manual).
func TestSvixHeaders(t *testing.T) {
	t.Parallel()
	const (
		body  = `{"test": 2432232314}`
		valid = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	)
	at := time.Unix(1614265330, 0)
	headers := func(signatures string) http.Header {
		return http.Header{
			"Svix-Id": {
				"msg_p5jXN8AQM9LWM0D4loKWxJek",
			},
			"Svix-Timestamp": {"1614265330"},
			"Svix-Signature": {signatures},
		}
	}
	v := newVerifier(t, verify.Settings{
		Scheme: verify.StandardWebhooks, Secrets: secrets("whsec_bm90IHRoaXMgb25l", whole),
	})
	for signatures, ok := range map[string]bool{
		valid:                               true,
		"v1,AAAA " + valid:                  true,
		valid + " v1,AAAA":                  true,
		"v1a,AAAA v2,x " + valid:            true,
		"v1,AAAA v1,BBBB":                   false,
		"v1a," + valid[3:]:                  false,
		valid[3:]:                           false,
		valid + "x":                         false,
		strings.ToLower(valid):              false,
		"v1,AAAA\t" + valid:                 false,
		strings.Repeat("v1,A ", 16) + valid: false,
	} {
		if err := check(v, request(t, address, headers(signatures)), []byte(body), at); (err == nil) != ok {
			t.Errorf("%q: %v", signatures, err)
		}
	}
	for name, change := range map[string]func(h http.Header){
		"another id":   func(h http.Header) { h.Set("Svix-Id", "msg_2") },
		"no id":        func(h http.Header) { h.Del("Svix-Id"); h.Set("Webhook-Id", "msg_p5jXN8AQM9LWM0D4loKWxJek") },
		"another time": func(h http.Header) { h.Set("Svix-Timestamp", "1614265331") },
		"two ids":      func(h http.Header) { h.Add("Svix-Id", h.Get("Svix-Id")) },
		"two times":    func(h http.Header) { h.Add("Svix-Timestamp", h.Get("Svix-Timestamp")) },
		"two lines, both forged": func(h http.Header) {
			h["Svix-Signature"] = []string{"v1,AAAA", "v1,BBBB"}
		},
		"both families, one forged": func(h http.Header) {
			h.Set("Webhook-Id", "msg_2")
			h.Set("Webhook-Timestamp", "1614265330")
			h.Set("Webhook-Signature", valid)
		},
	} {
		h := headers(valid)
		change(h)
		mustRefuse(t, name, check(v, request(t, address, h), []byte(body), at))
	}
	lines := headers("v1,AAAA")
	lines.Add("Svix-Signature", valid)
	if err := check(v, request(t, address, lines), []byte(body), at); err != nil {
		t.Errorf("the genuine signature on the second line: %v", err)
	}
	mustRefuse(t, "late", check(v, request(t, address, headers(valid)), []byte(body), at.Add(6*time.Minute)))
	both := headers(valid)
	for _, name := range []string{"Id", "Timestamp", "Signature"} {
		both["Webhook-"+name] = both["Svix-"+name]
	}
	if err := check(v, request(t, address, both), []byte(body), at); err != nil {
		t.Errorf("under both names: %v", err)
	}
}

func TestHMACTakesSeveralSignatures(t *testing.T) {
	t.Parallel()
	body := []byte("{}")
	for _, c := range []struct {
		prefix, encoding string
		list             []string // with %s for the valid signature
	}{
		{"", verify.Hex, []string{"%s", "00,%s", "00, %s", "%s 00", "00;%s", "%s,", "00\t%s"}},
		{"", verify.Base64, []string{"%s", "AAAA,%s", "%s AAAA"}},
		{"v1=", verify.Hex, []string{"t=1,v1=00,v1=%s", "v1=%s v1=00", "t=1;v1=%s", "v0=00, v1=%s"}},
		{"v1,", verify.Base64, []string{"v1,AAAA v1,%s", "v1,%s"}},
		{"sha256=", verify.Hex, []string{"sha256=%s", "sha1=00,sha256=%s"}},
		{"key 1,", verify.Hex, []string{"key 1,%s", "key 1,00;key 1,%s"}},
	} {
		s := verify.Settings{
			Scheme:   verify.HMAC,
			Header:   "X-Sig",
			Prefix:   c.prefix,
			Encoding: c.encoding,
			Secrets:  secrets("new one", "old one"),
		}
		older := s
		older.Secrets = secrets("old one")
		valid := strings.TrimPrefix(signed(t, newVerifier(t, older), body).Header.Get("X-Sig"), c.prefix)
		v := newVerifier(t, s)
		for _, form := range c.list {
			r := request(t, address, http.Header{"X-Sig": {strings.Replace(form, "%s", valid, 1)}})
			if err := check(v, r, body, noon); err != nil {
				t.Errorf("%q: %v", form, err)
			}
			mustRefuse(t, form, check(v, r, []byte("{ }"), noon))
			r.Header.Set("X-Sig", strings.Replace(form, "%s", "0000", 1))
			mustRefuse(t, form, check(v, r, body, noon))
		}
	}
}
