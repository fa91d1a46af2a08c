package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/redact"
	"dlqdesk/internal/verify"
)

var noon = time.Unix(1_700_000_000, 0)

const (
	address = "https://hooks.example.com/webhooks/a"
	whole   = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	private = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc="
)

func secrets(values ...string) []redact.Secret {
	var list []redact.Secret
	for _, v := range values {
		list = append(list, redact.NewSecret("", v))
	}
	return list
}

// settings returns, by name, settings of every scheme that signs a request, some of them in several
// forms.
func settings() map[string]verify.Settings {
	all := map[string]verify.Settings{
		"hmac": {
			Scheme:          verify.HMAC,
			Header:          "X-Sig",
			Prefix:          "v=",
			Encoding:        verify.Base64,
			Algorithm:       verify.SHA512,
			Signed:          "a:{id}:{ts}:{body}:z",
			TimestampHeader: "X-Time",
			IDHeader:        "X-Id",
			SecretEncoding:  verify.Base64,
			Secrets:         secrets("c2VjcmV0IG9mIG91cnM="),
		},
		"hmac by default": {Scheme: verify.HMAC, Header: "X-Sig", Secrets: secrets("secret of ours")},
		"v1a":             {Scheme: verify.StandardWebhooks, Secrets: secrets(private)},
		"token":           {Scheme: verify.Token, Header: "X-Key", Prefix: "key=", Secrets: secrets("secret of ours")},
		"basic":           {Scheme: verify.Basic, User: "genesys", Secrets: secrets("secret: of ours")},
		"bearer":          {Scheme: verify.Bearer, Secrets: secrets("secret of ours")},
		"byoc":            {Scheme: verify.CXoneBYOC, ClientID: "cxone", Secrets: secrets("secret of ours")},
		"twilio":          {Scheme: verify.Twilio, URL: address, Secrets: secrets("secret of ours")},
	}
	for _, name := range []string{
		verify.StandardWebhooks, verify.GitHub, verify.GenesysOpenMessaging, verify.CXoneExpert, verify.Stripe,
		verify.Slack, verify.Shopify,
	} {
		all[name] = verify.Settings{Scheme: name, Secrets: secrets(whole)}
	}
	return all
}

