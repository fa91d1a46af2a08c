package verify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"dlqdesk/internal/redact"
)

// The handshakes.
const (
	Meta           = "meta"
	Strava         = "strava"
	MicrosoftGraph = "microsoft-graph"
	EventGrid      = "event-grid"
	CloudEvents    = "cloudevents"
	Dropbox        = "dropbox"
	Okta           = "okta"
	X              = "x"
	Zoom           = "zoom"
	Monday         = "monday"
	Asana          = "asana"
	Head           = "head"
)

// Handshake is how a platform asks, before it sends webhooks to an address, whether they are expected there. Slack's
// has the name of its scheme.
type Handshake struct {
	Name    string
	Request string // what the platform sends, in a few words
	Secrets string // NoSecret, OwnSecret or AnySecret

	// early responds to a request before it is verified: platforms sign none that has no body.
	early func(v *Verifier, r *http.Request) (Reply, error)
	// late responds to a verified webhook.
	late func(v *Verifier, r *http.Request, body []byte) (Reply, error)
}

// The values of Handshake.Secrets: which secrets it needs.
const (
	NoSecret  = ""
	OwnSecret = "own" // those of the handshake
	AnySecret = "any" // those of verification, if it has none of its own
)

// Reply is the response to a handshake. The zero Reply: the request is none.
type Reply struct {
	Header http.Header
	Body   string // text or JSON, as the Content-Type says
}

// IsHandshake reports whether the request was a handshake.
func (r Reply) IsHandshake() bool { return r.Header != nil }

// Handshakes returns all handshakes. The platforms document them:
//   - Meta (also WhatsApp, Instagram): developers.facebook.com/docs/graph-api/webhooks/getting-started
//   - Strava: developers.strava.com/docs/webhooks
//   - Microsoft Graph (also SharePoint): learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks
//   - Azure Event Grid: learn.microsoft.com/en-us/azure/event-grid/end-point-validation-event-grid-events-schema
//   - CloudEvents: github.com/cloudevents/spec, http-webhook.md, section 4
//   - Dropbox (also Nylas): www.dropbox.com/developers/reference/webhooks
//   - Okta: developer.okta.com/docs/concepts/event-hooks
//   - X: docs.x.com/x-api/account-activity/introduction, "challenge-response checks"
//   - Zoom: developers.zoom.us/docs/api/webhooks, "challenge-response check"
//   - monday.com: developer.monday.com/api-reference/reference/webhooks
//   - Slack: api.slack.com/events/url_verification
//   - Asana: developers.asana.com/reference/createwebhook
//   - head: Trello, Mandrill and Mailchimp ask with HEAD or GET for any 200
func Handshakes() []Handshake {
	return []Handshake{
		{Name: Meta, Request: "GET with hub.challenge and hub.verify_token", Secrets: OwnSecret, early: meta},
		{Name: Strava, Request: "GET with hub.challenge and hub.verify_token", Secrets: OwnSecret, early: strava},
		{Name: MicrosoftGraph, Request: "POST with validationToken in the query", early: microsoftGraph},
		{Name: EventGrid, Request: "POST of a SubscriptionValidation event", late: eventGrid},
		{Name: CloudEvents, Request: "OPTIONS with WebHook-Request-Origin", early: cloudEvents},
		{Name: Dropbox, Request: "GET with challenge", early: dropbox},
		{Name: Okta, Request: "GET with X-Okta-Verification-Challenge", early: okta},
		{Name: X, Request: "GET with crc_token", Secrets: AnySecret, early: xCRC},
		{Name: Zoom, Request: "POST of endpoint.url_validation", Secrets: AnySecret, late: zoom},
		{Name: Monday, Request: "POST of a challenge", late: monday},
		{Name: Asana, Request: "POST with X-Hook-Secret", early: asana},
		{Name: Slack, Request: "POST of url_verification", late: slack},
		{Name: Head, Request: "HEAD or GET", early: head},
	}
}

// HandshakeNamed returns the handshake with the given name.
func HandshakeNamed(name string) (Handshake, bool) {
	for _, h := range Handshakes() {
		if h.Name == name {
			return h, true
		}
	}
	return Handshake{}, false
}

// HandshakeFaults returns the faults of the settings of the handshake.
func (s Settings) HandshakeFaults() (faults []Fault) {
	handshake, known := HandshakeNamed(s.Handshake)
	own := len(s.HandshakeSecrets)
	switch {
	case s.Handshake != "" && !known:
		return []Fault{{"handshake", "must be the name of a handshake"}}
	case handshake.Secrets == OwnSecret && own == 0:
		return []Fault{{"handshake_secrets", "is missing: it is the token that the platform sends in its handshake"}}
	case handshake.Secrets == AnySecret && own+len(s.Secrets) == 0:
		return []Fault{{"handshake_secrets", "is missing: the reply to the handshake is signed with it"}}
	case handshake.Secrets == NoSecret && own > 0:
		return []Fault{{"handshake_secrets", "has no effect: only meta, strava, x and zoom need secrets"}}
	}
	return nil
}

