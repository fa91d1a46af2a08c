package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// beginnings decides at little cost that a decoded text has no secret, as nearly none has. It may be wrong in the other
// direction alone.
type beginnings struct {
	secrets Secrets
	first   [256]bool // the first bytes of the secrets, and of escapes
}

func newBeginnings(s Secrets) *beginnings {
	b := &beginnings{secrets: s}
	for i := range len(escapeSigns) {
		b.first[escapeSigns[i]] = true
	}
	for _, secret := range s {
		b.first[secret[0]] = true
	}
	return b
}

// in reports whether a text has an escape, or a secret may begin in it. Folding changes white space alone, and no
// secret begins with it.
func (b *beginnings) in(text []byte) bool {
	for i, c := range text {
		switch {
		case !b.first[c]:
			continue
		case strings.IndexByte(escapeSigns, c) >= 0:
			return true
		}
		for _, secret := range b.secrets {
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

// decodings calls do with what each run of base64 or hexadecimal digits in a text may stand for, and the position of
// the run, until do has done with the run. decoded is valid during the call.
func decodings(text []byte, do func(decoded []byte, start, end int) (done bool)) {
	var buffer [256]byte
	decode := func(run []byte, start, steps int, append func(to, run []byte) []byte) {
		for shift := range steps { // it may follow other text without a gap
			decoded := append(buffer[:0], run[shift:])
			if len(decoded) >= minSecret && do(decoded, start, start+len(run)) {
				return
			}
		}
	}
	runs(text, isBase64, 6, func(run []byte, start int) { decode(run, start, 4, appendBase64) })
	runs(text, isHex, 2*minSecret, func(run []byte, start int) { decode(run, start, 2, appendHex) })
}

func appendBase64(to, run []byte) []byte {
	encoding := base64.RawStdEncoding
	if bytes.IndexByte(run, '-') >= 0 || bytes.IndexByte(run, '_') >= 0 {
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