func newVerifier(t testing.TB, s verify.Settings) *verify.Verifier {
	t.Helper()
	v, err := verify.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func request(t testing.TB, url string, h http.Header) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range h {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	return r
}

// signed returns a request that was signed at noon.
func signed(t testing.TB, v *verify.Verifier, body []byte) *http.Request {
	t.Helper()
	r := request(t, address+"?a=%20b", nil)
	if err := v.Sign(r, body, "msg_1", noon); err != nil {
		t.Fatal(err)
	}
	return r
}

// check verifies a request as the receiver does.
func check(v *verify.Verifier, r *http.Request, body []byte, now time.Time) error {
	proof, err := v.CheckHead(r, now)
	if err != nil {
		return err
	}
	return proof.Check(body)
}

func mustRefuse(t testing.TB, what string, err error) {
	t.Helper()
	if _, ok := errors.AsType[*verify.Refusal](err); !ok {
		t.Errorf("%s: taken for genuine (%v)", what, err)
	}
}

// The vectors were computed by other programs, or are those of the platforms' documentation.
func TestVectors(t *testing.T) {
	t.Parallel()
	const hub = "X-Hub-Signature-256"
	for name, c := range map[string]struct {
		settings verify.Settings
		url      string
		headers  http.Header
		body     string
		at       int64
	}{
		"github": {
			verify.Settings{Scheme: verify.GitHub, Secrets: secrets("It's a Secret to Everybody")},
			address,
			http.Header{hub: {"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
			"Hello, World!", 0,
		},
		"genesys": {
			verify.Settings{Scheme: verify.GenesysOpenMessaging, Secrets: secrets("0123456789abcdef0123")},
			address,
			http.Header{hub: {"sha256=ALPOMXMiVol7U0Fh2y2dMzGdekAqSuCzQ88RdEcez+s="}},
			`{"id":"msg-0001","type":"Text","text":"Hello"}`, 0,
		},
		"standard webhooks": {
			verify.Settings{Scheme: verify.StandardWebhooks, Secrets: secrets("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")},
			address,
			http.Header{
				"Webhook-Id": {"msg_p5jXN8AQM9LWM0D4loKWxJek"}, "Webhook-Timestamp": {"1614265330"},
				"Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
			},
			`{"test": 2432232314}`, 1614265330,
		},
		"v1a": {
			verify.Settings{
				Scheme: verify.StandardWebhooks,
				Secrets: secrets("whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9" +
					"lMicMFs6Kvg=="),
			},
			address,
			http.Header{
				"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {"1700000000"},
				"Webhook-Signature": {"v1a,deoJHN69f/lZX6ygASW4ee+mUtlT2OjLAxt3hRZEYxR0NPbDsudM8VDnU97ZZu0i7AQpt/U" +
					"DZs5ANwfH9lo+BA=="},
			},
			`{}`, 1700000000,
		},
		"cxone-expert": {
			verify.Settings{Scheme: verify.CXoneExpert, Secrets: secrets("secret of ours")}, address, http.Header{
				"X-Nexus-Timestamp": {"1700000000"},
				"X-Nexus-Signature-256": {"sha256=9eaf3dc71583523142e8521ce2970aff2c4333c76f7959ec1d32b579eec4" +
					"68aa"},
			}, `<event/>`, 1700000000,
		},
		"stripe": {
			verify.Settings{Scheme: verify.Stripe, Secrets: secrets("whsec_of_ours")}, address, http.Header{
				"Stripe-Signature": {"t=1700000000,v1=ece32eaba49d3ce41b48c2b6a474738aca390f6d5f6c7438c0b164624734" +
					"fe67"},
			}, `{"id":"evt_1"}`, 1700000000,
		},
		"slack": {
			verify.Settings{Scheme: verify.Slack, Secrets: secrets("8f742231b10e8888abcd99yyyzzz85a5")},
			address,
			http.Header{
				"X-Slack-Request-Timestamp": {"1531420618"},
				"X-Slack-Signature":         {"v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
			},
			"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&chan" +
				"nel_name=foobar&user_id=U2CERLKJA" +
				"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com" +
				"%2Fcommands%2FT1DC2JH3J%2F397700885554" +
				"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703" +
				"c", 1531420618,
		},
		"shopify": {
			verify.Settings{Scheme: verify.Shopify, Secrets: secrets("secret of ours")},
			address,
			http.Header{"X-Shopify-Hmac-SHA256": {"ckEDhpU3l2LDQDFf1uIHnQz4817Tbw4trVkKksQBXos="}},
			`{"id":1}`, 0,
		},
		"twilio, JSON and a port": {
			verify.Settings{
				Scheme: verify.Twilio, URL: "https://mycompany.com:443/myapp.php",
				Secrets: secrets("12345"),
			},
			"http://10.0.0.1/webhooks/calls?bodySHA256=015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a9" +
				"7f862",
			http.Header{"X-Twilio-Signature": {"nFIRj++FIVa8MLaczuOr2LDKUZo="}, "Content-Type": {"application/json"}},
			`{"a":1}`, 0,
		},
		"twilio": {
			verify.Settings{Scheme: verify.Twilio, URL: "https://mycompany.com/myapp.php", Secrets: secrets("12345")},
			"http://10.0.0.1/webhooks/calls?foo=1&bar=2",
			http.Header{
				"X-Twilio-Signature": {"0/KCTR6DLpKmkAf8muzZqo1nDgQ="},
				"Content-Type":       {"application/x-www-form-urlencoded; charset=UTF-8"},
			},
			"CallSid=CA1234567890ABCDE&Caller=%2B12349013030&Digits=1234&From=%2B12349013030&To=%2B18005551212", 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier(t, c.settings)
			r := request(t, c.url, c.headers)
			if err := check(v, r, []byte(c.body), time.Unix(c.at, 0)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			unsigned, _, _ := strings.Cut(c.url, "?bodySHA256=")
			again := request(t, unsigned, http.Header{"Content-Type": c.headers["Content-Type"]})
			id := c.headers.Get("Webhook-Id")
			if err := v.Sign(again, []byte(c.body), id, time.Unix(c.at, 0)); err != nil {
				t.Fatal(err)
			}
			if again.URL.String() != c.url {
				t.Errorf("%s: signed %s", name, again.URL)
			}
			for header := range c.headers {
				if again.Header.Get(header) != r.Header.Get(header) {
					t.Errorf("%s: signed %s: %s", name, header, again.Header.Get(header))
				}
			}
		})
	}
}

func bodies() [][]byte {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test wants the same bytes every time
	large := make([]byte, 100_000)
	for i := range large {
		large[i] = byte(random.Uint32())
	}
	return [][]byte{nil, []byte(`{"id":"1"}`), []byte("\xff\x00{body}"), large}
}

func TestSignedRequestsPassVerification(t *testing.T) {
	t.Parallel()
	for name, s := range settings() {
		v := newVerifier(t, s)
		for _, body := range bodies() {
			if err := check(v, signed(t, v, body), body, noon); err != nil {
				t.Errorf("%s, %d bytes: %v", name, len(body), err)
			}
		}
		mustRefuse(t, name+" without anything", check(v, request(t, address, nil), nil, noon))
	}
}

// ignoresBody lists the schemes whose credential does not depend on the body.
func ignoresBody(scheme string) bool {
	switch scheme {
	case verify.Token, verify.Basic, verify.Bearer, verify.CXoneBYOC:
		return true
	}
	return false
}

func TestOneBitFlippedIsRefused(t *testing.T) {
	t.Parallel()
	body := []byte(`{"id":"1","é":true}`)
	for name, s := range settings() {
		v := newVerifier(t, s)
		for bit := range 8 * len(body) {
			if ignoresBody(s.Scheme) {
				break
			}
			changed := bytes.Clone(body)
			changed[bit/8] ^= 1 << (bit % 8)
			mustRefuse(t, name+": "+string(changed), check(v, signed(t, v, body), changed, noon))
		}
		for header, values := range signed(t, v, body).Header {
			for bit := range 8 * len(values[0]) {
				changed := []byte(values[0])
				changed[bit/8] ^= 1 << (bit % 8)
				if strings.EqualFold(string(changed), values[0]) && (s.Encoding != verify.Base64) {
					continue // capitals mean the same in hex and in the names of credentials
				}
				r := signed(t, v, body)
				r.Header[header] = []string{string(changed)}
				mustRefuse(t, name+": "+header+": "+string(changed), check(v, r, body, noon))
			}
		}
	}
}

func TestOtherSecretIsRefusedAndOlderOneIsAccepted(t *testing.T) {
	t.Parallel()
	body := []byte("{}")
	for name, s := range settings() {
		old := newVerifier(t, s)
		other := s
		switch {
		case name == "v1a":
			other.Secrets = secrets("whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
		case s.SecretEncoding == verify.Base64:
			other.Secrets = secrets("YW5vdGhlciBzZWNyZXQ=")
		default:
			other.Secrets = secrets("whsec_bm90IHRoYXQgb25l")
		}
		mustRefuse(t, name, check(newVerifier(t, other), signed(t, old, body), body, noon))
		rotated := other
		rotated.Secrets = append(other.Secrets, s.Secrets...)
		if err := check(newVerifier(t, rotated), signed(t, old, body), body, noon); err != nil {
			t.Errorf("%s: an older secret is refused: %v", name, err)
		}
	}
}

func TestSignedTimesHaveATolerance(t *testing.T) {
	t.Parallel()
	for name, s := range settings() {
		v := newVerifier(t, s)
		r := signed(t, v, nil)
		edge := verify.DefaultTolerance
		timed := name != "byoc" &&
			(r.Header.Get("Webhook-Timestamp")+r.Header.Get("X-Nexus-Timestamp")+r.Header.Get("X-Slack-Request-Tim"+
				"estamp")+
				r.Header.Get("Stripe-Signature")+r.Header.Get("X-Time") != "")
		for _, off := range []time.Duration{edge, -edge} {
			if err := check(v, r, nil, noon.Add(off)); err != nil {
				t.Errorf("%s, %s off: %v", name, off, err)
			}
		}
		for _, off := range []time.Duration{edge + time.Second, -edge - time.Second, 24 * time.Hour, -24 * time.Hour} {
			if err := check(v, r, nil, noon.Add(off)); timed != (err != nil) && name != "byoc" {
				t.Errorf("%s, %s off: %v", name, off, err)
			}
		}
		if s.Tolerance = 2 * time.Second; timed {
			mustRefuse(t, name, check(newVerifier(t, s), r, nil, noon.Add(3*time.Second)))
		}
	}
}

func TestTimesInMilliseconds(t *testing.T) {
	t.Parallel()
	v := newVerifier(
		t,
		verify.Settings{
			Scheme:          verify.HMAC,
			Header:          "X-Sig",
			Signed:          "{ts}{body}",
			TimestampHeader: "X-Time",
			Secrets:         secrets(whole),
		},
	)
	plain := newVerifier(t, verify.Settings{Scheme: verify.HMAC, Header: "X-Sig", Secrets: secrets(whole)})
	for at, ok := range map[string]bool{
		"1700000000000": true, "1700000299999": true, "1700000300001": false, "99999999999": false,
		"17000000000000": false, "-1700000000": false,
		"+1700000000": false, "1700000000.0": false, "1_700_000_000": false, "": false, "\xff": false,
		"184467440737095516151700000000": false,
	} {
		t.Run(fmt.Sprintf("%q", at), func(t *testing.T) {
			r := request(t, address, http.Header{"X-Time": {at}})
			if err := plain.Sign(r, []byte(at+"{}"), "", noon); err != nil {
				t.Fatal(err)
			}
			if err := check(v, r, []byte("{}"), noon); (err == nil) != ok {
				t.Errorf("%q: %v", at, err)
			}
		})
	}
}

// lists are the headers of settings() that may have several signatures, on one line or on several.
var lists = map[string]string{
	"hmac": "X-Sig", "hmac by default": "X-Sig", "v1a": "Webhook-Signature",
	verify.StandardWebhooks: "Webhook-Signature",
}

func TestDuplicateHeadersAreRefused(t *testing.T) {
	t.Parallel()
	for name, s := range settings() {
		v := newVerifier(t, s)
		for header := range signed(t, v, nil).Header {
			if lists[name] == header {
				continue // TestSeveralLinesAreOneList
			}
			r := signed(t, v, nil)
			r.Header[header] = append(r.Header[header], r.Header[header][0])
			mustRefuse(t, name+" "+header, check(v, r, nil, noon))
		}
	}
}

func TestSeveralLinesAreOneList(t *testing.T) {
	t.Parallel()
	body := []byte("{}")
	for name, header := range lists {
		v := newVerifier(t, settings()[name])
		valid := signed(t, v, body).Header.Get(header)
		forged := signed(t, v, []byte("{ }")).Header.Get(header)
		for _, c := range []struct {
			lines []string
			ok    bool
		}{
			{[]string{valid, valid}, true},
			{[]string{forged, valid}, true},
			{[]string{valid, forged}, true},
			{[]string{"", valid}, true},
			{slices.Repeat([]string{forged}, 15), false},
			{append(slices.Repeat([]string{forged}, 15), valid), true},
			{append(slices.Repeat([]string{forged}, 16), valid), false},
			{[]string{forged, forged}, false},
			{[]string{"", ""}, false},
		} {
			r := signed(t, v, body)
			r.Header[header] = c.lines
			if err := check(v, r, body, noon); (err == nil) != c.ok {
				t.Errorf("%s: %q: %v", name, c.lines, err)
			}
		}
	}
}

// A signed time is there once, on whichever line.
func TestSeveralLinesOfStripe(t *testing.T) {
	t.Parallel()
	v := newVerifier(t, verify.Settings{Scheme: verify.Stripe, Secrets: secrets(whole)})
	signedTime, signature, _ := strings.Cut(signed(t, v, []byte("{}")).Header.Get("Stripe-Signature"), ",")
	forged := "v1=" + strings.Repeat("0", 64)
	for lines, ok := range map[string]bool{
		signedTime + "," + forged + "\n" + signature:                       true,
		forged + "\n" + signedTime + "," + signature:                       true,
		signedTime + "," + signature + "\n" + signedTime + "," + signature: false,
		"t=1700000001," + signature + "\n" + signedTime + "," + signature:  false,
		signedTime + "," + forged + "\n" + forged:                          false,
	} {
		r := request(t, address, http.Header{"Stripe-Signature": strings.Split(lines, "\n")})
		if err := check(v, r, []byte("{}"), noon); (err == nil) != ok {
			t.Errorf("%q: %v", lines, err)
		}
	}
}

func TestSeveralSignaturesInOneHeader(t *testing.T) {
	t.Parallel()
	standard := newVerifier(t, verify.Settings{Scheme: verify.StandardWebhooks, Secrets: secrets(whole)})
	stripe := newVerifier(t, verify.Settings{Scheme: verify.Stripe, Secrets: secrets(whole)})
	body := []byte("{}")
	standardHeader := signed(t, standard, body).Header.Get("Webhook-Signature")
	stripeHeader := signed(t, stripe, body).Header.Get("Stripe-Signature")
	_, stripeSignature, _ := strings.Cut(stripeHeader, ",")
	wrong := strings.Repeat("0", 64)
	for _, c := range []struct {
		v             *verify.Verifier
		header, value string
		ok            bool
	}{
		{standard, "Webhook-Signature", "v1,AAAA " + standardHeader, true},
		{standard, "Webhook-Signature", "v1a,AAAA v2,b " + standardHeader + "  v1,AAAA", true},
		{standard, "Webhook-Signature", strings.Repeat("v1,AAAA ", 15) + standardHeader, true},
		{standard, "Webhook-Signature", strings.Repeat("v1,AAAA ", 16) + standardHeader, false},
		{standard, "Webhook-Signature", "v1a," + strings.TrimPrefix(standardHeader, "v1,"), false},
		{standard, "Webhook-Signature", strings.TrimPrefix(standardHeader, "v1,"), false},
		{standard, "Webhook-Signature", standardHeader + ",", false},
		{standard, "Webhook-Signature", "v1,", false},
		{standard, "Webhook-Signature", "", false},
		{standard, "Webhook-Signature", "v1,\xff\xfe", false},
		{stripe, "Stripe-Signature", "t=1700000000,v1=" + wrong + "," + stripeSignature, true},
		{stripe, "Stripe-Signature", stripeSignature + ", v0=" + wrong + " , t=1700000000", true},
		{stripe, "Stripe-Signature", "t=1700000000,t=1700000001," + stripeSignature, false},
		{stripe, "Stripe-Signature", "t=1700000001," + stripeSignature, false},
		{stripe, "Stripe-Signature", stripeSignature, false},
		{stripe, "Stripe-Signature", "t=1700000000,v0=" + strings.TrimPrefix(stripeSignature, "v1="), false},
		{stripe, "Stripe-Signature", "t = 1700000000," + stripeSignature, false},
		{stripe, "Stripe-Signature", "t=1700000000,v1= " + strings.TrimPrefix(stripeSignature, "v1="), false},
	} {
		t.Run(fmt.Sprintf("%s: %.40q", c.header, c.value), func(t *testing.T) {
			r := signed(t, c.v, body)
			r.Header[c.header] = []string{c.value}
			if err := check(c.v, r, body, noon); (err == nil) != c.ok {
				t.Errorf("%s: %q: %v", c.header, c.value, err)
			}
		})
	}
}

func TestSignaturesWithWhitespaceAreRefused(t *testing.T) {
	t.Parallel()
	v := newVerifier(t, verify.Settings{Scheme: verify.GitHub, Secrets: secrets(whole)})
	value := signed(t, v, nil).Header.Get("X-Hub-Signature-256")
	for _, changed := range []string{" " + value, value + " ", value + "\t", strings.Replace(value, "=", "= ",
		1), strings.ToUpper(value), value + "00", value[:len(value)-2]} {
		mustRefuse(t, changed, check(v, request(t, address, http.Header{"X-Hub-Signature-256": {changed}}), nil, noon))
	}
}

func TestPublicKeyChecksAndDoesNotSign(t *testing.T) {
	t.Parallel()
	const public = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
	both := newVerifier(t, verify.Settings{Scheme: verify.StandardWebhooks, Secrets: secrets(private)})
	alone := newVerifier(t, verify.Settings{Scheme: verify.StandardWebhooks, Secrets: secrets(public, whole)})
	r := signed(t, both, []byte("{}"))
	if !strings.HasPrefix(r.Header.Get("Webhook-Signature"), "v1a,") {
		t.Errorf("signed %q", r.Header.Get("Webhook-Signature"))
	}
	if err := alone.Sign(r, nil, "1", noon); err == nil {
		t.Error("a public key signs")
	}
	if err := check(alone, r, []byte("{}"), noon); err != nil {
		t.Error(err)
	}
}

func TestSourceWithoutVerificationAcceptsEverything(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"", verify.None} {
		t.Run(fmt.Sprintf("scheme %q", scheme), func(t *testing.T) {
			v := newVerifier(t, verify.Settings{Scheme: scheme})
			if err := check(v, request(t, address, nil), []byte("{}"), noon); err != nil || !v.Settings().Open() ||
				v.Issues() {
				t.Error(err)
			}
		})
	}
}

// FuzzSignatureHeaders checks that no header makes the verifier panic, and that only signed requests pass.
func FuzzSignatureHeaders(f *testing.F) {
	all := settings()
	verifiers := map[string]*verify.Verifier{}
	body := []byte(`{"id":"1"}`)
	for name, s := range all {
		verifiers[name] = newVerifier(f, s)
		var values []string
		for _, header := range headersOf() {
			values = append(values, signed(f, verifiers[name], body).Header.Get(header))
		}
		f.Add(name, strings.Join(values, "\n"), "a=%20b", body, int64(0))
	}
	f.Fuzz(func(t *testing.T, name, values, query string, sent []byte, late int64) {
		v, ok := verifiers[name]
		if !ok {
			return
		}
		r := request(t, address, nil)
		r.URL.RawQuery = query
		for i, value := range strings.Split(values, "\n") {
			if i < len(headersOf()) && value != "" {
				r.Header.Set(headersOf()[i], value)
			}
		}
		now := noon.Add(time.Duration(late))
		err := check(v, r, sent, now)
		if err != nil {
			mustRefuse(t, name, err)
			return
		}
		if !ignoresBody(all[name].Scheme) && !bytes.Equal(sent, body) {
			t.Errorf("%s: another body is genuine: %q with %q", name, sent, values)
		}
	})
}

func headersOf() []string {
	return []string{
		"Webhook-Id",
		"Webhook-Timestamp",
		"Webhook-Signature",
		"X-Hub-Signature-256",
		"X-Nexus-Signature-256",
		"X-Nexus-Timestamp",
		"Stripe-Signature",
		"X-Slack-Signature",
		"X-Slack-Request-Timestamp",
		"X-Shopify-Hmac-SHA256",
		"X-Twilio-Signature",
		"X-Sig",
		"X-Time",
		"X-Id",
		"X-Key",
		"Authorization",
		"Content-Type",
	}
}
