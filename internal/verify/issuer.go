package verify

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"dlqdesk/internal/redact"
)

// issuer is CXoneBYOC: the platform gets a token with its client id and secret, and sends it with each webhook. A token
// is the time of its end and a MAC of that time. It is not stored: every receiver of the same configuration accepts it
// until it ends or the secret is removed.
type issuer struct {
	source, client string
	secrets        []redact.Secret
}

// TokenLife is how long an issued token is valid.
const TokenLife = time.Hour

// tokenSize is the size of a token in bytes: its end in seconds, and the MAC.
const tokenSize = 8 + sha256.Size

func newIssuer(s Settings) scheme { return issuer{s.Source, s.ClientID, s.Secrets} }

// head checks the token. Platforms send a first request without one.
func (i issuer) head(r *http.Request, now time.Time) (bodyCheck, error) {
	if r.Header.Get("Authorization") == "" {
		return nil, &Refusal{Reason: "there is no token yet", Expected: true}
	}
	value, err := singleHeader(r.Header, "Authorization")
	if err != nil {
		return nil, err
	}
	const before = "Bearer "
	if len(value) < len(before) || !strings.EqualFold(value[:len(before)], before) {
		return nil, refused("the header Authorization contains no credential of this scheme")
	}
	token, err := base64.RawURLEncoding.Strict().DecodeString(value[len(before):])
	if err != nil || len(token) != tokenSize {
		return nil, refusedAs(Mismatch, "the token was not issued by dlqdesk")
	}
	end, genuine := token[:8], 0
	for _, s := range i.secrets {
		genuine |= subtle.ConstantTimeCompare(token[8:], i.mac(s, end))
	}
	if genuine != 1 {
		return nil, refusedAs(Mismatch, "the token was not issued by dlqdesk with a secret of this source")
	}
	if int64(binary.BigEndian.Uint64(end)) <= now.Unix() { //nolint:gosec // the MAC proves that it is ours
		return nil, &Refusal{Reason: "the token has ended", Expected: true}
	}
	return nil, nil
}

func (i issuer) mac(s redact.Secret, end []byte) []byte {
	mac := hmac.New(sha256.New, []byte(s.Reveal()))
	mac.Write([]byte("dlqdesk token\x00" + i.source + "\x00" + i.client + "\x00"))
	mac.Write(end)
	return mac.Sum(nil)
}

func (i issuer) issue(s redact.Secret, now time.Time) string {
	ends := now.Add(TokenLife).Unix()
	token := binary.BigEndian.AppendUint64(nil, uint64(ends)) //nolint:gosec // no clock is before 1970
	return base64.RawURLEncoding.EncodeToString(append(token, i.mac(s, token)...))
}

func (i issuer) sign(r *http.Request, _ []byte, _ string, now time.Time) error {
	r.Header.Set("Authorization", "Bearer "+i.issue(i.secrets[0], now))
	return nil
}

// Issues reports whether dlqdesk issues tokens to the platform.
func (v *Verifier) Issues() bool {
	_, ok := v.scheme.(issuer)
	return ok
}

// Issue returns the response to a request for a token: the JSON of RFC 6749 section 5.1. Its error is a *Refusal if the
// client is not known.
func (v *Verifier) Issue(request []byte, now time.Time) ([]byte, error) {
	i, ok := v.scheme.(issuer)
	if !ok {
		return nil, errors.New("this source issues no tokens")
	}
	var asked struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
		GrantType    string `json:"grant_type"`
	}
	if err := json.Unmarshal(request, &asked); err != nil || asked.GrantType != "client_credentials" {
		return nil, refused("the request for a token is not the expected JSON")
	}
	written := func(s redact.Secret) string { return i.client + "\x00" + s.Reveal() }
	known := indexOfSecret(asked.ClientID+"\x00"+asked.ClientSecret, i.secrets, written)
	if known < 0 {
		return nil, refusedAs(Mismatch, "the request for a token has a wrong client id or secret")
	}
	return json.Marshal(struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
	}{i.issue(i.secrets[known], now), "Bearer", int(TokenLife.Seconds())})
}
