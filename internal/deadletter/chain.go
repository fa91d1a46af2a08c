package deadletter

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// ChainLink returns the chain value of an event that follows prev: an HMAC-SHA256 over the previous value and every
// field, so that without the key no row can be changed, removed or inserted without breaking the chain.
func ChainLink(key, prev []byte, sequence int64, e Event) []byte {
	text := make([]byte, 0, usualEvent)
	text = appendField(text, prev)
	text = appendNumber(text, sequence)
	text = appendNumber(text, e.At.UnixMilli())
	for _, s := range [...]string{string(e.Actor), e.By, e.Addr, e.Action, e.TargetKind, e.Target, e.Source, e.Reason} {
		text = appendField(text, s)
	}
	text = appendField(text, e.Before)
	text = appendField(text, e.After)
	return sum(key, text)
}

// usualEvent is how long the text of an event's link usually is, in bytes.
const usualEvent = 512

// Mark names the last event of an audit trail, or of a part of it, and its chain value. The chain value depends on all
// events before it. Example of its text: 1204:9f86d081… (64 hexadecimal digits).
type Mark struct {
	Sequence int64
	Link     []byte
}

func (m Mark) String() string { return fmt.Sprintf("%d:%x", m.Sequence, m.Link) }

// Is reports whether both marks name the same event of the same trail.
func (m Mark) Is(other Mark) bool {
	return m.Sequence == other.Sequence && bytes.Equal(m.Link, other.Link)
}

// ParseMark returns the mark of a text that String wrote, or an Invalid error.
func ParseMark(text string) (Mark, error) {
	number, digits, _ := strings.Cut(text, ":")
	sequence, err := strconv.ParseInt(number, 10, 64)
	link, notHex := hex.DecodeString(digits)
	if err != nil || notHex != nil || sequence < 0 || len(link) != sha256.Size && sequence > 0 {
		return Mark{}, Errorf(Invalid, "%.80q names no event of the audit trail: "+
			"use the number and the 64 digits that dlqdesk audit verify prints, as in 1204:9f86…", text)
	}
	return Mark{sequence, link}, nil
}

// SealUse is the place of a seal. A seal for one place does not fit in another.
type SealUse string

// The places of seals.
const (
	SealOfHead    SealUse = "marked head" // in the database, beside the events
	SealOfMark    SealUse = "mark"        // in a file outside of the database
	SealOfOldHead SealUse = "head"        // in the database, written before there were marks
)

// Seal returns an HMAC of the mark: without the key the end of the trail cannot be moved.
func (m Mark) Seal(key []byte, use SealUse) []byte {
	text := appendNumber(appendField(nil, use), m.Sequence)
	return sum(key, appendField(text, m.Link))
}

func sum(key, text []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return mac.Sum(nil)
}

// appendField puts the length before the bytes, so that no two different rows give the same text.
func appendField[T ~string | ~[]byte](text []byte, field T) []byte {
	return append(appendNumber(text, int64(len(field))), field...)
}

func appendNumber(text []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(text, uint64(n)) //nolint:gosec // a bit pattern, not an amount
}
