package redact

import (
	"bytes"
	"iter"
	"slices"
	"strings"
	"unicode"
)

// Fields that are secret by their name alone, in every body, form, query and header. Names are compared without case,
// hyphens, underscores and spaces, so "access_token" stands for accessToken and Access-Token as well. Names that only
// resemble these are shown: nextPageToken, tokenCount, author, pinned.
var secretFields = []string{
	"password", "passwd", "pwd", "passphrase", "passcode", "pass_hash",
	"secret", "secret_key", "secret_access_key", "shared_secret", "client_secret", "private_key", "signing_key",
	"encryption_key", "api_key", "access_key", "auth_key", "account_key", "subscription_key", "functions_key",
	"token", "access_token", "refresh_token", "id_token", "auth_token", "bearer_token", "session_token", "csrf_token",
	"xsrf_token", "api_token", "security_token", "verify_token", "verification_token", "oauth_token", "jwt",
	"authorization", "proxy_authorization", "credential", "credentials", "cookie", "set_cookie", "session_id",
	"signature", "sig", "hmac", "x_amz_signature", "x_amz_credential", "x_amz_security_token",
	"otp", "totp", "one_time_password", "one_time_code", "mfa_code", "pin", "pin_code",
	"ssn", "social_security_number", "iban", "pan", "card_number", "credit_card", "credit_card_number", "cc_number",
	"cvv", "cvv2", "cvc", "cvc2", "card_security_code",
}

// secretEndings are the ends of further secret names, such as db_password and stripeSecretKey.
var secretEndings = []string{
	"password", "passwd", "passphrase", "secret", "secretkey", "privatekey", "apikey", "accesskey", "accesstoken",
	"refreshtoken", "idtoken", "authtoken", "sessiontoken", "apitoken", "signature",
}

// nameSet is a set of names in their normal form.
type nameSet map[string]bool

func newNameSet(names ...string) nameSet {
	s := nameSet{}
	for _, name := range names {
		s[normalName(name)] = true
	}
	return s
}

// normalName returns a name in lower case without hyphens, underscores and spaces: "Access-Token" is "accesstoken".
func normalName(name string) string { return string(appendNormal(nil, name)) }

func appendNormal[T string | []byte](normal []byte, name T) []byte {
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 0x80:
			return append(normal[:0], normalUnicode(string(name))...)
		case c >= 'A' && c <= 'Z':
			normal = append(normal, c+'a'-'A')
		case c != '-' && c != '_' && c != ' ':
			normal = append(normal, c)
		}
	}
	return normal
}

func normalUnicode(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// maxName is the length of the longest name that is looked at, in bytes.
const maxName = 128

// has reports whether the set has a name in its normal form or, of a name such as customer[ssn] or customer.ssn, one of
// its parts.
func (s nameSet) has(name []byte) bool {
	if len(s) == 0 || len(name) > maxName {
		return false
	}
	var buffer [maxName]byte
	if s[string(appendNormal(buffer[:0], name))] {
		return true
	}
	for part := range parts(name) {
		if s[string(appendNormal(buffer[:0], part))] {
			return true
		}
	}
	return false
}

// parts yields the parts of a name such as customer[ssn]; none of a name that is whole.
func parts(name []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		start, split := 0, false
		for i, c := range name {
			if strings.IndexByte(".[]:/", c) < 0 {
				continue
			}
			if split = true; i > start && !yield(name[start:i]) {
				return
			}
			start = i + 1
		}
		if split && start < len(name) {
			yield(name[start:])
		}
	}
}

// secretName is a name of secretFields, or one of secretEndings.
type secretName struct {
	text     string
	isEnding bool
}

// lastBytes is the length of the shortest secretName.
const lastBytes = 3

// secretNames has them by their last bytes, because nearly every name of a body ends with others.
var secretNames = func() map[string][]secretName {
	all := map[string][]secretName{}
	add := func(names []string, areEndings bool) {
		for _, name := range names {
			name = normalName(name)
			last := name[len(name)-lastBytes:]
			all[last] = append(all[last], secretName{name, areEndings})
		}
	}
	add(secretFields, false)
	add(secretEndings, true)
	return all
}()

// isSecretField reports whether the normal form of a name is secret by default.
func isSecretField(normal []byte) bool {
	if len(normal) < lastBytes {
		return false
	}
	for _, known := range secretNames[string(normal[len(normal)-lastBytes:])] {
		if string(normal) == known.text || known.isEnding && bytes.HasSuffix(normal, []byte(known.text)) {
			return true
		}
	}
	return false
}

// secretHeaders and secretParts are what makes a header or query parameter secret besides: its whole name, or a part.
var (
	secretHeaders = []string{"cookie", "set-cookie", "x-auth"}
	secretParts   = []string{
		"signature", "hmac", "secret", "token", "jwt", "password", "passwd", "passphrase", "api-key", "apikey",
		"access-key", "accesskey", "private-key", "subscription-key", "functions-key", "authorization", "credential",
	}
)

func isSecretHeader(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	return slices.Contains(secretHeaders, name) ||
		slices.ContainsFunc(secretParts, func(part string) bool { return strings.Contains(name, part) })
}
