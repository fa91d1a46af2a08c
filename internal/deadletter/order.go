package deadletter

import (
	"fmt"
	"strconv"
)

// OrderKey identifies the thing that a webhook is about, such as a conversation, as a hash of 48 bits. Webhooks with
// the same key should be processed in the order of their receipt. 0: the webhook names no such thing.
type OrderKey int64

// UnusedKeyBits is how many of 64 bits an OrderKey does not use.
const UnusedKeyBits = 16

// String returns the key as addresses have it.
func (k OrderKey) String() string { return fmt.Sprintf("%012x", int64(k)) }

// ParseOrderKey reads a key as String writes it. It returns Invalid for another text.
func ParseOrderKey(text string) (OrderKey, error) {
	n, err := strconv.ParseUint(text, 16, 64-UnusedKeyBits)
	if err != nil || n == 0 {
		return 0, Errorf(Invalid, "%q is no order key: it has up to 12 digits of 0-9 and a-f", text)
	}
	return OrderKey(n), nil
}

// Newer describes the webhooks with a message's order key that were received after it and delivered already.
type Newer struct {
	Count   int
	AtLeast bool   // there may be more
	Thing   string // a noun for the thing that the key identifies: "conversation"
}

// String returns a clause such as "3 newer events of this conversation were delivered".
func (n Newer) String() string {
	switch {
	case n.AtLeast:
		return fmt.Sprintf("%d or more newer events of this %s were delivered", n.Count, n.Thing)
	case n.Count == 1:
		return fmt.Sprintf("1 newer event of this %s was delivered", n.Thing)
	}
	return fmt.Sprintf("%d newer events of this %s were delivered", n.Count, n.Thing)
}
