package verify

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"dlqdesk/internal/payload"
)

// The schemes.
const (
	None                 = "none"
	StandardWebhooks     = "standard-webhooks"
	GitHub               = "github"
	GenesysOpenMessaging = "genesys-open-messaging"
	CXoneExpert          = "cxone-expert"
	CXoneBYOC            = "cxone-byoc"
	Stripe               = "stripe"
	Slack                = "slack"
	Shopify              = "shopify"
	Twilio               = "twilio"
	HMAC                 = "hmac"
	Token                = "token"
	Basic                = "basic"
	Bearer               = "bearer"
	MTLS                 = "mtls"
)

// The values of Encoding, SecretEncoding and Algorithm.
const (
	Hex    = "hex"
	Base64 = "base64"
	Raw    = "raw"
	SHA1   = "sha1"
	SHA256 = "sha256"
	SHA512 = "sha512"
)

// DefaultTolerance is the largest difference between a signed time and ours, in both directions.
const DefaultTolerance = 5 * time.Minute

// Scheme describes a scheme.
type Scheme struct {
	Name     string
	Method   string   // how it verifies a webhook, in a few words
	Required []string // keys of settings that it needs
	Optional []string // keys of settings that it uses

	// The place of the id that the platform's own retries repeat: a header or a path in the body. Both are empty if
	// the platform sends none, or documents none.
	IDHeader string
	IDPath   payload.Path

	// Ack is the template of the response that the platform expects (see payload.Ack); "" if any 2xx will do.
	Ack string

	rule   rule // of schemes that sign
	alias  rule // the same with other names of headers, which a webhook may have instead or as well
	legacy rule // of a header that is signed anew beside the others, and never proves a webhook
}

// standardRule is the rule of Standard Webhooks, with names of headers that begin like this.
func standardRule(prefix string) rule {
	return rule{
		header:          prefix + "signature",
		separators:      " ",
		prefix:          "v1,",
		encoding:        Base64,
		algorithm:       SHA256,
		signed:          "{id}.{ts}.{body}",
		timestampHeader: prefix + "timestamp",
		idHeader:        prefix + "id",
		secretEncoding:  standardSecret,
	}
}

// Schemes returns all schemes. The platforms document the signature rules and the places of ids:
//   - GitHub, the same on a redelivery: docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks
//   - Stripe, the id of the event: docs.stripe.com/webhooks#handle-duplicate-events
//   - Slack, unique over all workspaces: api.slack.com/types/event
//   - Shopify, of the delivery: shopify.dev/docs/apps/build/webhooks/verify-deliveries
//   - Twilio, the same on every retry: www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
func Schemes() []Scheme {
	secrets, untimed, timed := []string{"secrets"}, []string{"resign"}, []string{"tolerance", "resign"}
	return []Scheme{
		{Name: None, Method: "nothing"},
		{
			Name:     StandardWebhooks,
			Method:   "HMAC-SHA256 or Ed25519 of id, time and body in webhook-signature",
			Required: secrets,
			Optional: timed,
			IDHeader: "webhook-id",
			rule:     standardRule("webhook-"),
			alias:    standardRule("svix-"),
		},
		{
			Name:     GitHub,
			Method:   "HMAC-SHA256 of the body in X-Hub-Signature-256",
			Required: secrets,
			Optional: untimed,
			IDHeader: "X-GitHub-Delivery",
			rule: rule{
				header:    "X-Hub-Signature-256",
				prefix:    "sha256=",
				encoding:  Hex,
				algorithm: SHA256,
				signed:    "{body}",
			},
			legacy: rule{
				header:    "X-Hub-Signature",
				prefix:    "sha1=",
				encoding:  Hex,
				algorithm: SHA1,
				signed:    "{body}",
			},
		},
		{
			Name:     GenesysOpenMessaging,
			Method:   "HMAC-SHA256 of the body in X-Hub-Signature-256",
			Required: secrets,
			Optional: untimed,
			IDPath:   payload.Path{"id"},
			rule: rule{
				header:    "X-Hub-Signature-256",
				prefix:    "sha256=",
				encoding:  Base64,
				algorithm: SHA256,
				signed:    "{body}",
			},
		},
		{
			Name:     CXoneExpert,
			Method:   "HMAC-SHA256 of time and body in X-Nexus-Signature-256",
			Required: secrets,
			Optional: timed,
			IDHeader: "X-Nexus-Delivery-Id",
			rule: rule{
				header:          "X-Nexus-Signature-256",
				prefix:          "sha256=",
				encoding:        Hex,
				algorithm:       SHA256,
				signed:          "{ts}.{body}",
				timestampHeader: "X-Nexus-Timestamp",
			},
		},
		{
			Name:     CXoneBYOC,
			Method:   "a token that dlqdesk issues to the client",
			Required: []string{"client_id", "secrets"},
			Ack:      `{"idOnExternalPlatform":"{message_id}"}`,
		},
		{
			Name:     Stripe,
			Method:   "HMAC-SHA256 of time and body in Stripe-Signature",
			Required: secrets,
			Optional: timed,
			IDPath:   payload.Path{"id"},
			rule: rule{
				header:          "Stripe-Signature",
				separators:      ",",
				prefix:          "v1=",
				timestampPrefix: "t=",
				encoding:        Hex,
				algorithm:       SHA256,
				signed:          "{ts}.{body}",
			},
		},
		{
			Name:     Slack,
			Method:   "HMAC-SHA256 of time and body in X-Slack-Signature",
			Required: secrets,
			Optional: timed,
			IDPath:   payload.Path{"event_id"},
			rule: rule{
				header:          "X-Slack-Signature",
				prefix:          "v0=",
				encoding:        Hex,
				algorithm:       SHA256,
				signed:          "v0:{ts}:{body}",
				timestampHeader: "X-Slack-Request-Timestamp",
			},
		},
		{
			Name:     Shopify,
			Method:   "HMAC-SHA256 of the body in X-Shopify-Hmac-SHA256",
			Required: secrets,
			Optional: untimed,
			IDHeader: "X-Shopify-Webhook-Id",
			rule:     rule{header: "X-Shopify-Hmac-SHA256", encoding: Base64, algorithm: SHA256, signed: "{body}"},
		},
		{
			Name:     Twilio,
			Method:   "HMAC-SHA1 of URL and form, or of the body's hash, in X-Twilio-Signature",
			Required: []string{"secrets", "url"},
			Optional: untimed,
			IDHeader: "I-Twilio-Idempotency-Token",
		},
		{
			Name:     HMAC,
			Method:   "HMAC by a rule of its own",
			Required: []string{"header", "secrets"},
			Optional: []string{
				"prefix",
				"encoding",
				"algorithm",
				"signed",
				"timestamp_header",
				"id_header",
				"tolerance",
				"secret_encoding",
				"resign",
			},
		},
		{
			Name:     Token,
			Method:   "a token in a header",
			Required: []string{"header", "secrets"},
			Optional: []string{"prefix"},
		},
		{Name: Basic, Method: "user and password (Basic)", Required: []string{"user", "secrets"}},
		{Name: Bearer, Method: "a token (Bearer)", Required: secrets},
		{Name: MTLS, Method: "the client certificate of the connection", Optional: []string{"subjects", "sans"}},
	}
}