// Greet responds to a handshake that needs no verification; the zero Reply: the request is none. Its error is a
// *Refusal.
func (v *Verifier) Greet(r *http.Request) (Reply, error) {
	if v.handshake.early == nil {
		return Reply{}, nil
	}
	return v.handshake.early(v, r)
}

// GreetVerified responds to a handshake in the body of a verified webhook; the zero Reply: the webhook is none. Its
// error is a *Refusal.
func (v *Verifier) GreetVerified(r *http.Request, body []byte) (Reply, error) {
	if v.handshake.late == nil || len(body) > maxHandshake {
		return Reply{}, nil
	}
	return v.handshake.late(v, r, body)
}

const (
	maxHandshake = 8 << 10 // bytes of a body with a handshake; the platforms' have fewer than 1,000
	maxChallenge = 2 << 10 // bytes
)

// checkChallenge refuses text that must not be sent back to a browser, as HTML or as a header.
func checkChallenge(text string) error {
	wrong := func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune("<>&\"'`", r) }
	if text == "" || len(text) > maxChallenge || strings.ContainsFunc(text, wrong) {
		return refused("the challenge of the handshake is empty, too long, or has characters of HTML")
	}
	return nil
}

// checkSigned refuses a challenge that is signed with the secret of webhooks, if it could be a part of a webhook: a
// forger could have the program sign it.
func checkSigned(text string) error {
	const most = 256
	wrong := func(r rune) bool {
		alphanumeric := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !alphanumeric && !strings.ContainsRune("-_+/=", r)
	}
	if text == "" || len(text) > most || strings.ContainsFunc(text, wrong) {
		return refused("the challenge of the handshake is not a token")
	}
	return nil
}

func replyText(challenge string) (Reply, error) {
	if err := checkChallenge(challenge); err != nil {
		return Reply{}, err
	}
	return Reply{http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, challenge}, nil
}

func replyJSON(challenge string, fields map[string]string) (Reply, error) {
	if err := checkChallenge(challenge); err != nil {
		return Reply{}, err
	}
	body, err := json.Marshal(fields)
	return Reply{http.Header{"Content-Type": {"application/json"}}, string(body)}, err
}

// queryOf returns the value of a parameter that is there once; ok reports whether it is there at all.
func queryOf(r *http.Request, name string) (value string, ok bool) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	values := query[name]
	if err != nil || len(values) == 0 {
		return "", false
	}
	if len(values) > 1 {
		return "", true // and no challenge is empty
	}
	return values[0], true
}

func (v *Verifier) handshakeSecrets() []redact.Secret {
	if len(v.settings.HandshakeSecrets) > 0 {
		return v.settings.HandshakeSecrets
	}
	return v.settings.Secrets
}

// hubChallenge returns the challenge of a subscription whose token is the configured one.
func hubChallenge(v *Verifier, r *http.Request) (challenge string, ok bool, err error) {
	mode, _ := queryOf(r, "hub.mode")
	challenge, ok = queryOf(r, "hub.challenge")
	if r.Method != http.MethodGet || mode != "subscribe" || !ok {
		return "", false, nil
	}
	token, _ := queryOf(r, "hub.verify_token")
	if indexOfSecret(token, v.settings.HandshakeSecrets, redact.Secret.Reveal) < 0 {
		return "", true, refusedAs(Mismatch, "hub.verify_token of the handshake is none of handshake_secrets")
	}
	return challenge, true, nil
}

func meta(v *Verifier, r *http.Request) (Reply, error) {
	challenge, ok, err := hubChallenge(v, r)
	if !ok || err != nil {
		return Reply{}, err
	}
	return replyText(challenge)
}

func strava(v *Verifier, r *http.Request) (Reply, error) {
	challenge, ok, err := hubChallenge(v, r)
	if !ok || err != nil {
		return Reply{}, err
	}
	return replyJSON(challenge, map[string]string{"hub.challenge": challenge})
}

func microsoftGraph(_ *Verifier, r *http.Request) (Reply, error) {
	token, ok := queryOf(r, "validationToken")
	if !ok || r.Method != http.MethodPost {
		return Reply{}, nil
	}
	return replyText(token)
}

