package deadletter

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
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

// ChainSeal returns an HMAC of the last event's number and chain value. It is stored apart from the events, so that
// a check notices if the newest rows were removed.
func ChainSeal(key []byte, sequence int64, last []byte) []byte {
	text := appendNumber(appendField(nil, "head"), sequence)
	return sum(key, appendField(text, last))
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
