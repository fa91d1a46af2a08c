package deadletter

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// Link answers the chain value of an event that follows prev: an HMAC-SHA256 over the previous value and every field, so
// that a row changed, removed or put in between breaks the chain for whoever does not hold the key.
func Link(key, prev []byte, sequence int64, e Event) []byte {
	mac := hmac.New(sha256.New, key)
	writeField(mac, prev)
	writeNumber(mac, sequence)
	writeNumber(mac, e.At.UnixMilli())
	for _, s := range []string{string(e.Actor), e.By, e.Addr, e.Action, e.TargetKind, e.Target, e.Source, e.Reason} {
		writeField(mac, []byte(s))
	}
	writeField(mac, e.Before)
	writeField(mac, e.After)
	return mac.Sum(nil)
}

// Seal answers the value that vouches for the end of the chain, so that rows cut off its end are missed.
func Seal(key []byte, sequence int64, last []byte) []byte {
	mac := hmac.New(sha256.New, key)
	writeField(mac, []byte("head"))
	writeNumber(mac, sequence)
	writeField(mac, last)
	return mac.Sum(nil)
}

// writeField puts the length before the bytes, so that no two different rows give the same input.
func writeField(mac hash.Hash, b []byte) {
	writeNumber(mac, int64(len(b)))
	mac.Write(b)
}

func writeNumber(mac hash.Hash, n int64) {
	var buf [8]byte
	binary.BigEndian.PutUint64(buf[:], uint64(n)) //nolint:gosec // a bit pattern, not an amount
	mac.Write(buf[:])
}
