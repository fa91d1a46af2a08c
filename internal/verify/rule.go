package verify

import (
	"cmp"
	"crypto/sha1" //nolint:gosec // Twilio and older platforms sign with HMAC-SHA1, which is not broken by collisions
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"slices"
	"strings"
)

// rule describes the signed text and the form of the signature.
type rule struct {
	header          string
	separators      string // characters between the items of the header; "": it is one signature
	prefix          string // of a signature
	timestampPrefix string // of the time, if it is an item of the header
	timestampHeader string
	idHeader        string
	encoding        string
	algorithm       string
	signed          string
	secretEncoding  string
}

// standardSecret is the encoding of keys in Standard Webhooks.
const standardSecret = "standard-webhooks"

// rule returns the rule that the settings describe. While a secret is rotated, a header of any platform may have
// several signatures. A character of the prefix does not separate them.
func (s Settings) rule() rule {
	separators := strings.Map(func(r rune) rune {
		if strings.ContainsRune(s.Prefix, r) {
			return -1
		}
		return r
	}, " ,;\t")
	return rule{
		header:          s.Header,
		separators:      separators,
		prefix:          s.Prefix,
		timestampHeader: s.TimestampHeader,
		idHeader:        s.IDHeader,
		encoding:        cmp.Or(s.Encoding, Hex),
		algorithm:       cmp.Or(s.Algorithm, SHA256),
		signed:          cmp.Or(s.Signed, "{body}"),
		secretEncoding:  cmp.Or(s.SecretEncoding, Raw),
	}
}

func (r rule) timed() bool { return r.timestampHeader != "" || r.timestampPrefix != "" }

// faults returns the contradictions in a rule.
func (r rule) faults() []Fault {
	var faults []Fault
	check := func(ok bool, key, text string) {
		if !ok {
			faults = append(faults, Fault{key, text})
		}
	}
	parts, err := parseTemplate(r.signed)
	has := func(name string) bool { return slices.Contains(parts, part{variable: name}) }
	check(r.header != "", "header", "must name the header with the signature")
	check(slices.Contains([]string{Hex, Base64}, r.encoding), "encoding", "must be hex or base64")
	check(hashOf(r.algorithm) != nil, "algorithm", "must be sha256, sha1 or sha512")
	if err != nil {
		return append(faults, Fault{"signed", err.Error()})
	}
	check(has("body"), "signed", "must contain {body}: another signature would fit every body")
	check(has("ts") == r.timed(), "timestamp_header", "must be set if signed contains {ts}, and only then")
	check(has("id") == (r.idHeader != ""), "id_header", "must be set if signed contains {id}, and only then")
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

// decode returns the bytes of a signature; nil if the text is none.
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

// part is a piece of the signed text: a literal, or a variable.
type part struct{ literal, variable string }

// parseTemplate reads a text with {body}, {ts} and {id}.
func parseTemplate(text string) ([]part, error) {
	var parts []part
	for text != "" {
		literal, rest, found := strings.Cut(text, "{")
		if literal != "" {
			parts = append(parts, part{literal: literal})
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || name != "body" && name != "ts" && name != "id" {
			return nil, errors.New("must be text with {body}, {ts} and {id} in it, such as {ts}.{body}")
		}
		parts = append(parts, part{variable: name})
		text = after
	}
	return parts, nil
}

// content is a signed text with the values of its variables.
type content struct {
	parts  []part
	ts, id string
	body   []byte
}

// writeTo writes the signed text to a hash or buffer, which never fail.
func (c content) writeTo(w io.Writer) {
	for _, p := range c.parts {
		switch p.variable {
		case "body":
			_, _ = w.Write(c.body)
		case "ts":
			_, _ = io.WriteString(w, c.ts)
		case "id":
			_, _ = io.WriteString(w, c.id)
		default:
			_, _ = io.WriteString(w, p.literal)
		}
	}
}
