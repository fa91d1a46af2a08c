package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// suspicion decides at little cost that a text repeats no secret, as nearly none does. It may be wrong in the other
// direction alone.
type suspicion struct {
	secrets Secrets
	first   [256]bool // the first bytes of the secrets, and of escapes
}

func newSuspicion(s Secrets) *suspicion {
	u := &suspicion{secrets: s}
	for i := range len(escapeSigns) {
		u.first[escapeSigns[i]] = true
	}
	for _, secret := range s {
		u.first[secret[0]] = true
	}
	return u
}

// of reports whether Hide may find something in a text.
func (u *suspicion) of(text []byte, cut bool) bool {
	if !utf8.Valid(text) || u.begins(text) {
		return true
	}
	suspected := false
	decodings(text, func(decoded []byte, _, end int) (done bool) {
		suspected = suspected || u.contained(decoded, cut && end == len(text))
		return suspected
	})
	return suspected
}

// begins reports whether a text has an escape, or a secret may begin in it. Folding changes white space alone, and no
// secret begins with it.
func (u *suspicion) begins(text []byte) bool {
	for i, c := range text {
		switch {
		case !u.first[c]:
			continue
		case strings.IndexByte(escapeSigns, c) >= 0:
			return true
		}
		for _, secret := range u.secrets {
			if secret[0] == c && bytes.HasPrefix(text[i:], word(secret)) {
				return true
			}
		}
	}
	return false
}

// contained reports whether a decoded text has a secret or, at the end of a text that was cut, the beginning of one.
func (u *suspicion) contained(decoded []byte, cut bool) bool {
	return u.begins(decoded) && u.secrets.contained(decoded, cut)
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