// Named returns the scheme with the given name.
func Named(name string) (Scheme, bool) {
	all := Schemes()
	i := slices.IndexFunc(all, func(s Scheme) bool { return s.Name == name })
	if i < 0 {
		return Scheme{}, false
	}
	return all[i], true
}

// Uses reports whether the scheme uses a setting.
func (s Scheme) Uses(key string) bool {
	return slices.Contains(s.Required, key) || slices.Contains(s.Optional, key)
}

// build returns the scheme of the settings, or their faults.
func build(s Settings) (scheme, []Fault) {
	if s.Open() {
		return open{}, nil
	}
	named, ok := Named(s.Scheme)
	if !ok {
		return nil, []Fault{{"scheme", "must be one of " + strings.Join(names(), ", ")}}
	}
	var faults []Fault
	if named.Uses("secrets") && len(s.Secrets) == 0 {
		faults = append(faults, Fault{"secrets", "must name at least one secret"})
	}
	var built scheme
	var more []Fault
	switch s.Scheme {
	case HMAC:
		built, more = newSignature(s.rule(), s)
	case Twilio:
		built, more = newTwilio(s)
	case Token, Bearer, Basic:
		built, more = newCredential(s)
	case MTLS:
		built = certificate{subjects: s.Subjects, sans: s.SANs}
	case CXoneBYOC:
		built = newIssuer(s)
	default:
		built, more = newSigned(named, s)
	}
	return built, append(faults, more...)
}

func names() []string {
	var list []string
	for _, s := range Schemes() {
		list = append(list, s.Name)
	}
	return list
}

// SecretHeaders returns the headers with signatures or credentials of this scheme. They are masked wherever shown.
func (s Settings) SecretHeaders() []string {
	if named, ok := Named(s.Scheme); ok && named.rule.header != "" {
		return named.signatureHeaders()
	}
	switch s.Scheme {
	case HMAC, Token:
		return []string{s.Header}
	case Twilio:
		return []string{twilioHeader}
	case Basic, Bearer, CXoneBYOC:
		return []string{"Authorization"}
	}
	return nil
}

// signatureHeaders returns the headers in which the scheme has signatures.
func (s Scheme) signatureHeaders() (list []string) {
	for _, r := range []rule{s.rule, s.alias, s.legacy} {
		if r.header != "" {
			list = append(list, r.header)
		}
	}
	return list
}

// SignedIDHeader returns the header with the id of a webhook that the platform signs; "" if it signs none.
func (s Settings) SignedIDHeader() string {
	if s.Scheme == HMAC {
		return s.IDHeader
	}
	named, _ := Named(s.Scheme)
	return named.rule.idHeader
}

// ProvesHeaders reports whether only the platform can have written the headers of a webhook. A credential or a client
// certificate proves who sent the request; a signature proves only what is signed.
func (s Settings) ProvesHeaders() bool {
	switch s.Scheme {
	case Token, Basic, Bearer, MTLS, CXoneBYOC:
		return true
	}
	return false
}

// Challenge returns the WWW-Authenticate of a 401, for the schemes of HTTP; "" for others.
func (s Settings) Challenge() string {
	switch s.Scheme {
	case Basic:
		return `Basic realm="webhooks"`
	case Bearer, CXoneBYOC:
		return "Bearer"
	}
	return ""
}

// Window returns how long a webhook that is signed now is accepted; 0: for ever.
func (s Settings) Window() time.Duration {
	named, _ := Named(s.Scheme)
	switch {
	case s.Scheme == CXoneBYOC:
		return TokenLife
	case named.rule.timed() || s.Scheme == HMAC && s.rule().timed():
		return cmp.Or(s.Tolerance, DefaultTolerance)
	}
	return 0
}
