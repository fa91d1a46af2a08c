package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"math"
	"strings"
	"unicode/utf8"
)

// hider hides secrets in texts. It rules out most texts at little cost, by the first bytes of the secrets.
type hider struct {
	secrets Secrets
	first   [256]bool // the first bytes of the secrets, and of escapes
	least   int       // the length of the shortest secret, in characters
	decoded [256]byte // of decodings
}

func newHider(s Secrets) *hider {
	h := &hider{secrets: s, least: math.MaxInt}
	for i := range len(escapeSigns) {
		h.first[escapeSigns[i]] = true
	}
	for _, secret := range s {
		h.first[secret[0]] = true
		h.least = min(h.least, utf8.RuneCount(secret)) // one that is a byte in Latin-1 has more in the secret
	}
	return h
}

// shortest returns the length of the shortest text that can have a secret or, where it is cut, the beginning of one, in
// bytes.
func (h *hider) shortest(cut bool) int {
	if cut {
		return minSecret
	}
	return max(h.least, minSecret)
}

// ruleOut reports whether a text has no secret in any spelling.
func (h *hider) ruleOut(text []byte, cut bool) bool {
	if h.mayBeIn(text) || !utf8.Valid(text) {
		return false
	}
	found := false
	h.decodings(text, cut, func(decoded []byte, _, _ int) (done bool) {
		found = found || h.mayBeIn(decoded)
		return found
	})
	return !found
}

// mayBeIn reports whether a text has an escape, or a secret may begin in it. Folding changes white space alone, and no
// secret begins with it.
func (h *hider) mayBeIn(text []byte) bool {
	for i, c := range text {
		switch {
		case !h.first[c]:
			continue
		case strings.IndexByte(escapeSigns, c) >= 0:
			return true
		}
		for _, secret := range h.secrets {
			if secret[0] == c && bytes.HasPrefix(text[i:], word(secret)) {
				return true
			}
		}
	}
	return false
}

// word returns the first bytes of a secret, up to its first space: as many as must be there where a text was cut.
func word(secret []byte) []byte {
	head := secret[:min(len(secret), minSecret)]
	if space := bytes.IndexByte(head, ' '); space > 0 {
		return head[:space]
	}
	return head
}

// decodings calls do with what each run of base64 or hexadecimal digits in a text may stand for, if that is long enough
// for a secret, and the position of the run, until do has done with the run. decoded is valid during the call.
func (h *hider) decodings(text []byte, cut bool, do func(decoded []byte, start, end int) (done bool)) {
	least := h.shortest(cut)
	decode := func(run []byte, start, steps int, append func(to, run []byte) []byte) {
		for shift := range steps { // it may follow other text without a gap
			decoded := append(h.decoded[:0], run[shift:])
			if len(decoded) >= least && do(decoded, start, start+len(run)) {
				return
			}
		}
	}
	runs(text, &base64Digits, base64.RawStdEncoding.EncodedLen(least), func(run []byte, start int) {
		decode(run, start, 4, appendBase64)
	})
	runs(text, &hexDigits, hex.EncodedLen(least), func(run []byte, start int) { decode(run, start, 2, appendHex) })
}

// digits is a set of bytes.
type digits [256]bool

var base64Digits, hexDigits = digitsOf(isBase64), digitsOf(isHex)

func digitsOf(is func(byte) bool) (set digits) {
	for c := range set {
		set[c] = is(byte(c)) //nolint:gosec // below 256
	}
	return set
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// runs calls do with every run of at least a length of bytes in the set, and its position.
func runs(text []byte, in *digits, least int, do func(run []byte, start int)) {
	for start := 0; start < len(text); start++ {
		end := start
		for end < len(text) && in[text[end]] {
			end++
		}
		if end-start >= least {
			do(text[start:end], start)
		}
		start = end
	}
}

func appendBase64(to, run []byte) []byte {
	encoding := base64.RawStdEncoding
	if isURLAlphabet(run) {
		encoding = base64.RawURLEncoding
	}
	if len(run)%4 == 1 {
		run = run[:len(run)-1]
	}
	decoded, _ := encoding.AppendDecode(to, run) // what precedes a fault counts
	return decoded
}

func appendHex(to, run []byte) []byte {
	decoded, _ := hex.AppendDecode(to, run[:len(run)&^1])
	return decoded
}
