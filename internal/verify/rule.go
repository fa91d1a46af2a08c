package verify

import (
	"cmp"
	"crypto/sha1" //nolint:gosec // Twilio and older platforms sign with HMAC-SHA1, which is not broken by collisions
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"slices"
	"strings"
)

// rule says what is signed and how the signature is written.
type rule struct {
	header          string
	separator       string // between the items of the header; "": it is one signature
	prefix          string // of a signature
	timestampPrefix string // of the time, where it is an item of the header
	timestampHeader string
	idHeader        string
	encoding        string
	algorithm       string
	signed          string
	secretEncoding  string
}

// standardSecret is how Standard Webhooks writes keys.
const standardSecret = "standard-webhooks"

// rule answers the rule that the settings themselves give.
func (s Settings) rule() rule {
	return rule{
		header:          s.Header,
		prefix:          s.Prefix,
		timestampHeader: s.TimestampHeader,
		idHeader:        s.IDHeader,
		encoding:        cmp.Or(s.Encoding, Hex),
		algorithm: cmp.Or(
			s.Algorithm,
			SHA256,
		),
		signed:         cmp.Or(s.Signed, "{body}"),
		secretEncoding: cmp.Or(s.SecretEncoding, Raw),
	}
}

func (r rule) timed() bool { return r.timestampHeader != "" || r.timestampPrefix != "" }

// faults answers where a rule contradicts itself.
func (r rule) faults() []Fault {
	var faults []Fault
	check := func(ok bool, key, text string) {
		if !ok {
			faults = append(faults, Fault{key, text})
		}
	}
	parts, err := parseTemplate(r.signed)
	has := func(name string) bool { return slices.Contains(parts, part{variable: name}) }
	check(r.header != "", "header", "must name the header that holds the signature")
	check(slices.Contains([]string{Hex, Base64}, r.encoding), "encoding", "must be hex or base64")
	check(hashOf(r.algorithm) != nil, "algorithm", "must be sha256, sha1 or sha512")
	if err != nil {
		return append(faults, Fault{"signed", err.Error()})
	}
	check(has("body"), "signed", "must hold {body}: a signature of anything else could stand before any body")
	check(has("ts") == r.timed(), "timestamp_header", "must be set where signed holds {ts}, and only there")
	check(has("id") == (r.idHeader != ""), "id_header", "must be set where signed holds {id}, and only there")
	return faults
}

func hashOf(algorithm string) func() hash.Hash {
	switch algorithm {
	case SHA1:
		return sha1.New
	case SHA256:
		return sha256.New
	case SHA512:
		return sha512.New
	}
	return nil
}

func (r rule) encode(signature []byte) string {
	if r.encoding == Base64 {
		return base64.StdEncoding.EncodeToString(signature)
	}
	return hex.EncodeToString(signature)
}

// decode answers nil for what is no signature.
func (r rule) decode(text string) []byte {
	var signature []byte
	var err error
	if r.encoding == Base64 {
		signature, err = base64.StdEncoding.Strict().DecodeString(text)
	} else {
		signature, err = hex.DecodeString(text)
	}
	if err != nil {
		return nil
	}
	return signature
}

// decodeBase64 reads a key with or without its padding.
func decodeBase64(text string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
}
