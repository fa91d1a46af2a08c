package verify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	twilioHeader = "X-Twilio-Signature"

	// bodyHash is the query parameter in which Twilio sends the SHA-256 of a body that is no form.
	bodyHash = "bodySHA256"

	formType = "application/x-www-form-urlencoded"
)

// twilio is the scheme that signs the called URL together with the fields of a form or the hash of the body.
type twilio struct {
	rule
	urls []string // the two forms of the URL that may be signed: with its port and without
	keys []key
}

func newTwilio(s Settings) (scheme, []Fault) {
	r := rule{header: twilioHeader, encoding: Base64, algorithm: SHA1, signed: "{body}"}
	keys, faults := newKeys(r, s.Secrets)
	u, err := url.Parse(s.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" {
		const example = "https://hooks.example.com/webhooks/calls"
		return nil, append(faults, Fault{
			"url", "must be the URL that the platform calls, without a query, such as " + example,
		})
	}
	return twilio{rule: r, urls: []string{s.URL, otherPort(*u)}, keys: keys}, faults
}

// otherPort returns a URL with the default port added, or without its port.
func otherPort(u url.URL) string {
	switch {
	case u.Port() != "":
		u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	case u.Scheme == "https":
		u.Host = net.JoinHostPort(u.Hostname(), "443")
	default:
		u.Host = net.JoinHostPort(u.Hostname(), "80")
	}
	return u.String()
}

func (t twilio) head(r *http.Request, _ time.Time) (bodyCheck, error) {
	value, err := singleHeader(r.Header, t.header)
	if err != nil {
		return nil, err
	}
	sent := t.decode(value)
	if len(sent) == 0 {
		return nil, refused("the header %s contains no signature of this scheme", t.header)
	}
	query, form := r.URL.RawQuery, isForm(r)
	return func(body []byte) error {
		rest, err := signedRest(query, form, body)
		if err != nil {
			return err
		}
		return t.check(rest, sent)
	}, nil
}

func isForm(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && media == formType
}

// signedRest returns the part of the signed text after the URL: the query, and the fields of a form unless the query
// has the hash of the body.
func signedRest(query string, form bool, body []byte) (string, error) {
	rest := query
	if rest != "" {
		rest = "?" + rest
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", refused("the query cannot be read")
	}
	switch hashes := values[bodyHash]; {
	case len(hashes) == 1:
		sum := sha256.Sum256(body)
		if sent, err := hex.DecodeString(hashes[0]); err != nil || !hmac.Equal(sent, sum[:]) {
			return "", refusedAs(Mismatch, "the body does not match %s", bodyHash)
		}
		return rest, nil
	case len(hashes) > 1:
		return "", refused("%s is there %d times", bodyHash, len(hashes))
	case form:
		fields, err := url.ParseQuery(string(body))
		if err != nil {
			return "", refused("the form cannot be read")
		}
		return rest + joinFields(fields), nil
	case len(body) > 0:
		return "", refused("the body is not signed: it is no form, and the query has no %s", bodyHash)
	}
	return rest, nil
}

// joinFields returns the fields in the order of their names, each name with each of its values once.
func joinFields(fields url.Values) string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		values := slices.Compact(slices.Sorted(slices.Values(fields[name])))
		for _, v := range values {
			out.WriteString(name)
			out.WriteString(v)
		}
	}
	return out.String()
}

func (t twilio) check(rest string, sent []byte) error {
	genuine := false
	for _, address := range t.urls {
		for _, k := range t.keys {
			if k.checker(t.content(address + rest))(sent) {
				genuine = true
			}
		}
	}
	if !genuine {
		return refusedAs(
			Mismatch, "no secret of this source fits the signature in %s: is url the URL that the platform calls?",
			t.header,
		)
	}
	return nil
}

func hasBodyHash(query string) bool { return strings.Contains("&"+query, "&"+bodyHash+"=") }

// replaceBodyHash sets the hash of the body in a query, and keeps the rest of it as it is.
func replaceBodyHash(query string, body []byte) string {
	sum := sha256.Sum256(body)
	parts := slices.DeleteFunc(strings.Split(query, "&"), func(part string) bool {
		return part == "" || strings.HasPrefix(part, bodyHash+"=")
	})
	return strings.Join(append(parts, bodyHash+"="+hex.EncodeToString(sum[:])), "&")
}

func (twilio) content(text string) content {
	return content{parts: []part{{variable: "body"}}, body: []byte(text)}
}

func (t twilio) sign(r *http.Request, body []byte, _ string, _ time.Time) error {
	if !isForm(r) || hasBodyHash(r.URL.RawQuery) {
		r.URL.RawQuery = replaceBodyHash(r.URL.RawQuery, body)
	}
	rest, err := signedRest(r.URL.RawQuery, isForm(r), body)
	if err != nil {
		return err
	}
	made, err := t.keys[0].sign(t.content(t.urls[0] + rest))
	if err != nil {
		return err
	}
	r.Header.Set(t.header, t.encode(made))
	return nil
}