func dropbox(_ *Verifier, r *http.Request) (Reply, error) {
	challenge, ok := queryOf(r, "challenge")
	if !ok || r.Method != http.MethodGet {
		return Reply{}, nil
	}
	return replyText(challenge)
}

func okta(_ *Verifier, r *http.Request) (Reply, error) {
	challenge := r.Header.Get("X-Okta-Verification-Challenge")
	if challenge == "" || r.Method != http.MethodGet {
		return Reply{}, nil
	}
	return replyJSON(challenge, map[string]string{"verification": challenge})
}

// cloudEvents permits an origin to send any number of webhooks. WebHook-Request-Callback is not followed: anyone could
// have the program request any address.
func cloudEvents(_ *Verifier, r *http.Request) (Reply, error) {
	origin := r.Header.Get("WebHook-Request-Origin")
	if origin == "" || r.Method != http.MethodOptions {
		return Reply{}, nil
	}
	const most = 253 // of a name in DNS
	inHost := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-:", r)
	}
	if len(origin) > most || strings.ContainsFunc(origin, func(r rune) bool { return !inHost(r) }) {
		return Reply{}, refused("WebHook-Request-Origin of the handshake is not the name of a host")
	}
	return Reply{Header: http.Header{
		"Allow": {http.MethodPost}, "Webhook-Allowed-Origin": {origin}, "Webhook-Allowed-Rate": {"*"},
	}}, nil
}

func head(_ *Verifier, r *http.Request) (Reply, error) {
	if r.Method != http.MethodHead && r.Method != http.MethodGet {
		return Reply{}, nil
	}
	return Reply{Header: http.Header{}}, nil
}

// mac returns the HMAC-SHA256 of a challenge, by the first secret.
func (v *Verifier) mac(challenge string) []byte {
	mac := hmac.New(sha256.New, []byte(v.handshakeSecrets()[0].Reveal()))
	mac.Write([]byte(challenge))
	return mac.Sum(nil)
}

func xCRC(v *Verifier, r *http.Request) (Reply, error) {
	token, ok := queryOf(r, "crc_token")
	if !ok || r.Method != http.MethodGet {
		return Reply{}, nil
	}
	if err := checkSigned(token); err != nil {
		return Reply{}, err
	}
	response := "sha256=" + base64.StdEncoding.EncodeToString(v.mac(token))
	return replyJSON(token, map[string]string{"response_token": response})
}

func zoom(v *Verifier, _ *http.Request, body []byte) (Reply, error) {
	var asked struct {
		Event   string `json:"event"`
		Payload struct {
			PlainToken string `json:"plainToken"`
		} `json:"payload"`
	}
	if json.Unmarshal(body, &asked) != nil || asked.Event != "endpoint.url_validation" {
		return Reply{}, nil
	}
	token := asked.Payload.PlainToken
	if err := checkSigned(token); err != nil {
		return Reply{}, err
	}
	return replyJSON(token, map[string]string{
		"plainToken": token, "encryptedToken": hex.EncodeToString(v.mac(token)),
	})
}

func slack(_ *Verifier, _ *http.Request, body []byte) (Reply, error) {
	var asked struct{ Type, Challenge string }
	if json.Unmarshal(body, &asked) != nil || asked.Type != "url_verification" {
		return Reply{}, nil
	}
	return replyText(asked.Challenge)
}

func monday(_ *Verifier, _ *http.Request, body []byte) (Reply, error) {
	var asked map[string]string
	if json.Unmarshal(body, &asked) != nil || len(asked) != 1 || asked["challenge"] == "" {
		return Reply{}, nil
	}
	return replyJSON(asked["challenge"], asked)
}

// asana sends the secret of its later signatures back. A request with more than the {} of a handshake is a webhook.
func asana(_ *Verifier, r *http.Request) (Reply, error) {
	secret := r.Header.Get("X-Hook-Secret")
	if secret == "" || r.Method != http.MethodPost || r.ContentLength > int64(len("{}")) {
		return Reply{}, nil
	}
	if err := checkSigned(secret); err != nil {
		return Reply{}, err
	}
	return Reply{Header: http.Header{"X-Hook-Secret": {secret}}}, nil
}

func eventGrid(_ *Verifier, r *http.Request, body []byte) (Reply, error) {
	var events []struct {
		Data struct {
			ValidationCode string `json:"validationCode"`
		} `json:"data"`
	}
	if !strings.EqualFold(r.Header.Get("Aeg-Event-Type"), "SubscriptionValidation") ||
		json.Unmarshal(body, &events) != nil || len(events) != 1 {
		return Reply{}, nil
	}
	code := events[0].Data.ValidationCode
	return replyJSON(code, map[string]string{"validationResponse": code})
}
